//! What is drawn at random and lets somebody in: codes for one time, for whoever reads a mailbox or a telephone, tokens and
//! passwords.

use super::super::code::{Around, Body, Scope, is_settings, last_name};
use super::super::keys;
use super::callees::callee;
use super::{Computable, Computed, ItemTokens, assembled};
use crate::facts::python::tree::{Arg, Expr, ExprKind, StmtKind};
use crate::index::value::{Resolve, Value};

/// Parts of names of what holds such a code, for whoever searches texts for them.
pub(super) const MARKS: &[&str] = &[
    "otp",
    "OTP",
    "passcode",
    "verification_code",
    "verify_code",
    "reset_code",
    "login_code",
    "auth_code",
    "confirmation_code",
    "recovery_code",
    "mfa_code",
    "sms_code",
    "email_code",
    "security_code",
    "one_time_code",
];

/// Functions of the project that a code is followed through.
const MAX_DEPTH: u32 = 2;

/// Codes of one function that are looked at.
const MAX_CODES: usize = 16;

/// Expressions that are looked at in what makes one.
const MAX_STEPS: usize = 100;

/// Parts of names of what holds a token or a password that is drawn where it is kept, for whoever searches texts for them.
pub(super) const HELD: &[&str] = &["_token", "api_key", "assword"];

/// Parts of what is called to draw them, whatever it is imported as.
pub(super) const DRAWS: &[&str] = &["rand", "choice", "sample(", "uniform("];

/// Finds what lets somebody in and is drawn with `random`: who has seen enough of its numbers computes the next ones
/// (Python 3.14, "Warning: The pseudo-random generators of this module should not be used for security purposes").
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    let held = body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Assign(assign) => match (assign.targets.as_slice(), &assign.value) {
            ([target], Some(value)) => Some((last_name(target)?, value)),
            _ => None,
        },
        // `otp += str(…)`, once for each digit.
        StmtKind::AugAssign(assign) => Some((last_name(&assign.target)?, &assign.value)),
        _ => None,
    });
    let named = held.filter_map(|(name, value)| Some((name, computed(name)?, value)));
    // Of one that is handed on it is told where it is drawn.
    let is_first = |value: &Expr| value.as_name().and_then(|name| computed(name)).is_none();
    let draws = named.take(MAX_CODES).map(|(name, what, value)| match what {
        Computed::Code => (name, what, value, drawn(body, value, 0)),
        Computed::Token | Computed::Password => (name, what, value, assembled::drawn(body, value, 0)),
    });
    let draws: Vec<_> = draws.filter(|(_, _, value, _)| is_first(value)).collect();
    for (name, what, value, draw) in &draws {
        // `reset_token = reset_token + digit`, where nobody guesses what was there.
        let is_grown = || draws.iter().any(|(other, .., draw)| other == name && *draw == Some(Draw::Unguessable));
        if *draw == Some(Draw::Computable) && !(*what != Computed::Code && is_grown()) {
            tokens.computable.push(Computable { site: body.site(value.range), what: *what });
        }
    }
}

/// What a variable of that name holds, if it is drawn at random: as it is, or what is kept of it.
fn computed(name: &str) -> Option<Computed> {
    const TOKENS: &[&str] = &[
        "access_token",
        "refresh_token",
        "session_token",
        "auth_token",
        "reset_token",
        "verification_token",
        "confirmation_token",
        "invite_token",
        "invitation_token",
        "api_key",
    ];
    if names_code(name) {
        return Some(Computed::Code);
    }
    let lower = name.to_ascii_lowercase();
    let held = lower.strip_suffix("_hash").unwrap_or(&lower);
    match () {
        () if TOKENS.iter().any(|token| held.ends_with(token)) => Some(Computed::Token),
        () if held.ends_with("password") => Some(Computed::Password),
        () => None,
    }
}

/// Whether a variable of that name holds a code for one time, if that value draws one.
pub(super) fn is_drawn(body: &Body<'_, '_, '_>, name: &str, value: &Expr) -> bool {
    names_code(name) && drawn(body, value, 0).is_some()
}

fn names_code(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(lower.rsplit('_').next(), Some("otp" | "passcode"))
        || lower == "otp_code"
        || MARKS.iter().any(|mark| mark.ends_with("_code") && lower.ends_with(mark))
}

/// How something is drawn at random.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    /// What comes next follows from what came before.
    Computable,
    /// Nobody knows what comes next.
    Secret,
    /// The same, and there is so much of it that nobody tries it out.
    Unguessable,
}

/// How a value was drawn that is made of something random, by a function of the project perhaps.
fn drawn(body: &Body<'_, '_, '_>, value: &Expr, depth: u32) -> Option<Draw> {
    let mut pending = made_of(body, value);
    let mut found = None;
    for _ in 0..MAX_STEPS {
        let Some(expr) = pending.pop() else { break };
        match expr.as_call().and_then(|(func, args)| drawn_by(body, func, args, depth)) {
            Some(Source::Word) => continue,
            Some(Source::Drawn(Draw::Unguessable)) => return Some(Draw::Unguessable),
            // One letter that nobody knows protects no digits that follow from others.
            Some(Source::Drawn(draw)) => {
                found = if found == Some(Draw::Computable) { found } else { Some(draw) };
                continue;
            }
            None => {}
        }
        match &expr.kind {
            // How many there are is drawn as well, perhaps.
            ExprKind::Comprehension(each) => pending.extend(made_of(body, &each.element)),
            // What is asked of a number is no code.
            ExprKind::Compare { .. } | ExprKind::Not(_) => {}
            _ => pending.extend(expr.children().into_iter().flat_map(|child| made_of(body, child))),
        }
    }
    found
}

/// Where a call takes from what it gives.
enum Source {
    /// One of a few words that stand in the code.
    Word,
    /// Something random.
    Drawn(Draw),
}

/// What a call draws, by a function of a package or of the project.
fn drawn_by(body: &Body<'_, '_, '_>, func: &Expr, args: &[Arg], depth: u32) -> Option<Source> {
    if let Some(path) = body.package(func) {
        if matches!(path.as_str(), "uuid.uuid4" | "os.urandom") || path.starts_with("secrets.token_") {
            return Some(Source::Drawn(Draw::Unguessable));
        }
        if !path.starts_with("random.") && !path.starts_with("secrets.") {
            return None;
        }
        let is_list = |arg: &Arg| matches!(body.traced(&arg.value).kind, ExprKind::List(_) | ExprKind::Tuple(_));
        if path.ends_with(".choice") && args.first().is_some_and(is_list) {
            return Some(Source::Word);
        }
        let computable = path.starts_with("random.") && !path.contains("SystemRandom");
        return Some(Source::Drawn(if computable { Draw::Computable } else { Draw::Secret }));
    }
    let called = callee(body, func).filter(|_| depth < MAX_DEPTH)?;
    let function = body.interpreter.current(&called);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    let draw = inner.statements().iter().find_map(|(stmt, _)| match &stmt.kind {
        StmtKind::Return(Some(value)) => drawn(&inner, value, depth + 1),
        _ => None,
    });
    draw.map(Source::Drawn)
}

/// What an expression is, and for a variable, what is added to it: `otp += digit`, `digits.append(digit)`.
pub(super) fn made_of<'b: 'e, 'e>(body: &Body<'b, '_, '_>, expr: &'e Expr) -> Vec<&'e Expr> {
    let mut parts = vec![body.traced(expr)];
    let Some(name) = expr.as_name().filter(|name| body.param(name).is_none()) else { return parts };
    for (stmt, _) in body.statements() {
        match &stmt.kind {
            StmtKind::AugAssign(assign) if assign.target.as_name() == Some(name) => parts.push(&assign.value),
            StmtKind::Expr(expr) => {
                let Some((func, args)) = expr.as_call() else { continue };
                let ExprKind::Attribute { value, name: method } = &func.kind else { continue };
                if matches!(method.name.as_str(), "append" | "extend") && value.as_name() == Some(name) {
                    parts.extend(args.iter().map(|arg| &arg.value));
                }
            }
            _ => {}
        }
    }
    parts
}

/// The conditions around a statement.
pub(super) fn tests<'b>(around: &Around<'b>) -> Vec<&'b Expr> {
    let tests = around.iter().map(|(stmt, _)| match &stmt.kind {
        StmtKind::If { test, .. } => Some(&**test),
        _ => None,
    });
    tests.flatten().collect()
}

/// Whether only some configurations do what stands below these conditions: a code that is shown to who develops.
pub(super) fn is_for_development(body: &Body<'_, '_, '_>, tests: &[&Expr]) -> bool {
    let Scope::Function(function) = body.scope else { return false };
    tests.iter().any(|test| body.interpreter.names_environment(function, test) || names_setting(body, test))
}

/// Whether a condition asks for a field of the settings.
fn names_setting(body: &Body<'_, '_, '_>, test: &Expr) -> bool {
    let mut pending = vec![test];
    while let Some(expr) = pending.pop() {
        if let ExprKind::Attribute { value, .. } = &expr.kind
            && let Value::Class(class) = keys::object_of(body.interpreter, body.scope, value)
            && is_settings(body.interpreter, &class)
        {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}
