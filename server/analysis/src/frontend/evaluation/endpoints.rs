//! Functions that Next.js calls for whoever asks: they run with a request that
//! anybody may have sent, and it is watched what they do about that.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::unread::Unread;
use super::{Arguments, MAX_STEPS, Session, address};
use crate::facts::typescript::file::{Export, ItemId, TypeScriptFile};
use crate::facts::typescript::tree::{Declarator, Expr, ExprKind, Function, Pattern, Stmt, StmtKind};
use crate::frontend::libraries::servers::{self, Part};
use crate::frontend::libraries::{auth_js, better_auth, prisma, safe_actions};
use crate::frontend::named::NamedWatch;
use crate::frontend::observed::{Asks, Effect, EffectKind, Endpoint, EndpointKind, WritableRole};
use crate::frontend::outcome::{Attached, Place};
use crate::frontend::passwords::PasswordWatch;
use crate::frontend::placement::{self, Entry, HANDLER_METHODS};
use crate::frontend::requests::option;
use crate::frontend::rows::RowWatch;
use crate::frontend::shown::ShownSecret;
use crate::frontend::value::{Area, Closure, Hole, ObjectId, Origin, PackageName, ScopeId, Symbol, Value};
use crate::text::TextRange;
use crate::vfs::FileId;

/// What is seen while an endpoint runs.
#[derive(Debug)]
pub(in crate::frontend) struct Watch {
    pub(super) asks: Asks,
    pub(super) unread: Unread,
    effects: Vec<Effect>,
    requests: Vec<Place>,
    decoded: Vec<Place>,
    writable_roles: Vec<WritableRole>,
    kept: Vec<(Place, SmolStr)>,
    rows: RowWatch,
    named: NamedWatch,
    shown: Vec<ShownSecret>,
    /// Where paths are compared by whether they begin with `/`.
    roots: Vec<Place>,
    passwords: PasswordWatch,
    /// Whether a request carries a token on: whoever gets it may verify it.
    hands_on: bool,
    /// Whether the request is answered elsewhere.
    sends_on: bool,
}

/// A server action that a library made of a function.
#[derive(Debug, Clone, Copy)]
struct SafeAction {
    action: ObjectId,
    /// Whether a state comes before what the caller sends.
    takes_state: bool,
}

impl Watch {
    fn new() -> Self {
        Self {
            asks: Asks::Nothing,
            unread: Unread::default(),
            effects: Vec::new(),
            requests: Vec::new(),
            decoded: Vec::new(),
            writable_roles: Vec::new(),
            kept: Vec::new(),
            rows: RowWatch::default(),
            named: NamedWatch::default(),
            shown: Vec::new(),
            roots: Vec::new(),
            passwords: PasswordWatch::default(),
            hands_on: false,
            sends_on: false,
        }
    }
}

impl Watch {
    /// What was seen of an endpoint.
    fn into_endpoint(self, place: Place, name: SmolStr, kind: EndpointKind) -> Endpoint {
        Endpoint {
            place,
            name,
            kind,
            asks: self.asks,
            effects: self.effects,
            requests: self.requests,
            decoded: self.decoded,
            writable_roles: self.writable_roles,
            kept: self.kept,
            rows: self.rows.accesses,
            tokens: self.named.tokens,
            shown: self.shown,
            unchecked: self.passwords.unchecked,
            asks_right: self.rows.asks_right,
            sends_on: self.sends_on,
            matcher: None,
            lets_through: None,
            turns_away: false,
            known_beginnings: None,
        }
    }
}

impl Session<'_> {
    /// Runs the functions of a module that Next.js calls.
    pub(super) fn run_endpoints(&mut self, file: FileId, scope: ScopeId) {
        let Some(facts) = self.script(file) else { return };
        let path = self.sources.file(file).map(|source| source.path.clone()).unwrap_or_default();
        match placement::entry(&path, &facts) {
            Some(Entry::RouteHandler) => {
                for method in HANDLER_METHODS {
                    self.run_export(file, &facts, method, EndpointKind::Handler);
                }
            }
            Some(Entry::PagesApi) => self.run_export(file, &facts, "default", EndpointKind::Handler),
            Some(Entry::Actions) => {
                let mut names: Vec<&SmolStr> = facts.exports.keys().collect();
                names.sort_unstable();
                for name in names {
                    self.run_export(file, &facts, name, EndpointKind::Action);
                }
            }
            Some(Entry::Middleware) => {
                for name in ["middleware", "proxy", "default"] {
                    self.run_export(file, &facts, name, EndpointKind::Middleware);
                }
                let matcher = self.matcher(scope);
                let own = self.outcome.observed.endpoints.iter_mut().filter(|one| one.place.file == file);
                own.for_each(|endpoint| endpoint.matcher = matcher.clone());
            }
            Some(Entry::ServerComponent) => self.run_export(file, &facts, "default", EndpointKind::Page),
            _ => {}
        }
    }

    /// Runs the server actions that stand in other functions.
    pub(super) fn run_actions(&mut self) {
        for closure in std::mem::take(&mut self.actions) {
            let name = closure.function.name.clone().unwrap_or_default();
            let range = closure.function.name_range;
            let place = self.place_in(closure.file, closure.item, range);
            self.run_endpoint(&closure, None, name, place, EndpointKind::Action);
        }
    }

    /// Notes a function that says `use server` itself.
    pub(super) fn note_action(&mut self, closure: &Rc<Closure>) {
        use crate::facts::typescript::tree::Directive;
        let is_new = || !self.actions.iter().any(|other| Arc::ptr_eq(&other.function, &closure.function));
        if closure.function.directive == Some(Directive::Server) && closure.file == self.evaluated && is_new() {
            self.actions.push(Rc::clone(closure));
        }
    }

    fn run_export(&mut self, file: FileId, facts: &Arc<TypeScriptFile>, name: &str, kind: EndpointKind) {
        if !matches!(facts.exports.get(name), Some(Export::Local(_) | Export::Default(_))) {
            return;
        }
        let stmts = self.unpacked(file, facts);
        let Some(place) = declared_at(facts, &stmts, name).map(|(item, range)| Place { file, item, range }) else {
            return;
        };
        match self.export(file, name) {
            Value::Function(closure) => self.run_endpoint(&closure, None, SmolStr::new(name), place, kind),
            Value::Object(action) => {
                if let Some((Value::Function(own), takes_state)) = safe_actions::made_for(self, action) {
                    let action = SafeAction { action, takes_state };
                    self.run_endpoint(&own, Some(action), SmolStr::new(name), place, kind);
                }
            }
            // What a package made of a function asks whatever that does.
            value if kind == EndpointKind::Middleware && !auth_js::lets_all_through(&value) => {
                let watch = Watch { asks: Asks::Unknown, ..Watch::new() };
                self.outcome.observed.endpoints.push(watch.into_endpoint(place, SmolStr::new(name), kind));
            }
            _ => {}
        }
    }

    /// Runs an endpoint, which a library may have made of the function.
    fn run_endpoint(
        &mut self,
        closure: &Rc<Closure>,
        made: Option<SafeAction>,
        name: SmolStr,
        place: Place,
        kind: EndpointKind,
    ) {
        self.steps = 0;
        let mark = self.store.mark();
        let (certain, functions) = (self.certain.len(), self.made.len());
        let incoming = |path: &[&str]| {
            let path: Vec<SmolStr> = path.iter().map(|step| SmolStr::new(*step)).collect();
            Value::Symbol(Rc::new(Symbol { origin: Origin::Incoming, path: path.into(), may_be_missing: false }))
        };
        let arguments = match kind {
            EndpointKind::Action => closure.function.parameters.iter().map(|_| incoming(&["argument"])).collect(),
            EndpointKind::Page => vec![incoming(&["properties"])],
            EndpointKind::Handler | EndpointKind::Middleware => vec![incoming(&[]), incoming(&["context"])],
        };
        self.watch = Some(Watch::new());
        let result = match made {
            Some(SafeAction { action, takes_state }) => {
                let values = vec![incoming(&["argument"]); 1 + usize::from(takes_state)];
                let arguments = Arguments { places: vec![place; values.len()], values, open: false };
                self.call_value(&Value::Object(action), &arguments, false, place)
            }
            None => self.call_closure(closure, &arguments, None),
        };
        if kind == EndpointKind::Action {
            self.watch_answered(&[super::expressions::awaited(&result)], place);
        }
        self.run_made(functions);
        let is_whole = self.steps < MAX_STEPS;
        let watch = self.watch.take();
        self.certain.truncate(certain);
        self.store.take_back(mark);
        self.endpoints.insert(address(&closure.function));
        let Some(mut watch) = watch else { return };
        let root = watch.roots.first().copied().filter(|_| kind == EndpointKind::Middleware && is_whole);
        let lets_through =
            root.filter(|_| watch.asks != Asks::Nothing && self.lets_strangers_through(closure, &arguments));
        let turns_away = kind == EndpointKind::Middleware
            && watch.asks != Asks::Nothing
            && self.turns_strangers_away(closure, &arguments, false);
        let known_beginnings = match turns_away {
            true => self.known_beginnings(closure, &arguments),
            false => None,
        };
        if !is_whole {
            watch.asks = watch.asks.max(Asks::Unknown);
            watch.rows.accesses.iter_mut().for_each(|access| access.doubted = true);
        }
        watch.rows.close();
        watch.effects.sort_unstable();
        watch.effects.dedup();
        watch.requests.sort_unstable();
        watch.requests.dedup();
        watch.decoded.sort_unstable();
        watch.decoded.dedup();
        watch.writable_roles.sort_unstable();
        watch.writable_roles.dedup();
        watch.named.tokens.sort_unstable();
        watch.named.tokens.dedup();
        watch.shown.sort_unstable();
        watch.shown.dedup();
        watch.passwords.unchecked.sort_unstable();
        watch.passwords.unchecked.dedup();
        self.note_logged_passwords(&watch.passwords);
        watch.kept.sort_unstable();
        watch.kept.dedup();
        if watch.hands_on {
            watch.decoded.clear();
        }
        let endpoint =
            Endpoint { lets_through, turns_away, known_beginnings, ..watch.into_endpoint(place, name, kind) };
        self.outcome.observed.endpoints.push(endpoint);
    }

    /// `export const config = { matcher }`; none if it can't be read, or is not there.
    fn matcher(&mut self, scope: ScopeId) -> Option<Vec<SmolStr>> {
        let config = self.store.variable(scope, "config")?;
        let matcher = match option(self, &config, "matcher") {
            Value::Array(all) => all.to_vec(),
            one => vec![one],
        };
        matcher
            .iter()
            .map(|one| match one {
                Value::Object(_) => option(self, one, "source").known_text(),
                one => one.known_text(),
            })
            .collect()
    }

    /// What is seen of rows, while an endpoint runs.
    pub(in crate::frontend) fn watched_rows(&mut self) -> Option<&mut RowWatch> {
        self.watch.as_mut().map(|watch| &mut watch.rows)
    }

    /// What is seen of secrets in answers, while an endpoint runs.
    pub(in crate::frontend) fn watched_shown(&mut self) -> Option<&mut Vec<ShownSecret>> {
        self.watch.as_mut().map(|watch| &mut watch.shown)
    }

    /// What is seen of passwords, while an endpoint runs.
    pub(in crate::frontend) fn watched_passwords(&mut self) -> Option<&mut PasswordWatch> {
        self.watch.as_mut().map(|watch| &mut watch.passwords)
    }

    /// What is seen of tokens that are signed, while an endpoint runs.
    pub(in crate::frontend) fn watched_named(&mut self) -> Option<&mut NamedWatch> {
        self.watch.as_mut().map(|watch| &mut watch.named)
    }

    /// Something may find out who asks.
    pub(in crate::frontend) fn watch_asks(&mut self, asks: Asks) {
        if let Some(watch) = &mut self.watch {
            watch.asks = watch.asks.max(asks);
        }
    }

    /// A path is compared by whether it begins with `/`.
    pub(super) fn watch_root(&mut self, here: Place) {
        self.watch.iter_mut().for_each(|watch| watch.roots.push(here));
    }

    /// Something runs that can't be followed.
    pub(in crate::frontend) fn watch_unknown(&mut self) {
        self.turn_stranger_away();
        self.watch_asks(Asks::Unknown);
    }

    /// The request goes where it can't be followed.
    pub(in crate::frontend) fn watch_given_away(&mut self, value: &Value) {
        if self.watch.is_some() && value.alternatives().iter().any(is_request) {
            self.watch_unknown();
        }
    }

    /// A part of the request is read.
    pub(in crate::frontend) fn watch_part(&mut self, symbol: &Symbol, name: &str) {
        if symbol.origin == Origin::Incoming
            && symbol.path.is_empty()
            && matches!(name, "headers" | "cookies" | "auth" | "user" | "session")
        {
            self.watch_asks(Asks::Credential);
        }
    }

    /// A function of a package is called.
    pub(in crate::frontend) fn watch_package(&mut self, package: &PackageName, arguments: &Arguments, here: Place) {
        let Some(watch) = &mut self.watch else { return };
        watch.sends_on |= package.package == "next/server" && package.path == "NextResponse.rewrite";
        match servers::part(package) {
            Part::Changes(_) if prisma::only_counts(self, package, arguments) => {}
            Part::Harmless => {}
            Part::Credential => self.watch_asks(Asks::Credential),
            Part::Verifies => {
                if package.package == better_auth::SERVER && package.path == "api.getSession" {
                    self.watch.iter_mut().for_each(|watch| watch.unread.note_asked(here));
                }
                // `auth.api.hasPermission(…)`.
                self.watch_named_call(package.path.rsplit('.').next().unwrap_or_default());
                self.watch_asks(Asks::Verified);
            }
            Part::Unknown => {
                self.watch_named_call(package.path.rsplit('.').next().unwrap_or_default());
                self.watch_handed_on(arguments);
                self.watch_unknown();
            }
            // With the headers of whoever asks, Better Auth looks itself whether they may.
            Part::Changes(_) if better_auth::looks_who_asks(self, package, arguments) => {
                self.watch_asks(Asks::Verified);
            }
            Part::Changes(method) => {
                let grants = better_auth::grants(self, package, arguments)
                    && self.watched_rows().is_some_and(|rows| !rows.is_doubted());
                let Some(watch) = &mut self.watch else { return };
                let kinds = [Some(EffectKind::Changes(method.clone())), grants.then_some(EffectKind::Grants(method))];
                watch.effects.extend(kinds.into_iter().flatten().map(|kind| Effect { place: here, kind }));
            }
        }
    }

    /// A request is sent with these headers.
    pub(in crate::frontend) fn watch_request(&mut self, headers: &[&Value], authorization: &Attached, here: Place) {
        self.watch_token_sent(headers, here);
        self.watch_sent();
        if self.watch.is_none() {
            return;
        }
        let mut secrets = Vec::new();
        for headers in headers.iter().flat_map(|headers| headers.alternatives()) {
            let Value::Object(id) = headers else { continue };
            let mut values: Vec<(&SmolStr, &Value)> = self.store.get(*id).entries.iter().collect();
            values.sort_unstable_by_key(|(name, _)| *name);
            for (_, value) in values {
                secrets.extend(value.alternatives().iter().flat_map(environment_in));
            }
        }
        let Some(watch) = &mut self.watch else { return };
        watch.requests.push(here);
        watch.hands_on |= *authorization != Attached::Never;
        let secrets = secrets.into_iter().filter(|name| !name.contains("PUBLIC"));
        watch.effects.extend(secrets.map(|name| Effect { place: here, kind: EffectKind::SendsSecret(name) }));
    }

    /// The claims of a token are read without a look at its signature.
    pub(in crate::frontend) fn watch_decoded(&mut self, token: &Value, here: Place) {
        let came_with_request = token.alternatives().iter().any(is_incoming);
        if let Some(watch) = self.watch.as_mut().filter(|_| came_with_request) {
            watch.decoded.push(here);
        }
    }

    /// Two values are compared, or it is asked whether one is among others.
    pub(super) fn watch_role(&mut self, values: [&Value; 2], place: Place) {
        if self.watch.is_none() {
            return;
        }
        let Some(key) = values.into_iter().flat_map(Value::alternatives).find_map(writable_role) else { return };
        let is_master = |value: &Value| {
            value.known_text().is_some_and(|text| MASTERS.contains(&text.to_ascii_lowercase().as_str()))
        };
        let names_master = |value: &Value| match value {
            Value::Array(values) => values.iter().any(is_master),
            value => is_master(value),
        };
        // Whether there is one at all says nothing of what that is.
        if values.iter().any(|value| matches!(value, Value::Undefined | Value::Null)) {
            return;
        }
        let role = WritableRole { place, key, is_master: values.into_iter().any(names_master) };
        self.watch.iter_mut().for_each(|watch| watch.writable_roles.push(role.clone()));
    }

    /// What is read of something that could not be followed: what users write about themselves is known by its name.
    pub(super) fn unknown_member(&self, name: &str) -> Value {
        match self.watch.is_some() && WRITABLE.contains(&name) {
            true => Value::given_by(SUPABASE, name, true),
            false => Value::Unknown,
        }
    }

    /// A variable is assigned to, at a place.
    pub(super) fn watch_assigned(&mut self, name: &SmolStr, value: &Value, range: TextRange) {
        if self.watch.is_none() {
            return;
        }
        let Some((file, scope)) = self.frames.last().map(|frame| (frame.file, frame.scope)) else { return };
        let module = self.modules.get(&file).map(|module| module.scope);
        let is_callers = value.alternatives().iter().any(is_callers_token);
        if is_callers && module.is_some() && self.store.owner(scope, name) == module {
            let place = self.place(range);
            self.watch.iter_mut().for_each(|watch| watch.kept.push((place, name.clone())));
        }
    }
}

/// The package whose users have data that they write themselves.
const SUPABASE: &str = "@supabase/supabase-js";

/// What the documentation of Supabase and Clerk calls what users write about themselves.
const WRITABLE: &[&str] = &["user_metadata", "unsafeMetadata"];

/// What words for what somebody may do are called.
const RIGHTS: &[&str] = &["role", "roles", "user_role", "userRole", "is_admin", "isAdmin", "permissions"];

/// Words for those who may do more than others.
const MASTERS: &[&str] =
    &["admin", "administrator", "superadmin", "super_admin", "superuser", "staff", "owner", "moderator"];

/// What is read of somebody's rights from what that one writes, by its key.
fn writable_role(value: &Value) -> Option<SmolStr> {
    let Value::Symbol(symbol) = value else { return None };
    let is_writable = |step: &str| WRITABLE.contains(&step);
    let by_call = matches!(&symbol.origin, Origin::Call(package) if is_writable(&package.path));
    let at = symbol.path.iter().position(|step| is_writable(step)).map(|at| at + 1).or(by_call.then_some(0))?;
    symbol.path.get(at..)?.iter().find(|step| RIGHTS.contains(&step.as_str())).cloned()
}

/// The whole request.
fn is_request(value: &Value) -> bool {
    matches!(value, Value::Symbol(symbol) if symbol.origin == Origin::Incoming && symbol.path.is_empty())
}

/// Something that came with the request.
fn is_incoming(value: &Value) -> bool {
    match value {
        Value::Symbol(symbol) => matches!(symbol.origin, Origin::Incoming | Origin::Storage(Area::Cookie, _)),
        _ => false,
    }
}

/// A token of whoever asks.
fn is_callers_token(value: &Value) -> bool {
    use crate::frontend::libraries::better_auth::{CLIENT, SERVER};
    let Value::Symbol(symbol) = value else { return false };
    let names = |name: &str| symbol.path.iter().any(|step| step == name);
    match &symbol.origin {
        Origin::Incoming => names("headers") || names("cookies"),
        Origin::Storage(..) => true,
        Origin::Call(package) => {
            (package.package == CLIENT || package.package == SERVER)
                && (names("token") || package.path.ends_with("getSession") || package.path.ends_with("getToken"))
        }
        _ => false,
    }
}

/// Variables of the environment that a value is made of.
fn environment_in(value: &Value) -> Vec<SmolStr> {
    let variable = |symbol: &Symbol| match &symbol.origin {
        Origin::Environment(name) => Some(name.clone()),
        _ => None,
    };
    match value {
        Value::Symbol(symbol) => variable(symbol).into_iter().collect(),
        Value::Text(parts) => {
            let holes = parts.iter().filter_map(|part| match part {
                crate::frontend::value::Part::Hole(Hole::Symbol(symbol)) => variable(symbol),
                _ => None,
            });
            holes.collect()
        }
        _ => Vec::new(),
    }
}

/// Where a module declares what it exports under a name.
fn declared_at(facts: &TypeScriptFile, stmts: &[Arc<Stmt>], name: &str) -> Option<(ItemId, TextRange)> {
    let local = match facts.exports.get(name)? {
        Export::Local(local) => local.clone(),
        _ => SmolStr::new_static("default"),
    };
    let mut items = facts.items.iter().zip(stmts);
    items.find_map(|(item, stmt)| declared_in(stmt, &local).map(|range| (item.id, range)))
}

fn declared_in(stmt: &Stmt, name: &str) -> Option<TextRange> {
    let of_function = |function: &Function| function.name_range;
    match &stmt.kind {
        StmtKind::Export(declared) => declared_in(declared, name),
        StmtKind::Function(function) if function.name.as_deref() == Some(name) => Some(of_function(function)),
        StmtKind::Declare(declared) => declared.iter().find_map(|Declarator { target, .. }| match target {
            Pattern::Name(own, range) if own == name => Some(*range),
            _ => None,
        }),
        StmtKind::ExportDefault(Expr { kind: ExprKind::Function(function), .. })
            if name == "default" || function.name.as_deref() == Some(name) =>
        {
            Some(of_function(function))
        }
        StmtKind::ExportDefault(value) if name == "default" => Some(value.range),
        _ => None,
    }
}
