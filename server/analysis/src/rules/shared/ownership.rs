//! What the rules about owned data share: accesses at fault with the route
//! that makes them, and how the other routes treat the same table.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::auth::guard::Guard;
use crate::data::{Access, Fault, Link, Table, Use};
use crate::ide::{Diagnostic, Severity};
use crate::index::routes::Route;
use crate::index::value::{Site, Value};
use crate::rules::{RuleInfo, State, for_each_served, related, report};
use crate::verdicts::handler_site;
use crate::vfs::FileId;

/// How routes use a table: how often the principal's own rows only, and how often not.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::rules) struct Custom {
    /// Routes that read only the principal's rows.
    pub(in crate::rules) reads: u32,
    /// Routes that change only the principal's rows.
    pub(in crate::rules) changes: u32,
    /// Routes that narrow either to whom the client names.
    pub(in crate::rules) claimed: u32,
    /// Routes that do either with anybody's.
    pub(in crate::rules) others: u32,
}

impl Custom {
    /// Routes that keep to the principal's rows.
    pub(in crate::rules) fn scoped(&self) -> u32 {
        self.reads + self.changes
    }

    /// The words that a finding says about it.
    pub(in crate::rules) fn words(&self, table: &str) -> String {
        let (scoped, all) = (self.scoped(), self.scoped() + self.others);
        if scoped == 0 { String::new() } else { format!(" ({scoped} of {all} routes keep to the caller's `{table}`)") }
    }
}

/// An access at fault.
pub(in crate::rules) struct Found<'s> {
    pub(in crate::rules) route: &'s Route,
    pub(in crate::rules) access: &'s Access,
    /// Whether somebody verifies the caller, or may do so.
    pub(in crate::rules) guarded: bool,
    pub(in crate::rules) custom: Custom,
    /// The table on whose rows those at fault hang.
    pub(in crate::rules) parent: Option<&'s Table>,
}

impl Found<'_> {
    /// What to call the principal.
    pub(in crate::rules) fn principal(&self) -> String {
        match (self.guarded, self.access.principal.as_str()) {
            (true, "") => "the verified caller".to_owned(),
            (true, name) => format!("`{name}`"),
            (false, _) => "a verified caller".to_owned(),
        }
    }

    /// The value of the client that decides.
    pub(in crate::rules) fn client(&self) -> String {
        match &self.access.client {
            Some(client) => format!("`{}` from the {}", client.name, client.place.word()),
            None => "a value of the request".to_owned(),
        }
    }
}

/// Severity, place and message of a finding.
pub(in crate::rules) type Said = Option<(Severity, Site, String)>;

/// Findings on accesses with a fault. `judge` gives severity, place and message.
pub(in crate::rules) fn check(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
    fault: Fault,
    judge: &dyn Fn(&Found<'_>) -> Said,
) {
    let mut customs: Option<Customs> = None;
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        // There is no caller to compare with yet, which is said of the route.
        let nobody = judged.guard == Guard::Open(None) && matches!(fault, Fault::Unchecked | Fault::Unscoped);
        for access in judged.data.faults.iter().filter(|access| access.fault == fault) {
            let customs = customs.get_or_insert_with(|| customs_of(state));
            let parent = access.table.parent.as_ref().map(|parent| customs.table(state, parent, access.table.site));
            let (parent, custom) = match parent {
                // Whose the rows of the other table are, nobody says.
                Some(None) => continue,
                Some(Some(parent)) => (Some(parent), customs.of(parent.site)),
                None => (None, customs.of(access.table.site)),
            };
            let unsure = matches!(judged.guard, Guard::Unknown(_));
            let guarded = judged.guard.is_guarded() || unsure;
            let one = Found { route, access, guarded, custom, parent };
            let Some((severity, site, message)) = judge(&one) else { continue };
            if !wanted(site.file) || state.sources.is_ghost(site) || !seen.insert(site) {
                continue;
            }
            if state.sources.file(site.file).is_some_and(|file| file.test) {
                continue;
            }
            let severity = match severity {
                _ if route.conditional || nobody => Severity::Info,
                Severity::Error if unsure => Severity::Warning,
                severity => severity,
            };
            let steps = access.steps.iter().map(|(site, note)| related(state, *site, note.clone())).collect();
            found.push(report(state, info, severity, site, message, steps));
        }
    });
}

/// Findings on rows that are put under any of another table, where other routes look whose that one is.
pub(in crate::rules) fn check_links(
    state: &State,
    wanted: &dyn Fn(FileId) -> bool,
    found: &mut Vec<Diagnostic>,
    info: &RuleInfo,
) {
    let mut all: Vec<(&Route, bool, &Link)> = Vec::new();
    for_each_served(state, |_, route, judged| {
        let guarded = judged.guard.is_guarded();
        all.extend(judged.data.links.iter().map(|link| (route, guarded, link)));
    });
    if !all.iter().any(|(_, _, link)| link.looked) {
        return;
    }
    let customs = customs_of(state);
    let mut seen: FxHashSet<Site> = FxHashSet::default();
    for (route, guarded, link) in &all {
        let file = state.sources.file(link.entry.file);
        if link.looked || link.excused || !guarded || route.conditional || file.is_some_and(|file| file.test) {
            continue;
        }
        let mut like = FxHashSet::default();
        let mut looking = FxHashSet::default();
        for (_, _, other) in all.iter().filter(|(_, _, other)| other.table == link.table && other.column == link.column)
        {
            like.insert(other.entry);
            if other.looked {
                looking.insert(other.entry);
            }
        }
        let Some(parent) = customs.table(state, &link.parent, link.table) else { continue };
        let site = link.entry;
        if looking.is_empty() || !wanted(site.file) || state.sources.is_ghost(site) || !seen.insert(site) {
            continue;
        }
        let principal = match link.principal.as_str() {
            "" => "the verified caller".to_owned(),
            name => format!("`{name}`"),
        };
        let message = format!(
            "`{}` from the {} puts a `{}` under any `{}`, and nothing looks whose that is ({} of {} places that set `{}` do): fetch the `{3}` first, compare its `{}` with {principal} and raise 403.",
            link.client.name,
            link.client.place.word(),
            link.name,
            parent.name,
            looking.len(),
            like.len(),
            link.column,
            parent.owner,
        );
        let steps = vec![
            related(state, link.client.site, format!("`{}` comes from the request", link.client.name)),
            related(state, link.site, format!("`{}.{}` is written here", link.name, link.column)),
        ];
        found.push(report(state, info, Severity::Warning, site, message, steps));
    }
}

/// How routes outside of tests use the tables.
#[derive(Default)]
struct Customs<'s> {
    by_site: FxHashMap<Site, Custom>,
    /// Tables of which some route keeps to the caller's rows.
    tables: Vec<&'s Table>,
}

impl<'s> Customs<'s> {
    fn of(&self, table: Site) -> Custom {
        self.by_site.get(&table).copied().unwrap_or_default()
    }

    /// The table of that name, by the database or its class, that is nearest to a place.
    fn table(&self, state: &State, name: &str, near: Site) -> Option<&'s Table> {
        let path = |site: Site| state.sources.file(site.file).map_or("", |file| file.path.as_str());
        let shared = |table: &&&Table| {
            let pairs = path(table.site).split('/').zip(path(near).split('/'));
            pairs.take_while(|(one, other)| one == other).count()
        };
        self.tables.iter().filter(|table| table.sql == name || table.name == name).max_by_key(shared).copied()
    }
}

fn customs_of(state: &State) -> Customs<'_> {
    let mut found = Customs::default();
    let customs = &mut found.by_site;
    let mut seen = FxHashSet::default();
    for_each_served(state, |_, route, judged| {
        // A handler that several applications serve counts once.
        if handler_site(&route.handler).is_some_and(|handler| !seen.insert(handler)) {
            return;
        }
        for (table, usage) in &judged.data.scoped {
            let custom = customs.entry(table.site).or_default();
            if !found.tables.iter().any(|known| known.site == table.site) {
                found.tables.push(table);
            }
            match usage {
                Use::Reads => custom.reads += 1,
                Use::Changes => custom.changes += 1,
                Use::Creates => {}
            }
        }
        let mut at_fault: Vec<Site> = judged
            .data
            .faults
            .iter()
            .filter(|access| access.usage != Use::Creates && matches!(access.fault, Fault::Unscoped | Fault::Unchecked))
            .map(|access| access.table.site)
            .collect();
        at_fault.sort_unstable();
        at_fault.dedup();
        for table in at_fault {
            customs.entry(table).or_default().others += 1;
        }
        let claims = judged.data.faults.iter().find(|access| access.fault == Fault::TrustsClient);
        if let Some(access) = claims.filter(|access| access.usage != Use::Creates) {
            customs.entry(access.table.site).or_default().claimed += 1;
        }
    });
    found
}

/// How sure it is that rows are private, by how other routes treat them.
pub(in crate::rules) fn severity(one: &Found<'_>) -> Option<Severity> {
    let custom = &one.custom;
    let private = match one.access.usage {
        Use::Reads => custom.reads + custom.claimed,
        _ => custom.scoped() + custom.claimed,
    };
    // Where most routes leave the owner out, the rows are everybody's: sooner so
    // if the column tells who wrote them than if it tells whose they are.
    let weight = if one.parent.unwrap_or(&one.access.table).personal { 4 } else { 1 };
    if private == 0 || weight * (custom.scoped() + custom.claimed) < custom.others {
        return None;
    }
    let usual = custom.scoped() >= custom.others && custom.scoped() > 0 && one.guarded;
    Some(if usual { Severity::Error } else { Severity::Warning })
}

/// Where a client names an owner: the handler, of whose parameters it is one, or the place in its body that takes it.
pub(crate) fn identity_site(route: &Route, access: &Access) -> Site {
    let Value::Function(handler) = &route.handler else { return route.registration };
    let taken = access.client.as_ref().map(|client| client.site).filter(|site| {
        let same = site.file == handler.site.file && site.item == handler.site.item;
        same && site.range.start >= handler.def.header.end
    });
    taken.unwrap_or(handler.site)
}

/// What is done, as a participle.
pub(in crate::rules) fn done(usage: Use) -> &'static str {
    match usage {
        Use::Reads => "read",
        Use::Changes => "changed",
        Use::Creates => "made",
    }
}
