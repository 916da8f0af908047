//! What a function proves, by how its paths end.

use smol_str::SmolStr;

use super::super::{Bypass, DecidedBy, Proof, Role};
use super::alternatives::DECIDE_TOGETHER;
use super::decided::switched_login;
use super::requests::SET_ELSEWHERE;
use super::{Abs, Exit, Flow};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind};
use crate::index::value::{FunctionRef, Value};

impl Flow<'_, '_> {
    /// What follows from the ends of a function.
    pub(super) fn proof(&self, exits: &[Exit], function: &FunctionRef, role: Role) -> Proof {
        if bypass(exits).is_some() {
            return Proof::Verifies;
        }
        if exits.iter().all(|exit| exit.verified) {
            // Also when no path ends: then every caller is rejected. A handler
            // that only raises checks nobody, though.
            let rejects_all = exits.is_empty() && role == Role::Handler;
            if exits.is_empty() && role == Role::Dependency && self.found.rejection.is_none() {
                // What asks nothing of the request gives what the process has, once it has it.
                if function.def.params.is_empty() && gives_values(&function.def.body) {
                    return Proof::NotAuth;
                }
                let reason = format!("`{}` answers nobody, for reasons of its own", function.shown());
                return Proof::Unknown(reason.into());
            }
            // Somebody took its parameter away: what it checked, it checks no more.
            let broken = self.found.unbound && role == Role::Handler;
            return if rejects_all || broken { Proof::NotAuth } else { Proof::Verifies };
        }
        let unverified = || exits.iter().filter(|exit| !exit.verified);
        // Whom it believes on one path, it believes, whatever it does with a credential on the others.
        let believed = unverified().any(|exit| exit.value.is_claimed() && exit.unknown.is_none());
        if role == Role::Dependency && self.found.credential && believed {
            return Proof::TrustsClient;
        }
        if let Some(reason) = unverified().find_map(|exit| exit.unknown.clone()) {
            return Proof::Unknown(reason);
        }
        // What a handler answers with turns nobody away, where it may be missing, or stands in for who is calling.
        let counts =
            |reason: &SmolStr| role != Role::Handler || !reason.ends_with(SET_ELSEWHERE) && reason != DECIDE_TOGETHER;
        let of_value = |exit: &Exit| match &exit.value {
            Abs::Unknown(reason) if counts(reason) => Some(reason.clone()),
            _ => None,
        };
        if let Some(reason) = unverified().find_map(of_value) {
            return Proof::Unknown(reason);
        }
        if role == Role::Handler && self.found.in_message && exits.iter().any(|exit| exit.verified) {
            return Proof::Unknown(
                "it verifies the token of a message, and which messages need one is not known".into(),
            );
        }
        if role == Role::Handler {
            // `return {"user": get_user_or_none(request)}`
            let tells = |exit: &Exit| exit.verified || exit.tells_who_calls();
            return if exits.iter().any(tells) { Proof::Optional } else { Proof::NotAuth };
        }
        let gives = |wanted: &Abs| unverified().any(|exit| exit.value == *wanted);
        if unverified().any(|exit| exit.value.is_claimed()) {
            return Proof::TrustsClient;
        }
        if exits.iter().any(|exit| exit.verified) {
            let anonymous = unverified().all(|exit| exit.value == Abs::Nothing);
            // A limit of rates tells callers apart, hands none over and turns none away.
            if anonymous && self.found.rejection.is_none() && !gives_values(&function.def.body) {
                return Proof::NotAuth;
            }
            // What another verification gives is nothing where that fails: `return by_session(token)` behind `by_key(token)`.
            let tells = |exit: &Exit| matches!(exit.value, Abs::Nothing | Abs::Verified { checked: false });
            let is_optional = unverified().all(tells) || switched_login(exits).is_some();
            return if is_optional { Proof::Optional } else { Proof::ChecksNothing };
        }
        // Whom a dependency verified, it hands on, perhaps after a look at what that user may do.
        if unverified().all(|exit| exit.value == (Abs::Verified { checked: true })) {
            return Proof::Verifies;
        }
        // The result of a sink, returned before anybody looked whether it is `None`.
        if unverified().any(|exit| matches!(exit.value, Abs::Verified { .. } | Abs::Check)) {
            return Proof::Optional;
        }
        if gives(&Abs::Credential) {
            return Proof::ExtractsOnly;
        }
        // `OAuth2PasswordRequestForm` and its kin: who asks for the form looks at what is in it.
        if function.def.name.name == "__init__" && only_keeps(&function.def.body) {
            return Proof::NotAuth;
        }
        if self.found.credential {
            return if self.found.named { Proof::TrustsClient } else { Proof::ChecksNothing };
        }
        // No credential at all: an identity made of nothing, or no business of
        // ours. Here, and only here, names decide, and only between two
        // verdicts that both leave the route open.
        let constant = unverified().any(|exit| match &exit.value {
            Abs::Constant => true,
            Abs::Object(object) => !self.is_service(object),
            _ => false,
        });
        // Whoever sends the name of a user passes what is asked of that user: `row.owner_id != user.id`.
        if self.found.rejection.is_some() && self.found.named {
            return Proof::TrustsClient;
        }
        // So does whoever claims the role that is asked for: `if role != "admin": raise …`.
        if self.found.rejection.is_none() && self.found.claimed {
            return Proof::TrustsClient;
        }
        if self.found.rejection.is_some() {
            return Proof::Unknown(
                format!("`{}` turns callers away by something that could not be followed", function.shown()).into(),
            );
        }
        if (constant || self.found.identity) && speaks_of_identity(&function.qualname) {
            return Proof::ChecksNothing;
        }
        Proof::NotAuth
    }

    /// Whether an object does something, rather than say who somebody is: its
    /// class has methods of its own and is no table, model or record of a package.
    pub(super) fn is_service(&self, object: &Value) -> bool {
        let class = match object {
            Value::Class(class) => class,
            Value::Instance(instance) => match &instance.class {
                Value::Class(class) => class,
                _ => return false,
            },
            _ => return false,
        };
        let bases = self.judge.resolve.package_bases(class);
        // `BaseUserManager`
        if bases.iter().any(|base| base.ends_with(".BaseUserManager")) {
            return true;
        }
        let plain = bases.iter().all(|base| matches!(base.as_str(), "abc.ABC" | "typing.Protocol" | "typing.Generic"));
        let acts = |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Function(def) if !def.name.name.starts_with('_'));
        plain && class.def.body.iter().any(acts)
    }
}

/// The condition on which verification is skipped, when that is the only way
/// around it: every unverified end lies on one side of it, and a verified one on
/// the other. How a credential looks is such a condition where what it says is
/// taken for true.
pub(super) fn bypass(exits: &[Exit]) -> Option<Bypass> {
    let unverified = || exits.iter().filter(|exit| !exit.verified);
    let first = unverified().next()?;
    let decides = |(switch, way): &(Bypass, bool)| {
        let all = unverified().all(|exit| exit.switches.contains(&(*switch, *way)));
        let told = switch.decided_by != DecidedBy::Form || unverified().all(believes);
        all && told && exits.iter().any(|exit| exit.verified && !exit.switches.contains(&(*switch, *way)))
    };
    first.switches.iter().find(|switch| decides(switch)).map(|(switch, _)| *switch)
}

/// Whether callers who are not verified get what they claim, and choose that way by what they claim:
/// the algorithm in a token's header. What others get is nothing, which turns them away.
pub(super) fn is_chosen(exits: &[Exit]) -> bool {
    let unverified = || exits.iter().filter(|exit| !exit.verified);
    let gives = |exit: &Exit| exit.chosen && exit.value != Abs::Nothing && believes(exit);
    unverified().any(gives) && unverified().all(|exit| gives(exit) || exit.value == Abs::Nothing)
}

/// Whether an end gives what the client sent, as it was sent.
pub(super) fn believes(exit: &Exit) -> bool {
    exit.unknown.is_none() && (exit.value == Abs::Credential || exit.value.is_claimed())
}

/// Whether a body gives something back or out, nested functions left out.
fn gives_values(body: &[Stmt]) -> bool {
    let mut pending: Vec<&Stmt> = body.iter().collect();
    while let Some(stmt) = pending.pop() {
        match &stmt.kind {
            StmtKind::Return(Some(value)) if !matches!(value.kind, ExprKind::None) => return true,
            StmtKind::Expr(Expr { kind: ExprKind::Yield(_), .. }) => return true,
            // `request.state.user = user`
            StmtKind::Assign(assign) if !assign.targets.iter().all(is_variable) => return true,
            _ => pending.extend(stmt.blocks().into_iter().flatten()),
        }
    }
    false
}

/// Whether an assignment's target is a variable, or several.
fn is_variable(target: &Expr) -> bool {
    matches!(target.kind, ExprKind::Name(_) | ExprKind::Tuple(_))
}

/// Whether a block does nothing but keep values in attributes: `self.scopes = scope.split()`.
fn only_keeps(block: &[Stmt]) -> bool {
    block.iter().all(|stmt| match &stmt.kind {
        StmtKind::Assign(assign) => {
            assign.targets.iter().all(|target| matches!(target.kind, ExprKind::Attribute { .. }))
        }
        StmtKind::Expr(expr) => expr.as_str().is_some(),
        StmtKind::Pass => true,
        _ => false,
    })
}

/// Names of what does something for users, and says nothing of who calls.
const TOOLS: &[&str] = &[
    "backend",
    "client",
    "config",
    "crud",
    "dao",
    "database",
    "db",
    "factory",
    "gateway",
    "handler",
    "manager",
    "repo",
    "repository",
    "service",
    "settings",
    "storage",
    "store",
    "strategy",
    "uow",
];

/// Whether a class is called after what does something for users: `UserRepository`.
pub(super) fn is_tool(class: &str) -> bool {
    let name = class.to_ascii_lowercase();
    TOOLS.iter().any(|tool| name.ends_with(tool))
}

/// Whether a name speaks of authentication, and not of what does something for
/// users: `get_user_db`, `user_service`.
pub(super) fn speaks_of_identity(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or(&name);
    if last.rsplit('_').next().is_some_and(|word| TOOLS.contains(&word)) {
        return false;
    }
    ["auth", "user", "token", "verify", "login", "identity", "principal", "jwt", "admin", "permission"]
        .iter()
        .any(|word| last.contains(word))
}
