//! Facts of Python files.

pub mod body;
pub mod file;
pub mod frameworks;
pub mod idioms;
pub mod item;
pub mod lower;
mod numbers;
pub mod outline;
mod parts;
pub mod room;
pub mod said_public;
pub mod salvage;
pub mod tree;
