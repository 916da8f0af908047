//! Addresses that requests ask for, by how they end: a route that none of them
//! may lead to is nothing to the frontend, whatever becomes of it.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::matching::{Address, Segment, fits, goes_on_to, takes_any, takes_name};

/// The segments of all addresses that are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// By their last segment, where it is known.
    by_end: FxHashMap<SmolStr, Vec<Vec<Segment>>>,
    /// Those that end in a segment that is not known.
    open: Vec<Vec<Segment>>,
}

impl Asked {
    /// Adds an address.
    pub fn add(&mut self, address: &Address) {
        let known = match address.segments.last() {
            Some(Segment::Text(text) | Segment::TextAndMore(text)) => self.by_end.entry(text.clone()).or_default(),
            Some(Segment::Hole) => &mut self.open,
            None => return,
        };
        if !known.contains(&address.segments) {
            known.push(address.segments.clone());
        }
    }

    /// Whether one of the addresses may lead to a route with a path, or what is not
    /// known of one may stand for it.
    pub fn may_lead_to(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let Some(end) = path.last() else { return false };
        let leads = |segments: &Vec<Segment>| {
            fits(&path, segments, true).is_some() || takes_name(&path, segments) || goes_on_to(&path, segments)
        };
        if takes_any(&path).is_some() {
            return !(self.open.is_empty() && self.by_end.is_empty());
        }
        // What ends in a known segment ends as the path does, or that ends in a parameter.
        self.open.iter().any(leads)
            || match end.contains('{') {
                true => self.by_end.values().flatten().any(leads),
                false => self.by_end.get(*end).into_iter().flatten().any(leads),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::matching::address;
    use crate::frontend::outcome::UrlPart;

    #[test]
    fn addresses_lead_to_paths_that_they_may_stand_for() {
        let text = |text: &str| UrlPart::Text(text.into());
        let urls = [
            vec![text("/api/tasks")],
            vec![text("/users/"), UrlPart::Unknown],
            vec![text("/"), UrlPart::Unknown, text("/stats")],
        ];
        let mut asked = Asked::default();
        urls.iter().filter_map(|url| address(url)).for_each(|address| asked.add(&address));
        for (path, leads) in [
            ("/api/tasks", true),
            ("/tasks", true),
            ("/api/v1/tasks", false),
            ("/api/{name}", true),
            ("/users/{id}", true),
            // The segment that is not known may be this one.
            ("/users/me", true),
            ("/teams/stats", true),
            ("/teams/{id}", true),
            ("/teams/members", false),
            ("/files/{rest:path}", true),
            ("/", false),
        ] {
            assert_eq!(asked.may_lead_to(path), leads, "{path}");
        }
    }
}
