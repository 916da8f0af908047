//! Fixes: the edits that make findings go away. They are computed when asked
//! for, from the texts of a few files and what the snapshot knows.

mod algorithms;
mod asked_once;
mod asking;
mod auth_module;
mod callers;
mod calls;
mod comments;
mod cors_order;
mod elsewhere;
mod guard;
mod import_order;
mod imports;
mod layout;
mod left;
mod literal_secret;
mod ownership;
mod ownership_row;
mod ownership_tenant;
mod ownership_writes;
mod quoting;
mod registry;
mod rejection;
mod required_claim;
mod rewritten;
mod scheme;
mod script;
mod shared_verifier;
mod signature;
mod spelling;
mod style;
mod tokens;
mod unapplied;
mod verifier;
mod widened;
mod wider;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use self::layout::{Layout, line_after};
use self::style::ProjectStyle;
use crate::facts::manifests::Version;
use crate::facts::python::file::FileItem;
use crate::facts::python::lower::lower_file;
use crate::ide::{
    Applicability, Diagnostic, Fix, FixKind, Judged, Location, NewFile, Refusal, SourceChange, State, TextEdit,
};
use crate::index::interpreter::Interpreter;
use crate::index::routes::{Application, Route};
use crate::rules::{
    algorithm_from_token, algorithms_missing, audience_not_checked, auth_dependency_not_applied, check_after_change,
    client_trusted_identity, cors_inside_auth, duplicate_verification, excessive_leeway, expiry_not_required,
    expiry_not_verified, hardcoded_secret, identity_claim_not_required, ineffective_jwt_option, ineffective_scope,
    inline_verification, issuer_not_checked, leaky_auth_error, middleware_raises_http_exception,
    missing_auth_dependency, missing_bearer, missing_ownership_check, mixed_algorithms, none_algorithm,
    owner_mass_assignment, privilege_mass_assignment, query_not_scoped, router_included_unguarded_twice,
    secret_not_configured, session_token_as_jwt, spec_auth_drift, token_logged, token_strategy_mismatch,
    undefined_bearer, unguarded_mount, unmapped_token_error, unused_ignore, unverified_auth_dependency,
    wrong_auth_status, wrong_ownership_status,
};
use crate::syntax::Grammar;
use crate::syntax::mending::{Reading, read};
use crate::text::TextRange;
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// Computes fixes of one snapshot. What it had to look up for one finding it
/// remembers for the next.
pub struct Fixer<'s> {
    state: &'s State,
    interpreter: Interpreter<'s>,
    sources: RefCell<FxHashMap<FileId, Option<Rc<Source>>>>,
    /// Import statements by file.
    imports: RefCell<FxHashMap<FileId, Rc<[imports::Statement]>>>,
    /// Fixes that guard more than a route, by what they start from.
    wider: RefCell<FxHashMap<wider::Start, Rc<[Fix]>>>,
    style: OnceCell<ProjectStyle>,
    places: OnceCell<Places>,
    called_bare: OnceCell<FxHashSet<*const Route>>,
    answered_blindly: OnceCell<FxHashSet<*const Route>>,
    faulty_behind_guard: OnceCell<FxHashSet<*const Route>>,
    /// Files that executing a file executes.
    reachable: RefCell<FxHashMap<FileId, FxHashSet<FileId>>>,
    /// Folders that a file's absolute imports of the project begin at.
    roots: RefCell<FxHashMap<FileId, Vec<String>>>,
}

/// Appends the fixes of one rule's finding, and why expected ones are missing.
type Repair = fn(&Fixer<'_>, &Diagnostic, &mut Vec<Fix>, &mut Vec<Refusal>);

/// A text with how it was read.
struct Source {
    file: FileId,
    text: Arc<str>,
    grammar: Grammar,
    reading: Reading,
    layout: Layout,
}

impl Source {
    /// The whole text as a node.
    fn root(&self) -> Node<'_> {
        self.reading.tree.root_node()
    }

    /// Whether it still parses with edits, which are sorted, where it parses without. Of Python, of which these are the
    /// items, only statements around an edit are parsed again: beside what is whole the others stay what they are.
    fn parses_with(&self, edits: &[TextEdit], items: &[FileItem]) -> bool {
        if self.grammar != Grammar::Python {
            let after = self.instead(&apply(&self.text, edits));
            return after.is_some_and(|after| !after.tree.root_node().has_error());
        }
        let mut parts: Vec<(TextRange, Vec<TextEdit>)> = Vec::new();
        for edit in edits {
            let around = self.statements_around(edit.range, items);
            match parts.last_mut() {
                Some((part, inner)) if around.start <= part.end => {
                    part.end = part.end.max(around.end);
                    inner.push(edit.clone());
                }
                _ => parts.push((around, vec![edit.clone()])),
            }
        }
        parts.into_iter().all(|(part, mut inner)| {
            for edit in &mut inner {
                edit.range = TextRange::new(edit.range.start - part.start, edit.range.end - part.start);
            }
            let after = apply(part.slice(&self.text), &inner);
            let reading = read(self.grammar, &after, None);
            reading.is_some_and(|reading| lower_file(&after, &reading.tree, None).errors.is_empty())
        })
    }

    /// Whole lines with the statements that a range touches, and one more on either side.
    fn statements_around(&self, range: TextRange, items: &[FileItem]) -> TextRange {
        let text = &*self.text;
        let start_of = |item: &FileItem| item.placed.start as usize;
        let end_of = |item: &FileItem| start_of(item) + item.placed.item.len as usize;
        let touched = items.partition_point(|item| end_of(item) < range.start as usize);
        let before = items[..touched].iter().rev().map(start_of).find(|start| text[..*start].ends_with('\n'));
        let mut end = line_after(text, range.end as usize);
        let mut beside = false;
        for item in &items[touched..] {
            if start_of(item) >= end && std::mem::replace(&mut beside, true) {
                break;
            }
            end = end.max(line_after(text, end_of(item)));
        }
        TextRange::new(before.unwrap_or(0) as u32, end as u32)
    }

    /// How another text in its place would be read.
    fn instead(&self, text: &str) -> Option<Reading> {
        read(self.grammar, text, Some((&self.reading, &self.text)))
    }
}

/// A route of an application outside of tests, with its verdict.
#[derive(Clone, Copy)]
struct Served<'s> {
    application: &'s Application,
    route: &'s Route,
    judged: &'s Judged,
}

/// Routes, as positions in the route table, by what a fix starts from.
#[derive(Default)]
struct Places {
    /// By where their findings stand.
    anchors: FxHashMap<Location, Vec<(usize, usize)>>,
    /// By the decorator or call that registers them.
    registrations: FxHashMap<Location, Vec<(usize, usize)>>,
}

impl<'s> Fixer<'s> {
    pub(crate) fn new(state: &'s State) -> Self {
        Self {
            state,
            interpreter: Interpreter::new(&state.sources, &state.runs),
            sources: RefCell::default(),
            imports: RefCell::default(),
            wider: RefCell::default(),
            style: OnceCell::new(),
            places: OnceCell::new(),
            called_bare: OnceCell::new(),
            answered_blindly: OnceCell::new(),
            faulty_behind_guard: OnceCell::new(),
            reachable: RefCell::default(),
            roots: RefCell::default(),
        }
    }

    /// Fixes of a finding, the preferred one first, and why expected ones are missing.
    pub fn fixes(&self, diagnostic: &Diagnostic) -> (Vec<Fix>, Vec<Refusal>) {
        let (mut fixes, mut refusals) = (Vec::new(), Vec::new());
        let open = diagnostic.rule == missing_auth_dependency::INFO.code
            || diagnostic.rule == spec_auth_drift::INFO.code
                && spec_auth_drift::is_about_open_route(self.state, diagnostic);
        let repair: Option<Repair> = match diagnostic.rule {
            rule if rule == unverified_auth_dependency::INFO.code => Some(scheme::fixes),
            rule if rule == auth_dependency_not_applied::INFO.code => Some(unapplied::fixes),
            rule if rule == middleware_raises_http_exception::INFO.code => Some(rejection::fixes),
            rule if rule == cors_inside_auth::INFO.code => Some(cors_order::fixes),
            rule if rule == router_included_unguarded_twice::INFO.code => Some(elsewhere::on_include),
            rule if rule == unguarded_mount::INFO.code => Some(elsewhere::on_mounted),
            rule if rule == client_trusted_identity::INFO.code => Some(ownership::identity),
            rule if rule == missing_ownership_check::INFO.code => Some(ownership::row),
            rule if rule == query_not_scoped::INFO.code => Some(ownership::query),
            rule if rule == check_after_change::INFO.code => Some(ownership::late),
            rule if rule == owner_mass_assignment::INFO.code => Some(ownership_writes::mass_assignment),
            rule if rule == privilege_mass_assignment::INFO.code => Some(ownership_writes::privileges),
            rule if rule == ineffective_scope::INFO.code => Some(ownership_writes::scope),
            rule if rule == token_logged::INFO.code => Some(tokens::logged),
            rule if rule == leaky_auth_error::INFO.code => Some(tokens::told),
            rule if rule == wrong_auth_status::INFO.code => Some(tokens::status),
            rule if rule == expiry_not_verified::INFO.code => Some(tokens::expiry),
            rule if rule == excessive_leeway::INFO.code => Some(tokens::leeway),
            rule if rule == none_algorithm::INFO.code => Some(tokens::none_algorithm),
            rule if rule == unmapped_token_error::INFO.code => Some(widened::unmapped),
            rule if rule == secret_not_configured::INFO.code => Some(tokens::missing_key),
            rule if rule == identity_claim_not_required::INFO.code => Some(required_claim::fixes),
            rule if rule == token_strategy_mismatch::INFO.code => Some(verifier::fixes),
            rule if rule == wrong_ownership_status::INFO.code => Some(ownership_writes::status),
            rule if rule == duplicate_verification::INFO.code => Some(shared_verifier::fixes),
            rule if rule == inline_verification::INFO.code => Some(shared_verifier::fixes),
            rule if rule == expiry_not_required::INFO.code => Some(required_claim::expiry),
            rule if rule == algorithms_missing::INFO.code => Some(algorithms::pinned),
            rule if rule == algorithm_from_token::INFO.code => Some(algorithms::pinned),
            rule if rule == mixed_algorithms::INFO.code => Some(algorithms::mixed),
            rule if rule == audience_not_checked::INFO.code => Some(algorithms::checked),
            rule if rule == issuer_not_checked::INFO.code => Some(algorithms::checked),
            rule if rule == hardcoded_secret::INFO.code => Some(literal_secret::fixes),
            rule if rule == session_token_as_jwt::INFO.code => Some(script::session_token),
            rule if rule == ineffective_jwt_option::INFO.code => Some(script::span),
            rule if rule == undefined_bearer::INFO.code => Some(script::bearer),
            rule if rule == missing_bearer::INFO.code => Some(script::missing_bearer),
            _ if open => Some(guard::fixes),
            _ => None,
        };
        if let Some(repair) = repair {
            repair(self, diagnostic, &mut fixes, &mut refusals);
        }
        if let Some(only) = script::only_fix(diagnostic.rule) {
            guard::keep(only(self, diagnostic), &mut fixes, &mut refusals);
        }
        if let Some(first) = fixes.first_mut() {
            first.preferred = true;
        }
        if diagnostic.rule == unused_ignore::INFO.code {
            fixes.extend(comments::remove(self.state, diagnostic));
        } else {
            fixes.extend(comments::silence(self, diagnostic));
        }
        (fixes, refusals)
    }

    fn source(&self, file: FileId) -> Result<Rc<Source>, Refusal> {
        let mut sources = self.sources.borrow_mut();
        let source = sources.entry(file).or_insert_with(|| {
            let text = self.state.parsed(file)?.text();
            let grammar = self.state.sources.file(file).and_then(|source| Grammar::of_path(&source.path))?;
            let reading = read(grammar, &text, None)?;
            let mut layout = Layout::of(&text);
            layout.limit = layout.limit.max(self.style().line_limit);
            Some(Rc::new(Source { file, text, grammar, reading, layout }))
        });
        source.clone().ok_or_else(|| Refusal("the file can't be read".into()))
    }

    /// Whether a file runs with this FastAPI or a newer one; the newest, where
    /// nothing says which.
    fn runs_with(&self, file: FileId, version: Version) -> bool {
        self.state.sources.fastapi(file).is_none_or(|(pinned, _)| pinned >= version)
    }

    fn style(&self) -> &ProjectStyle {
        self.style.get_or_init(|| ProjectStyle::of(self.state, &self.interpreter))
    }

    /// The routes that the frontend calls without a credential.
    fn called_bare(&self) -> &FxHashSet<*const Route> {
        self.called_bare.get_or_init(|| callers::called_bare(self.state))
    }

    /// The open routes of which something would be found behind a guard.
    fn faulty_behind_guard(&self) -> &FxHashSet<*const Route> {
        self.faulty_behind_guard.get_or_init(|| crate::rules::behind_guard(self.state))
    }

    /// The routes whose answers the frontend takes for data whatever they are.
    fn answered_blindly(&self) -> &FxHashSet<*const Route> {
        self.answered_blindly.get_or_init(|| callers::answered_blindly(self.state))
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| {
            let mut places = Places::default();
            for (at, application) in self.state.table.applications.iter().enumerate() {
                for (index, route) in application.routes.iter().enumerate().filter(|_| !application.test) {
                    let registration = self.state.sources.locate(route.registration);
                    let anchor = handler_site(&route.handler);
                    let anchor = anchor.map_or(registration, |site| self.state.sources.locate(site));
                    places.anchors.entry(anchor).or_default().push((at, index));
                    places.registrations.entry(registration).or_default().push((at, index));
                }
            }
            places
        })
    }

    /// The routes whose findings stand at a place.
    fn anchored(&self, at: Location) -> Vec<Served<'s>> {
        self.served(self.places().anchors.get(&at))
    }

    /// The routes that a decorator or call registers.
    fn registered(&self, at: Location) -> Vec<Served<'s>> {
        self.served(self.places().registrations.get(&at))
    }

    fn served(&self, positions: Option<&Vec<(usize, usize)>>) -> Vec<Served<'s>> {
        let positions = positions.map_or(&[][..], Vec::as_slice);
        let served = positions.iter().filter_map(|&(at, index)| {
            let application = self.state.table.applications.get(at)?;
            let route = application.routes.get(index)?;
            let judged = self.state.guards.applications.get(at)?.get(index)?;
            Some(Served { application, route, judged })
        });
        served.collect()
    }

    /// Every route of applications outside of tests.
    fn all_served(&self) -> impl Iterator<Item = Served<'s>> + '_ {
        let applications = self.state.table.applications.iter().zip(&self.state.guards.applications);
        applications.filter(|(application, _)| !application.test).flat_map(|(application, judged)| {
            let routes = application.routes.iter().zip(judged.iter());
            routes.map(move |(route, judged)| Served { application, route, judged })
        })
    }

    /// A fix, if every edited text still parses afterwards.
    fn checked(
        &self,
        mut edits: Vec<(FileId, Vec<TextEdit>)>,
        created: Vec<NewFile>,
        title: String,
        applicability: Applicability,
    ) -> Result<Fix, Refusal> {
        for (file, edits) in &mut edits {
            edits.sort_by_key(|edit| edit.range);
            let source = self.source(*file)?;
            for edit in edits.iter_mut() {
                quoting::requote(&source.text, source.root(), edit)?;
            }
            let Some(parsed) = self.state.parsed(*file).filter(|parsed| parsed.errors.is_empty()) else {
                return Err(Refusal("the file does not parse".into()));
            };
            let items = parsed.facts.python().map_or(&[][..], |facts| &facts.items);
            if !source.parses_with(edits, items) {
                return Err(Refusal("the file would not parse afterwards".into()));
            }
        }
        let change = SourceChange { edits, created };
        Ok(Fix { title, applicability, kind: FixKind::Repair, preferred: false, change })
    }
}

/// Takes a change into another one, whole or not at all: not when they overlap,
/// or when there is nothing new in it. Two fixes may make the same insertion
/// (an import) or the same file: it is made once.
pub fn take(taken: &mut SourceChange, change: &SourceChange) -> bool {
    let edits_of = |file: FileId| taken.edits.iter().find(|(other, _)| *other == file).map_or(&[][..], |(_, e)| e);
    let mut fresh: Vec<(FileId, Vec<TextEdit>)> = Vec::new();
    for (file, edits) in &change.edits {
        let old = edits_of(*file);
        let new: Vec<TextEdit> = edits.iter().filter(|edit| !old.contains(edit)).cloned().collect();
        if new.iter().any(|edit| old.iter().any(|other| edit.range.intersects(other.range))) {
            return false;
        }
        fresh.push((*file, new));
    }
    let mut created = Vec::new();
    for file in &change.created {
        match taken.created.iter().find(|other| other.path == file.path) {
            Some(same) if same.text == file.text => {}
            Some(_) => return false,
            None => created.push(file.clone()),
        }
    }
    if created.is_empty() && fresh.iter().all(|(_, edits)| edits.is_empty()) {
        return false;
    }
    for (file, edits) in fresh {
        match taken.edits.iter_mut().find(|(other, _)| *other == file) {
            Some((_, old)) => {
                old.extend(edits);
                old.sort_by_key(|edit| edit.range);
            }
            None => taken.edits.push((file, edits)),
        }
    }
    taken.created.extend(created);
    true
}

/// A text with edits applied. Of overlapping edits the first wins; insertions
/// at one place keep their order.
pub fn apply(text: &str, edits: &[TextEdit]) -> String {
    let mut sorted: Vec<&TextEdit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0usize;
    for edit in sorted {
        let (start, end) = (edit.range.start as usize, edit.range.end as usize);
        let (Some(before), true) = (text.get(at..start), end <= text.len()) else { continue };
        out.push_str(before);
        out.push_str(&edit.text);
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}
