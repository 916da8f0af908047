//! Facts of Python files.

pub mod file;
pub mod tree;
