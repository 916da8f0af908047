//! Sessions that are looked up by their token, and what is asked of session endpoints. Plain data.

use smol_str::SmolStr;

use crate::index::value::Site;

/// A look-up of a session by its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLookup {
    /// The query.
    pub site: Site,
    /// The function that it stands in.
    pub function: Site,
    /// The column that says when the session ends.
    pub column: SmolStr,
    /// Where that column is declared; the query itself for plain SQL.
    pub declared: Site,
    /// The class of the rows, where it is called something else than a session.
    pub of: Option<SmolStr>,
}

/// A query that looks a session up by its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionQuery {
    /// The query.
    pub site: Site,
    /// The function that it stands in.
    pub function: Site,
    /// What the column of tokens is compared with.
    pub given: Given,
}

/// What a function is given of the caller's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// All that the caller sends.
    Whole,
    /// What the function's own callers hand over.
    Parameter,
    /// A part of it, or it can't be told.
    Other,
}

/// A session endpoint's answer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// The read of the answer.
    pub site: Site,
    /// The request.
    pub request: Site,
    /// The comparison of the status, if there is one.
    pub status: Option<Site>,
}
