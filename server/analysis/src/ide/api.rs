//! The types that the analysis hands to its users: the command line and the
//! language server. None of them knows a protocol or an output format.

use std::sync::Arc;

use crate::facts::typescript::imports::Imports;
pub use crate::index::routes::RouteKind;
use crate::text::TextRange;
use crate::vfs::FileId;
pub use crate::vfs::Location;

/// How bad it is, if it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// A remark.
    Hint,
    /// Worth knowing.
    Info,
    /// Probably wrong.
    Warning,
    /// Proven wrong.
    Error,
}

impl Severity {
    /// One degree less.
    pub fn lower(self) -> Self {
        match self {
            Self::Error => Self::Warning,
            Self::Warning => Self::Info,
            Self::Info | Self::Hint => Self::Hint,
        }
    }
}

/// How sure the analysis is that it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Rests on a convention.
    Low,
    /// One step of the chain rests on a default policy.
    Medium,
    /// Every step was resolved to code.
    High,
}

/// A place with a sentence: one step of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Related {
    /// Where.
    pub location: Location,
    /// What stands there.
    pub message: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Code of the rule, as in `specs/rules/<code>.md`.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Where.
    pub location: Location,
    /// What is wrong, why, and what to do.
    pub message: String,
    /// The proof.
    pub related: Vec<Related>,
    /// Whether the marked text has no effect (editors fade it).
    pub unnecessary: bool,
}

/// Whether a fix can change what legitimate callers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Applicability {
    /// It may: applied only when asked for (`--unsafe-fixes`, one by one in editors).
    Unsafe,
    /// It can't.
    Safe,
}

/// Replaces `range` by `text`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextEdit {
    /// What is replaced; empty for an insertion.
    pub range: TextRange,
    /// What is put there.
    pub text: String,
}

/// A file that a fix makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewFile {
    /// Absolute path with forward slashes; nothing is there yet.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Edits of one or more files. Within a file they are sorted and don't overlap.
/// All of them are made, or none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SourceChange {
    /// Edits by file.
    pub edits: Vec<(FileId, Vec<TextEdit>)>,
    /// Files to make.
    pub created: Vec<NewFile>,
}

/// What kind of action a fix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FixKind {
    /// Removes the cause of the finding. Applied by `--fix` and by fix-all.
    Repair,
    /// Writes an ignore or public comment: never applied by itself.
    Silence,
}

/// A way to make a finding go away.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fix {
    /// A sentence in the imperative, for a menu.
    pub title: String,
    /// Whether it is safe.
    pub applicability: Applicability,
    /// Repair or silence.
    pub kind: FixKind,
    /// Whether it is the one to take when there are several.
    pub preferred: bool,
    /// The edit.
    pub change: SourceChange,
}

/// Why a fix that a user would expect is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal(pub String);

/// The verdict on a route, as shown to people and machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteStatus {
    /// A dependency of its chain verifies the caller and rejects the others.
    Guarded,
    /// Nothing in its chain verifies the caller.
    Open,
    /// Open on purpose: by nature, comment, configuration or specification.
    Public,
    /// The chain holds something that could not be resolved.
    Unknown,
}

impl RouteStatus {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Guarded => "guarded",
            Self::Open => "open",
            Self::Public => "public",
            Self::Unknown => "unknown",
        }
    }
}

/// How sure the analysis is that a route exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// Registered in every run.
    Exact,
    /// Registered under a condition.
    Conditional,
}

/// A function or class of the project, or of a package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallableView {
    /// Dotted module name.
    pub module: String,
    /// Qualified name in the module.
    pub qualname: String,
    /// What the project calls it where it uses it.
    pub name: String,
    /// Where its `def` or `class` line is; absent for packages.
    pub location: Option<Location>,
}

/// One dependency of a route, in FastAPI's own order (parents before children).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DependencyView {
    /// What is called.
    pub callable: CallableView,
    /// `function`, `class`, `instance`, `method`, `lambda` or `unknown`.
    pub kind: &'static str,
    /// `app`, `include`, `router`, `decorator`, `param` or `nested`.
    pub via: &'static str,
    /// Index of the dependency that pulled it in.
    pub parent: Option<usize>,
    /// Accumulated security scopes.
    pub scopes: Vec<String>,
    /// Name of the `fastapi.security` class, when the callable is a scheme.
    pub security: Option<String>,
    /// Module-level name of an instance: module, name, place.
    pub binding: Option<(String, String, Location)>,
    /// What it proves, in a few words (`verifies`, `extracts only`, …).
    pub verdict: String,
    /// Where the `Depends(…)` stands.
    pub site: Option<Location>,
}

/// One route of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteView {
    /// Full path as Starlette stores it.
    pub path: String,
    /// Whether every part of the path is known.
    pub path_known: bool,
    /// Upper-case methods, sorted; empty for WebSocket and mount.
    pub methods: Vec<String>,
    /// Kind.
    pub kind: RouteKind,
    /// `fastapi`, or `starlette` for routes without dependency injection.
    pub source: &'static str,
    /// The handler, when it could be resolved.
    pub handler: Option<CallableView>,
    /// The registering decorator or call.
    pub registration: Location,
    /// Range of the handler's name (or of the registration) for diagnostics and hints.
    pub anchor: Location,
    /// Dependencies in FastAPI's order.
    pub dependencies: Vec<DependencyView>,
    /// Certainty.
    pub certainty: Certainty,
    /// Verdict.
    pub status: RouteStatus,
    /// The verdict in a few words: name of the guard, reason of the unknown, why it is public.
    pub status_detail: String,
    /// Where what decides stands: the guard, what only looks like one, or what says that it is public.
    pub deciding: Option<Location>,
    /// The proof of the verdict, step by step.
    pub proof: Vec<Related>,
}

/// Something that registers routes and could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnresolvedView {
    /// Where.
    pub location: Location,
    /// Machine-readable reason: `dynamic-path`, `dynamic-prefix`, `unknown-router`, `loop`, ….
    pub reason: &'static str,
    /// How many routes are known to be behind it, at least.
    pub routes_at_least: u32,
}

/// One FastAPI application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppView {
    /// `module:name`.
    pub name: String,
    /// Where the `FastAPI(…)` call is.
    pub location: Location,
    /// Whether it lives in test code; such apps are listed but not judged.
    pub in_tests: bool,
    /// The FastAPI that it runs with, and the manifest that says so.
    pub fastapi: Option<(String, String)>,
    /// Routes in registration order.
    pub routes: Vec<RouteView>,
    /// Applications that it mounts: path, and where the other application is made.
    pub mounts: Vec<(String, Location)>,
    /// What could not be followed.
    pub unresolved: Vec<UnresolvedView>,
}

/// The counts that every report ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Python files of the project.
    pub python: usize,
    /// TypeScript and JavaScript files of the project.
    pub scripts: usize,
    /// Routes of applications outside tests.
    pub routes: usize,
    /// Of these, guarded.
    pub guarded: usize,
    /// Of these, open.
    pub open: usize,
    /// Of these, public on purpose.
    pub public: usize,
    /// Of these, unknown.
    pub unknown: usize,
    /// Routes of routers that no application is seen to include: nobody can call them, or what includes them
    /// could not be followed.
    pub not_included: usize,
    /// Files with syntax errors, beyond the size cap, in an encoding that nothing tells, or that may not be read.
    pub not_fully_analysed: usize,
    /// Modules of the frontend that were evaluated.
    pub modules: usize,
    /// Route handlers of Next.js in them.
    pub handlers: usize,
    /// Server actions.
    pub actions: usize,
    /// Calls that make requests.
    pub requests: usize,
}

/// Hover text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub range: TextRange,
    /// Markdown. Links to places are written by the caller from `proof`.
    pub markdown: String,
    /// Places that the text speaks of.
    pub proof: Vec<Related>,
}

/// The guard of a route, shown beside its handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteHint {
    /// The handler's name: lenses go above its line, inlay hints behind the header.
    pub range: TextRange,
    /// End of the `def` line (behind the colon), for inlay hints.
    pub header_end: u32,
    /// `guarded by get_current_user`, `open`, `public: health check`, `guard unknown`.
    pub label: String,
    /// Status, for icons and filters.
    pub status: RouteStatus,
    /// `GET /api/tasks`, one per route of this handler.
    pub routes: Vec<String>,
    /// The proof.
    pub proof: Vec<Related>,
}

/// A route that is looked for by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSymbol {
    /// `GET /api/tasks`.
    pub name: String,
    /// The application that serves it; none for a router that none includes.
    pub application: Option<String>,
    /// Its handler.
    pub handler: Location,
}

/// An address in a call that leads to a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteLink {
    /// The text of the address, without its quotes.
    pub range: TextRange,
    /// `GET /api/tasks`.
    pub name: String,
    /// Its guard.
    pub status: RouteStatus,
    /// Its handler.
    pub handler: Location,
}

/// How the content of a file reached the analysis.
#[derive(Debug, Clone)]
pub enum FileContent {
    /// The file exists, its text has not been read.
    Listed,
    /// The same of a script, of which it is known what it imports.
    Script(Arc<Imports>),
    /// Its text.
    Text(Arc<str>),
    /// The text of a file that sets variables and is not committed.
    Private(Arc<str>),
    /// It exists and can't be analysed: why (too large, not UTF-8, unreadable).
    Unreadable(&'static str),
    /// It does not exist (any more).
    Removed,
}

/// A change of the world: files by absolute path with forward slashes.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New list of workspace roots (absolute, no trailing slash), when it changed.
    pub roots: Option<Vec<String>>,
    /// New list of the roots around which more belongs to the project than is read, when it changed.
    pub parts: Option<Vec<String>>,
    /// New content of files on disk.
    pub disk: Vec<(String, FileContent)>,
    /// Open documents: new full text, or `None` when closed. They win over disk.
    pub open: Vec<(String, Option<Arc<str>>)>,
    /// The only configuration file that is to count, by absolute path.
    pub configuration: Option<String>,
}
