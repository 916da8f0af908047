//! Where requests of the frontend lead, kept between changes: a key in one
//! module leaves all other requests where they led, and a key in a route to which none
//! may lead leaves all.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::calls::{Origins, agreed};
use super::sight;
use crate::frontend::DefaultBase;
use crate::frontend::asked::Asked;
use crate::frontend::bases::Bases;
use crate::frontend::matching::{Address, Base, Target, address};
use crate::frontend::outcome::{Outcome, Request};
use crate::frontend::rewrites::Handler;
use crate::ide::{Guards, Judged, JudgedRoutes, State};
use crate::index::routes::RouteTable;
use crate::vfs::FileId;

/// The routes that requests reach, by file, with all that this rests on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Destinations {
    basis: Basis,
    by_file: Arc<FxHashMap<FileId, Reaching>>,
    /// Of several backends those that bases of packages lead to.
    leading: Arc<Leading>,
    /// Bases that lead to the root of an application.
    rooted: Arc<FxHashSet<(Base, usize)>>,
    /// Bases behind which paths stay as long as they are.
    kept_whole: Arc<FxHashSet<(Base, usize)>>,
    /// The state of the frontend that this is of.
    revision: u64,
    /// Addresses that its requests ask for, once that was of matter.
    asked: Option<Arc<Asked>>,
}

/// Applications that may be behind a base, by the folder of the package whose requests go there.
type Leading = FxHashMap<(SmolStr, Base), BTreeSet<usize>>;

/// The routes that the requests of one outcome may reach, in their order.
#[derive(Debug, Clone)]
struct Reaching {
    outcome: Arc<Outcome>,
    /// The folder of the package that it belongs to.
    package: SmolStr,
    candidates: Arc<[Box<[Target]>]>,
}

impl Reaching {
    /// The route that one of its requests reaches.
    fn target(&self, leading: &Leading, guards: &Guards, at: usize) -> Option<Target> {
        let candidates = self.candidates.get(at)?;
        if candidates.len() < 2 {
            return candidates.first().copied();
        }
        let base = address(&self.outcome.requests.get(at)?.url)?.base;
        match leading.get(&(self.package.clone(), base)) {
            Some(behind) => {
                let meant = candidates.iter().filter(|target| behind.contains(&target.application));
                agreed(guards, &meant.copied().collect::<Vec<_>>())
            }
            None => agreed(guards, candidates),
        }
    }
}

/// Everything that decides where a request leads, beside the request.
#[derive(Debug, Clone, Default)]
struct Basis {
    table: Arc<RouteTable>,
    /// What is said of its routes.
    guards: Arc<Guards>,
    around: Arc<Around>,
}

/// What decides it beside the backend's routes.
#[derive(Debug, Default)]
struct Around {
    handlers: Vec<Handler>,
    /// What variables of the environment say about addresses.
    bases: Arc<Bases>,
    /// How near the nearest module of the frontend lies to each application.
    frontends: Vec<usize>,
    /// What stands in for those variables in code.
    standing_in: Vec<(FileId, SmolStr, Option<SmolStr>)>,
    /// Folders of packages whose pages are static files.
    without_server: BTreeSet<SmolStr>,
    /// What modules put before the paths of requests that axios itself makes.
    default_bases: Vec<DefaultBase>,
    /// Outcomes that hold rewrites.
    rewriting: Vec<(FileId, Arc<Outcome>)>,
}

impl Basis {
    fn of(state: &State, origins: &Origins<'_>) -> Self {
        let around = Arc::new(Around::of(state, origins));
        Self { table: Arc::clone(&state.table), guards: Arc::clone(&state.guards), around }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table)
            && guard_the_same(&self.guards, &other.guards)
            && self.around.is(&other.around)
    }
}

impl Around {
    fn of(state: &State, origins: &Origins<'_>) -> Self {
        let rewriting = state.frontend.shared_outcomes().filter(|(_, outcome)| !outcome.rewrites.is_empty());
        Self {
            handlers: origins.handlers().iter().map(|(_, handler)| handler.clone()).collect(),
            frontends: origins.frontends().to_vec(),
            bases: Arc::clone(&state.frontend.bases),
            standing_in: standing_in(state),
            without_server: state.frontend.folders_without_server().clone(),
            default_bases: state.frontend.default_bases().to_vec(),
            rewriting: rewriting.map(|(file, outcome)| (file, Arc::clone(outcome))).collect(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.handlers == other.handlers
            && self.frontends == other.frontends
            && self.bases == other.bases
            && self.standing_in == other.standing_in
            && self.without_server == other.without_server
            && self.default_bases == other.default_bases
            && self.rewriting.iter().map(address_of).eq(other.rewriting.iter().map(address_of))
    }
}

/// Whether the same routes are guarded: where several backends answer, it matters whether they agree.
fn guard_the_same(a: &Guards, b: &Guards) -> bool {
    let is_guarded = |judged: &Judged| judged.guard.is_guarded();
    let same = |(a, b): (&Arc<JudgedRoutes>, &Arc<JudgedRoutes>)| {
        Arc::ptr_eq(a, b) || a.iter().map(is_guarded).eq(b.iter().map(is_guarded))
    };
    a.applications.len() == b.applications.len() && a.applications.iter().zip(&b.applications).all(same)
}

/// What stands in for variables of the environment, with the files in which it does.
fn standing_in(state: &State) -> Vec<(FileId, SmolStr, Option<SmolStr>)> {
    let outcomes = state.frontend.shared_outcomes();
    let literals = outcomes.flat_map(|(file, outcome)| outcome.literals.iter().map(move |literal| (file, literal)));
    let mut found: Vec<_> = literals
        .filter_map(|(file, literal)| Some((file, literal.variable.clone()?, literal.address.clone())))
        .collect();
    found.sort_unstable();
    found
}

/// Outcomes are the same that lie at the same place: both are kept.
fn address_of((file, outcome): &(FileId, Arc<Outcome>)) -> (FileId, *const Outcome) {
    (*file, Arc::as_ptr(outcome))
}

impl Destinations {
    /// The destinations after a change: what still holds is kept. Tells whether the
    /// frontend may see anything else of the backend than before.
    pub(crate) fn since(before: &Arc<Self>, state: &State) -> (Arc<Self>, bool) {
        if state.frontend.is_empty() {
            return (Arc::default(), false);
        }
        let origins = Origins::new(state);
        let changed = sight::changed(state, &before.basis.table, &before.basis.guards);
        let is_changed = changed.as_ref().is_none_or(|changed| !changed.is_empty());
        let is_same_frontend = before.revision == state.frontend.revision()
            && Arc::ptr_eq(&before.basis.around.bases, &state.frontend.bases);
        let Some(changed) = changed.filter(|_| is_same_frontend) else {
            return (Arc::new(Self::anew(before, state, &origins)), is_changed);
        };
        if changed.is_empty() {
            return (Arc::new(before.beside(state)), false);
        }
        let asked = before.asked.as_ref().map_or_else(|| Arc::new(origins.asked()), Arc::clone);
        let is_seen = sight::is_seen(state, &asked, &changed);
        let now = if is_seen { Self::anew(before, state, &origins) } else { before.beside(state) };
        (Arc::new(Self { asked: Some(asked), ..now }), is_seen)
    }

    fn anew(before: &Self, state: &State, origins: &Origins<'_>) -> Self {
        let basis = Basis::of(state, origins);
        let holds = basis.is(&before.basis);
        let reaching = |(file, outcome): (FileId, &Arc<Outcome>)| {
            let known = before.by_file.get(&file).filter(|known| holds && Arc::ptr_eq(&known.outcome, outcome));
            let candidates = known.map(|known| Arc::clone(&known.candidates)).unwrap_or_else(|| {
                outcome.requests.iter().map(|request| origins.candidates(file, request).into()).collect()
            });
            let path = state.sources.file(file).map_or("", |source| &source.path);
            let package = state.frontend.package_of(path).into();
            (file, Reaching { outcome: Arc::clone(outcome), package, candidates })
        };
        let sending = state.frontend.shared_outcomes().filter(|(_, outcome)| !outcome.requests.is_empty());
        let by_file: FxHashMap<FileId, Reaching> = sending.map(reaching).collect();
        // Where one backend answers everything there is nothing to choose.
        let is_open = by_file.values().any(|known| known.candidates.iter().any(|candidates| candidates.len() > 1));
        let leading = if is_open { leading(by_file.values()) } else { Leading::default() };
        let reached: Vec<(&Request, Target)> = by_file
            .values()
            .flat_map(|known| {
                let requests = known.outcome.requests.iter().enumerate();
                requests.filter_map(|(at, request)| Some((request, known.target(&leading, &basis.guards, at)?)))
            })
            .collect();
        Self {
            rooted: Arc::new(rooted(&basis.table, &reached)),
            kept_whole: Arc::new(kept_whole(&basis.table, &reached)),
            by_file: Arc::new(by_file),
            leading: Arc::new(leading),
            basis,
            revision: state.frontend.revision(),
            asked: None,
        }
    }

    /// The same beside a backend of which no request sees anything else.
    fn beside(&self, state: &State) -> Self {
        let mut now = self.clone();
        now.basis.table = Arc::clone(&state.table);
        now.basis.guards = Arc::clone(&state.guards);
        now
    }

    /// The route that a request of an outcome reaches. None where that is not
    /// kept: `Some(None)` says that it reaches no route that is known.
    pub(crate) fn target(&self, file: FileId, request: &Request) -> Option<Option<Target>> {
        let known = self.by_file.get(&file)?;
        let at = known.outcome.requests.iter().position(|own| std::ptr::eq(own, request))?;
        let target = known.target(&self.leading, &self.basis.guards, at);
        Some(target.filter(|target| {
            let base = lacks_prefix(&self.basis.table, request, *target);
            base.is_none_or(|base| !self.rooted.contains(&(base, target.application)))
                && exceeds(&self.basis.table, request, *target)
                    .is_none_or(|base| !self.kept_whole.contains(&(base, target.application)))
        }))
    }
}

/// The applications that a base of a package leads to: it has one value, so that those are meant which answer all that
/// is asked for behind it and that any answers. None of bases of which no application answers all.
fn leading<'r>(reaching: impl Iterator<Item = &'r Reaching>) -> Leading {
    let mut leading = Leading::default();
    for known in reaching {
        for (request, candidates) in known.outcome.requests.iter().zip(known.candidates.iter()) {
            let Some(base) = address(&request.url).map(|address| address.base).filter(may_be_rooted) else { continue };
            if candidates.is_empty() {
                continue;
            }
            let answering: BTreeSet<usize> = candidates.iter().map(|target| target.application).collect();
            let behind = leading.entry((known.package.clone(), base)).or_insert_with(|| answering.clone());
            behind.retain(|application| answering.contains(application));
        }
    }
    leading.retain(|_, behind| !behind.is_empty());
    leading
}

/// Requests that show where a base leads before it is believed.
const SHOWN: usize = 3;

/// Bases of which many requests have the whole path of a route of an application,
/// and hardly any lacks what stands before it: the base brings no prefix with it,
/// so that what ends like a route of another path does not reach that.
fn rooted(table: &RouteTable, reached: &[(&Request, Target)]) -> FxHashSet<(Base, usize)> {
    mostly_whole(reached, |request, target| match lacks_prefix(table, request, target) {
        None if target.offset != 0 => None,
        lacking => Some(lacking),
    })
}

/// Bases behind which hardly anything that many requests ask for has more before it than the path of a route: nothing
/// takes the beginning of a path away there, so that what ends like a shorter route does not reach that.
fn kept_whole(table: &RouteTable, reached: &[(&Request, Target)]) -> FxHashSet<(Base, usize)> {
    mostly_whole(reached, |request, target| Some(exceeds(table, request, target)))
}

/// Bases of many requests for the routes of an application, of which hardly any is cut. `cut` gives the base of one that
/// is, `Some(None)` for one that is whole, and nothing for one that tells neither.
fn mostly_whole(
    reached: &[(&Request, Target)],
    cut: impl Fn(&Request, Target) -> Option<Option<Base>>,
) -> FxHashSet<(Base, usize)> {
    let mut counts: FxHashMap<(Base, usize), (usize, usize)> = FxHashMap::default();
    for (request, target) in reached {
        let Some(cut) = cut(request, *target) else { continue };
        let is_cut = cut.is_some();
        let own = || address(&request.url).map(|address| address.base);
        if let Some(base) = cut.or_else(own).filter(may_be_rooted) {
            let (whole, less) = counts.entry((base, target.application)).or_default();
            *if is_cut { less } else { whole } += 1;
        }
    }
    counts.retain(|_, (whole, less)| *whole >= SHOWN && *less * SHOWN <= *whole);
    counts.into_keys().collect()
}

/// Whether a base has one value: that of a variable, or a host.
fn may_be_rooted(base: &Base) -> bool {
    matches!(base, Base::Environment(_) | Base::Local(_))
}

/// The base of a request whose path lacks what stands before it in that of the route.
fn lacks_prefix(table: &RouteTable, request: &Request, target: Target) -> Option<Base> {
    if target.offset == 0 {
        return None;
    }
    let (own, address) = compared(table, request, target)?;
    (own > address.segments.len()).then_some(address.base)
}

/// The base of a request whose path has more before it than that of the route.
fn exceeds(table: &RouteTable, request: &Request, target: Target) -> Option<Base> {
    if target.offset == 0 {
        return None;
    }
    let (own, address) = compared(table, request, target)?;
    (own < address.segments.len()).then_some(address.base)
}

/// How many segments the path of a route has, and the address of a request for it.
fn compared(table: &RouteTable, request: &Request, target: Target) -> Option<(usize, Address)> {
    let route = table.applications.get(target.application)?.routes.get(target.route)?;
    // What takes any path is as long as what is asked for.
    let is_open = route.path.contains(":path}");
    let own = route.path.split('/').filter(|segment| !segment.is_empty()).count();
    let address = address(&request.url)?;
    Some((if is_open { own.max(address.segments.len()) } else { own }, address))
}
