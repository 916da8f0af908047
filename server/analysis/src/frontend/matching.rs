//! Which route of the backend a request reaches, by its method and the shape of
//! its path.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::outcome::{Request, UrlPart};
use crate::index::routes::{Application, Route, RouteKind};

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

/// A route that a request reaches: its application and its place in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Index of the application.
    pub application: usize,
    /// Index of the route.
    pub route: usize,
    /// Segments that stand before the path in the route or in the request.
    pub offset: usize,
}

/// The address of a request; none if nothing of its path is known.
pub fn address(request: &Request) -> Option<Address> {
    let address = address_of(&request.url)?;
    address.segments.iter().any(|segment| *segment != Segment::Hole).then_some(address)
}

/// The address that a URL is.
pub(super) fn address_of(url: &[UrlPart]) -> Option<Address> {
    let mut parts = url.iter();
    let mut path: Vec<UrlPart> = Vec::new();
    let first = parts.next()?;
    let base = match first {
        UrlPart::Text(text) => {
            let scheme = text.find("://").map(|at| at + 3);
            match scheme {
                Some(at) => {
                    let end = text[at..].find(['/', '?']).map_or(text.len(), |end| at + end);
                    path.push(UrlPart::Text(SmolStr::new(&text[end..])));
                    let authority = &text[at..end];
                    match authority.split(':').next().unwrap_or_default() {
                        "" => Base::Unknown,
                        host if is_local(host) => Base::Local(authority.into()),
                        host => Base::Host(host.into()),
                    }
                }
                None if text.starts_with('/') => {
                    path.push(first.clone());
                    Base::Page
                }
                None => {
                    path.push(first.clone());
                    Base::Unknown
                }
            }
        }
        UrlPart::Environment(name) => Base::Environment(name.clone()),
        UrlPart::Origin => Base::Page,
        UrlPart::Token(_) | UrlPart::Rest | UrlPart::Unknown => Base::Unknown,
    };
    path.extend(parts.cloned());
    Some(Address { base, segments: segments(&path)? })
}

/// Whether a host is one of the developer's machine or network: containers go
/// by names without a dot.
fn is_local(host: &str) -> bool {
    !host.contains('.')
        || host.starts_with("127.")
        || host == "0.0.0.0"
        || host.ends_with(".local")
        || host.ends_with(".internal")
        || host.ends_with(".localhost")
}

/// The segments of a path up to its query. None where a hole stands in the
/// first place: it may hold any number of segments.
fn segments(path: &[UrlPart]) -> Option<Vec<Segment>> {
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
                        '?' | '#' => {
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
            UrlPart::Rest => return None,
            _ if at == 0 => return None,
            _ => hole = true,
        }
    }
    close(&mut text, &mut hole);
    Some(segments)
}

/// All routes that requests may reach, by how their paths end.
#[derive(Debug)]
pub struct Reachable<'t> {
    routes: Vec<(Target, &'t Route, Vec<&'t str>)>,
    by_end: FxHashMap<&'t str, Vec<usize>>,
    /// Those whose paths end with a parameter.
    open: Vec<usize>,
}

impl<'t> Reachable<'t> {
    /// The routes of applications outside of tests.
    pub fn new(applications: &'t [Application]) -> Self {
        let mut found = Self { routes: Vec::new(), by_end: FxHashMap::default(), open: Vec::new() };
        for (application, served) in applications.iter().enumerate().filter(|(_, served)| !served.test) {
            for (index, route) in served.routes.iter().enumerate() {
                let path: Vec<&str> = route.path.split('/').filter(|segment| !segment.is_empty()).collect();
                let Some(end) = path.last().copied() else { continue };
                if end.ends_with(":path}") || !is_served(route) {
                    continue;
                }
                let at = found.routes.len();
                match end.contains('{') {
                    true => found.open.push(at),
                    false => found.by_end.entry(end).or_default().push(at),
                }
                found.routes.push((Target { application, route: index, offset: 0 }, route, path));
            }
        }
        found
    }

    /// The routes that an address fits best, in order.
    pub fn find(&self, address: &Address, method: Option<&str>) -> Vec<Target> {
        // What stands before the path is known only of whole URLs.
        let prefixes = !matches!(address.base, Base::Host(_));
        let named = match address.segments.last() {
            Some(Segment::Text(text) | Segment::TextAndMore(text)) => self.by_end.get(text.as_str()),
            _ => None,
        };
        let mut candidates: Vec<usize> = named.into_iter().flatten().chain(&self.open).copied().collect();
        candidates.sort_unstable();
        let mut best: Vec<(usize, Target)> = Vec::new();
        for (target, route, path) in candidates.into_iter().filter_map(|at| self.routes.get(at)) {
            let answers = method.is_none_or(|method| route.methods.iter().any(|own| own == method));
            if answers && let Some((offset, loose)) = fits(path, &address.segments, prefixes) {
                best.push((offset * 16 + loose, Target { offset, ..*target }));
            }
        }
        let Some(least) = best.iter().map(|(cost, _)| *cost).min() else { return Vec::new() };
        let mut seen = Vec::new();
        best.retain(|(cost, target)| {
            // Of one application the first that fits answers.
            let first = *cost == least && !seen.contains(&target.application);
            if first {
                seen.push(target.application);
            }
            first
        });
        best.into_iter().map(|(_, target)| target).collect()
    }
}

fn is_served(route: &Route) -> bool {
    route.kind == RouteKind::Http && route.path_known
}

/// How many segments stand before the path in one of the two, and how many
/// known segments of the request meet a parameter. None if they do not fit.
fn fits(own: &[&str], segments: &[Segment], prefixes: bool) -> Option<(usize, usize)> {
    let (route_extra, request_extra) = match own.len().cmp(&segments.len()) {
        std::cmp::Ordering::Equal => (0, 0),
        std::cmp::Ordering::Greater => (own.len() - segments.len(), 0),
        std::cmp::Ordering::Less => (0, segments.len() - own.len()),
    };
    if route_extra + request_extra > 0 && (!prefixes || route_extra + request_extra > 3) {
        return None;
    }
    // A prefix is known text: `/api/v1` before the route's own path.
    if own[..route_extra].iter().any(|segment| segment.starts_with('{'))
        || segments[..request_extra].iter().any(|segment| !matches!(segment, Segment::Text(_)))
    {
        return None;
    }
    let (mut known, mut loose) = (0, 0);
    for (own, given) in own[route_extra..].iter().zip(&segments[request_extra..]) {
        let is_parameter = own.contains('{');
        match given {
            Segment::Text(text) | Segment::TextAndMore(text) if !is_parameter => {
                if text != own {
                    return None;
                }
                known += 1;
            }
            Segment::Text(_) | Segment::TextAndMore(_) => loose += 1,
            Segment::Hole if is_parameter => {}
            Segment::Hole => return None,
        }
    }
    (known > 0).then_some((route_extra + request_extra, loose))
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
        assert_eq!(shown(&[unknown]), None);
    }

    #[test]
    fn prefixes_are_known_text() {
        let path = |text: &str| segments(&[UrlPart::Text(text.into())]).unwrap_or_default();
        assert_eq!(fits(&["api", "v1", "tasks"], &path("/tasks"), true), Some((2, 0)));
        assert_eq!(fits(&["api", "v1", "tasks"], &path("/tasks"), false), None);
        assert_eq!(fits(&["{owner}", "tasks"], &path("/tasks"), true), None);
        assert_eq!(fits(&["tasks", "{id}"], &path("/api/tasks/7"), true), Some((1, 1)));
        assert_eq!(fits(&["tasks"], &path("/users"), true), None);
    }
}
