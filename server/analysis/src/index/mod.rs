//! Joins the facts of all files: modules, routers, routes.

pub mod modules;
pub mod value;
