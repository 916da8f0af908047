//! Joins the facts of all files: modules, routers, routes.

pub mod value;
