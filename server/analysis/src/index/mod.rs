//! Joins the facts of all files: modules, routers, routes.

pub mod interpreter;
pub mod modules;
pub mod sources;
pub mod value;
