//! What the analysis keeps of a file: a pure function of its bytes.

pub mod comments;
pub mod configuration;
pub mod contract;
pub mod deployment;
pub mod environment;
pub mod held;
mod image;
pub mod manifests;
pub mod markdown;
pub mod openapi;
pub mod packages;
mod private_keys;
pub mod python;
pub mod roles;
pub mod typescript;
pub mod words;
mod yaml;
