//! Which route of the backend a request reaches, by its method and the shape of
//! its path.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::outcome::UrlPart;
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

/// The address of a request to a URL; none if nothing of its path is known.
pub fn address(url: &[UrlPart]) -> Option<Address> {
    let address = address_of(url)?;
    address.segments.iter().any(|segment| *segment != Segment::Hole).then_some(address)
}

/// The address that a URL is.
pub(super) fn address_of(url: &[UrlPart]) -> Option<Address> {
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
        UrlPart::Token(_) | UrlPart::Rest | UrlPart::Path | UrlPart::Unknown => {
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
            UrlPart::Rest | UrlPart::Path => return None,
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
                if !is_served(route) {
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

    /// All routes whose paths end as an address does, whatever stands before it.
    pub fn ending(&self, address: &Address, method: Option<&str>) -> Vec<Target> {
        let fitting = |(target, route, path): &(Target, &Route, Vec<&str>)| {
            let answers = method.is_none_or(|method| route.methods.iter().any(|own| own == method));
            let (offset, _) = fits(path, &address.segments, true).filter(|_| answers)?;
            Some(Target { offset, ..*target })
        };
        self.routes.iter().filter_map(fitting).collect()
    }

    /// Whether a route that takes any path below its own may answer an address that fits none.
    pub fn may_take(&self, address: &Address) -> bool {
        self.routes.iter().any(|(_, _, path)| {
            takes_any(path).is_some_and(|end| {
                // A segment that is not known may be any.
                let shared = path[..end].iter().zip(&address.segments);
                end <= address.segments.len()
                    && shared.into_iter().all(|(own, given)| match given {
                        Segment::Text(text) | Segment::TextAndMore(text) => own.contains('{') || text == own,
                        Segment::Hole => true,
                    })
            })
        })
    }

    /// Whether an address that begins with a segment which is not known, the name of
    /// what is asked for perhaps, may be that of a route.
    pub fn may_name(&self, address: &Address) -> bool {
        self.routes.iter().any(|(_, _, path)| takes_name(path, &address.segments))
    }

    /// How many known segments routes have where an address ends in one that is not known: it may be any of these,
    /// with what follows.
    pub fn ways_on(&self, address: &Address, method: Option<&str>) -> usize {
        let answering = self
            .routes
            .iter()
            .filter(|(_, route, _)| method.is_none_or(|method| route.methods.iter().any(|own| own == method)));
        let mut ways: Vec<&str> = answering.flat_map(|(_, _, path)| ways_on(path, &address.segments)).collect();
        ways.sort_unstable();
        ways.dedup();
        ways.len()
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

/// Where a path takes anything that follows.
pub(super) fn takes_any(path: &[&str]) -> Option<usize> {
    path.iter().position(|segment| segment.contains(":path}"))
}

/// Whether an address that begins with a segment which is not known may be that of a path.
pub(super) fn takes_name(path: &[&str], segments: &[Segment]) -> bool {
    let fits = |(own, given): (&&str, &Segment)| match given {
        Segment::Text(text) | Segment::TextAndMore(text) => own.contains('{') || text == *own,
        Segment::Hole => true,
    };
    segments.first() == Some(&Segment::Hole)
        && path.len() >= segments.len()
        && path[path.len() - segments.len()..].iter().zip(segments).all(fits)
}

/// Known segments of a path that may be the one which an address ends in.
fn ways_on<'p>(path: &[&'p str], segments: &[Segment]) -> impl Iterator<Item = &'p str> {
    let before = match segments.split_last() {
        Some((Segment::Hole, before)) => Some(before),
        _ => None,
    };
    before.into_iter().flat_map(move |before| {
        (0..=MAX_PREFIX).filter_map(move |extra| {
            let end = extra + before.len();
            fits_without(path.get(..end)?, before, extra, 0)?;
            path.get(end).copied().filter(|segment| !segment.contains('{'))
        })
    })
}

/// Whether the segment that an address ends in may be one of a path.
pub(super) fn goes_on_to(path: &[&str], segments: &[Segment]) -> bool {
    ways_on(path, segments).next().is_some()
}

fn is_served(route: &Route) -> bool {
    route.kind == RouteKind::Http && route.path_known
}

/// How many segments stand before the path in one of the two, and how many
/// known segments of the request meet a parameter. None if they do not fit.
pub(super) fn fits(own: &[&str], segments: &[Segment], prefixes: bool) -> Option<(usize, usize)> {
    if let Some((last, fixed)) = own.split_last()
        && last.ends_with(":path}")
    {
        return fits_beginning(fixed, segments, prefixes);
    }
    let (route_extra, request_extra) = match own.len().cmp(&segments.len()) {
        std::cmp::Ordering::Equal => (0, 0),
        std::cmp::Ordering::Greater => (own.len() - segments.len(), 0),
        std::cmp::Ordering::Less => (0, segments.len() - own.len()),
    };
    if route_extra + request_extra > 0 && (!prefixes || route_extra + request_extra > MAX_PREFIX) {
        return None;
    }
    let loose = fits_without(own, segments, route_extra, request_extra)?;
    Some((route_extra + request_extra, loose))
}

/// The same for a route that takes any path below its own.
fn fits_beginning(fixed: &[&str], segments: &[Segment], prefixes: bool) -> Option<(usize, usize)> {
    let most = if prefixes { MAX_PREFIX } else { 0 };
    let offsets = (0..=most).flat_map(|extra| [(extra, 0), (0, extra)]);
    offsets.into_iter().find_map(|(route_extra, request_extra)| {
        let shared = fixed.len().checked_sub(route_extra)?;
        let given = segments.get(..request_extra + shared).filter(|given| given.len() < segments.len())?;
        // Any other route that fits was meant before it.
        let loose = fits_without(fixed, given, route_extra, request_extra)?;
        Some((route_extra + request_extra, loose + ANY_PATH))
    })
}

/// The longest prefix that one of the two may lack.
const MAX_PREFIX: usize = 3;
/// What a parameter for any path counts as, in known segments that meet a parameter.
const ANY_PATH: usize = 8;

/// How many known segments of a request meet a parameter, apart from so many
/// segments of both that stand before.
fn fits_without(own: &[&str], segments: &[Segment], route_extra: usize, request_extra: usize) -> Option<usize> {
    // A prefix is known text: `/api/v1` before the route's own path.
    if own.get(..route_extra)?.iter().any(|segment| segment.starts_with('{'))
        || segments.get(..request_extra)?.iter().any(|segment| !matches!(segment, Segment::Text(_)))
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
    (known > 0).then_some(loose)
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
    fn routes_for_any_path_come_last() {
        let path = |text: &str| segments(&[UrlPart::Text(text.into())]).unwrap_or_default();
        let own = ["api", "v1", "files", "{path:path}"];
        assert_eq!(fits(&own, &path("/files/a/b"), true), Some((2, 8)));
        assert_eq!(fits(&own, &path("/api/v1/files/a"), false), Some((0, 8)));
        assert_eq!(fits(&own, &path("/api/v1/files"), true), None);
        assert_eq!(fits(&["{path:path}"], &path("/a/b"), true), None);
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
