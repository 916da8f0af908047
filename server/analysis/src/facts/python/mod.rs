//! Facts of Python files.

pub mod tree;
