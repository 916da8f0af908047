//! What the frontend issues tokens with: configurations of Better Auth, and
//! tokens that its code signs itself. Plain data, as written in the code.

use smol_str::SmolStr;

use super::outcome::Place;

/// A configuration of Better Auth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The call of `betterAuth`.
    pub place: Place,
    /// Its options, without the plugins.
    pub options: Options,
    /// Its plugins.
    pub plugins: Vec<Plugin>,
    /// Whether it may have other plugins.
    pub may_have_more: bool,
    /// What the origin of a request begins with where a function trusts it for that alone, although other hosts begin
    /// so, too; empty where it trusts any.
    pub trusts: Option<SmolStr>,
}

/// A plugin of Better Auth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// The function that makes it; the `id` of one of the project's own.
    pub name: SmolStr,
    /// The call that makes it.
    pub place: Place,
    /// Its options.
    pub options: Options,
    /// Whether it is there on every way.
    pub is_sure: bool,
}

/// Options of a library, as far as they are known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Options {
    /// Those that are given, sorted by path.
    pub given: Vec<Given>,
    /// Paths of objects that may hold more; the options themselves are the empty path.
    pub open: Vec<SmolStr>,
}

/// An option that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Names on the way to it, with dots between them.
    pub path: SmolStr,
    /// Where its value stands, when that was seen.
    pub place: Option<Place>,
    /// Its value.
    pub value: Setting,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A text.
    Text(SmolStr),
    /// A number as it is written.
    Number(SmolStr),
    /// `true` or `false`.
    Bool(bool),
    /// A variable of the environment, whatever stands in for it.
    Environment(SmolStr),
    /// A list.
    List(Vec<Setting>),
    /// An object, whose properties are options of their own.
    Object,
    /// A function, with the properties of the object that it returns where they are all known.
    Function(Option<Vec<SmolStr>>),
    /// It can't be told.
    Unknown,
}

/// A token that code signs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mint {
    /// The call that signs it.
    pub place: Place,
    /// Its algorithm, where that is known.
    pub algorithm: Option<SmolStr>,
    /// The key.
    pub key: Setting,
    /// Its audience.
    pub audience: Claim,
    /// Its issuer.
    pub issuer: Claim,
    /// Its claims, where they are all known.
    pub claims: Option<Vec<SmolStr>>,
}

/// A claim of a token that code signs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The token has none.
    Absent,
    /// It has this value.
    Text(SmolStr),
    /// It has a value that is not known.
    Given,
    /// It may have one.
    Unknown,
}

impl Issuer {
    /// A plugin by name.
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Whether it is known to be without a plugin.
    pub fn is_without(&self, name: &str) -> bool {
        !self.may_have_more && self.plugin(name).is_none()
    }
}

impl Options {
    /// An option that is given.
    pub fn get(&self, path: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.path == path)
    }

    /// The text of an option.
    pub fn text(&self, path: &str) -> Option<&str> {
        match &self.get(path)?.value {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether an option is known not to be given.
    pub fn is_absent(&self, path: &str) -> bool {
        let is_open = |open: &SmolStr| {
            open.is_empty()
                || path == *open
                || path.strip_prefix(open.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        let is_unknown = |given: &Given| {
            given.value == Setting::Unknown
                && path.strip_prefix(given.path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        self.get(path).is_none() && !self.open.iter().any(is_open) && !self.given.iter().any(is_unknown)
    }
}
