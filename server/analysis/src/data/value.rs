//! What the execution of a handler knows: values, rows, and the evidence
//! gathered on a path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::closures::Closure;
use super::later::Later;
use super::models::Model;
use super::names;
use super::shared::Shared;
use crate::index::value::{ClassRef, Site, Value};

/// Number of a client's value in the tables of one execution.
pub(super) type ClientId = u32;
/// Number of something fetched.
pub(super) type RowId = u32;
/// Number of an object that was made.
pub(super) type ObjectId = u32;

/// Which part of the request holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The path.
    Path,
    /// The query.
    Query,
    /// The body.
    Body,
    /// A form.
    Form,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
    /// The arguments of a tool, which a language model chooses.
    Argument,
}

impl Place {
    /// The word for messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Body => "body",
            Self::Form => "form",
            Self::Header => "headers",
            Self::Cookie => "cookies",
            Self::Argument => "arguments that a language model chose",
        }
    }
}

/// A value that the client supplies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Where in the request it stands.
    pub place: Place,
    /// Under which name.
    pub name: SmolStr,
    /// Where the code takes it.
    pub site: Site,
    /// Whether the handler takes it itself, and no dependency.
    pub own: bool,
    /// Whether its name says who the caller is, and not whom a record is about.
    pub says_caller: bool,
}

/// A value that the index resolved: equal when it is the same definition.
#[derive(Debug, Clone)]
pub(super) struct Known(pub(super) Value);

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Value::Function(a), Value::Function(b)) => a.site == b.site,
            (Value::Class(a), Value::Class(b)) => a.site == b.site,
            (Value::Instance(a), Value::Instance(b)) => a.site == b.site,
            (Value::Package(a), Value::Package(b)) => a == b,
            (Value::Module(a), Value::Module(b)) => a == b,
            (Value::Bound(a), Value::Bound(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// What a query does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Select,
    Insert,
    Update,
    Delete,
}

/// A condition of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Predicate {
    /// The table and column that it is about.
    pub(super) column: Option<(Arc<Model>, SmolStr)>,
    /// Whether it demands equality.
    pub(super) equal: bool,
    /// What the column is compared with.
    pub(super) value: Abs,
}

/// A query, as it is built.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) verb: Verb,
    pub(super) model: Option<Arc<Model>>,
    pub(super) predicates: Vec<Predicate>,
    /// Whether a part of it could not be followed that may narrow it.
    pub(super) unclear: bool,
    /// Whether it is seen that nothing narrows it.
    pub(super) whole: bool,
    /// Whether it says which of several comes first.
    pub(super) ordered: bool,
    /// Columns that it sets.
    pub(super) sets: Vec<(SmolStr, Abs)>,
    /// A whole request model that it sets.
    pub(super) spread: Option<Arc<Dump>>,
    pub(super) site: Site,
    /// Whether its table is known by name only.
    pub(super) plain: bool,
    /// Whether it is a reference of Firestore's, whose methods do at once what they say.
    pub(super) refers: bool,
}

/// The fields of a request model as a dictionary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dump {
    /// The parameter that holds the request model.
    pub(super) body: SmolStr,
    /// Fields that are still the client's.
    pub(super) fields: Vec<SmolStr>,
    /// Whether it is a plain dictionary: the client names the fields, too.
    pub(super) open: bool,
    /// Entries that the code has put there.
    pub(super) set: Vec<(SmolStr, Abs)>,
    pub(super) site: Site,
}

/// What several values amount to together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Mix {
    /// Whether the principal is in it.
    pub(super) principal: bool,
    pub(super) clients: BTreeSet<ClientId>,
    pub(super) rows: BTreeSet<RowId>,
    /// Whether it comes from something that could not be followed.
    pub(super) unclear: bool,
}

/// What a variable holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Abs {
    /// `None`, or another value that is false.
    Nothing,
    /// A constant; a truth value if it is one.
    Constant(Option<bool>),
    /// A text.
    Text(SmolStr),
    /// Something that plays no part.
    Other,
    /// Something that could not be followed.
    Unknown,
    /// What time it is, and what is made of that alone.
    Clock,
    /// What this request made itself.
    Own,
    /// Who is calling, or the part of it of that name.
    Principal(SmolStr),
    /// A value of the client.
    Client(ClientId),
    /// Rows, one of them, or a result that gives them.
    Row(RowId),
    /// A column or relation of a row.
    Part(RowId, SmolStr),
    /// An object that was made on this path.
    Object(ObjectId),
    /// A request model as a dictionary, or its values.
    Dump(Arc<Dump>),
    /// A name out of it.
    DumpKey(Arc<Dump>),
    /// A definition.
    Known(Known),
    /// A function that stands in another, or a lambda.
    Local(Arc<Closure>),
    /// A column of a table.
    Column(Arc<Model>, SmolStr),
    /// A query.
    Statement(Arc<Statement>),
    /// A condition of one, or several that all hold.
    Predicates(Arc<Vec<Predicate>>),
    /// A list.
    Items(Arc<Vec<Abs>>),
    /// A dictionary; what other keys hold.
    Map(Arc<Vec<(SmolStr, Abs)>>),
    /// Several values together.
    Mix(Arc<Mix>),
    /// The request, or a part of it.
    Request(SmolStr),
}

/// What a row is known by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) model: Option<Arc<Model>>,
    pub(super) predicates: Vec<Predicate>,
    /// Whether a part of the query could not be followed.
    pub(super) unclear: bool,
    /// Whether it was compared with the principal.
    pub(super) checked: bool,
    /// The column that was.
    pub(super) compared: Option<SmolStr>,
    /// What it was seen to hang on: values of the client, and keys of other rows, which may turn out to be the caller's.
    pub(super) hangs_on: Vec<Abs>,
    /// Whether there is none on this path.
    pub(super) absent: bool,
    /// Whether it was asked whether there is one that hangs on what another row says, and there is.
    pub(super) found: bool,
    /// Whether it is known that there is one.
    pub(super) there: bool,
    /// Whether anything was done with what the query gave: who never looks does not know whether there is one.
    pub(super) looked: bool,
    /// Whether its key was asked for.
    pub(super) by_key: bool,
    /// Whether the query says which of several comes first.
    pub(super) ordered: bool,
    /// Whether it is the first of those that the query gives.
    pub(super) first: bool,
    /// Where it was changed.
    pub(super) changed: Option<Site>,
    /// Whether it was changed on behalf of the caller, however well that was looked at.
    pub(super) touched: bool,
    /// Whether it was seen to say of itself that everybody may read it.
    pub(super) public: bool,
    /// Whether a column of it was compared with the clock.
    pub(super) timed: bool,
    /// Whether it was changed for that reason only.
    pub(super) upkeep: bool,
    /// Where that was written to the database.
    pub(super) written: Option<Site>,
    /// An owner field of a request model was written over it, where.
    pub(super) overwritten: Option<(Arc<Dump>, Site)>,
    pub(super) site: Site,
    /// The calls through which the handler got there, outermost first.
    pub(super) calls: Vec<Site>,
    /// Whether a package called the method that fetched it.
    pub(super) called_back: bool,
}

impl Row {
    /// Whether it is any row of its table: the query asks for nothing.
    pub(super) fn is_any(&self) -> bool {
        self.predicates.is_empty()
            && self.hangs_on.is_empty()
            && !self.by_key
            && !self.first
            && !self.unclear
            && !self.absent
    }

    /// Whether it was asked for by what only those know who were given it: `Invitation.token == token`.
    pub(super) fn is_asked_by_pass(&self) -> bool {
        let is_said = |value: &Abs| matches!(value, Abs::Text(_) | Abs::Constant(_) | Abs::Nothing);
        self.predicates.iter().any(|asked| {
            let is_pass = asked.column.as_ref().is_some_and(|(_, column)| names::is_pass(column));
            is_pass && asked.equal && !is_said(&asked.value)
        })
    }

    /// Whether something may depend on there being one.
    pub(super) fn is_known(&self) -> bool {
        self.there || self.looked || self.checked
    }

    /// Whether who is calling was asked for, among other things perhaps.
    pub(super) fn names_caller(&self) -> bool {
        self.predicates.iter().any(|asked| asked.equal && matches!(asked.value, Abs::Principal(_)))
    }

    /// Whether it was found by who is calling, and by nothing that the client says beside that.
    pub(super) fn is_found_by_caller(&self) -> bool {
        let of_caller = |asked: &Predicate| asked.equal && matches!(asked.value, Abs::Principal(_));
        let is_plain = |asked: &Predicate| matches!(asked.value, Abs::Text(_) | Abs::Constant(_) | Abs::Nothing);
        !self.unclear
            && self.predicates.iter().any(of_caller)
            && self.predicates.iter().all(|asked| of_caller(asked) || is_plain(asked))
    }

    /// Whether the same was asked for as for another.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let site = |row: &Self| row.model.as_ref().map(|model| model.site);
        !self.unclear && !other.unclear && site(self) == site(other) && self.predicates == other.predicates
    }
}

/// What kind of object was made.
#[derive(Debug, Clone)]
pub(super) enum Made {
    /// An instance of a class of the project.
    Instance(Arc<ClassRef>),
    /// A new row.
    Row(Arc<Model>),
    /// A request model that FastAPI made from the body.
    Body(Arc<ClassRef>),
    /// A file that is kept in memory.
    Buffer,
    /// A token that is drawn at random.
    Drawn,
    /// A token that is signed.
    Signed,
}

impl PartialEq for Made {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Instance(a), Self::Instance(b)) | (Self::Body(a), Self::Body(b)) => a.site == b.site,
            (Self::Row(a), Self::Row(b)) => a.site == b.site,
            (Self::Buffer, Self::Buffer) | (Self::Drawn, Self::Drawn) | (Self::Signed, Self::Signed) => true,
            _ => false,
        }
    }
}

/// An object that was made on a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) made: Made,
    pub(super) fields: BTreeMap<SmolStr, Abs>,
    /// A request model that its fields were copied from.
    pub(super) spread: Option<Arc<Dump>>,
    /// Whether it is made of the principal: what is not known of it is too.
    pub(super) principal: bool,
    /// What its properties gave, until one of its attributes changes.
    pub(super) properties: BTreeMap<SmolStr, Abs>,
    pub(super) name: SmolStr,
    pub(super) site: Site,
}

impl Object {
    /// An object of which nothing else is known.
    pub(super) fn new(made: Made, name: SmolStr, site: Site) -> Self {
        Self { made, fields: BTreeMap::new(), spread: None, principal: false, properties: BTreeMap::new(), name, site }
    }

    /// An instance of a class.
    pub(super) fn instance(class: &Arc<ClassRef>) -> Self {
        Self::new(Made::Instance(Arc::clone(class)), class.def.name.name.clone(), class.site)
    }
}

/// Variables of a function.
pub(super) type Vars = Shared<FxHashMap<SmolStr, Abs>>;

/// Whom a caller was found not to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stranger {
    /// The owner of a row of that table.
    Owner(Arc<Model>),
    /// Somebody whom the request names, as the function at that place found out.
    Named(Site),
}

/// A role that the caller was seen to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Role {
    /// The comparison.
    pub(super) site: Site,
    /// Whether it is called after having more rights than others.
    pub(super) high: bool,
    /// Whether it is called after having all.
    pub(super) top: bool,
}

/// One path through a handler and all that it calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Path {
    /// Variables of the function at hand.
    pub(super) vars: Vars,
    pub(super) rows: Shared<BTreeMap<RowId, Shared<Row>>>,
    pub(super) objects: Shared<BTreeMap<ObjectId, Shared<Object>>>,
    /// What dependencies have given, by their definition.
    pub(super) provided: Shared<BTreeMap<Site, Abs>>,
    /// Headers that were put on `request.state`, by the names that they have there.
    pub(super) left: Shared<BTreeMap<SmolStr, ClientId>>,
    /// Rights that the client is seen not to ask for: values of the request that are missing or false.
    pub(super) declined: Shared<BTreeSet<ClientId>>,
    /// Values of the client that were seen to be there, or not to be there: who asks again is told the same.
    pub(super) sent: Shared<BTreeMap<ClientId, bool>>,
    /// Values of the client that are known to be the principal's.
    pub(super) authorised: Shared<BTreeSet<ClientId>>,
    /// Rows that were handed to something out of reach.
    pub(super) handed_out: Shared<BTreeSet<RowId>>,
    /// What is left to be done after the answer.
    pub(super) later: Shared<Vec<Later>>,
    /// Whom the condition at hand found the caller not to be.
    pub(super) stranger: Option<Stranger>,
    /// What the generator at hand has given so far.
    pub(super) yielded: Option<Abs>,
    /// Whether the caller was seen to be privileged.
    pub(super) privileged: bool,
    /// The roles of which it has one that says so, where that is all that does.
    pub(super) roles: Shared<BTreeSet<Role>>,
    /// Those of them with which the caller touches nobody but itself, as was seen then.
    pub(super) modest: Shared<BTreeSet<Role>>,
    /// Whether it is made of paths of which not all have those.
    pub(super) mixed: bool,
    /// Whether some role was turned away, which the caller does not have.
    pub(super) refused: bool,
    /// Whether something that could not be followed may have turned callers away.
    pub(super) doubt: bool,
    /// Rows and values of the client that were given to something which could not be followed to its end.
    pub(super) doubted: Shared<(BTreeSet<RowId>, BTreeSet<ClientId>)>,
    /// Whether the path ended inside an expression: a call that never returns.
    pub(super) dead: bool,
}

impl Path {
    /// What a query gave is used.
    pub(super) fn look_at(&mut self, value: &Abs) {
        let seen = match value {
            Abs::Row(id) | Abs::Part(id, _) => vec![*id],
            Abs::Mix(_) | Abs::Items(_) | Abs::Map(_) | Abs::Object(_) => value.parts(self).rows.into_iter().collect(),
            _ => return,
        };
        for id in seen {
            if self.rows.get(&id).is_some_and(|row| !row.looked)
                && let Some(row) = self.rows.get_mut(&id)
            {
                row.looked = true;
            }
        }
    }

    /// Whether it knows of more values and rows than another that they are the principal's.
    pub(super) fn knows_more_than(&self, other: &Self) -> bool {
        let checked = |path: &Self| path.rows.values().filter(|row| row.checked).count();
        self.authorised.len() > other.authorised.len() || checked(self) > checked(other)
    }
}

impl Mix {
    /// Adds a value.
    pub(super) fn add(&mut self, value: &Abs) {
        match value {
            Abs::Principal(_) => self.principal = true,
            Abs::Client(client) => {
                self.clients.insert(*client);
            }
            Abs::Row(row) | Abs::Part(row, _) => {
                self.rows.insert(*row);
            }
            Abs::Mix(mix) => {
                self.principal |= mix.principal;
                self.unclear |= mix.unclear;
                self.clients.extend(&mix.clients);
                self.rows.extend(&mix.rows);
            }
            Abs::Items(items) => items.iter().for_each(|item| self.add(item)),
            Abs::Map(entries) => entries.iter().for_each(|(_, value)| self.add(value)),
            Abs::Unknown => self.unclear = true,
            Abs::Predicates(predicates) => predicates.iter().for_each(|predicate| self.add(&predicate.value)),
            Abs::Statement(statement) => {
                statement.predicates.iter().for_each(|predicate| self.add(&predicate.value));
                self.unclear |= statement.unclear;
            }
            _ => {}
        }
    }

    /// Whether nothing of the client and of any row is in it besides the principal.
    pub(super) fn is_of_caller(&self) -> bool {
        self.principal && self.clients.is_empty() && self.rows.is_empty()
    }

    /// Several values together.
    pub(super) fn of<'v>(values: impl IntoIterator<Item = &'v Abs>) -> Self {
        let mut mix = Self::default();
        values.into_iter().for_each(|value| mix.add(value));
        mix
    }

    /// The mix as a value.
    pub(super) fn into_abs(self) -> Abs {
        if self == Self::default() {
            return Abs::Other;
        }
        if self == (Self { unclear: true, ..Self::default() }) {
            return Abs::Unknown;
        }
        Abs::Mix(Arc::new(self))
    }
}

impl Abs {
    /// What is in a value, objects that it refers to included.
    pub(super) fn parts(&self, path: &Path) -> Mix {
        let mut mix = Mix::of([self]);
        let mut pending = vec![self];
        let mut seen = BTreeSet::new();
        while let Some(value) = pending.pop() {
            match value {
                Abs::Object(id) if seen.insert(*id) => {
                    let Some(object) = path.objects.get(id) else { continue };
                    mix.principal |= object.principal;
                    for field in object.fields.values() {
                        mix.add(field);
                        pending.push(field);
                    }
                }
                Abs::Items(items) => pending.extend(items.iter()),
                Abs::Map(entries) => pending.extend(entries.iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        mix
    }
}
