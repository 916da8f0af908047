//! TypeScript and JavaScript.

pub mod bundled;
pub mod file;
pub mod imports;
pub mod lower;
mod packed;
pub mod tree;
pub mod uses;
