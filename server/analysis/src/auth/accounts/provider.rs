//! Sign-ins at an identity provider, by way of a client of authlib (1.6, `authlib.integrations.starlette_client`) or
//! fastapi-sso (0.18).

use smol_str::SmolStr;

use super::{Callee, each_call};
use crate::auth::code::last_name;
use crate::auth::public::{BY_PROVIDER, CALLBACK};
use crate::facts::python::idioms::callees;
use crate::facts::python::tree::{Stmt, StmtKind};
use crate::index::interpreter::Interpreter;
use crate::index::value::FunctionRef;
use crate::text::TextRange;

/// What a handler, or a function of the project that it calls, does at an identity provider wherever it ends: it sends the
/// browser there, or takes what that came back with, which the client has the provider confirm.
pub(in crate::auth) fn at_provider(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> Option<&'static str> {
    let mut reason = None;
    let conditional = |_: &Interpreter<'_>, function: &FunctionRef| {
        let mut found = Vec::new();
        note_conditional(&function.def.body, false, &mut found);
        found
    };
    each_call(interpreter, handler, &conditional, &mut |_, callee| {
        let Callee::OfPackage(path) = callee else { return false };
        reason = match (path.split('.').next(), path.rsplit('.').next()) {
            (Some("authlib"), Some("authorize_redirect")) | (Some("fastapi_sso"), Some("get_login_redirect")) => {
                Some(BY_PROVIDER)
            }
            (Some("authlib"), Some("authorize_access_token")) | (Some("fastapi_sso"), Some("verify_and_process")) => {
                Some(CALLBACK)
            }
            _ => None,
        };
        reason.is_some()
    });
    reason
}

/// Notes the callees of a block that are called in one branch of a condition, where the other goes on without; `refuses` says
/// whether what comes behind the block refuses everybody.
fn note_conditional(block: &[Stmt], refuses: bool, found: &mut Vec<TextRange>) {
    for (at, stmt) in block.iter().enumerate() {
        let refuses = block.get(at + 1).map_or(refuses, |next| matches!(next.kind, StmtKind::Raise { .. }));
        if let StmtKind::If { body, or_else, .. } = &stmt.kind {
            for (branch, other) in [(body, or_else), (or_else, body)] {
                let is_elsewhere = |name: &SmolStr| callees(other).any(|callee| last_name(callee) == Some(name));
                let alone = callees(branch).filter(|callee| !last_name(callee).is_some_and(is_elsewhere));
                if !(leaves(other) || other.is_empty() && refuses) {
                    found.extend(alone.map(|callee| callee.range));
                }
            }
        }
        stmt.blocks().into_iter().for_each(|block| note_conditional(block, refuses, found));
    }
}

fn leaves(block: &[Stmt]) -> bool {
    block.last().is_some_and(|last| matches!(last.kind, StmtKind::Return(_) | StmtKind::Raise { .. }))
}
