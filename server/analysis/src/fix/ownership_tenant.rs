//! What the caller belongs to, as the project writes it.

use smol_str::SmolStr;

use super::ownership::injected;
use super::{Fixer, Served};
use crate::data::{Access, Asking, Fault};
use crate::ide::{Diagnostic, Location, Refusal};
use crate::index::dependencies::called;
use crate::index::value::Site;
use crate::rules::shared::customs::AllCustoms;
use crate::rules::shared::ownership::identity_site;
use crate::rules::shared::tenants::Tenants;
use crate::verdicts::handler_site;

/// The access that a finding on rows of a tenant is about, with the route that makes it and its handler.
pub(super) fn of_tenant<'s>(
    fixer: &Fixer<'s>,
    diagnostic: &Diagnostic,
    fault: Fault,
) -> Option<(Served<'s>, &'s Access, Location)> {
    let locate = |site: Site| fixer.state.sources.locate(site);
    let tenants = Tenants::of(fixer.state);
    let is_kept = |served: &Served<'s>, asking: Asking<'_>, access: &Access| {
        let usual = tenants.usual(fixer.state, served.route, asking, access);
        usual.is_some_and(|usual| fault != Fault::TrustsClient || access.table.owner == usual.column)
    };
    fixer.all_served().find_map(|served| {
        let handler = locate(handler_site(&served.route.handler)?);
        let tenancies = served.judged.data.tenancies();
        let mut others = tenancies.flat_map(|(one, asking)| one.others.iter().map(move |access| (asking, access)));
        let (_, access) = others.find(|(asking, access)| {
            let anchor = if fault == Fault::TrustsClient { identity_site(served.route, access) } else { access.entry };
            access.fault == fault && locate(anchor) == diagnostic.location && is_kept(&served, *asking, access)
        })?;
        Some((served, access, handler))
    })
}

/// Whether other routes keep to the rows of a table by what the caller belongs to, and not by an owner.
pub(super) fn is_kept_by_tenant(fixer: &Fixer<'_>, access: &Access) -> bool {
    let by_row = matches!(access.fault, Fault::Unchecked | Fault::Unscoped);
    by_row && AllCustoms::of(fixer.state).tenant_of(&access.table).is_some()
}

/// The column that says which tenant a row belongs to, and how the handler writes that of its caller.
pub(super) fn tenant(fixer: &Fixer<'_>, served: &Served<'_>, access: &Access) -> Result<(SmolStr, String), Refusal> {
    let tenants = Tenants::of(fixer.state);
    let asking = served.judged.data.within.as_ref().map_or(Asking::Nothing, Asking::Right);
    let usual = tenants.usual(fixer.state, served.route, asking, access);
    let column = usual.map(|usual| SmolStr::new(usual.column));
    let column = column.ok_or_else(|| Refusal("which column says whose a row is can't be told".into()))?;
    let name = access.principal.as_str();
    let (function, _) = called(&fixer.interpreter, &injected(served, name)?.callable)
        .ok_or_else(|| Refusal("the dependency can't be read".into()))?;
    // As other handlers write it, most of them.
    let mut spelled: Vec<&SmolStr> = Vec::new();
    for other in fixer.all_served() {
        let data = &other.judged.data;
        let within = data.within.iter().flat_map(|within| &within.tenants.spelled);
        let same =
            data.tenants.spelled.iter().chain(within).filter(|(of, site, _)| *of == column && *site == function.site);
        spelled.extend(same.map(|(_, _, suffix)| suffix));
    }
    spelled.sort_unstable();
    let usual = spelled.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len()).map(|chunk| chunk[0]);
    let suffix =
        usual.ok_or_else(|| Refusal(format!("which part of `{name}` is compared with `{column}` can't be told")))?;
    Ok((column, format!("{name}{suffix}")))
}
