//! Joins the facts of all files: modules, routers, routes.

pub mod dependencies;
pub mod interpreter;
pub mod modules;
pub mod routes;
pub mod sources;
pub mod value;
