//! The frontend's requests for editors, each with the route that it reaches.

use authlens_analysis::ide::CallView;

use super::convert;
use super::protocol::{Call, CallsParams, CallsReport, ReachedRoute};
use super::server::{Answer, Backend};
use super::view::View;

impl Backend {
    /// `authlens/calls`.
    pub(super) fn calls(&self, _: CallsParams) -> Answer<CallsReport> {
        self.ask(|view| CallsReport { calls: view.analysis.calls().into_iter().map(|c| call(view, c)).collect() })
    }
}

fn call(view: &View, call: CallView) -> Call {
    let location = |at| convert::location(&view.analysis, at, view.abilities.encoding);
    Call {
        location: location(call.location),
        made_at: call.made_at.and_then(location),
        through: call.through.and_then(location),
        method: call.method,
        url: call.url,
        attaches_token: call.attaches,
        sends_cookies: call.sends_cookies,
        route: call.route.map(|route| ReachedRoute {
            name: route.name,
            application: route.application,
            status: route.status.word(),
            handler: location(route.handler),
        }),
    }
}
