//! What evaluation knows of a value.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::outcome::Place;
use crate::facts::typescript::tree::{Class, Function};
use crate::vfs::FileId;

/// Alternatives of a value that are kept apart.
const MAX_ALTERNATIVES: usize = 8;
/// Parts of a text that are kept apart.
const MAX_PARTS: usize = 24;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Nothing.
    Unknown,
    Undefined,
    Null,
    Bool(bool),
    Number(SmolStr),
    /// A text of known and unknown parts.
    Text(Rc<[Part]>),
    /// An object that this code made.
    Object(ObjectId),
    Array(Rc<[Value]>),
    Function(Rc<Closure>),
    Class(Rc<ClassValue>),
    /// A value from elsewhere, and where it comes from.
    Symbol(Rc<Symbol>),
    Promise(Rc<Value>),
    /// What a package, or the platform, gives under a name.
    Package(Rc<PackageName>),
    /// All exports of a module.
    Module(FileId),
    /// What a `useState` gives to change its state.
    Setter,
    /// `!!value`: true tells that these are there.
    Truth(Rc<[Symbol]>),
    /// One of several.
    Either(Rc<[Value]>),
}

/// An object in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ObjectId(pub(super) u32);

/// A scope in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ScopeId(pub(super) u32);

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(SmolStr),
    /// The text of a value.
    Hole(Hole),
}

/// What stands in a text and is no literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hole {
    /// Nothing is known of it.
    Unknown,
    /// A whole path of which nothing is known: any number of segments, and a query.
    Path,
    /// A value from elsewhere.
    Symbol(Rc<Symbol>),
    /// The text of `null` or `undefined`.
    Missing,
    /// The text of a promise that nobody waited for.
    Promise,
    /// The text of a whole object.
    Object,
}

/// A function and the variables around it.
#[derive(Debug, Clone)]
pub(super) struct Closure {
    pub(super) function: Arc<Function>,
    pub(super) file: FileId,
    /// The item in which it stands.
    pub(super) item: usize,
    pub(super) scope: ScopeId,
    pub(super) this: Option<Value>,
    /// The class of a method: where `super` is looked for.
    pub(super) class: Option<Rc<ClassValue>>,
}

impl PartialEq for Closure {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.function, &other.function) && self.scope == other.scope && self.this == other.this
    }
}

/// A class and the variables around it.
#[derive(Debug, Clone)]
pub(super) struct ClassValue {
    pub(super) class: Arc<Class>,
    pub(super) file: FileId,
    pub(super) item: usize,
    pub(super) scope: ScopeId,
    /// Its static members.
    pub(super) statics: ObjectId,
    pub(super) base: Option<Value>,
}

impl PartialEq for ClassValue {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.class, &other.class)
    }
}

/// A value from elsewhere: what it was taken from, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) origin: Origin,
    /// Properties on the way; `()` is a call, of an answer with where it stands.
    pub(super) path: Rc<[SmolStr]>,
    /// Whether it is known that the value may be missing.
    pub(super) may_be_missing: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// Kept in the browser under a key.
    Storage(Area, Option<SmolStr>),
    /// `process.env`.
    Environment(SmolStr),
    /// The answer to a request that was made at a place.
    Response(Place),
    /// What a function of a package gave, by the package and the function.
    Call(Rc<PackageName>),
    /// `null` that a function of the project gives on some way, as a result of its own.
    Nothing,
    /// The request that an endpoint answers, or what else comes from whoever asks.
    Incoming,
    /// What was thrown, or what a request failed with.
    Failure,
    /// A token that code signed at a place.
    Minted(Place),
    /// An import of a file of the project that leads nowhere.
    Unresolved,
    /// The state of a component that begins as an object, which is made at a place, with an empty password under a name.
    Form(Place, SmolStr),
}

/// What a browser keeps values in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// `localStorage`.
    Local,
    /// `sessionStorage`.
    Session,
    /// Cookies that scripts can read.
    Cookie,
}

/// A name that a package gives. The platform's own have no package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PackageName {
    /// The package as it is imported; empty for the platform.
    pub(super) package: SmolStr,
    /// The name, with members behind dots.
    pub(super) path: SmolStr,
}

/// An object in the store.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) kind: ObjectKind,
    pub(super) entries: FxHashMap<SmolStr, Value>,
    /// Whether it may have more than is known.
    pub(super) open: bool,
    /// Where it was made.
    pub(super) place: Place,
}

impl Object {
    /// Whether it is the settings of a generated client, `OpenAPI`: who assigns to these is noted.
    pub(super) fn is_settings(&self) -> bool {
        ["BASE", "TOKEN", "WITH_CREDENTIALS"].iter().all(|name| self.entries.contains_key(*name))
    }
}

/// What an interceptor sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Either,
    Request,
    Response,
}

/// What an object is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ObjectKind {
    Plain,
    /// `Headers`: names in lower case.
    Headers,
    /// `URLSearchParams`.
    Query,
    /// `URL`: its text is under `href`.
    Url,
    /// `Map`, `Set`, `FormData`, `Date`, and such.
    Native,
    /// An instance of a class of the project.
    Instance(Rc<ClassValue>),
    /// Conditions of a query of Drizzle: what columns are to be.
    Conditions,
    /// A client of axios: its defaults are its entries.
    Axios,
    /// A client of ky.
    Ky,
    /// A client of openapi-fetch.
    OpenApi,
    /// A client of ofetch: its defaults are its entries.
    Ofetch,
    /// `XMLHttpRequest`: what it is to send is its entries.
    Xhr,
    /// A client that @hey-api/openapi-ts writes: its configuration is its entries.
    Generated,
    /// `SignJWT` of jose, whose methods give it back: what it signs is its entries.
    Signer,
    /// A plugin of Better Auth, by the function that made it: its options are under `options`.
    Plugin(SmolStr),
    /// A context of React: what a provider gives under `value`, once that was seen.
    Context,
    /// A store of zustand: its state is under `state`.
    Store,
    /// What `persist` of zustand makes of an initializer, and the `set` that it gives to it.
    Persisted,
    /// What `createApi` of RTK Query gives: what its endpoints go through is under `baseQuery`.
    Api,
    /// `fetchBaseQuery` of RTK Query: its options are its entries.
    BaseQuery,
    /// A client of next-safe-action: the functions that run before an action are its entries.
    ActionClient,
    /// A server action of it: these functions, and its own.
    Action,
    /// `next` of a middleware of one, and which function of the action comes next.
    NextOfAction(ObjectId, usize),
    /// A method of a client of axios that was taken off it: `const { get } = client`.
    Method(ObjectId, SmolStr),
    /// `interceptors` of a client of axios, and its `request` and `response`.
    Interceptors(ObjectId, Direction),
}

impl Value {
    /// A text that is known.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Rc::new([Part::Text(SmolStr::new(text))]))
    }

    /// A name of the platform.
    pub(super) fn platform(path: &str) -> Self {
        Self::package("", path)
    }

    /// A name of a package.
    pub(super) fn package(package: &str, path: &str) -> Self {
        Self::Package(Rc::new(PackageName { package: package.into(), path: path.into() }))
    }

    /// What a function of a package gave.
    pub(super) fn given_by(package: &str, path: &str, may_be_missing: bool) -> Self {
        let origin = Origin::Call(Rc::new(PackageName { package: package.into(), path: path.into() }));
        Self::Symbol(Rc::new(Symbol { origin, path: Rc::new([]), may_be_missing }))
    }

    /// A value that comes from an origin.
    pub(super) fn from(origin: Origin, may_be_missing: bool) -> Self {
        Self::Symbol(Rc::new(Symbol { origin, path: Rc::new([]), may_be_missing }))
    }

    /// `null` as a function's result.
    pub(super) fn nothing() -> Self {
        Self::from(Origin::Nothing, true)
    }

    /// Whether it is `null` or `undefined`.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => true,
            Self::Symbol(symbol) => symbol.origin == Origin::Nothing && symbol.path.is_empty(),
            _ => false,
        }
    }

    /// A promise of the value.
    pub(super) fn promised(self) -> Self {
        Self::Promise(Rc::new(self))
    }

    /// The alternatives.
    pub(super) fn alternatives(&self) -> &[Value] {
        match self {
            Self::Either(values) => values,
            one => std::slice::from_ref(one),
        }
    }

    /// One of the two.
    pub(super) fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::any([self, other]) }
    }

    /// One of several.
    pub(super) fn any(values: impl IntoIterator<Item = Self>) -> Self {
        let mut kept: Vec<Self> = Vec::new();
        for value in values {
            for alternative in value.alternatives() {
                if !kept.contains(alternative) {
                    kept.push(alternative.clone());
                }
            }
        }
        if kept.len() > MAX_ALTERNATIVES {
            kept.truncate(MAX_ALTERNATIVES - 1);
            kept.push(Self::Unknown);
        }
        match kept.len() {
            0 => Self::Undefined,
            1 => kept.remove(0),
            _ => Self::Either(kept.into()),
        }
    }

    /// The value for each alternative, joined.
    pub(super) fn each(&self, mut change: impl FnMut(&Self) -> Self) -> Self {
        match self {
            Self::Either(values) => Self::any(values.iter().map(change)),
            one => change(one),
        }
    }

    /// The whole text, when all of it is known.
    pub(super) fn known_text(&self) -> Option<SmolStr> {
        match self {
            Self::Text(parts) => match &**parts {
                [] => Some(SmolStr::default()),
                [Part::Text(text)] => Some(text.clone()),
                _ => None,
            },
            Self::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// Whether a test of it is known to hold or not.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            value if value.is_missing() => Some(false),
            Self::Bool(value) => Some(*value),
            Self::Number(number) => Some(!number.trim_matches(['0', '.']).is_empty()),
            Self::Text(parts) => {
                let is_something = |part: &Part| matches!(part, Part::Text(text) if !text.is_empty());
                let is_nothing = |part: &Part| matches!(part, Part::Text(text) if text.is_empty());
                match parts.iter().any(is_something) {
                    true => Some(true),
                    false => parts.iter().all(is_nothing).then_some(false),
                }
            }
            Self::Object(_) | Self::Array(_) | Self::Function(_) | Self::Class(_) | Self::Promise(_) | Self::Setter => {
                Some(true)
            }
            // What a method of a package's object gave.
            Self::Package(name) if name.path.ends_with("()") && name.path.contains('.') => None,
            Self::Module(_) | Self::Package(_) => Some(true),
            Self::Either(values) => {
                let mut truths = values.iter().map(Self::truth);
                let first = truths.next()??;
                truths.all(|truth| truth == Some(first)).then_some(first)
            }
            Self::Undefined | Self::Null => Some(false),
            Self::Unknown | Self::Symbol(_) | Self::Truth(_) => None,
        }
    }
}

/// Text parts joined: neighbours that are known become one.
pub(super) fn joined(parts: impl IntoIterator<Item = Part>) -> Rc<[Part]> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        let is_full = out.len() >= MAX_PARTS;
        match (&part, out.last_mut()) {
            (Part::Text(text), _) if text.is_empty() => {}
            (Part::Text(text), Some(Part::Text(last))) => *last = SmolStr::new(format!("{last}{text}")),
            _ if is_full => {}
            _ => out.push(part),
        }
    }
    out.into()
}
