//! Integration tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod calls;
mod cli;
mod configuration;
mod editor;
mod extension;
mod fixes;
mod guard_fixes;
mod halves;
mod hostile_tree;
mod hover;
mod incremental;
mod needs;
mod ownership_fixes;
mod prefilter;
mod projects;
mod robust;
mod script_fixes;
mod secrets;
mod server;
mod specs;
mod tidy;
mod token_fixes;
mod transport;
