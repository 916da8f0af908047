//! What somebody may have meant who left a route open: by what it does, by what is written of it, and by what stands
//! beside it.

use std::cell::OnceCell;

use super::super::people::People;
use super::{OpenRoute, only_reads};
use crate::auth::guard::{reads, takes_request};
use crate::auth::policy::Authority;
use crate::auth::public::{is_internal, is_named_form, is_named_offer, is_named_public, is_probe};
use crate::auth::{Judge, Proof};
use crate::data::{Use, is_self, is_user_table};
use crate::facts::python::said_public::names_public;
use crate::facts::python::tree::{Expr, ExprKind, Param, Stmt, StmtKind, keyword, positional};
use crate::ide::{Judged, RouteKind};
use crate::index::routes::Route;
use crate::index::value::{Resolve, Value};
use crate::rules::State;
use crate::verdicts::with_interpreter;

/// What somebody may have meant who left a route open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// It does nothing and tells everybody the same.
    Constant,
    /// It reads and changes nothing: what it answers with are constants and what the caller sent.
    Stub,
    /// It only sends the caller elsewhere.
    Redirect,
    /// Browsers are sent there, and on to another site, whatever it notes on the way.
    Passage,
    /// Only some configurations have it.
    Conditional,
    /// It refuses everybody unless a setting says otherwise.
    Switched,
    /// Its handler finds out who is calling, and goes on where that is nobody.
    TellsApart,
    /// Its path calls it public.
    NamedPublic,
    /// Its summary, description or tags call it public.
    SaidPublic,
    /// The docstring of its handler calls it public.
    DocumentedPublic,
    /// Strangers send a form there, by its path.
    Form,
    /// It says what something costs, by its path, and reads what is nobody's.
    Offer,
    /// It is a probe by its path.
    Probe,
    /// It answers with a picture, which pages show without sending a token.
    Picture,
    /// Callers make an account there.
    SignsUp,
    /// Callers get a token or a cookie there.
    SignsIn,
    /// Callers are told there where to sign in with a provider.
    StartsAtProvider,
    /// A provider exchanges there the code that callers bring.
    ExchangesCode,
    /// All that reads on its router is open, and all that changes is guarded.
    Catalogue,
    /// All that changes on its router is guarded, and several routes that read are not.
    ReadsOpenly,
    /// It reads what is nobody's, where everything that reads is open.
    ReadsNobodys,
    /// It gives out nothing but rows that somebody has published.
    Published,
    /// The tags of its router call it public.
    InPublicGroup,
    /// It sets the password of whoever the request names.
    TakesOver,
    /// It makes accounts of administrators.
    MakesAdmins,
    /// Nothing tells of any intention.
    Nothing,
}

impl OpenRoute<'_, '_> {
    pub(super) fn what_is_meant<'p>(&self, state: &'p State, people: &OnceCell<People<'p>>, judged: &Judged) -> Meant {
        let (route, beside) = (self.route, &self.beside);
        // A sentence about all endpoints hardly means one that gives nothing away.
        let named = judged.expected.basis().is_some_and(|basis| basis.authority != Authority::Blanket);
        // Nor, where it speaks of a group, one that callers get their tokens at, or are sent to by a link.
        let alone = judged.expected.basis().is_some_and(|basis| !basis.authority.speaks_of_several());
        let conduct = &judged.conduct;
        let signs_up = conduct.may_sign_up || judged.data.makes_users && conduct.takes_password;
        let may_read = !self.demanded && self.users.is_none() && only_reads(route, judged);
        // What is written beside a route is about that route. That everybody may change what is somebody's, nobody means.
        let harms = judged.data.faults.iter().any(|access| access.usage == Use::Changes && access.client.is_some());
        let may_be_said = !named && judged.data.gives_users.is_none() && !harms;
        let of_others = says_caller(route) || is_internal(&route.path);
        let alters_owned = judged.data.faults.iter().any(|access| access.usage != Use::Reads);
        let is_nobodys = || may_read && !of_others && !people.get_or_init(|| People::of(state)).are_in(&judged.data);
        let concerns_nobody = || judged.data.writes && !alters_owned || is_nobodys();
        let shown_to_all = || beside.reads_are_open() && is_nobodys();
        // Where most is guarded, what is read openly was left so; where it is not, only what is nobody's.
        let reads_openly = || {
            may_read
                && beside.reads_openly()
                && !of_others
                && !route.path.split('/').any(is_user_table)
                && (self.is_habit() || beside.is_mostly_guarded() || self.alike.reads_openly() && is_nobodys())
        };
        match () {
            () if judged.data.takes_over.is_some() => Meant::TakesOver,
            () if judged.data.makes_admin.is_some() => Meant::MakesAdmins,
            () if !named && conduct.answers_constant => Meant::Constant,
            () if !named && conduct.only_redirects => Meant::Redirect,
            () if !named && conduct.touches_nothing && !judged.data.writes => Meant::Stub,
            () if !alone && conduct.sends_away => Meant::Passage,
            () if route.conditional => Meant::Conditional,
            () if !named && only_where_configured(state, route) => Meant::Switched,
            () if !named && is_named_public(&route.path) => Meant::NamedPublic,
            () if !named && !harms && is_said_public(route) => Meant::SaidPublic,
            () if may_be_said && concerns_nobody() && is_in_public_group(state, route) => Meant::InPublicGroup,
            () if !self.demanded && is_named_form(&route.path, &route.methods) => Meant::Form,
            () if !named && is_probe(&route.path, &route.methods) && takes_nothing(route) => Meant::Probe,
            () if !self.demanded && !is_internal(&route.path) && conduct.shows_picture => Meant::Picture,
            () if !alone && signs_up => Meant::SignsUp,
            () if !alone && conduct.may_sign_in => Meant::SignsIn,
            () if !alone && conduct.starts_at_provider && !judged.data.writes => Meant::StartsAtProvider,
            () if !alone && conduct.exchanges_code && !judged.data.writes && !of_others => Meant::ExchangesCode,
            () if beside.is_catalogue() && shown_to_all() => Meant::Catalogue,
            () if self.alike.is_catalogue() && self.alike.reads_are_open() && is_nobodys() => Meant::Catalogue,
            () if reads_openly() => Meant::ReadsOpenly,
            () if !self.is_habit() && (beside.reads_are_open() || beside.changes == 0) && is_nobodys() => {
                Meant::ReadsNobodys
            }
            () if is_named_offer(&route.path, &route.methods) && is_nobodys() => Meant::Offer,
            () if !self.demanded && tells_apart(state, route) => Meant::TellsApart,
            () if may_be_said && route.function().is_some_and(|handler| handler.def.says_public) => {
                Meant::DocumentedPublic
            }
            () if !named && judged.data.gives_published && only_reads(route, judged) => Meant::Published,
            () => Meant::Nothing,
        }
    }
}

/// Whether the summary, the description or the tags that a route's decorator gives call it public.
fn is_said_public(route: &Route) -> bool {
    const NAMES: &[&str] = &["summary", "description", "tags"];
    let is_public = |value: &Expr| match &value.kind {
        ExprKind::Str(text) => names_public(text),
        ExprKind::List(tags) => tags.iter().filter_map(Expr::as_str).any(|tag| names_public(tag)),
        _ => false,
    };
    let decorators = route.function().into_iter().flat_map(|handler| &handler.def.decorators);
    decorators
        .filter_map(Expr::as_call)
        .any(|(_, args)| NAMES.iter().filter_map(|name| keyword(args, name)).any(is_public))
}

/// Whether a tag says that routes are public, and not that they are about something public: `Public API`.
fn is_of_public(tag: &str) -> bool {
    const ROUTES: &[&str] = &["api", "apis", "route", "routes", "endpoint", "endpoints", "site", "website"];
    let lower = tag.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.contains(&"public") && words.iter().all(|word| *word == "public" || ROUTES.contains(word))
}

/// Whether the router that a route was registered on has a tag that calls it public.
fn is_in_public_group(state: &State, route: &Route) -> bool {
    with_interpreter(state, |interpreter| {
        let run = interpreter.run(route.router.file);
        let router = run.routers.get(route.router.index as usize);
        router.is_some_and(|router| router.tags.iter().any(|tag| is_of_public(tag)))
    })
}

/// Whether a handler takes nothing: no data of anybody, no connection to a database.
fn takes_nothing(route: &Route) -> bool {
    let plain =
        route.function().is_some_and(|handler| handler.def.params.len() == usize::from(handler.takes_receiver()));
    plain && route.dependencies.is_empty() && route.perhaps.is_empty()
}

/// Whether a handler verifies the token of a header or cookie that it declares as one that may be missing, and goes on
/// where it is; or only shows something, and looks for one in the request, which is all that it asks for.
fn tells_apart(state: &State, route: &Route) -> bool {
    let Some(handler) = route.function().filter(|_| route.kind == RouteKind::Http) else { return false };
    let may_be_missing = |param: &Param| {
        let marker = param.default.as_ref().and_then(Expr::as_call);
        marker.is_some_and(|(func, args)| {
            let name = match &func.kind {
                ExprKind::Name(name) => name.as_str(),
                ExprKind::Attribute { name, .. } => name.name.as_str(),
                _ => return false,
            };
            let default = positional(args, 0).or_else(|| keyword(args, "default"));
            matches!(name, "Header" | "Cookie") && default.is_some_and(|default| default.kind == ExprKind::None)
        })
    };
    with_interpreter(state, |interpreter| {
        let declares = handler.def.params.iter().any(may_be_missing);
        // Where nothing but the request is asked for, nobody chooses what is shown.
        let shows = || reads(route) && handler.def.params.len() == 1 && takes_request(interpreter, route);
        if !declares && !shows() {
            return false;
        }
        let judge = Judge::new(interpreter, &state.memo);
        let verdict = judge.handler(route).filter(|verdict| verdict.decides());
        verdict.is_some_and(|verdict| {
            let takes = verdict.steps.iter().any(|step| step.takes().is_some());
            !declares || verdict.proof == Proof::Optional && takes
        })
    })
}

/// Whether a handler refuses everybody before it does anything else, unless a switch of the settings is on that is off
/// where nothing is configured: `if not settings.debug: raise …`.
fn only_where_configured(state: &State, route: &Route) -> bool {
    let Some(handler) = route.function().filter(|_| !route.kind.is_mounted()) else { return false };
    with_interpreter(state, |interpreter| {
        let handler = interpreter.current(handler);
        let taken = |expr: &Expr| handler.def.params.iter().any(|param| names(expr, &param.name.name));
        let says_nothing =
            |stmt: &Stmt| matches!(stmt.kind, StmtKind::Expr(_) | StmtKind::Import(_) | StmtKind::ImportFrom(_));
        let first = handler.def.body.iter().find(|stmt| !says_nothing(stmt));
        let Some(StmtKind::If { test, body, .. }) = first.map(|stmt| &stmt.kind) else { return false };
        let refuses = body.last().is_some_and(|last| matches!(last.kind, StmtKind::Raise { .. }));
        let by_default = |expr: &Expr| interpreter.eval_by_default(&handler, expr, &[]);
        // A key that is missing is no switch.
        let is_switch = match &test.kind {
            ExprKind::Not(switch) => {
                let is_plain = matches!(switch.kind, ExprKind::Attribute { .. } | ExprKind::Name(_));
                is_plain && matches!(by_default(switch), Value::Bool(false))
            }
            ExprKind::Compare { .. } => matches!(by_default(test), Value::Bool(true)),
            _ => false,
        };
        refuses && is_switch && !taken(test) && Resolve::names_environment(interpreter, &handler, test)
    })
}

/// Whether a variable enters an expression.
fn names(expr: &Expr, name: &str) -> bool {
    expr.as_name().is_some_and(|found| found == name) || expr.children().into_iter().any(|child| names(child, name))
}

/// Whether a handler is told by the caller who that is.
fn says_caller(route: &Route) -> bool {
    let Some(handler) = route.function() else { return false };
    handler.def.params.iter().any(|param| is_self(&param.name.name))
}
