//! `unmapped-token-error`: a bad token that is answered with 500.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::shared::tokens::{for_each_item, way_out};
use super::{RuleInfo, State, for_each_served, related, report};
use crate::auth::guard::Guard;
use crate::auth::tokens::{Caught, Decode, LIST, Library, Raised, VerifierCall};
use crate::ide::{Diagnostic, Severity};
use crate::index::value::Site;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "unmapped-token-error",
    summary: "a bad token whose exception nobody catches, so that the answer is 500",
    cwe: "CWE-755",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/unmapped-token-error.md"),
};

/// What is said of a clause that catches only some of the exceptions.
pub(crate) const CATCHES_LESS: &str = "this catches less";

/// What is said of a clause that catches exceptions of somebody else.
pub(crate) const CATCHES_OTHERS: &str = "this catches none of it";

/// What is said of a clause that raises an exception of another library in place of what it caught.
const RAISES_ANOTHER: &str = "this raises an exception of another library in its place";

/// What is said of a clause with a list.
pub(crate) const CATCHES_NOTHING: &str = "Python wants a tuple here: with a list this catches nothing";

/// An exception that all of a library's are, and the modules that it is imported from.
pub(crate) struct Root {
    pub(crate) error: &'static str,
    pub(crate) modules: &'static [&'static str],
}

/// Those of all libraries.
pub(crate) fn roots() -> impl Iterator<Item = Root> {
    const MODULES: &[(Library, &[&str])] = &[
        (Library::PyJwt, &["jwt", "jwt.exceptions"]),
        (Library::Jose, &["jose.exceptions", "jose"]),
        (Library::Authlib, &["authlib.jose.errors"]),
        (Library::Joserfc, &["joserfc.errors"]),
    ];
    MODULES.iter().map(|(library, modules)| Root { error: library.root_error(), modules })
}

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    if state.tokens.answers_errors() {
        return;
    }
    let mut known: Option<FxHashSet<Site>> = None;
    for_each_item(state, wanted, |tokens| {
        for decode in tokens.decodes.iter().filter(|decode| decode.unverified.is_none()) {
            if is_caught(decode, decode.caught.iter()) {
                continue;
            }
            let Some(function) = decode.function else { continue };
            let is_end = &mut |site: Site| {
                state.in_use.is_used(site) && !known.get_or_insert_with(|| behind_guards(state)).contains(&site)
            };
            let leaves = |call: &VerifierCall, way: &[&VerifierCall]| {
                let above = way.iter().flat_map(|call| &call.caught);
                !call.is_about_own && !is_caught(decode, decode.caught.iter().chain(above).chain(&call.caught))
            };
            let Some(way) = way_out(state, function, is_end, &leaves) else { continue };
            let library = decode.library.name();
            let message = format!(
                "What {library} raises for a bad token is caught nowhere, so that the caller gets 500 in place of 401: catch `{}` and raise `HTTPException` with status 401.",
                decode.library.root_error()
            );
            let mut steps: Vec<_> = decode
                .caught
                .iter()
                .map(|caught| related(state, caught.site, narrow(decode, caught).to_owned()))
                .collect();
            steps.extend(way.into_iter().map(|call| related(state, call.site, "nothing catches it here".to_owned())));
            found.push(report(state, &INFO, Severity::Error, decode.site, message, steps));
        }
    });
}

/// What is said of a clause that does not catch what a verification raises.
fn narrow(decode: &Decode, clause: &Caught) -> &'static str {
    if clause.types.contains(&LIST) {
        return CATCHES_NOTHING;
    }
    match clause.raises_again {
        Some(Raised::Same) => return "this raises it again",
        Some(Raised::Of(library)) if library == decode.library => return "this raises it again",
        Some(Raised::Of(_)) => return RAISES_ANOTHER,
        None => {}
    }
    let of_library = |path: &SmolStr| Library::of(path) == Some(decode.library);
    if clause.types.iter().any(of_library) { CATCHES_LESS } else { CATCHES_OTHERS }
}

/// Handlers that are called for nobody whose token was not verified before.
fn behind_guards(state: &State) -> FxHashSet<Site> {
    let (mut behind, mut open) = (FxHashSet::default(), FxHashSet::default());
    for_each_served(state, |_, route, judged| {
        let guarded = matches!(judged.guard, Guard::Guarded(_) | Guard::Around(_));
        let handler = handler_site(&route.handler);
        if guarded { behind.extend(handler) } else { open.extend(handler) }
    });
    behind.retain(|site| !open.contains(site));
    behind
}

/// Whether clauses, innermost first, catch what the verification raises for a bad token. What some raise in its place has
/// to be caught by those around them.
fn is_caught<'c>(decode: &Decode, caught: impl Iterator<Item = &'c Caught>) -> bool {
    let caught: Vec<&Caught> = caught.collect();
    let is_end = |clause: &&Caught| clause.raises_again.is_none();
    if covers(decode.library, caught.iter().copied().filter(is_end)) {
        return true;
    }
    let other = |clause: &Caught| match clause.raises_again {
        Some(Raised::Of(library)) if library != decode.library => Some(library),
        _ => None,
    };
    let is_other_caught = |index: usize, clause: &Caught, library: Library| {
        let around = caught[index + 1..].iter().copied().filter(|outer| outer.attempt != clause.attempt);
        covers(library, around.filter(is_end))
    };
    let mut others = caught.iter().enumerate().filter_map(|(index, clause)| Some((index, *clause, other(clause)?)));
    covers(decode.library, caught.iter().copied().filter(|clause| is_end(clause) || other(clause).is_some()))
        && others.all(|(index, clause, library)| is_other_caught(index, clause, library))
}

/// Whether clauses name all exceptions that a library raises for a bad token.
fn covers<'c>(library: Library, caught: impl Iterator<Item = &'c Caught> + Clone) -> bool {
    let catches = |wanted: &[&str]| {
        caught.clone().any(|clause| {
            let name = |path: &str| path.rsplit('.').next().is_some_and(|name| wanted.contains(&name));
            clause.types.iter().any(|path| name(path))
        })
    };
    if caught.clone().any(|clause| clause.types.is_empty()) || catches(&["?", "Exception", "BaseException"]) {
        return true;
    }
    match library {
        // The last two are all that a token of one's own is refused for.
        Library::PyJwt => {
            catches(&["PyJWTError", "InvalidTokenError"])
                || (catches(&["DecodeError", "InvalidSignatureError"]) && catches(&["ExpiredSignatureError"]))
        }
        Library::Jose => catches(&["JOSEError", "JWTError"]),
        Library::Authlib | Library::Joserfc => {
            catches(&["JoseError"]) || (catches(&["BadSignatureError"]) && catches(&["DecodeError", "ValueError"]))
        }
    }
}
