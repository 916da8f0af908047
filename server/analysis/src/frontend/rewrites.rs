//! Paths of the page's own origin that Next.js answers itself, or sends on:
//! route handlers and the rewrites of `next.config`.

use smol_str::SmolStr;

use super::evaluation::{Arguments, Session, awaited};
use super::matching::{Address, Base, Segment, address_of};
use super::outcome::{Place, Rewrite, UrlPart};
use super::requests::{option, url_parts};
use super::value::Value;
use crate::text::TextRange;

/// Whether a file is the configuration of Next.js.
pub(super) fn is_configuration(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("next.config."))
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
    let lists = [given.clone()]
        .into_iter()
        .chain(["beforeFiles", "afterFiles", "fallback"].map(|phase| option(session, &given, phase)));
    for list in lists.collect::<Vec<_>>() {
        let Value::Array(entries) = list else { continue };
        for entry in entries.iter().flat_map(|entry| entry.alternatives().to_vec()) {
            let source = option(session, &entry, "source").known_text();
            let destination = option(session, &entry, "destination");
            if let Some(source) = source {
                let destination = url_parts(session, &destination);
                session.outcome.rewrites.push(Rewrite { source, destination });
            }
        }
    }
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

/// A route handler of Next.js.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The folder of the frontend.
    pub root: SmolStr,
    /// The segments of its path; a parameter has no text, and the last may take many.
    segments: Vec<Option<SmolStr>>,
    takes_many: bool,
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
    let mut takes_many = false;
    for part in own.split('/').filter(|part| !part.is_empty() && !part.starts_with(['(', '@'])) {
        takes_many |= part.starts_with("[...") || part.starts_with("[[...");
        segments.push((!part.starts_with('[')).then(|| SmolStr::new(part)));
    }
    Some(Handler { root: root.trim_end_matches("/src").into(), segments, takes_many })
}

impl Handler {
    /// Whether it answers whatever stands below a path.
    pub fn takes_many(&self) -> bool {
        self.takes_many
    }

    /// Whether it answers a path.
    pub fn answers(&self, path: &[Segment]) -> bool {
        let fixed = self.segments.len() - usize::from(self.takes_many);
        let fits = path.len() == self.segments.len() || (self.takes_many && path.len() >= fixed);
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
    }

    #[test]
    fn rewrites_keep_what_parameters_hold() {
        let rewrite = Rewrite {
            source: "/api/:path*".into(),
            destination: vec![UrlPart::Environment("API".into()), UrlPart::Text("/v1/:path*".into())],
        };
        let address = rewritten(&rewrite, &path("/api/tasks/7"));
        let address = address.unwrap_or_else(|| unreachable!());
        assert_eq!(address.base, Base::Environment("API".into()));
        assert_eq!(address.segments, path("/v1/tasks/7"));
        assert_eq!(rewritten(&rewrite, &path("/other")), None);
    }
}
