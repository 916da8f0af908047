//! Which route of the backend a request reaches, by its method and the shape of
//! its path.

use rustc_hash::FxHashMap;

pub use super::addresses::{Address, Base, Segment, address};
use crate::index::routes::{Application, Route, RouteKind};

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

/// The method of connections of WebSockets.
pub const WEBSOCKET: &str = "WEBSOCKET";

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
            let (offset, _) = fits(path, &address.segments, true).filter(|_| answers(route, method))?;
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
        let answering = self.routes.iter().filter(|(_, route, _)| answers(route, method));
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
            if answers(route, method)
                && let Some((offset, loose)) = fits(path, &address.segments, prefixes)
            {
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
    !route.kind.is_mounted() && route.path_known
}

/// Whether a route answers a method; of HTTP where it is not known.
fn answers(route: &Route, method: Option<&str>) -> bool {
    match (route.kind, method) {
        (RouteKind::WebSocket, method) => method == Some(WEBSOCKET),
        (_, Some(method)) => route.methods.iter().any(|own| own == method),
        (_, None) => true,
    }
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
            // A number's converter takes nothing else: the route is not reached.
            Segment::Text(text) if own.ends_with(":int}") && !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                return None;
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
    use super::super::addresses::segments;
    use super::super::outcome::UrlPart;
    use super::*;

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
        assert_eq!(fits(&["tasks", "{id:int}"], &path("/tasks/mine"), true), None);
        assert_eq!(fits(&["tasks", "{id:int}"], &path("/tasks/7"), true), Some((0, 1)));
    }
}
