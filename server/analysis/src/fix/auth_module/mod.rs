//! A new module with a verifying dependency, where a project has none.
//!
//! What it verifies is what callers send: tokens that Better Auth's `jwt()`
//! plugin signs are checked against its key set, session tokens of its
//! `bearer()` plugin by asking Better Auth, tokens that the project signs
//! itself with the key it signs them with, all others against a key set that
//! the environment names. The settings come from the environment, without
//! defaults: a service that lacks them does not start.

mod own;
mod text;

use std::collections::BTreeMap;

use super::calls::{Guard as Asked, Level, NewModule, guard_calls};
use super::guard::{keep, registrations};
use super::imports::Imports;
use super::left::{left_to_do, with_left};
use super::{Fixer, Served};
use crate::auth::guard::Guard;
use crate::ide::{Applicability, Fix, NewFile, Refusal, RouteKind, State};
use crate::index::modules::parent;
use crate::verdicts::source_root;
use own::Own;

/// Names that the new file may get, the first that is free.
const NAMES: &[&str] = &["auth", "authentication", "current_user"];

/// Signature algorithms of Better Auth's key pairs.
const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "ES512", "PS256", "RS256"];

/// What callers send as credential.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tokens {
    /// JWTs of Better Auth's `jwt()` plugin, signed with this algorithm.
    Jwt(&'static str),
    /// Session tokens of Better Auth's `bearer()` plugin.
    Session,
    /// Better Auth has neither plugin.
    WithoutPlugin,
    /// JWTs that the project signs itself.
    Own(Own),
    /// It is not known who signs users in.
    Unknown,
}

/// What the module has to be like.
struct Wanted {
    tokens: Tokens,
    /// Where Better Auth is served.
    base_path: String,
    /// Whether the project declares parameters with `Annotated`.
    annotated: bool,
}

/// Appends the fix that makes the module and guards open routes of one
/// application with it.
pub(super) fn fixes(fixer: &Fixer<'_>, open: &[Served<'_>], fixes: &mut Vec<Fix>, refusals: &mut Vec<Refusal>) {
    let Some(first) = open.first() else { return };
    // Where a route is guarded, or may be, the project has its own way.
    let bare = |one: &Served<'_>| matches!(one.judged.guard, Guard::Open(_) | Guard::Public(_));
    let mut whole = fixer.all_served().filter(|one| one.application.router == first.application.router);
    let root = source_root(fixer.state, first.application);
    let has_one = fixer
        .state
        .verifiers
        .iter()
        .any(|verifier| fixer.state.sources.file(verifier.file).is_some_and(|file| file.path.starts_with(&root)));
    if has_one || !whole.all(|one| bare(&one)) {
        return;
    }
    keep(module_and_guards(fixer, open), fixes, refusals);
}

fn module_and_guards(fixer: &Fixer<'_>, open: &[Served<'_>]) -> Result<Fix, Refusal> {
    if open.iter().any(|one| one.route.kind == RouteKind::WebSocket) {
        return Err(Refusal("a new dependency would read an HTTP request, which a WebSocket does not have".into()));
    }
    if open.iter().any(|one| !one.route.injects) {
        return Err(Refusal("Starlette runs no dependencies for one of the routes".into()));
    }
    let module = module(fixer, open)?;
    let calls = registrations(fixer, open)?;
    let edits = guard_calls(fixer, Level::Registration, &calls, Asked::New(&module))?;
    let name = module.file.path.rsplit('/').next().unwrap_or_default();
    let routes = if open.len() == 1 { "the route".to_owned() } else { format!("the {} open routes", open.len()) };
    let title = format!("Create `{name}` with a dependency that verifies tokens, and guard {routes}");
    let title = with_left(title, left_to_do(fixer, open));
    fixer.checked(edits, vec![module.file], title, Applicability::Unsafe)
}

fn module(fixer: &Fixer<'_>, open: &[Served<'_>]) -> Result<NewModule, Refusal> {
    let no_place = || Refusal("there is no place for a new module".into());
    let application = open.first().ok_or_else(no_place)?.application;
    let sources = &fixer.state.sources;
    let main = sources.file(application.site.file).ok_or_else(no_place)?;
    let folder = parent(&main.path);
    let has_files = |folder: &str| sources.iter().any(|(_, file)| file.path.starts_with(&format!("{folder}/")));
    let core = format!("{folder}/core");
    let folder = if has_files(&core) { core } else { folder.to_owned() };
    let free =
        |name: &&&str| sources.id(&format!("{folder}/{name}.py")).is_none() && !has_files(&format!("{folder}/{name}"));
    let name = NAMES.iter().find(free).ok_or_else(no_place)?;
    let path = format!("{folder}/{name}.py");
    let mut spellings = BTreeMap::new();
    for one in open {
        let file = one.route.registration.file;
        let imports = Imports::new(fixer, &fixer.source(file)?, None)?;
        spellings.insert(file, imports.spelling_of_new(&path).ok_or_else(no_place)?);
    }
    let facts = sources.facts(application.site.file).ok_or_else(no_place)?;
    let ending = fixer.source(application.site.file)?.layout.ending;
    let (mut tokens, base_path) = frontend(fixer.state);
    if tokens == Tokens::Unknown
        && let Some(own) = own::tokens(fixer, open, &path)?
    {
        tokens = Tokens::Own(own);
    }
    let wanted = Wanted { tokens, base_path, annotated: fixer.style().annotates(facts) };
    let text = text::text(&wanted).replace('\n', ending);
    Ok(NewModule { file: NewFile { path, text }, spellings, name: "get_current_user" })
}

/// What the frontend of the workspace sends, by a plain look at the text of
/// its Better Auth configuration, and where Better Auth is served.
fn frontend(state: &State) -> (Tokens, String) {
    let configurations = state.sources.iter().filter_map(|(file, source)| {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let script = [".ts", ".tsx", ".js", ".mjs", ".mts"].iter().any(|ending| name.ends_with(ending));
        let text = state.documents.get(file).filter(|_| script)?.text()?;
        calls(&text, "betterAuth").then(|| without_comments(&text))
    });
    let (mut tokens, mut base_path) = (Tokens::Unknown, "/api/auth".to_owned());
    for text in configurations {
        if let Some(path) = quoted_after(&text, "basePath") {
            base_path = path.to_owned();
        }
        if calls(&text, "jwt") {
            let written = quoted_after(&text, "alg").and_then(|alg| ALGORITHMS.iter().find(|known| **known == alg));
            return (Tokens::Jwt(written.unwrap_or(&"EdDSA")), base_path);
        }
        if calls(&text, "bearer") {
            tokens = Tokens::Session;
        } else if tokens == Tokens::Unknown {
            tokens = Tokens::WithoutPlugin;
        }
    }
    (tokens, base_path)
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| match line.find("//") {
        Some(at) if !line[..at].ends_with(':') => line[..at].to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// Whether a text calls a function by its bare name.
fn calls(text: &str, name: &str) -> bool {
    text.match_indices(&format!("{name}("))
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '.'))
}

/// The string literal behind `key:`.
fn quoted_after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let at = text.match_indices(&format!("{key}:")).next()?.0 + key.len() + 1;
    let rest = text[at..].trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    rest[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_other_names() {
        assert!(calls("plugins: [jwt(), x]", "jwt") && calls("[jwt({a: 1})]", "jwt"));
        assert!(!calls("myjwt()", "jwt") && !calls("auth.jwt()", "jwt") && !calls("jwt", "jwt"));
        assert_eq!(quoted_after("keyPairConfig: { alg: \"ES256\" }", "alg"), Some("ES256"));
        assert_eq!(quoted_after("alg: variable", "alg"), None);
        assert!(!calls(&without_comments("// jwt()\nplugins: [bearer()]"), "jwt"));
    }
}
