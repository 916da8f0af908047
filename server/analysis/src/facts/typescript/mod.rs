//! TypeScript and JavaScript.

pub mod bundled;
pub mod file;
pub mod lower;
pub mod tree;
pub mod uses;
