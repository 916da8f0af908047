//! The address of a request: what it begins with, and the segments of its path.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::outcome::UrlPart;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What it begins with.
    pub base: Base,
    /// The segments of its path.
    pub segments: Vec<Segment>,
}

/// What the address of a request begins with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Base {
    /// The page's own origin.
    Page,
    /// A host of the developer's machine or network, by name and port.
    Local(SmolStr),
    /// A host elsewhere, by name.
    Host(SmolStr),
    /// The value of an environment variable.
    Environment(SmolStr),
    /// Anything.
    Unknown,
}

/// A segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Known.
    Text(SmolStr),
    /// Known, with something behind it that may be a query.
    TextAndMore(SmolStr),
    /// Not known.
    Hole,
}

/// The address of a request to a URL; none if nothing of its path is known.
pub fn address(url: &[UrlPart]) -> Option<Address> {
    let address = address_of(url)?;
    address.segments.iter().any(|segment| *segment != Segment::Hole).then_some(address)
}

/// The address that a URL is.
pub(super) fn address_of(url: &[UrlPart]) -> Option<Address> {
    let url = &*trimmed(url);
    let first = url.first()?;
    let (base, path) = match first {
        UrlPart::Text(text) => match text.find("://") {
            Some(at) => {
                let (authority, path) = beginning_with_authority(&text[at + 3..], &url[1..]);
                (Base::of_authority(authority), path)
            }
            None if text.starts_with('/') => (Base::Page, url.to_vec()),
            None => (Base::Unknown, url.to_vec()),
        },
        UrlPart::Environment(name) => beginning_with_variable(name, &url[1..]),
        UrlPart::Origin => (Base::Page, url[1..].to_vec()),
        UrlPart::Token(_) | UrlPart::Rest | UrlPart::Asked | UrlPart::Path | UrlPart::Unknown => {
            // `location.protocol + "//" + host`.
            let authority = match url.get(1) {
                Some(UrlPart::Text(text)) => {
                    text.strip_prefix("//").or_else(|| text.split_once("://").map(|(_, rest)| rest))
                }
                _ => None,
            };
            match authority {
                Some(authority) => (Base::Unknown, beginning_with_authority(authority, &url[2..]).1),
                None => (Base::Unknown, url[1..].to_vec()),
            }
        }
    };
    Some(Address { base, segments: behind_sidecar(segments(&path)?) })
}

/// A URL without the spaces and control characters around it: no request has them.
fn trimmed(url: &[UrlPart]) -> Cow<'_, [UrlPart]> {
    let is_dropped = |character: char| character <= ' ';
    let is_around = match (url.first(), url.last()) {
        (Some(UrlPart::Text(first)), _) if first.starts_with(is_dropped) => true,
        (_, Some(UrlPart::Text(last))) => last.ends_with(is_dropped),
        _ => false,
    };
    if !is_around {
        return Cow::Borrowed(url);
    }
    let mut url = url.to_vec();
    if let Some(UrlPart::Text(first)) = url.first_mut() {
        *first = first.trim_start_matches(is_dropped).into();
    }
    if let Some(UrlPart::Text(last)) = url.last_mut() {
        *last = last.trim_end_matches(is_dropped).into();
    }
    Cow::Owned(url)
}

impl Base {
    /// Of an address whose authority begins so.
    fn of_authority(authority: &str) -> Self {
        match authority.split(':').next().unwrap_or_default() {
            "" => Self::Unknown,
            host if is_local(host) => Self::Local(authority.into()),
            host => Self::Host(host.into()),
        }
    }
}

/// The base and the path of an address that a variable begins: it is all before the path, the scheme
/// (`${PROTOCOL}://${HOST}/tasks`), or the host (`${HOST}:${PORT}/tasks`).
fn beginning_with_variable(name: &SmolStr, more: &[UrlPart]) -> (Base, Vec<UrlPart>) {
    let whole = || Base::Environment(name.clone());
    let Some((UrlPart::Text(text), behind)) = more.split_first() else { return (whole(), more.to_vec()) };
    match text.strip_prefix("://") {
        Some(rest) => {
            let (authority, path) = beginning_with_authority(rest, behind);
            match behind.first() {
                Some(UrlPart::Environment(host)) if authority.is_empty() => (Base::Environment(host.clone()), path),
                _ => (Base::of_authority(authority), path),
            }
        }
        None if text.starts_with(':') => (whole(), beginning_with_authority(text, behind).1),
        None => (whole(), more.to_vec()),
    }
}

/// The known beginning of an authority, and the path behind all of it. What is
/// not known belongs to it where the text before ends within: `http://${host}:8000`.
fn beginning_with_authority<'u>(text: &'u str, more: &[UrlPart]) -> (&'u str, Vec<UrlPart>) {
    let end = text.find(['/', '?']);
    let (authority, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut path = vec![UrlPart::Text(SmolStr::new(rest))];
    let is_open = end.is_none() && (authority.is_empty() || authority.ends_with([':', '.', '-', '@']));
    if !is_open {
        path.extend(more.iter().cloned());
        return (authority, path);
    }
    let behind = more.iter().position(|part| matches!(part, UrlPart::Text(text) if text.contains(['/', '?'])));
    if let Some((UrlPart::Text(text), rest)) = behind.and_then(|at| more.get(at..)?.split_first()) {
        let from = text.find(['/', '?']).unwrap_or_default();
        path = vec![UrlPart::Text(SmolStr::new(&text[from..]))];
        path.extend(rest.iter().cloned());
    }
    (authority, path)
}

/// What a sidecar of Dapr sends on: `/v1.0/invoke/{application}/method/{path}`.
fn behind_sidecar(mut segments: Vec<Segment>) -> Vec<Segment> {
    let is = |at: usize, text: &str| matches!(segments.get(at), Some(Segment::Text(own)) if own == text);
    if is(0, "v1.0") && is(1, "invoke") && is(3, "method") {
        segments.drain(..4);
    }
    segments
}

/// Domains of tunnels, whose hosts all lead to the machine of whoever opened one.
const TUNNELS: &[&str] = &[
    ".ngrok-free.app",
    ".ngrok-free.dev",
    ".ngrok.app",
    ".ngrok.dev",
    ".ngrok.io",
    ".trycloudflare.com",
    ".loca.lt",
    ".devtunnels.ms",
];

/// Whether a host is one of the developer's machine or network: containers go
/// by names without a dot.
fn is_local(host: &str) -> bool {
    !host.contains('.')
        || TUNNELS.iter().any(|domain| host.ends_with(domain))
        || host.starts_with("127.")
        || host == "0.0.0.0"
        || host.ends_with(".local")
        || host.ends_with(".internal")
        || host.ends_with(".localhost")
}

/// The segments of a path up to its query. None where a hole stands in the
/// first place: it may hold any number of segments.
pub(super) fn segments(path: &[UrlPart]) -> Option<Vec<Segment>> {
    let mut segments: Vec<Segment> = Vec::new();
    // What is known of the segment that is being read, and whether it has a hole.
    let (mut text, mut hole) = (String::new(), false);
    let mut ended = false;
    let mut close = |text: &mut String, hole: &mut bool| {
        match (text.is_empty(), *hole) {
            (true, false) => {}
            // Clients that are generated fill in what stands in braces.
            (false, false) if text.starts_with('{') && text.ends_with('}') => segments.push(Segment::Hole),
            (false, false) => segments.push(Segment::Text(SmolStr::new(&*text))),
            (false, true) => segments.push(Segment::TextAndMore(SmolStr::new(&*text))),
            (true, true) => segments.push(Segment::Hole),
        }
        text.clear();
        *hole = false;
    };
    for (at, part) in path.iter().enumerate() {
        match part {
            UrlPart::Text(part) => {
                for character in part.chars() {
                    match character {
                        '/' => close(&mut text, &mut hole),
                        // Code that adds a parameter may not know whether it is the first.
                        '?' | '#' | '&' => {
                            ended = true;
                            break;
                        }
                        // Text behind a hole makes it no query.
                        _ if hole => text.clear(),
                        character => text.push(character),
                    }
                }
                if ended {
                    break;
                }
            }
            UrlPart::Rest | UrlPart::Asked | UrlPart::Path => return None,
            _ if at == 0 => return None,
            _ => hole = true,
        }
    }
    close(&mut text, &mut hole);
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> UrlPart {
        UrlPart::Text(text.into())
    }

    fn shown(url: &[UrlPart]) -> Option<String> {
        segments(url).map(|segments| {
            let shown = segments.iter().map(|segment| match segment {
                Segment::Text(text) => text.to_string(),
                Segment::TextAndMore(text) => format!("{text}*"),
                Segment::Hole => "{}".to_owned(),
            });
            shown.collect::<Vec<_>>().join("/")
        })
    }

    #[test]
    fn paths_end_before_their_query() {
        let unknown = UrlPart::Unknown;
        assert_eq!(shown(&[text("/api/tasks?x=1")]).as_deref(), Some("api/tasks"));
        assert_eq!(shown(&[text("/api/tasks/"), unknown.clone()]).as_deref(), Some("api/tasks/{}"));
        assert_eq!(shown(&[text("/api/tasks"), unknown.clone()]).as_deref(), Some("api/tasks*"));
        assert_eq!(shown(&[text("/api/"), unknown.clone(), text("/tasks/")]).as_deref(), Some("api/{}/tasks"));
        assert_eq!(shown(&[text("/a-"), unknown.clone(), text("-b/c")]).as_deref(), Some("{}/c"));
        assert_eq!(shown(&[text("/api/tasks&x="), unknown.clone()]).as_deref(), Some("api/tasks"));
        assert_eq!(shown(&[unknown]), None);
    }

    #[test]
    fn what_is_not_known_of_an_authority_is_no_segment() {
        let shown = |url: &[UrlPart]| {
            address_of(url).map(|address| {
                let segments: Vec<String> = address.segments.iter().map(|segment| format!("{segment:?}")).collect();
                (address.base, segments.join(" "))
            })
        };
        let tasks = || r#"Text("tasks")"#.to_owned();
        let unknown = UrlPart::Unknown;
        let url = [text("http://"), unknown.clone(), text(":8000/tasks")];
        assert_eq!(shown(&url), Some((Base::Unknown, tasks())));
        let url = [text("https://12-34.ngrok-free.app/tasks")];
        assert_eq!(shown(&url), Some((Base::Local("12-34.ngrok-free.app".into()), tasks())));
        let url = [text("http://localhost:"), unknown.clone(), text("/tasks")];
        assert_eq!(shown(&url), Some((Base::Local("localhost:".into()), tasks())));
        let url = [unknown.clone(), text("//"), unknown.clone(), text(":8000/tasks")];
        assert_eq!(shown(&url), Some((Base::Unknown, tasks())));
        let url = [text("http://"), unknown.clone(), text("/v1.0/invoke/api/method/tasks")];
        assert_eq!(shown(&url), Some((Base::Unknown, tasks())));
        // Behind a whole host stands a path.
        let url = [text("https://api.test"), unknown.clone(), text("/tasks")];
        assert_eq!(shown(&url), Some((Base::Host("api.test".into()), format!("Hole {}", tasks()))));
    }

    #[test]
    fn spaces_around_are_no_part_of_it() {
        let path = |url: &[UrlPart]| address_of(url).map(|address| address.segments);
        assert_eq!(path(&[text(" /tasks/mine \n")]), path(&[text("/tasks/mine")]));
        assert_eq!(path(&[UrlPart::Origin, text("/tasks ")]), path(&[text("/tasks")]));
        assert_ne!(path(&[text("/tasks /mine")]), path(&[text("/tasks/mine")]));
    }
}
