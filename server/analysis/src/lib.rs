//! The pure analysis of authlens.
//!
//! No file system, no async runtime, no protocol type, no serialisation: this
//! crate maps texts to verdicts. See `server/ARCHITECTURE.md`.

pub mod auth;
pub mod data;
pub mod facts;
pub mod fix;
pub mod frontend;
pub mod ide;
pub mod index;
pub mod rules;
pub mod suppress;
pub mod syntax;
pub mod text;
mod threads;
pub(crate) mod verdicts;
pub mod vfs;
