//! What is said of routes: the guard of each, and what it does with owned data.

use std::ops::Deref;
use std::sync::Arc;

use crate::auth::guard::Guard;
use crate::auth::middleware::Middlewares;
use crate::auth::policy::Expectation;
use crate::data::RouteData;
use crate::index::looked_at::RestsOn;
use crate::verdicts::{self, ByClient, Conduct};
use crate::vfs::FileId;

/// A route's guard, and what the verdict rests on.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) guard: Guard,
    pub(crate) rests_on: Arc<RestsOn>,
    /// What the project's own words want.
    pub(crate) expected: Expectation,
    /// What it does with owned data.
    pub(crate) data: Arc<RouteData>,
    /// What its client fills and should not; absent for routes that are not served.
    pub(crate) by_client: Option<Arc<ByClient>>,
    /// What its handler does, where it is open.
    pub(crate) conduct: Conduct,
}

/// Two are the same that say the same.
impl PartialEq for Judged {
    fn eq(&self, other: &Self) -> bool {
        self.guard == other.guard
            && self.expected == other.expected
            && self.data == other.data
            && self.by_client == other.by_client
            && self.conduct == other.conduct
    }
}

impl Eq for Judged {}

/// The verdicts on a list of routes.
#[derive(Debug)]
pub(crate) struct JudgedRoutes {
    routes: Vec<Judged>,
    /// All that they rest on, sorted.
    pub(crate) files: Box<[FileId]>,
}

impl JudgedRoutes {
    pub(crate) fn new(routes: Vec<Judged>) -> Self {
        let mut files: Vec<FileId> = routes.iter().flat_map(|judged| judged.rests_on.files.iter().copied()).collect();
        files.sort_unstable();
        files.dedup();
        Self { routes, files: files.into() }
    }
}

impl Deref for JudgedRoutes {
    type Target = [Judged];

    fn deref(&self) -> &[Judged] {
        &self.routes
    }
}

/// Two are the same that say the same.
impl PartialEq for JudgedRoutes {
    fn eq(&self, other: &Self) -> bool {
        self.routes == other.routes
    }
}

impl Eq for JudgedRoutes {}

/// Guards in the order of the route table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    pub(crate) applications: Vec<Arc<JudgedRoutes>>,
    pub(crate) middlewares: Vec<Arc<Middlewares>>,
    /// Verifiers that guard their routes.
    pub(crate) verifiers: Vec<Arc<Vec<verdicts::Verifier>>>,
    pub(crate) orphans: Vec<Arc<JudgedRoutes>>,
}
