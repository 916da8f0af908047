//! Codes for one time: what was mailed to somebody, or what a browser brings back from signing in.
//!
//! Names are no evidence that one proves anything, but a reason not to say that nothing does.

use super::super::sources::is_code_of_caller;
use super::{Flow, Path};
use crate::facts::python::idioms::{assigned, http_status};
use crate::facts::python::tree::{Expr, ExprKind, Stmt, StmtKind, keyword, positional};

impl Flow<'_, '_> {
    /// A handler answers 401 where nothing is found for a code: `if not await grant_of(body.code): raise`. Who goes on
    /// had one that is kept somewhere.
    pub(super) fn note_code_looked_up(&self, path: &mut Path, test: &Expr, refusing: &[Stmt]) {
        let asks = self.answers && self.stack.len() == 1 && answers_unauthorized(refusing);
        if asks && self.looks_up_code(test) {
            let reason = "it is not known whether a code that is looked up was given to the caller";
            path.unknown.get_or_insert_with(|| reason.into());
        }
    }

    /// Whether a test asks whether something was found for what is called a code.
    fn looks_up_code(&self, test: &Expr) -> bool {
        let found = match &test.kind {
            ExprKind::Not(inner) => inner,
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, Expr { kind: ExprKind::None, .. })] if matches!(op.as_str(), "is" | "==") => first,
                _ => return false,
            },
            _ => return false,
        };
        let given = match found.as_name() {
            Some(name) => assigned(&self.function().def.body, name),
            None => vec![&**found],
        };
        let [made] = given.as_slice() else { return false };
        let call: &Expr = match &made.kind {
            ExprKind::Await(inner) => inner,
            _ => made,
        };
        call.as_call().is_some_and(|(_, args)| args.iter().any(|arg| names_code(&arg.value)))
    }
}

/// Whether a block ends in an exception with the status 401.
fn answers_unauthorized(block: &[Stmt]) -> bool {
    let Some(Stmt { kind: StmtKind::Raise { exc: Some(raised), .. }, .. }) = block.last() else { return false };
    let Some((_, args)) = raised.as_call() else { return false };
    keyword(args, "status_code").or_else(|| positional(args, 0)).and_then(http_status) == Some(401)
}

/// Whether a code that a row keeps, one that was mailed say, is compared with one that goes by such a name, too:
/// `pending.verification_code != body.code`, `pending.code_hash != digest(code)`. Names are no evidence that it proves
/// anything, but a reason not to say that nothing does.
pub(super) fn compares_codes(first: &Expr, second: &Expr) -> bool {
    let kept = |expr: &Expr| matches!(&expr.kind, ExprKind::Attribute { name, .. } if is_code_of_caller(&name.name));
    (kept(first) && names_code(second)) || (kept(second) && names_code(first))
}

/// Whether something in an expression is called a code.
fn names_code(expr: &Expr) -> bool {
    let is_code = |name: &str| name.split('_').any(|word| matches!(word, "code" | "otp" | "pin" | "passcode"));
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match &expr.kind {
            ExprKind::Name(name) if is_code(name) => return true,
            ExprKind::Attribute { name, .. } if is_code(&name.name) => return true,
            _ => pending.extend(expr.children()),
        }
    }
    false
}
