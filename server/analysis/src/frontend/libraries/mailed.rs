//! What Better Auth hands to those who mail it: links and codes that let in whoever has them.

use std::rc::Rc;

use smol_str::SmolStr;

use super::better_auth::plugin_options;
use crate::facts::typescript::file::bound_names;
use crate::facts::typescript::tree::{Expr, ExprKind, Function, Stmt, StmtKind};
use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::{Place, What};
use crate::frontend::requests::option;
use crate::frontend::value::{Closure, ObjectKind, Value};
use crate::text::TextRange;

/// What gives such a link or code.
pub(in crate::frontend) const MAIL: &str = "better-auth mail";

/// A function that is told to send one.
struct Sender {
    /// The options, or the plugin, that it stands in.
    of: &'static str,
    /// The option.
    name: &'static str,
    /// What of that lets somebody in.
    secrets: &'static [&'static str],
}

/// Those of the options (better-auth 1.3).
const OF_OPTIONS: &[Sender] = &[
    Sender { of: "emailAndPassword", name: "sendResetPassword", secrets: &["url", "token"] },
    Sender { of: "emailVerification", name: "sendVerificationEmail", secrets: &["url", "token"] },
];

/// Those of its plugins.
const OF_PLUGINS: &[Sender] = &[
    Sender { of: "magicLink", name: "sendMagicLink", secrets: &["url", "token"] },
    Sender { of: "emailOTP", name: "sendVerificationOTP", secrets: &["otp"] },
];

/// Calls the functions of a configuration with what they are to send.
pub(super) fn send(session: &mut Session<'_>, options: &Value, here: Place) {
    for sender in OF_OPTIONS {
        let given = option(session, options, sender.of);
        let function = option(session, &given, sender.name);
        call(session, &function, sender, here);
    }
    let Value::Array(plugins) = option(session, options, "plugins") else { return };
    for plugin in plugins.iter() {
        for sender in OF_PLUGINS {
            let Some(given) = plugin_options(session, plugin, sender.of) else { continue };
            let function = option(session, &given, sender.name);
            call(session, &function, sender, here);
        }
    }
}

fn call(session: &mut Session<'_>, function: &Value, sender: &Sender, here: Place) {
    let Value::Function(closure) = function else { return };
    let given = session.store.object(ObjectKind::Plain, here);
    for secret in sender.secrets {
        session.store.set(given, secret, Value::given_by(MAIL, secret, false));
    }
    session.store.open(given);
    let given = Arguments { values: vec![Value::Object(given)], places: vec![here], open: true };
    let before = session.outcome.logged.len();
    let (_, changes) = session.branch(|session| session.call_value(function, &given, false, here));
    session.store.join(vec![changes, Default::default()]);
    let written = session.outcome.logged.split_off(before);
    // What is written under a condition may be so where nobody else reads it, or where no mail can be sent.
    let always = logs_always(session, closure);
    let counts = |place: &Place| always.iter().any(|log| log.file == place.file && is_inside(log, place));
    let kept = written.into_iter().filter(|one| !matches!(one.what, What::Mailed(_)) || counts(&one.place));
    session.outcome.logged.extend(kept);
}

fn is_inside(log: &Place, place: &Place) -> bool {
    log.item == place.item && log.range.contains_range(place.range)
}

/// Calls of the console that a function makes whenever it is called.
fn logs_always(session: &Session<'_>, closure: &Rc<Closure>) -> Vec<Place> {
    let function: &Function = &closure.function;
    let mut ranges = Vec::new();
    add_logs(&function.body, &mut Vec::new(), &mut ranges);
    ranges.into_iter().map(|range| session.place_in(closure.file, closure.item, range)).collect()
}

/// Adds those of a block; false where what follows it may not be reached. `answers` are variables that hold what was
/// waited for.
fn add_logs(block: &[Stmt], answers: &mut Vec<SmolStr>, ranges: &mut Vec<TextRange>) -> bool {
    block.iter().all(|stmt| match &stmt.kind {
        StmtKind::Expr(value) => {
            ranges.extend(is_log(value).then_some(value.range));
            true
        }
        StmtKind::Declare(declared) => {
            let waited = |value: &Expr| matches!(value.kind, ExprKind::Await(_));
            for declarator in declared.iter().filter(|one| one.value.as_ref().is_some_and(waited)) {
                bound_names(&declarator.target, &mut |name| answers.push(name.clone()));
            }
            true
        }
        StmtKind::Return(value) => {
            ranges.extend(value.as_ref().filter(|value| is_log(value)).map(|value| value.range));
            false
        }
        StmtKind::Block(inner) => add_logs(inner, answers, ranges),
        StmtKind::Try(tried) => add_logs(&tried.body, answers, ranges) && add_logs(&tried.finally, answers, ranges),
        StmtKind::If(branch) => {
            // `if (error) throw error`: what follows is what is done when all went well.
            is_failure(&branch.test, answers) && throws(&branch.then) && branch.otherwise.is_empty()
                || goes_on(&branch.then) && goes_on(&branch.otherwise)
        }
        StmtKind::Loop(repeated) => goes_on(&repeated.body),
        StmtKind::Switch(_) | StmtKind::Throw(_) | StmtKind::Leave => false,
        _ => true,
    })
}

/// Whether a test asks for nothing but whether what was waited for is there.
fn is_failure(test: &Expr, answers: &[SmolStr]) -> bool {
    match &test.kind {
        ExprKind::Name(name) => answers.contains(name),
        ExprKind::Not(inner) => is_failure(inner, answers),
        _ => false,
    }
}

/// Whether a block ends by throwing, and not before.
fn throws(block: &[Stmt]) -> bool {
    block.split_last().is_some_and(|(last, before)| matches!(last.kind, StmtKind::Throw(_)) && goes_on(before))
}

/// Whether whoever comes to a block comes to what follows it, as far as its own statements say.
fn goes_on(block: &[Stmt]) -> bool {
    block.iter().all(|stmt| match &stmt.kind {
        StmtKind::Return(_) | StmtKind::Throw(_) | StmtKind::Switch(_) | StmtKind::Try(_) => false,
        StmtKind::Block(inner) => goes_on(inner),
        StmtKind::If(branch) => goes_on(&branch.then) && goes_on(&branch.otherwise),
        StmtKind::Loop(repeated) => goes_on(&repeated.body),
        _ => true,
    })
}

/// `console.log(…)` with values that are the same whatever is asked.
fn is_log(value: &Expr) -> bool {
    let ExprKind::Call(call) = &value.kind else { return false };
    let ExprKind::Member(member) = &call.callee.kind else { return false };
    let is_console = matches!(&member.object.kind, ExprKind::Name(name) if name == "console");
    is_console && !call.arguments.iter().any(|argument| matches!(argument.value.kind, ExprKind::Conditional(_)))
}
