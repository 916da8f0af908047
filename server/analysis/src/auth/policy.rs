//! What must be guarded, by the project's own words: its specifications first,
//! then its configuration. Where both are silent, the default policy decides
//! (every route, except those that are public by nature).

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::public;
use crate::facts::configuration::{self, Configuration, fits};
use crate::facts::contract::{Access, Contract, Endpoint, Statement, shape, without_base};
use crate::facts::roles::{self, Role};
use crate::facts::{markdown, openapi};
use crate::index::modules::{is_below, parent};
use crate::index::routes::Route;
use crate::index::routes::RouteKind;
use crate::text::TextRange;
use crate::vfs::FileId;
use crate::vfs::Location;

/// What a line of a specification or of the configuration rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Basis {
    /// The line that says so.
    pub place: Location,
    /// Who says so.
    pub authority: Authority,
}

/// Who says what must be guarded, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Authority {
    /// A specification that lists the endpoint, and says it there.
    Specified,
    /// One that lists the endpoint, and says it of a group, or of all.
    Grouped,
    /// A sentence of a specification about all endpoints, this one unlisted.
    Blanket,
    /// The configuration; the reason of a public route.
    Configured(SmolStr),
}

impl Authority {
    /// Whether it speaks of several endpoints at once, and perhaps not of each of them.
    pub fn speaks_of_several(&self) -> bool {
        matches!(self, Self::Grouped | Self::Blanket)
    }
}

/// What is said of a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Expectation {
    /// Nothing: the default policy holds.
    #[default]
    Unstated,
    /// It must be guarded.
    Required(Basis),
    /// Anonymous callers may, too.
    Optional(Basis),
    /// It is public.
    Public(Basis),
}

impl Expectation {
    /// The line that says it.
    pub fn basis(&self) -> Option<&Basis> {
        match self {
            Self::Unstated => None,
            Self::Required(basis) | Self::Optional(basis) | Self::Public(basis) => Some(basis),
        }
    }
}

/// A specification and the folder that it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Specification {
    path: SmolStr,
    root: SmolStr,
    contract: Arc<Contract>,
}

impl Specification {
    /// The part of the API that a text is about which is no specification of all of it: documentation of which every
    /// endpoint begins with the same word.
    fn only_part<'s>(&self, listed: impl Iterator<Item = (&'s Vec<SmolStr>, &'s bool)>) -> Option<&'s SmolStr> {
        let is_of_all = self.path.split('/').any(|folder| matches!(folder, "specs" | "spec" | ".specify"));
        let mut parts = listed.map(|(shape, _)| without_base(shape).first());
        let part = parts.next().filter(|_| !is_of_all)??;
        parts.all(|other| other == Some(part)).then_some(part)
    }
}

/// A configuration and the folder that it holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Configured {
    path: SmolStr,
    folder: SmolStr,
    role: Role,
    configuration: Arc<Configuration>,
}

/// All specifications and configurations of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    specifications: FxHashMap<FileId, Specification>,
    configurations: FxHashMap<FileId, Configured>,
    /// The only configuration that counts, when one was named.
    only: Option<FileId>,
}

impl Policy {
    /// Takes over the text of a file; `None` when it is gone. True when that
    /// changed what is said.
    pub fn set(&mut self, file: FileId, path: &str, text: Option<&str>) -> bool {
        let role = if self.only == Some(file) { Some(Role::Configuration) } else { roles::role(path) };
        match role {
            None => false,
            Some(role @ (Role::Specification | Role::Contract)) => {
                let contract = text.and_then(|text| match role {
                    Role::Specification => Some(markdown::read(text)),
                    _ => openapi::read(text),
                });
                let root = roles::project_root(path).unwrap_or_else(|| parent(path));
                let new = contract.filter(|contract| !contract.is_silent()).map(|contract| Specification {
                    path: path.into(),
                    root: root.into(),
                    contract: Arc::new(contract),
                });
                replace(&mut self.specifications, file, new)
            }
            Some(role @ (Role::Configuration | Role::Project)) => {
                let read = text.and_then(|text| configuration::read(text, path.ends_with("pyproject.toml")));
                let new = read.map(|configuration| Configured {
                    path: path.into(),
                    folder: parent(path).into(),
                    role,
                    configuration: Arc::new(configuration),
                });
                replace(&mut self.configurations, file, new)
            }
        }
    }

    /// Makes a file the only configuration, for a whole folder.
    pub fn set_only(&mut self, only: Option<FileId>) {
        self.only = only;
    }

    /// All configurations with their files.
    pub fn configurations(&self) -> impl Iterator<Item = (FileId, &Configuration)> {
        let counts = |file: &FileId| self.only.is_none_or(|only| only == *file);
        self.configurations.iter().filter(move |(file, _)| counts(file)).map(|(file, c)| (*file, &*c.configuration))
    }

    /// Dotted names that the user vouches for, sorted.
    pub fn sinks(&self) -> Vec<SmolStr> {
        let names = self.configurations().flat_map(|(_, configuration)| &configuration.sinks);
        let mut names: Vec<SmolStr> = names.map(|placed| placed.value.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Names that say whose something is, by the user's word, sorted.
    pub fn owner_names(&self) -> Vec<SmolStr> {
        let names = self.configurations().flat_map(|(_, configuration)| &configuration.owner_names);
        let mut names: Vec<SmolStr> = names.cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What a caller is to be answered by the code of a file who is not the owner, by HTTP status.
    pub fn ownership_status(&self, path: &str) -> u16 {
        let configured = self.configuration_of(path);
        configured.and_then(|(_, configured)| configured.configuration.ownership_status).unwrap_or(403)
    }

    /// The configuration of a file: the nearest above it. `authlens.toml` wins over `pyproject.toml` beside it, and the
    /// settings of an editor count where the project says nothing.
    fn configuration_of(&self, path: &str) -> Option<(FileId, &Configured)> {
        if let Some(only) = self.only {
            return self.configurations.get(&only).map(|configured| (only, configured));
        }
        let above = self.configurations.iter().filter(|(_, configured)| is_below(path, &configured.folder));
        above
            .max_by_key(|(_, configured)| {
                let of_project = configured.path != roles::SETTINGS;
                (of_project, configured.folder.len(), configured.role == Role::Configuration)
            })
            .map(|(file, configured)| (*file, configured))
    }

    /// Whether findings in a file are not wanted.
    pub fn is_excluded(&self, path: &str) -> bool {
        self.configuration_of(path).is_some_and(|(_, configured)| {
            let folder = if self.only.is_some() { "" } else { &*configured.folder };
            let below = path.strip_prefix(folder).unwrap_or(path);
            configured.configuration.exclude.iter().any(|pattern| {
                // Named alone, the one configuration may lie anywhere; settings of an editor lie nowhere.
                fits(pattern, below) || (folder.is_empty() && fits(&format!("**/{pattern}"), below))
            })
        })
    }

    /// The level that the configuration gives a rule in a file.
    pub fn level(&self, path: &str, rule: &str) -> Option<&str> {
        let (_, configured) = self.configuration_of(path)?;
        let levels = &configured.configuration.rules;
        levels.iter().find(|level| level.rule == rule).map(|level| level.level.as_str())
    }

    /// Whether a specification says that rows of others are not found at a route whose handler stands in a file.
    pub fn hides_others(&self, file: &str, route: &Route) -> bool {
        let own = shape(&route.path);
        let speaks = |endpoint: &&Endpoint| {
            let serves = endpoint.methods.is_empty() || route.methods.iter().any(|own| endpoint.methods.contains(own));
            endpoint.hides && serves && without_base(&shape(&endpoint.path)) == without_base(&own)
        };
        let near = self.specifications.values().filter(|specification| is_below(file, &specification.root));
        route.path_known && near.flat_map(|specification| &specification.contract.endpoints).any(|one| speaks(&one))
    }

    /// What is said of each route of an application that a file makes.
    pub fn expectations(&self, application: &str, routes: &[Route], roots: &[String]) -> Vec<Expectation> {
        let mut said = vec![Said::default(); routes.len()];
        let mut specifications: Vec<_> = self
            .specifications
            .iter()
            .filter(|(_, specification)| {
                is_below(application, &specification.root)
                    && (roles::project_root(&specification.path).is_some()
                        || roots.iter().any(|root| *root == specification.root.as_str()))
            })
            .collect();
        // The nearest speaks first; the path keeps the order stable.
        specifications.sort_by(|(_, a), (_, b)| b.root.len().cmp(&a.root.len()).then(a.path.cmp(&b.path)));
        // Most projects have none.
        let shapes: Vec<Vec<SmolStr>> = match specifications.is_empty() {
            true => Vec::new(),
            false => routes.iter().map(|route| shape(&route.path)).collect(),
        };
        for level in specifications.chunk_by(|(_, a), (_, b)| a.root == b.root) {
            let mut here = vec![Said::default(); routes.len()];
            for (file, specification) in level {
                collect(**file, specification, routes, &shapes, &mut here);
            }
            for (said, here) in said.iter_mut().zip(here) {
                if said.is_silent() {
                    *said = here;
                }
            }
        }
        let configured = self.configuration_of(application);
        let decide = |(route, said): (&Route, &Said)| {
            let by_nature = || public::by_nature(route).is_some();
            match said.listed() {
                // A group is said to be guarded; but nobody has a token before signing in.
                Some(Expectation::Required(_)) if said.own.is_empty() && by_nature() => {}
                Some(listed) => return listed,
                None if said.conflicts() => return Expectation::Unstated,
                None => {}
            }
            if let Some(expectation) = configured.and_then(|(file, c)| of_configuration(file, &c.configuration, route))
            {
                return expectation;
            }
            let basis = |place: Location| Basis { place, authority: Authority::Blanket };
            match (said.blanket, said.exception) {
                (Some(place), _) if !by_nature() => Expectation::Required(basis(place)),
                (None, Some(place)) => Expectation::Public(basis(place)),
                _ => Expectation::Unstated,
            }
        };
        routes.iter().zip(&said).map(decide).collect()
    }
}

/// What specifications of one level say of one route.
#[derive(Debug, Clone, Default)]
struct Said {
    own: Vec<(Access, Location)>,
    group: Vec<(Access, Location)>,
    blanket: Option<Location>,
    /// A sentence about all that names the route as an exception.
    exception: Option<Location>,
}

impl Said {
    fn is_silent(&self) -> bool {
        self.own.is_empty() && self.group.is_empty() && self.blanket.is_none() && self.exception.is_none()
    }

    fn strongest(&self) -> &[(Access, Location)] {
        if self.own.is_empty() { &self.group } else { &self.own }
    }

    fn conflicts(&self) -> bool {
        let said = self.strongest();
        said.iter().any(|(access, _)| *access != said[0].0)
    }

    /// What is said of the endpoint where it is listed, unless that contradicts itself.
    fn listed(&self) -> Option<Expectation> {
        let (access, place) = *self.strongest().first().filter(|_| !self.conflicts())?;
        let authority = if self.own.is_empty() { Authority::Grouped } else { Authority::Specified };
        let basis = Basis { place, authority };
        Some(match access {
            Access::Required => Expectation::Required(basis),
            Access::Optional => Expectation::Optional(basis),
            Access::Public => Expectation::Public(basis),
        })
    }
}

/// Adds what one specification says of the routes of an application.
fn collect(file: FileId, specification: &Specification, routes: &[Route], shapes: &[Vec<SmolStr>], said: &mut [Said]) {
    let contract = &specification.contract;
    let mut exact: FxHashMap<&[SmolStr], Vec<usize>> = FxHashMap::default();
    let mut loose: FxHashMap<&[SmolStr], Vec<usize>> = FxHashMap::default();
    for (at, shape) in shapes.iter().enumerate().filter(|(at, _)| routes[*at].path_known) {
        exact.entry(shape).or_default().push(at);
        loose.entry(without_base(shape)).or_default().push(at);
    }
    let place = |range: TextRange| Location { file, range };
    let mut listed = vec![false; routes.len()];
    let served: Vec<_> =
        contract.endpoints.iter().map(|endpoint| matching(contract, endpoint, routes, &exact, &loose)).collect();
    if is_of_another(&served) {
        return;
    }
    for (endpoint, (served, _)) in contract.endpoints.iter().zip(served) {
        for at in served {
            listed[at] = true;
            if let Some(Statement { access, range, own }) = endpoint.stated {
                let into = if own { &mut said[at].own } else { &mut said[at].group };
                into.push((access, place(range)));
            }
        }
    }
    let described = listed.iter().any(|listed| *listed);
    // All that it describes is served below `/api` or a version: `/metrics` is something else.
    let has_base = |at: usize| without_base(&shapes[at]).len() < shapes[at].len();
    let below_base = (0..routes.len()).filter(|at| listed[*at]).all(has_base);
    let described_part = specification.only_part(shapes.iter().zip(&listed).filter(|(_, listed)| **listed));
    for (at, route) in routes.iter().enumerate() {
        if listed[at] || !route.path_known || route.kind.is_mounted() {
            continue;
        }
        // A sentence without a path speaks of the API that its text describes, and of nothing beside that.
        let is_of_part = described_part.is_none_or(|part| without_base(&shapes[at]).first() == Some(part))
            && is_below_bases(contract, &shapes[at]);
        let spoken_of = described && (!below_base || has_base(at)) && is_of_part;
        let mut speaking = contract.blankets.iter().filter(|blanket| blanket.below.is_some() || spoken_of);
        if let Some(blanket) = speaking.clone().find(|blanket| blanket.covers(&shapes[at])) {
            said[at].blanket.get_or_insert(place(blanket.range));
        } else if let Some(blanket) = speaking.find(|blanket| blanket.excludes(&shapes[at])) {
            said[at].exception.get_or_insert(place(blanket.range));
        }
    }
}

/// Whether a path is below what a specification says that all of its paths begin with, where that names a part of the
/// API: `/api/v1/orders`.
fn is_below_bases(contract: &Contract, path: &[SmolStr]) -> bool {
    let bases: Vec<Vec<SmolStr>> = contract.bases.iter().map(|base| shape(base)).collect();
    let parts = || bases.iter().map(|base| without_base(base));
    bases.is_empty() || parts().any(|part| part.is_empty() || without_base(path).starts_with(part))
}

/// Whether a specification describes another service than the one whose routes serve its endpoints so: no path is the
/// same, and those that are but for the base are few of many.
fn is_of_another(served: &[(Vec<usize>, bool)]) -> bool {
    const SHARE: usize = 4;
    let some = served.iter().filter(|(routes, _)| !routes.is_empty()).count();
    !served.iter().any(|(_, is_exact)| *is_exact) && some * SHARE < served.len()
}

/// The routes that serve an endpoint, and whether by the same path. Paths may lack the base on either side;
/// that is only looked at when no path is the same.
fn matching(
    contract: &Contract,
    endpoint: &Endpoint,
    routes: &[Route],
    exact: &FxHashMap<&[SmolStr], Vec<usize>>,
    loose: &FxHashMap<&[SmolStr], Vec<usize>>,
) -> (Vec<usize>, bool) {
    let own = shape(&endpoint.path);
    let serves = |at: &usize| {
        let route = &routes[*at];
        route.kind == RouteKind::Http
            && (endpoint.methods.is_empty() || route.methods.iter().any(|method| endpoint.methods.contains(method)))
    };
    let among = |found: Option<&Vec<usize>>| -> Vec<usize> {
        found.into_iter().flatten().copied().filter(|at| serves(at)).collect()
    };
    let based = contract.bases.iter().map(|base| [shape(base), own.clone()].concat());
    for candidate in std::iter::once(own.clone()).chain(based) {
        let found = among(exact.get(candidate.as_slice()));
        if !found.is_empty() {
            return (found, true);
        }
    }
    (among(loose.get(without_base(&own))), false)
}

fn of_configuration(file: FileId, configuration: &Configuration, route: &Route) -> Option<Expectation> {
    if !route.path_known || route.kind.is_mounted() {
        return None;
    }
    let names = |methods: &[SmolStr]| {
        methods.is_empty()
            || match route.kind {
                RouteKind::WebSocket => methods.iter().any(|method| method == "WEBSOCKET"),
                _ => !route.methods.is_empty() && route.methods.iter().all(|method| methods.contains(method)),
            }
    };
    let place = |range: TextRange| Location { file, range };
    if let Some(public) = configuration.public.iter().find(|p| fits(&p.path, &route.path) && names(&p.methods)) {
        let authority = Authority::Configured(public.reason.clone());
        return Some(Expectation::Public(Basis { place: place(public.range), authority }));
    }
    let protect = configuration.protect.iter().find(|pattern| fits(&pattern.value, &route.path))?;
    let authority = Authority::Configured(SmolStr::default());
    Some(Expectation::Required(Basis { place: place(protect.range), authority }))
}

/// Puts a value in its place, or takes it away; tells whether that changed anything.
fn replace<T: PartialEq>(map: &mut FxHashMap<FileId, T>, file: FileId, new: Option<T>) -> bool {
    if map.get(&file) == new.as_ref() {
        return false;
    }
    match new {
        Some(new) => map.insert(file, new),
        None => map.remove(&file),
    };
    true
}
