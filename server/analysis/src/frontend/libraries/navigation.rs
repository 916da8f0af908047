//! What takes a page elsewhere: the address bar, new windows, the routers of Next.js and React.

use std::rc::Rc;

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::observed::{Ending, Leads, Navigation};
use crate::frontend::outcome::{Place, UrlPart};
use crate::frontend::requests::url_parts;
use crate::frontend::value::{PackageName, Value};

/// Addresses that one navigation may lead to.
const MAX_URLS: usize = 4;

/// Whether a package shows other pages.
pub(super) fn is_router(package: &str) -> bool {
    matches!(package, "next/navigation" | "next/router" | "react-router-dom" | "react-router")
}

/// `next/navigation`, `next/router` and `react-router`.
pub(super) fn call(session: &mut Session<'_>, package: &Rc<PackageName>, arguments: &Arguments, here: Place) -> Value {
    let path = package.path.trim_start_matches("default.");
    match path {
        "useRouter" | "useNavigate" => return Value::package(&package.package, &format!("{path}()")),
        "useRouter().push"
        | "useRouter().replace"
        | "push"
        | "replace"
        | "redirect"
        | "permanentRedirect"
        | "useNavigate()" => {
            session.watch_ending(Ending::Elsewhere);
            note(session, &arguments.get(0), Leads::Page, here);
        }
        _ => {}
    }
    session.give_away(arguments);
    Value::Unknown
}

/// Whether a name of the platform takes the page where it is told when it is called.
pub(super) fn is_call(path: &str) -> bool {
    matches!(
        path,
        "location.assign" | "location.replace" | "open" | "document.location.assign" | "document.location.replace"
    )
}

/// Whether it takes the page itself there, and opens no other one.
pub(in crate::frontend) fn is_departure(path: &str) -> bool {
    is_call(path) && path != "open"
}

/// Whether a name of the platform takes the page where it is told when it is assigned to.
pub(in crate::frontend) fn is_address(path: &str, name: &str) -> bool {
    matches!((path, name), ("location" | "document.location", "href"))
        || (name == "location" && matches!(path, "window" | "document" | "globalThis" | "self"))
}

/// Notes where something leads, if a token goes with it.
pub(super) fn note(session: &mut Session<'_>, url: &Value, leads: Leads, here: Place) {
    for url in url.alternatives().iter().take(MAX_URLS) {
        let url = url_parts(session, url);
        if url.iter().any(|part| matches!(part, UrlPart::Token(_))) {
            session.outcome.observed.navigations.push(Navigation { place: here, leads, url });
        }
    }
}
