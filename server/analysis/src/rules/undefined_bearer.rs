//! `undefined-bearer`: `Bearer null` and its kin.

use super::shared::frontend;
use super::sign_out_keeps_token::root_of;
use super::{RuleInfo, State};
use crate::auth::guard::{Guard, Weak};
use crate::frontend::observed::How;
use crate::frontend::outcome::{Absent, Area, Attached, Bearer, Fault, Kept, Outcome, Request, TokenSource, What};
use crate::ide::{Diagnostic, Severity};
use crate::verdicts::calls::Origins;
use crate::vfs::FileId;

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "undefined-bearer",
    summary: "a header that sends `Bearer null`, `Bearer undefined` or an object's name",
    cwe: "CWE-476",
    owasp: "API2:2023",
    severity: Severity::Error,
    page: include_str!("../../../../specs/rules/undefined-bearer.md"),
};

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    let mut origins = None;
    let mut refused: Vec<&Bearer> = Vec::new();
    for (file, outcome) in state.frontend.outcomes() {
        // What another file's function sends is said there.
        let own = || outcome.bearers.iter().filter(|bearer| bearer.place.file == file);
        let (never, rest): (Vec<_>, Vec<_>) =
            own().map(|bearer| (bearer, kept_elsewhere(state, bearer))).partition(|(_, kept)| kept.is_some());
        if wanted(file) {
            found.extend(never.into_iter().filter_map(|(bearer, kept)| never_there(state, bearer, kept?)));
        }
        let here = rest.into_iter().map(|(bearer, _)| bearer).filter(|bearer| bearer.fault.is_some());
        for bearer in here.filter(|bearer| !is_left_out(file, outcome, bearer)) {
            if is_met_by_sign_in(file, outcome, bearer) {
                continue;
            }
            let origins = origins.get_or_insert_with(|| Origins::new(state));
            match sent_to_open(origins, file, outcome, bearer) {
                Some(sent) if wanted(file) => found.extend(finding(state, bearer, sent)),
                Some(_) => {}
                None => refused.push(bearer),
            }
        }
    }
    // What modules send that run is told first.
    let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
    refused.sort_by_key(|bearer| {
        let file = bearer.place.file;
        (state.frontend.placement.is_unused(file), path(file))
    });
    for (at, bearer) in refused.iter().enumerate().filter(|(_, bearer)| wanted(bearer.place.file)) {
        let root = root_of(state, bearer.place.file);
        let is_same = |other: &&&Bearer| {
            other.source == bearer.source && other.fault == bearer.fault && root_of(state, other.place.file) == root
        };
        let first = refused[..at].iter().find(is_same).filter(|_| bearer.source != TokenSource::Other);
        found.extend(finding(state, bearer, first.map_or(Sent::First, |first| Sent::After(first))));
    }
}

/// The requests that a text stands in.
fn requests_around<'o>(file: FileId, outcome: &'o Outcome, bearer: &Bearer) -> impl Iterator<Item = &'o Request> {
    let place = bearer.place;
    outcome.requests.iter().filter(move |request| {
        let extent = request.extent;
        request.call.file == file
            && request.call.item == place.item
            && extent.start <= place.range.start
            && place.range.end <= extent.end
    })
}

/// Whether the request that a text stands in leaves it out: it is given where the client takes no headers.
fn is_left_out(file: FileId, outcome: &Outcome, bearer: &Bearer) -> bool {
    requests_around(file, outcome, bearer).any(|request| request.authorization == Attached::Never)
}

/// Whether whoever has no token is shown another page all the same: every request that the text stands in does so where
/// it is refused, or every one of the file that sends the same token.
fn is_met_by_sign_in(file: FileId, outcome: &Outcome, bearer: &Bearer) -> bool {
    if !matches!(bearer.fault, Some(Fault::Missing(_))) {
        return false;
    }
    let leaves = |request: &&Request| {
        let mut answers = outcome.observed.answers.iter();
        answers.any(|answered| answered.request == request.place && answered.how == How::Leaves)
    };
    let mut sending: Vec<&Request> = requests_around(file, outcome, bearer).collect();
    if sending.is_empty() && bearer.source != TokenSource::Other {
        sending = outcome.requests.iter().filter(|request| request.sent.contains(&bearer.source)).collect();
    }
    !sending.is_empty() && sending.iter().all(leaves)
}

/// How a text is sent whose request reaches a route that takes everybody: nobody refuses it there, unless the route
/// reads something out of it.
fn sent_to_open<'b>(origins: &Origins<'_>, file: FileId, outcome: &Outcome, bearer: &Bearer) -> Option<Sent<'b>> {
    let mut reads = false;
    let mut sending = requests_around(file, outcome, bearer).peekable();
    let mut is_open = |request: &Request| {
        let reached = origins.reached(file, request);
        reached.is_some_and(|reached| {
            let guard = &reached.judged.guard;
            reads |= matches!(guard, Guard::Open(Some(Weak::Dependency(..))));
            matches!(guard, Guard::Open(_) | Guard::Public(_))
        })
    };
    let is_open = sending.peek().is_some() && sending.all(&mut is_open);
    is_open.then_some(if reads { Sent::ToReader } else { Sent::ToOpen })
}

/// Where the package keeps the token of a sign-in, if that is under another key than a text reads, and nothing
/// keeps anything under that one.
fn kept_elsewhere<'s>(state: &'s State, bearer: &Bearer) -> Option<&'s Kept> {
    let TokenSource::Storage(area @ (Area::Local | Area::Session), Some(read)) = &bearer.source else { return None };
    // What keeps it may stand in a file that is not read.
    if state.sources.file(bearer.place.file).is_none_or(|source| state.frontend.has_other_files(&source.path)) {
        return None;
    }
    let root = root_of(state, bearer.place.file);
    let of_package = |kept: &&Kept| root_of(state, kept.place.file) == root;
    let kept = || state.frontend.outcomes().flat_map(|(_, outcome)| &outcome.kept).filter(of_package);
    if kept().any(|kept| kept.key.as_ref().is_none_or(|key| key == read)) {
        return None;
    }
    // Where a refresh token is kept, the token of requests may come from anywhere.
    let is_token = |kept: &&Kept| {
        kept.area == *area && matches!(&kept.what, What::Token(name) if !name.to_ascii_lowercase().contains("refresh"))
    };
    kept().filter(is_token).min_by_key(|kept| (kept.place.file, kept.place.range))
}

/// The finding on a text whose token is never there.
fn never_there(state: &State, bearer: &Bearer, kept: &Kept) -> Option<Diagnostic> {
    let TokenSource::Storage(area, Some(read)) = &bearer.source else { return None };
    let key = kept.key.as_ref()?;
    let area = match area {
        Area::Session => "sessionStorage",
        _ => "localStorage",
    };
    let message = format!(
        "Nothing keeps `{read}` in `{area}`: the token of the sign-in is kept as `{key}`, so this is never a token, and every caller is refused. Read the key that is written."
    );
    let steps = frontend::related(state, kept.place, "the token is kept here").into_iter().collect();
    frontend::report_where_run(state, &INFO, Severity::Error, bearer.place, message, steps)
}

/// How a text stands among those of its package.
enum Sent<'b> {
    /// It is the first of its kind.
    First,
    /// One of the same kind stands above it, or in another file.
    After(&'b Bearer),
    /// It is sent to a route that takes everybody.
    ToOpen,
    /// It is sent to a route that reads something out of it.
    ToReader,
}

/// The finding on a text.
fn finding(state: &State, bearer: &Bearer, sent: Sent<'_>) -> Option<Diagnostic> {
    let mut related = Vec::new();
    let (severity, message) = match bearer.fault? {
        Fault::Missing(absent) => {
            let source = match &bearer.source {
                TokenSource::Storage(Area::Local, Some(key)) => format!("`localStorage` has no `{key}`"),
                TokenSource::Storage(Area::Session, Some(key)) => format!("`sessionStorage` has no `{key}`"),
                TokenSource::Storage(Area::Cookie, Some(key)) => format!("there is no cookie `{key}`"),
                TokenSource::BetterAuthJwt | TokenSource::BetterAuthSession => "nobody is signed in".to_owned(),
                TokenSource::Storage(..) => "the storage has no token".to_owned(),
                _ => "there is no token".to_owned(),
            };
            let text = match absent {
                Absent::Null => "Bearer null",
                Absent::Undefined => "Bearer undefined",
            };
            // Said once; the others are mended as the first is.
            let (severity, refused) = match sent {
                Sent::First => (Severity::Warning, ", which the backend refuses as a bad token"),
                Sent::After(first) => {
                    related.extend(frontend::related(state, first.place, "the first one of them"));
                    (Severity::Info, ", too, which the backend refuses as a bad token")
                }
                Sent::ToReader => (Severity::Info, ", which the backend may refuse, or take for somebody's"),
                Sent::ToOpen => (Severity::Info, ", which nobody refuses only as long as the route takes everybody"),
            };
            let message = format!(
                "Where {source}, this sends `{text}`{refused}: test for the token first, and ask the user to sign in without one."
            );
            (severity, message)
        }
        Fault::Promise => (
            Severity::Error,
            "This sends `Bearer [object Promise]`: nothing waits for the token. Write `await` before it.".to_owned(),
        ),
        Fault::Object => (
            Severity::Error,
            "This sends `Bearer [object Object]`: the whole result stands where the token belongs. Take the token out of it."
                .to_owned(),
        ),
    };
    frontend::report_where_run(state, &INFO, severity, bearer.place, message, related)
}
