//! What several rules share. None of this is a rule.

pub(crate) mod agreement;
pub(crate) mod cookies;
pub(crate) mod customs;
pub(crate) mod domains;
mod everybody;
pub(crate) mod frontend;
pub(crate) mod guards;
pub(crate) mod keeping;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod members;
pub(crate) mod open_route;
pub(crate) mod ownership;
pub(crate) mod people;
pub(crate) mod strangers;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod unasked;
pub(crate) mod unheeded;
mod upkeep;
pub(crate) mod without_credential;
