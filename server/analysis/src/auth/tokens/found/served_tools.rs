//! Tools that are served to models. Plain data.

use smol_str::SmolStr;

use crate::index::value::Site;

/// A server of tools (MCP) that asks nobody who is calling, where it is served over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedTools {
    /// The call that serves it.
    pub site: Site,
    /// Where it is made.
    pub server: Site,
    /// Where it listens.
    pub host: Host,
    /// Whether its module only makes the application, and leaves it to others to serve that.
    pub exported: bool,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// On the machine itself.
    Local,
    /// On all of its networks.
    Everywhere,
    /// It can't be told.
    Unknown,
}

impl Host {
    /// The one that a text names.
    pub fn of(host: &str) -> Self {
        match host {
            "127.0.0.1" | "localhost" | "::1" => Self::Local,
            "0.0.0.0" | "::" | "" => Self::Everywhere,
            _ => Self::Unknown,
        }
    }
}

/// A tool of such a server that takes from its caller whose data it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Where the server is made.
    pub server: Site,
    /// The function.
    pub function: Site,
    /// Its name.
    pub name: SmolStr,
    /// The parameter, or the header.
    pub identity: SmolStr,
}
