//! Open routes that no request reaches: an earlier one has the same path and methods, and Starlette takes the first that
//! matches (1.0, `Router.app`).

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::auth::guard::Guard;
use crate::ide::{Judged, RouteKind};
use crate::index::routes::Route;

/// Why they are public.
const REASON: &str = "never reached: an earlier route of the same path answers";

/// Whether a verdict was given because an earlier route answers.
pub(super) fn is_given(guard: &Guard) -> bool {
    matches!(guard, Guard::Public(reason) if reason == REASON)
}

/// Says of open routes that no request reaches them.
pub(super) fn judge(routes: &[Route], judged: &mut [Judged]) {
    let mut answered: FxHashMap<String, Vec<&SmolStr>> = FxHashMap::default();
    for (route, judged) in routes.iter().zip(judged) {
        if route.kind != RouteKind::Http || !route.path_known || route.methods.is_empty() {
            continue;
        }
        let methods = answered.entry(nameless(&route.path)).or_default();
        let is_reached = route.methods.iter().any(|method| !methods.contains(&method));
        if !is_reached && matches!(judged.guard, Guard::Open(_) | Guard::Unknown(_)) {
            judged.guard = Guard::Public(REASON.into());
            judged.data = Default::default();
        }
        if !route.conditional {
            methods.extend(&route.methods);
        }
    }
}

/// A path without the names of its parameters: `/tasks/{id:int}` matches what `/tasks/{number:int}` does.
fn nameless(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut plain, part| {
        plain.push('{');
        match part.split_once('}') {
            Some((parameter, rest)) => {
                plain.push_str(parameter.find(':').map_or("", |at| &parameter[at..]));
                plain.push('}');
                plain.push_str(rest);
            }
            None => plain.push_str(part),
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::nameless;

    #[test]
    fn names_of_parameters_make_no_difference() {
        assert_eq!(nameless("/a/{id}/b/{path:path}"), "/a/{}/b/{:path}");
        assert_eq!(nameless("/a"), "/a");
        assert_ne!(nameless("/a/{id}"), nameless("/a/{id:int}"));
    }
}
