//! TypeScript and JavaScript.

pub mod file;
pub mod lower;
pub mod tree;
pub mod uses;
