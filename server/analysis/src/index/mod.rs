//! Joins the facts of all files: modules, routers, routes.

pub mod bodies;
pub mod changes;
pub mod contributions;
pub mod dependencies;
pub mod interpreter;
pub mod link;
pub mod looked_at;
pub mod modules;
mod own_dependencies;
pub mod readers;
pub mod regular;
pub mod routes;
pub mod same;
pub mod shared_map;
pub mod sources;
pub mod value;
