//! Entry point of `authlens`.
fn main() {}
