//! Paths of the page's own origin that Next.js answers itself, or sends on:
//! route handlers and the rewrites of `next.config`.

use smol_str::SmolStr;

use super::addresses::{Address, Base, Segment, address_of};
use super::evaluation::{Arguments, Session, awaited};
use super::observed::EnvironmentRead;
use super::outcome::{Phase, Place, Rewrite, UrlPart};
use super::requests::{option, url_parts};
use super::value::{ObjectKind, Origin, Value};
use crate::text::TextRange;

/// Whether a file is the configuration of Next.js or Vite.
pub(super) fn is_configuration(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("next.config.") || name.starts_with("vite.config.")
}

/// Notes the rewrites that a configuration gives.
pub(super) fn note(session: &mut Session<'_>, configuration: &Value, here: Place) {
    let nothing = Arguments { values: Vec::new(), places: Vec::new(), open: true };
    let configuration = match configuration {
        Value::Function(_) => {
            let given = session.call_value(configuration, &nothing, false, here);
            awaited(&given)
        }
        value => value.clone(),
    };
    let rewrites = option(session, &configuration, "rewrites");
    let given = session.call_value(&rewrites, &nothing, false, here);
    let given = awaited(&given);
    let is_list = |value: &Value| matches!(value, Value::Array(_) | Value::Object(_) | Value::Undefined);
    session.outcome.may_rewrite_more |=
        !matches!(rewrites, Value::Undefined) && !given.alternatives().iter().all(is_list);
    let phases =
        [("beforeFiles", Phase::BeforeFiles), ("afterFiles", Phase::AfterFiles), ("fallback", Phase::Fallback)];
    let phases = phases.map(|(name, phase)| (option(session, &given, name), phase));
    for (list, phase) in [(given, Phase::AfterFiles)].into_iter().chain(phases) {
        for list in list.alternatives() {
            let Value::Array(entries) = list else { continue };
            for entry in entries.iter().flat_map(|entry| entry.alternatives().to_vec()) {
                note_rewrite(session, &entry, phase, here);
            }
        }
    }
    note_inlined(session, &configuration);
    note_proxies(session, &configuration);
}

/// What a function that is not known gives. In the configuration of Next.js it is
/// a plugin, which gives the configuration that it is given, and more.
pub(super) fn given_on(session: &Session<'_>, arguments: &Arguments) -> Value {
    let is_configuration_object = |value: &&Value| match value {
        Value::Object(id) => session.store.get(*id).kind == ObjectKind::Plain,
        value => matches!(value, Value::Function(_)),
    };
    let stands_in_configuration = || {
        let file = session.frames.last().and_then(|frame| session.sources.file(frame.file));
        file.is_some_and(|source| is_configuration(&source.path))
    };
    let given = arguments.values.first().filter(|value| is_configuration_object(value) && stands_in_configuration());
    given.cloned().unwrap_or(Value::Unknown)
}

/// `server.proxy` of Vite: paths that begin with a key go to its target.
fn note_proxies(session: &mut Session<'_>, configuration: &Value) {
    let server = option(session, configuration, "server");
    let Value::Object(proxy) = option(session, &server, "proxy") else { return };
    let proxy = session.store.get(proxy).clone();
    let mut entries: Vec<_> = proxy.entries.into_iter().filter(|(key, _)| key.starts_with('/')).collect();
    // The longest comes first: of several that fit it is the one that was meant.
    entries.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
    for (key, entry) in entries {
        let target = match entry {
            Value::Object(_) => option(session, &entry, "target"),
            target => target,
        };
        let pattern = SmolStr::new(format!("{}/:path*", key.trim_end_matches('/')));
        let mut destination = url_parts(session, &target);
        if let Some(UrlPart::Text(text)) = destination.last_mut() {
            *text = SmolStr::new(text.trim_end_matches('/'));
        }
        destination.push(UrlPart::Text(pattern.clone()));
        session.outcome.rewrites.push(Rewrite {
            place: proxy.place,
            phase: Phase::BeforeFiles,
            is_conditional: false,
            source: pattern,
            destination: joined(destination),
        });
    }
}

/// Parts of a URL, neighbours that are known as one.
fn joined(parts: Vec<UrlPart>) -> Vec<UrlPart> {
    let mut out: Vec<UrlPart> = Vec::with_capacity(parts.len());
    for part in parts {
        match (&part, out.last_mut()) {
            (UrlPart::Text(text), Some(UrlPart::Text(last))) => *last = SmolStr::new(format!("{last}{text}")),
            _ => out.push(part),
        }
    }
    out
}

fn note_rewrite(session: &mut Session<'_>, entry: &Value, phase: Phase, here: Place) {
    let Some(source) = option(session, entry, "source").known_text() else {
        session.outcome.may_rewrite_more = true;
        return;
    };
    let place = match entry {
        Value::Object(id) => session.store.get(*id).place,
        _ => here,
    };
    let destination = option(session, entry, "destination");
    let destination = url_parts(session, &destination);
    let is_conditional =
        ["has", "missing", "basePath", "locale"].iter().any(|name| option(session, entry, name) != Value::Undefined);
    session.outcome.rewrites.push(Rewrite { place, phase, is_conditional, source, destination });
}

/// `env`: what is written into the code of whoever names it.
fn note_inlined(session: &mut Session<'_>, configuration: &Value) {
    let Value::Object(env) = option(session, configuration, "env") else { return };
    let object = session.store.get(env).clone();
    let mut entries: Vec<_> = object.entries.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in entries {
        let is_variable = |value: &Value| match value {
            Value::Symbol(symbol) => matches!(symbol.origin, Origin::Environment(_)),
            Value::Text(parts) => !parts.is_empty(),
            _ => false,
        };
        if value.alternatives().iter().any(is_variable) {
            session.outcome.observed.inlined.push(EnvironmentRead { place: object.place, name });
        }
    }
}

/// Alternatives that are no patterns themselves: what they exclude is excluded whatever the others say.
fn plain_words(excluded: &str) -> impl Iterator<Item = &str> {
    let plain = match excluded.split_once('(') {
        Some((plain, _)) => plain.rsplit_once('|').map_or("", |(plain, _)| plain),
        None => excluded,
    };
    plain.split('|').filter(|word| !word.is_empty() && !word.contains(['[', '*', '+', '?', '\\', '$']))
}

/// Whether the pattern of a rewrite or of a middleware takes a path; none if
/// that can't be told.
pub fn takes(pattern: &str, path: &[&str]) -> Option<bool> {
    // One pattern for the rest of the path: `/((?!api|_next).*)` and `/api/((?!auth).*)`.
    if let Some((before, rest)) = pattern.split_once("((?!") {
        let (excluded, _) = rest.split_once(')')?;
        let fixed: Vec<&str> = before.split('/').filter(|part| !part.is_empty()).collect();
        if fixed.len() > path.len() || fixed.iter().zip(path).any(|(own, given)| own != given) {
            return Some(false);
        }
        let left = path[fixed.len()..].join("/");
        if excluded.contains(['(', '[', '*', '+', '?', '\\']) {
            return plain_words(excluded).any(|word| left.starts_with(word.trim_end_matches('/'))).then_some(false);
        }
        return Some(!excluded.split('|').any(|excluded| left.starts_with(excluded.trim_end_matches(['/', '$']))));
    }
    let mut given = path.iter();
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let Some(name) = part.strip_prefix(':') else {
            if part.contains(['(', ':', '{']) {
                return if matches!(part, "(.*)") { Some(true) } else { None };
            }
            match given.next() {
                Some(own) if *own == part => continue,
                _ => return Some(false),
            }
        };
        if name.ends_with("(.*)") || name.ends_with('*') {
            return if name.matches('(').count() <= 1 { Some(true) } else { None };
        }
        if name.ends_with('+') {
            return Some(given.next().is_some());
        }
        if name.contains(['(', '{', '?']) {
            return None;
        }
        if given.next().is_none() {
            return Some(false);
        }
    }
    Some(given.next().is_none())
}

/// Where an address of the page's own origin is sent on to; none if no rewrite
/// speaks of it.
pub fn rewritten(rewrite: &Rewrite, segments: &[Segment]) -> Option<Address> {
    let source: Vec<&str> = rewrite.source.split('/').filter(|part| !part.is_empty()).collect();
    let fixed = source.iter().take_while(|part| !part.contains([':', '('])).count();
    let more = source.get(fixed..).unwrap_or_default();
    let takes_many = more.last().is_some_and(|last| last.ends_with(['*', '+']) || last.contains(".*"));
    let fits = segments.len() >= fixed
        && segments.iter().zip(&source[..fixed]).all(|(given, own)| match given {
            Segment::Text(text) | Segment::TextAndMore(text) => text == own,
            Segment::Hole => false,
        })
        && (takes_many || segments.len() == source.len());
    if !fits {
        return None;
    }
    // What the destination says before its first parameter stands before the rest.
    let mut parts: Vec<UrlPart> = Vec::new();
    for part in &rewrite.destination {
        match part {
            UrlPart::Text(text) => match text.find("/:") {
                Some(at) => {
                    parts.push(UrlPart::Text(SmolStr::new(&text[..at])));
                    break;
                }
                None => parts.push(part.clone()),
            },
            other => parts.push(other.clone()),
        }
    }
    let mut address = address_of(&parts)?;
    if address.base == Base::Page {
        return None;
    }
    address.segments.extend(segments[fixed..].iter().cloned());
    Some(address)
}

/// Where a route handler that takes any path below its own sends an address on
/// to, by the URL of a request that it makes with what came below its own path or with the whole path that it was asked
/// for; none if that is no such path.
pub fn handed_on(handler: &Handler, sent: &[UrlPart], segments: &[Segment]) -> Option<Address> {
    let at = sent.iter().position(|part| matches!(part, UrlPart::Rest | UrlPart::Asked))?;
    let own = handler.segments.len().checked_sub(1).filter(|_| handler.takes_many)?;
    let is_asked = sent[at] == UrlPart::Asked;
    let fixed = if is_asked { 0 } else { own };
    let is_query = sent[at + 1..].iter().all(|part| match part {
        UrlPart::Text(text) => text == "/" || text.starts_with(['?', '#']),
        _ => true,
    });
    let before = sent[..at].to_vec();
    // The whole path begins with a `/` of its own.
    let is_whole = is_asked || matches!(before.last(), Some(UrlPart::Text(text)) if text.ends_with('/'));
    if !is_query || !is_whole {
        return None;
    }
    let mut address = address_of(&before)?;
    if address.base == Base::Page {
        return None;
    }
    address.segments.extend(segments.get(fixed..)?.iter().cloned());
    Some(address)
}

/// A route handler of Next.js.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The folder of the frontend.
    pub root: SmolStr,
    /// The segments of its path; a parameter has no text, and the last may take many.
    segments: Vec<Option<SmolStr>>,
    takes_many: bool,
    /// Whether it answers its folder's own path too: `[[...rest]]`.
    takes_none: bool,
    /// Methods that it exports; none if any, or if they can't be told.
    methods: Option<Vec<SmolStr>>,
}

/// The route handler that a file is, by its path: `app/**/route.ts` or
/// `pages/api/**`.
pub fn handler(path: &str) -> Option<Handler> {
    let (folder, name) = path.rsplit_once('/')?;
    let (stem, _) = name.rsplit_once('.')?;
    let (root, own) = if stem == "route" {
        let at = folder
            .rfind("/app/")
            .map(|at| (at, at + 5))
            .or_else(|| folder.ends_with("/app").then_some((folder.len() - 4, folder.len())))?;
        (&folder[..at.0], folder.get(at.1..).unwrap_or_default().to_owned())
    } else {
        let at = path.find("/pages/api/")?;
        let end = path.len() - (name.len() - stem.len());
        (&path[..at], path[at + 7..end].trim_end_matches("/index").to_owned())
    };
    let mut segments = Vec::new();
    let (mut takes_many, mut takes_none) = (false, false);
    for part in own.split('/').filter(|part| !part.is_empty() && !part.starts_with(['(', '@'])) {
        takes_none |= part.starts_with("[[...");
        takes_many |= part.starts_with("[...") || takes_none;
        segments.push((!part.starts_with('[')).then(|| SmolStr::new(part)));
    }
    let root = root.trim_end_matches("/src").into();
    Some(Handler { root, segments, takes_many, takes_none, methods: None })
}

impl Handler {
    /// The path before what it takes any rest of; none if it takes none, or
    /// has parameters before.
    pub fn catches_below(&self) -> Option<Vec<&str>> {
        let fixed = self.segments.len().checked_sub(1).filter(|_| self.takes_many)?;
        self.segments.iter().take(fixed).map(|segment| segment.as_deref()).collect()
    }

    /// Whether its path begins with a segment that is written so.
    pub fn begins_with(&self, first: &str) -> bool {
        matches!(self.segments.first(), Some(Some(own)) if own == first)
    }

    /// Whether a path is its own but for parameters inside of it that were read as empty: first values of what is
    /// filled in later.
    pub fn answers_filled(&self, path: &[Segment]) -> bool {
        let last = self.segments.len().saturating_sub(1);
        let written = self.segments.iter().enumerate().filter(|(at, own)| own.is_some() || *at == last);
        let written: Vec<Option<SmolStr>> = written.map(|(_, own)| own.clone()).collect();
        written.len() < self.segments.len() && Self { segments: written, ..self.clone() }.answers(path)
    }

    /// Its path for people to read.
    pub fn shown(&self) -> String {
        let shown = self.segments.iter().map(|segment| segment.as_deref().unwrap_or("{}"));
        format!("/{}", shown.collect::<Vec<_>>().join("/"))
    }

    /// A path that it answers.
    pub fn sample(&self) -> Vec<&str> {
        self.segments.iter().map(|segment| segment.as_deref().unwrap_or("1")).collect()
    }

    /// Whether it answers whatever stands below a path.
    pub fn takes_many(&self) -> bool {
        self.takes_many
    }

    /// The same, with functions for these methods alone.
    pub fn with_methods(self, methods: Option<Vec<SmolStr>>) -> Self {
        Self { methods, ..self }
    }

    /// How far behind others that answer the path it stands: Next.js prefers what is
    /// written to parameters, segment by segment, and those that take many come last.
    /// What is not known of a path is rather what a parameter is for.
    pub fn loose(&self, path: &[Segment]) -> Vec<u8> {
        let last = self.segments.len().saturating_sub(1);
        let of = |(at, own): (usize, &Option<SmolStr>)| match (own, path.get(at)) {
            _ if self.takes_many && at == last => 2 + u8::from(self.takes_none),
            (Some(_), Some(Segment::Hole)) => 4,
            (Some(_), _) | (None, Some(Segment::Hole)) => 0,
            (None, _) => 1,
        };
        self.segments.iter().enumerate().map(of).collect()
    }

    /// Whether all that is written in its path is known of a path that it answers.
    pub fn surely_answers(&self, path: &[Segment]) -> bool {
        let is_guessed = |(own, given): (&Option<SmolStr>, &Segment)| own.is_some() && *given == Segment::Hole;
        self.answers(path) && !self.segments.iter().zip(path).any(is_guessed)
    }

    /// Whether its path has parameters.
    pub fn has_parameters(&self) -> bool {
        self.segments.iter().any(Option::is_none)
    }

    /// Whether it is known to have no function for a method: Next.js answers with 405.
    pub fn lacks(&self, method: &str) -> bool {
        let has = |methods: &[SmolStr], name: &str| methods.iter().any(|own| own == name);
        self.methods.as_deref().is_some_and(|methods| match method {
            "OPTIONS" => false,
            "HEAD" => !has(methods, "HEAD") && !has(methods, "GET"),
            method => !has(methods, method),
        })
    }

    /// Whether it answers a path.
    pub fn answers(&self, path: &[Segment]) -> bool {
        let fixed = self.segments.len() - usize::from(self.takes_many);
        let least = self.segments.len() - usize::from(self.takes_none);
        let fits = path.len() == self.segments.len() || (self.takes_many && path.len() >= least);
        fits && self.segments.iter().take(fixed).zip(path).all(|(own, given)| match (own, given) {
            (None, _) | (_, Segment::Hole) => true,
            (Some(own), Segment::Text(text) | Segment::TextAndMore(text)) => own == text,
        })
    }
}

/// A place for what no code of the file stands for.
pub(super) fn whole_file(session: &Session<'_>) -> Place {
    session.place_in(session.evaluated, 0, TextRange::empty(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Segment> {
        text.split('/').filter(|part| !part.is_empty()).map(|part| Segment::Text(part.into())).collect()
    }

    #[test]
    fn handlers_go_by_their_folders() {
        let handler = |file: &str| handler(file).unwrap_or_else(|| unreachable!("{file}"));
        let auth = handler("/p/web/src/app/api/auth/[...all]/route.ts");
        assert_eq!(auth.root, "/p/web");
        assert!(auth.answers(&path("/api/auth/sign-in/email")) && !auth.answers(&path("/api/tasks")));
        let task = handler("/p/app/(group)/api/tasks/[id]/route.ts");
        assert!(task.answers(&path("/api/tasks/7")) && !task.answers(&path("/api/tasks")));
        let old = handler("/p/pages/api/users/index.ts");
        assert!(old.answers(&path("/api/users")));
        assert!(super::handler("/p/app/page.tsx").is_none());
        let rest = handler("/p/app/api/[...rest]/route.ts");
        let any = handler("/p/app/api/[[...rest]]/route.ts");
        assert!(!rest.answers(&path("/api")) && any.answers(&path("/api")));
        let search = handler("/p/app/api/tasks/search/route.ts");
        let of = |given: &[Segment]| [&search, &task, &rest, &any].map(|one| one.loose(given));
        assert!(of(&path("/api/tasks/search")).is_sorted(), "{:?}", of(&path("/api/tasks/search")));
        let unknown = [path("/api/tasks"), vec![Segment::Hole]].concat();
        assert!(task.loose(&unknown) < search.loose(&unknown));
        assert!(task.surely_answers(&unknown) && search.answers(&unknown) && !search.surely_answers(&unknown));
        let get = task.with_methods(Some(vec!["GET".into()]));
        assert!(get.lacks("POST") && !get.lacks("GET") && !get.lacks("HEAD") && !get.lacks("OPTIONS"));
    }

    #[test]
    fn rewrites_keep_what_parameters_hold() {
        let place = Place {
            file: crate::vfs::FileId(0),
            item: crate::facts::typescript::file::ItemId(0),
            range: TextRange::empty(0),
        };
        let rewrite = Rewrite {
            place,
            phase: Phase::AfterFiles,
            is_conditional: false,
            source: "/api/:path*".into(),
            destination: vec![UrlPart::Environment("API".into()), UrlPart::Text("/v1/:path*".into())],
        };
        let address = rewritten(&rewrite, &path("/api/tasks/7"));
        let address = address.unwrap_or_else(|| unreachable!());
        assert_eq!(address.base, Base::Environment("API".into()));
        assert_eq!(address.segments, path("/v1/tasks/7"));
        assert_eq!(rewritten(&rewrite, &path("/other")), None);
    }

    #[test]
    fn patterns_take_paths() {
        let cases = [
            ("/api/:path*", "/api/auth/token", Some(true)),
            ("/api/:path*", "/backend/x", Some(false)),
            ("/api/tasks/:path*", "/api/auth/token", Some(false)),
            ("/api/((?!auth).*)", "/api/auth/token", Some(false)),
            ("/api/((?!auth).*)", "/api/tasks", Some(true)),
            ("/api/:path((?!auth).*)", "/api/auth/token", Some(false)),
            ("/((?!api|_next/static).*)", "/tasks", Some(true)),
            ("/:path*", "/api/auth/token", Some(true)),
            ("/api/:one", "/api/auth/token", Some(false)),
            ("/api/:path(\\d+)", "/api/auth", None),
        ];
        for (pattern, path, wanted) in cases {
            let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            assert_eq!(takes(pattern, &path), wanted, "{pattern} {path:?}");
        }
    }
}
