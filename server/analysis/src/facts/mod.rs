//! What the analysis keeps of a file: a pure function of its bytes.

pub mod manifests;
pub mod python;
