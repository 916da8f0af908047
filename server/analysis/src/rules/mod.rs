//! The rules, one file each, and their registry.
//!
//! Rules see routes, guards and comments, never a syntax tree.

pub mod algorithm_from_token;
pub mod algorithms_missing;
pub mod audience_not_checked;
pub mod auth_bypass_switch;
pub mod auth_dependency_not_applied;
pub mod auth_failure_not_logged;
pub mod better_auth_misconfiguration;
pub mod check_after_change;
pub mod client_trusted_identity;
pub mod client_writable_role;
pub mod cookie_without_flags;
pub mod cors_any_origin_with_credentials;
pub mod cors_inside_auth;
pub mod credentials_mode_mismatch;
pub mod custom_crypto;
pub mod deactivated_account_accepted;
pub mod decode_used_as_auth;
pub mod duplicate_verification;
pub mod excessive_leeway;
pub mod expiry_not_required;
pub mod expiry_not_verified;
pub mod forbidden_logs_out;
pub mod hardcoded_secret;
pub mod identity_claim_mismatch;
pub mod identity_claim_not_required;
pub mod identity_in_process_state;
pub mod ineffective_jwt_option;
pub mod ineffective_scope;
pub mod inline_verification;
pub mod insecure_transport;
pub mod introspection_null_body;
pub mod invalid_configuration;
pub mod issuer_not_checked;
pub mod jwks_client_per_request;
pub mod jwt_not_issued;
pub mod key_from_token;
pub mod leaky_auth_error;
pub mod long_lived_token;
pub mod middleware_guard_gap;
pub mod middleware_never_runs;
pub mod middleware_raises_http_exception;
pub mod missing_auth_dependency;
pub mod missing_bearer;
pub mod missing_ownership_check;
pub mod missing_permission_check;
pub mod mixed_algorithms;
pub mod none_algorithm;
pub mod not_fully_analysed;
pub mod optimistic_only_guard;
pub mod owner_mass_assignment;
pub mod password_not_checked;
pub mod path_from_host_header;
pub mod privilege_mass_assignment;
pub mod query_not_scoped;
pub mod retry_on_auth_failure;
pub mod rewrite_captures_auth;
pub mod router_included_unguarded_twice;
pub mod scopes_not_enforced;
pub mod secret_in_client;
pub mod secret_in_response;
pub mod secret_mismatch;
pub mod secret_not_configured;
pub mod server_endpoint_without_session;
pub mod server_shared_token_cache;
pub mod server_side_session;
pub mod session_lookup_without_expiry;
pub mod session_read_without_headers;
pub mod session_token_as_jwt;
pub mod shadowed_guarded_route;
pub(crate) mod shared;
pub mod shared_secret_token_confusion;
pub mod sign_out_keeps_token;
pub mod spec_auth_drift;
pub mod swallowed_auth_error;
pub mod token_for_named_user;
pub mod token_in_url;
pub mod token_in_web_storage;
pub mod token_logged;
pub mod token_strategy_mismatch;
pub mod token_to_foreign_origin;
pub mod token_type_confusion;
pub mod undefined_bearer;
pub mod unguarded_mount;
pub mod unguarded_tool_server;
pub mod unhandled_unauthorized;
pub mod unknown_backend_route;
pub mod unmapped_token_error;
pub mod unused_ignore;
pub mod unverified_auth_dependency;
pub mod unverified_decode;
pub mod user_id_type_mismatch;
pub mod vulnerable_jwt_package;
pub mod vulnerable_next_middleware;
pub mod weak_secret;
pub mod wrong_auth_status;
pub mod wrong_ownership_status;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::auth::middleware::Notes;
use crate::ide::{Confidence, Diagnostic, Judged, Related, Severity};
use crate::index::routes::{Application, Route};
use crate::index::value::Site;
use crate::suppress;
use crate::vfs::FileId;

pub(crate) use crate::ide::State;

/// What is known of a rule without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Code: also the name of its page in `specs/rules/`.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// CWE id; empty where none applies.
    pub cwe: &'static str,
    /// OWASP API Security Top 10 2023 id; empty where none applies.
    pub owasp: &'static str,
    /// Highest severity that it reports.
    pub severity: Severity,
    /// The page, as Markdown.
    pub page: &'static str,
}

/// Whether findings of a rule on the backend show a place of the frontend, which
/// may move or be gone for a while.
pub(crate) fn shows_frontend(rule: &str) -> bool {
    rule == user_id_type_mismatch::INFO.code
}

/// All rules, sorted by code.
pub fn all() -> &'static [RuleInfo] {
    &[
        algorithm_from_token::INFO,
        algorithms_missing::INFO,
        audience_not_checked::INFO,
        auth_bypass_switch::INFO,
        auth_dependency_not_applied::INFO,
        auth_failure_not_logged::INFO,
        better_auth_misconfiguration::INFO,
        check_after_change::INFO,
        client_trusted_identity::INFO,
        client_writable_role::INFO,
        cookie_without_flags::INFO,
        cors_any_origin_with_credentials::INFO,
        cors_inside_auth::INFO,
        credentials_mode_mismatch::INFO,
        custom_crypto::INFO,
        deactivated_account_accepted::INFO,
        decode_used_as_auth::INFO,
        duplicate_verification::INFO,
        excessive_leeway::INFO,
        expiry_not_required::INFO,
        expiry_not_verified::INFO,
        forbidden_logs_out::INFO,
        hardcoded_secret::INFO,
        identity_claim_mismatch::INFO,
        identity_claim_not_required::INFO,
        identity_in_process_state::INFO,
        ineffective_jwt_option::INFO,
        ineffective_scope::INFO,
        inline_verification::INFO,
        insecure_transport::INFO,
        introspection_null_body::INFO,
        invalid_configuration::INFO,
        issuer_not_checked::INFO,
        jwks_client_per_request::INFO,
        jwt_not_issued::INFO,
        key_from_token::INFO,
        leaky_auth_error::INFO,
        long_lived_token::INFO,
        middleware_guard_gap::INFO,
        middleware_never_runs::INFO,
        middleware_raises_http_exception::INFO,
        missing_auth_dependency::INFO,
        missing_bearer::INFO,
        missing_ownership_check::INFO,
        missing_permission_check::INFO,
        mixed_algorithms::INFO,
        none_algorithm::INFO,
        not_fully_analysed::INFO,
        optimistic_only_guard::INFO,
        owner_mass_assignment::INFO,
        password_not_checked::INFO,
        path_from_host_header::INFO,
        privilege_mass_assignment::INFO,
        query_not_scoped::INFO,
        retry_on_auth_failure::INFO,
        rewrite_captures_auth::INFO,
        router_included_unguarded_twice::INFO,
        scopes_not_enforced::INFO,
        secret_in_client::INFO,
        secret_in_response::INFO,
        secret_mismatch::INFO,
        secret_not_configured::INFO,
        server_endpoint_without_session::INFO,
        server_shared_token_cache::INFO,
        server_side_session::INFO,
        session_lookup_without_expiry::INFO,
        session_read_without_headers::INFO,
        session_token_as_jwt::INFO,
        shadowed_guarded_route::INFO,
        shared_secret_token_confusion::INFO,
        sign_out_keeps_token::INFO,
        spec_auth_drift::INFO,
        swallowed_auth_error::INFO,
        token_for_named_user::INFO,
        token_in_url::INFO,
        token_in_web_storage::INFO,
        token_logged::INFO,
        token_strategy_mismatch::INFO,
        token_to_foreign_origin::INFO,
        token_type_confusion::INFO,
        undefined_bearer::INFO,
        unguarded_mount::INFO,
        unguarded_tool_server::INFO,
        unhandled_unauthorized::INFO,
        unknown_backend_route::INFO,
        unmapped_token_error::INFO,
        unused_ignore::INFO,
        unverified_auth_dependency::INFO,
        unverified_decode::INFO,
        user_id_type_mismatch::INFO,
        vulnerable_jwt_package::INFO,
        vulnerable_next_middleware::INFO,
        weak_secret::INFO,
        wrong_auth_status::INFO,
        wrong_ownership_status::INFO,
    ]
}

/// The rule of a code.
pub fn find(code: &str) -> Option<&'static RuleInfo> {
    all().iter().find(|rule| rule.code == code)
}

/// A rule's look at the whole project; it reports in the files that are wanted.
type Check = fn(&State, &dyn Fn(FileId) -> bool, &mut Vec<Diagnostic>);

/// The rules that look at routes.
const CHECKS: &[Check] = &[
    algorithm_from_token::check,
    algorithms_missing::check,
    audience_not_checked::check,
    auth_bypass_switch::check,
    auth_dependency_not_applied::check,
    auth_failure_not_logged::check,
    check_after_change::check,
    client_trusted_identity::check,
    client_writable_role::check,
    cookie_without_flags::check_backend,
    cors_any_origin_with_credentials::check,
    cors_inside_auth::check,
    custom_crypto::check,
    deactivated_account_accepted::check,
    duplicate_verification::check,
    excessive_leeway::check,
    expiry_not_required::check,
    expiry_not_verified::check,
    hardcoded_secret::check,
    identity_claim_mismatch::check,
    identity_claim_not_required::check,
    identity_in_process_state::check,
    ineffective_scope::check,
    inline_verification::check,
    insecure_transport::check,
    introspection_null_body::check,
    issuer_not_checked::check,
    jwks_client_per_request::check,
    key_from_token::check,
    leaky_auth_error::check,
    long_lived_token::check,
    middleware_guard_gap::check,
    middleware_raises_http_exception::check,
    missing_auth_dependency::check,
    missing_ownership_check::check,
    missing_permission_check::check,
    mixed_algorithms::check,
    none_algorithm::check,
    not_fully_analysed::check_applications,
    owner_mass_assignment::check,
    password_not_checked::check,
    path_from_host_header::check,
    privilege_mass_assignment::check,
    query_not_scoped::check,
    router_included_unguarded_twice::check,
    scopes_not_enforced::check,
    secret_in_response::check,
    secret_mismatch::check,
    secret_not_configured::check,
    server_side_session::check,
    session_lookup_without_expiry::check,
    shadowed_guarded_route::check,
    shared_secret_token_confusion::check,
    spec_auth_drift::check,
    swallowed_auth_error::check,
    token_in_url::check_parameters,
    token_in_url::check_redirects,
    token_logged::check,
    token_strategy_mismatch::check,
    token_type_confusion::check,
    unguarded_mount::check,
    unguarded_tool_server::check,
    unmapped_token_error::check,
    unverified_auth_dependency::check,
    unverified_decode::check,
    user_id_type_mismatch::check,
    vulnerable_jwt_package::check,
    weak_secret::check,
    wrong_auth_status::check,
    wrong_ownership_status::check,
];

/// The rules that look at the frontend's code.
const FRONTEND_CHECKS: &[Check] = &[
    better_auth_misconfiguration::check,
    client_writable_role::check_frontend,
    cookie_without_flags::check,
    credentials_mode_mismatch::check,
    decode_used_as_auth::check,
    forbidden_logs_out::check,
    hardcoded_secret::check_frontend,
    ineffective_jwt_option::check,
    insecure_transport::check_frontend,
    jwt_not_issued::check,
    missing_auth_dependency::check_frontend,
    missing_bearer::check,
    middleware_guard_gap::check_frontend,
    middleware_never_runs::check,
    optimistic_only_guard::check,
    password_not_checked::check_frontend,
    retry_on_auth_failure::check,
    rewrite_captures_auth::check,
    secret_in_client::check,
    secret_in_response::check_frontend,
    server_endpoint_without_session::check,
    token_for_named_user::check,
    missing_ownership_check::check_endpoints,
    missing_permission_check::check_endpoints,
    server_shared_token_cache::check,
    session_read_without_headers::check,
    session_token_as_jwt::check,
    sign_out_keeps_token::check,
    token_in_url::check,
    token_in_web_storage::check,
    token_logged::check_frontend,
    token_strategy_mismatch::check_frontend,
    token_to_foreign_origin::check,
    undefined_bearer::check,
    unhandled_unauthorized::check,
    unknown_backend_route::check,
    user_id_type_mismatch::check_frontend,
    vulnerable_next_middleware::check,
];

/// Which files findings are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// All but those of the frontend.
    Backend,
    /// TypeScript and JavaScript.
    Frontend,
}

/// The open routes, by their addresses in the table, of which something would be found if somebody verified their callers:
/// behind a guard it is whose rows a route touches that counts.
pub(crate) fn behind_guard(state: &State) -> FxHashSet<*const Route> {
    let mut routes = FxHashSet::default();
    client_trusted_identity::behind_guard(state, &mut routes);
    missing_ownership_check::behind_guard(state, &mut routes);
    owner_mass_assignment::behind_guard(state, &mut routes);
    query_not_scoped::behind_guard(state, &mut routes);
    routes
}

/// Calls `look` for every route of applications outside of tests.
fn for_each_served<'s>(state: &'s State, mut look: impl FnMut(&'s Application, &'s Route, &'s Judged)) {
    for (application, judged) in state.table.applications.iter().zip(&state.guards.applications) {
        if !application.test {
            application.routes.iter().zip(judged.iter()).for_each(|(route, judged)| look(application, route, judged));
        }
    }
}

/// Calls `look` for the notes on every middleware of applications outside of tests.
fn for_each_note(state: &State, mut look: impl FnMut(&Notes)) {
    for (application, middlewares) in state.table.applications.iter().zip(&state.guards.middlewares) {
        if !application.test {
            middlewares.notes.iter().filter(|note| !state.sources.is_ghost(note.site)).for_each(&mut look);
        }
    }
}

/// A finding at a site, as sure as what it rests on was resolved.
fn report(
    state: &State,
    info: &RuleInfo,
    severity: Severity,
    site: Site,
    message: String,
    mut related: Vec<Related>,
) -> Diagnostic {
    let location = state.sources.locate(site);
    related.retain(|step| step.location != location);
    Diagnostic {
        rule: info.code,
        severity,
        confidence: Confidence::High,
        location,
        message,
        related,
        unnecessary: false,
    }
}

/// A step of a proof at a site.
fn related(state: &State, site: Site, message: String) -> Related {
    Related { location: state.sources.locate(site), message }
}

/// The path of a file below the folder that is looked at.
fn path_below_root(state: &State, file: FileId) -> &str {
    let path = state.sources.file(file).map_or("", |source| source.path.as_str());
    let below = state.roots.iter().filter_map(|root| path.strip_prefix(root.as_str()));
    below.min_by_key(|rest| rest.len()).unwrap_or(path).trim_start_matches('/')
}

/// Findings in one half by file, of all files or of some.
pub(crate) fn diagnostics(
    state: &State,
    half: Half,
    only: Option<&FxHashSet<FileId>>,
) -> FxHashMap<FileId, Vec<Diagnostic>> {
    let checks = match half {
        Half::Backend => CHECKS,
        Half::Frontend => FRONTEND_CHECKS,
    };
    let is_of_half = |file: FileId| state.is_script(file) == (half == Half::Frontend);
    let only: Option<FxHashSet<FileId>> =
        only.map(|only| only.iter().filter(|file| is_of_half(**file)).copied().collect());
    if only.as_ref().is_some_and(FxHashSet::is_empty) {
        return FxHashMap::default();
    }
    // Every rule asks it of everything that it might report.
    let wanted = |file: FileId| match &only {
        Some(only) => only.contains(&file),
        None => is_of_half(file),
    };
    let mut by_file: FxHashMap<FileId, Vec<Diagnostic>> = FxHashMap::default();
    let mut found = Vec::new();
    for check in checks {
        check(state, &wanted, &mut found);
    }
    for diagnostic in found {
        by_file.entry(diagnostic.location.file).or_default().push(diagnostic);
    }
    let configurations = state.policy.configurations().map(|(file, _)| file);
    let others: FxHashSet<FileId> = match &only {
        Some(only) => only.iter().filter(|file| state.speaking.contains(file)).copied().chain(configurations).collect(),
        None => state.speaking.iter().copied().chain(configurations).collect(),
    };
    let files: FxHashSet<FileId> = by_file.keys().copied().chain(others).filter(|file| wanted(*file)).collect();
    for file in files {
        let Some(source) = state.sources.file(file) else { continue };
        let mut own = by_file.remove(&file).unwrap_or_default();
        apply_levels(state, &source.path, &mut own);
        if let Some(parsed) = state.parsed(file) {
            own.sort_by(|a, b| (a.location, a.rule).cmp(&(b.location, b.rule)));
            own.dedup_by(|a, b| a.location == b.location && a.rule == b.rule);
            if !parsed.comments.is_empty() {
                let (kept, unused) = suppress::apply(own, &parsed.comments, &parsed.text(), &parsed.line_index());
                own = kept;
                if !source.test {
                    let knows_all = parsed.errors.is_empty() && state.knows_all_around(&source.path);
                    unused_ignore::check(file, &parsed.comments, &unused, knows_all, &mut own);
                    if knows_all {
                        unused_ignore::check_public(state, file, &mut own);
                    }
                }
            }
        }
        not_fully_analysed::check(state, file, &mut own);
        // Excluded files are not judged, comments in them included.
        if !own.is_empty() && state.policy.is_excluded(&source.path) {
            own.clear();
        }
        invalid_configuration::check(state, file, &mut own);
        if !own.is_empty() {
            own.sort_by(|a, b| (a.location, a.rule).cmp(&(b.location, b.rule)));
            by_file.insert(file, own);
        }
    }
    by_file
}

/// Rules that only report where the configuration gives them a level. Their
/// pages say why.
const OFF_UNLESS_ASKED_FOR: &[&str] = &[auth_failure_not_logged::INFO.code, expiry_not_required::INFO.code];

/// Gives findings the level that the configuration says, or drops them.
fn apply_levels(state: &State, path: &str, found: &mut Vec<Diagnostic>) {
    found.retain_mut(|diagnostic| {
        let severity = match state.policy.level(path, diagnostic.rule) {
            Some("error") => Severity::Error,
            Some("warning") => Severity::Warning,
            Some("info") => Severity::Info,
            Some("hint") => Severity::Hint,
            Some("off") => return false,
            _ => {
                // What was put aside runs nowhere, it seems; a secret in it is one all the same.
                let is_secret = diagnostic.rule == hardcoded_secret::INFO.code;
                if diagnostic.severity == Severity::Error && !is_secret && is_put_aside(state, path) {
                    diagnostic.severity = Severity::Warning;
                }
                return !OFF_UNLESS_ASKED_FOR.contains(&diagnostic.rule);
            }
        };
        diagnostic.severity = severity;
        true
    });
}

/// Whether a folder of the workspace is called what code is put aside in: `_old_app`, `backup`.
fn is_put_aside(state: &State, path: &str) -> bool {
    const WORDS: &[&str] = &["old", "backup", "bak", "archive", "archived", "deprecated", "unused"];
    let root = state.roots.iter().filter(|root| path.starts_with(root.as_str())).map(String::len).max();
    let below = path.get(root.unwrap_or(0)..).unwrap_or_default();
    let Some((folders, _)) = below.rsplit_once('/') else { return false };
    folders.split(['/', '_', '-', '.']).any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}
