//! Tokens that a client sends, and of which an identity provider is asked whose they are. Where nobody looks for whom they
//! were issued, whoever runs another application signs in with those of its users.

use smol_str::SmolStr;

use super::calls::{Given, last_of};
use super::engine::Engine;
use super::value::{Abs, Path};
use crate::facts::python::idioms::assigned;
use crate::facts::python::tree::{Expr, ExprKind, Spread, Stmt};
use crate::index::value::{FunctionRef, Resolve, Site, Value};

/// Such a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed {
    /// Where the provider is asked.
    pub site: Site,
    /// How the token is called; nothing where it is the credential.
    pub token: SmolStr,
    /// The provider.
    pub provider: &'static str,
    /// Whether a token of the application's own is made afterwards.
    pub signs: bool,
}

/// Where providers say whose a token is, to whoever has one.
const ENDPOINTS: &[(&str, &str)] = &[
    ("googleapis.com/oauth2/v1/userinfo", "Google"),
    ("googleapis.com/oauth2/v2/userinfo", "Google"),
    ("googleapis.com/oauth2/v3/userinfo", "Google"),
    ("googleapis.com/userinfo/v2/me", "Google"),
    ("openidconnect.googleapis.com/v1/userinfo", "Google"),
    ("googleapis.com/tokeninfo", "Google"),
    ("googleapis.com/oauth2/v1/tokeninfo", "Google"),
    ("googleapis.com/oauth2/v3/tokeninfo", "Google"),
    ("api.github.com/user", "GitHub"),
    ("kapi.kakao.com/v2/user/me", "Kakao"),
    ("openapi.naver.com/v1/nid/me", "Naver"),
    ("graph.microsoft.com/v1.0/me", "Microsoft"),
    ("api.linkedin.com/v2/userinfo", "LinkedIn"),
    ("api.linkedin.com/v2/me", "LinkedIn"),
];

impl Engine<'_, '_> {
    /// Something out of reach is called: a request to a provider, perhaps.
    pub(super) fn note_provider_asked(&mut self, path: &Path, expr: &Expr, name: &str, given: &[Given]) {
        if self.guarded && self.own_steps.is_empty() || self.in_dependency {
            return;
        }
        let is_request = matches!(last_of(name), "get" | "post" | "request" | "urlopen");
        let verifies = name.ends_with("id_token.verify_oauth2_token") && names_no_audience(given);
        if !is_request && !verifies {
            return;
        }
        let site = self.site(expr);
        // What verifies the caller takes the credential.
        let is_step = |step: &Site| step.range.start == site.range.start && Site { range: site.range, ..*step } == site;
        let is_credential = self.own_steps.iter().any(is_step);
        let Some(token) = self.token_of_client(path, given, is_credential) else { return };
        let provider = match (verifies, expr.as_call()) {
            (true, _) => Some("Google"),
            (false, Some((_, args))) => args.iter().find_map(|arg| self.provider_at(path, &arg.value)),
            (false, None) => None,
        };
        let Some(provider) = provider.filter(|_| !self.looks_for_whom()) else { return };
        if !self.data.believed.iter().any(|known| known.site == site) {
            self.data.believed.push(Believed { site, token, provider, signs: false });
        }
    }

    /// The application makes a token of its own.
    pub(super) fn note_signed(&mut self) {
        self.data.believed.iter_mut().for_each(|believed| believed.signs = true);
    }

    /// What a call is given of the client's, if that is a token, and nothing else.
    fn token_of_client(&self, path: &Path, given: &[Given], is_credential: bool) -> Option<SmolStr> {
        let mut token = is_credential.then(SmolStr::default);
        for one in given {
            let parts = one.value.parts(path);
            if parts.principal && !is_credential || !parts.rows.is_empty() {
                return None;
            }
            for client in &parts.clients {
                let name = &self.clients.get(*client as usize)?.name;
                let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
                let is_token = last.contains("token") || last.contains("credential");
                if !is_token || last.contains("refresh") {
                    return None;
                }
                if token.as_ref().is_none_or(SmolStr::is_empty) {
                    token = Some(name.clone());
                }
            }
        }
        token
    }

    /// The provider at an address.
    fn provider_at(&mut self, path: &Path, address: &Expr) -> Option<&'static str> {
        let text = match self.text_of(path, address) {
            Some(text) => text,
            // `url = f"https://…?id_token={token}"`
            None => {
                let (name, function) = (address.as_name()?, self.stack.last()?.clone());
                match assigned(&function.def.body, name).as_slice() {
                    [value] => self.text_of(path, value)?,
                    _ => return None,
                }
            }
        };
        let address = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        ENDPOINTS.iter().find(|(end, _)| address.ends_with(end)).map(|(_, provider)| *provider)
    }

    /// A text, as far as it is known from its beginning.
    fn text_of(&mut self, path: &Path, expr: &Expr) -> Option<String> {
        let parts = match &expr.kind {
            ExprKind::FString(parts) => parts.as_slice(),
            _ => std::slice::from_ref(expr),
        };
        let mut text = String::new();
        for part in parts {
            let known = match &part.kind {
                ExprKind::Str(_) | ExprKind::Name(_) | ExprKind::Attribute { .. } => self.eval(&mut path.clone(), part),
                _ => break,
            };
            let Abs::Text(known) = known else { break };
            text.push_str(&known);
        }
        (!text.is_empty()).then_some(text)
    }

    /// Whether a function on the way, or one that such a function calls, names what says for whom a token was issued.
    fn looks_for_whom(&self) -> bool {
        let calls = |function: &FunctionRef| -> Vec<FunctionRef> {
            let funcs = function.def.body.iter().flat_map(Stmt::all_exprs).filter_map(Expr::as_call);
            let called = funcs.filter_map(|(func, _)| match self.interpreter.eval(function, func) {
                Value::Function(called) => Some(self.interpreter.current(&called)),
                Value::Bound(bound) => Some(self.interpreter.current(&bound.1)),
                _ => None,
            });
            called.collect()
        };
        self.stack.iter().any(|function| names_for_whom(function) || calls(function).iter().any(names_for_whom))
    }
}

/// Whether the body of a function names what says for whom a token was issued.
fn names_for_whom(function: &FunctionRef) -> bool {
    function.def.body.iter().flat_map(Stmt::all_exprs).any(|expr| match &expr.kind {
        ExprKind::Str(text) | ExprKind::Name(text) => says_for_whom(text),
        ExprKind::Attribute { name, .. } => says_for_whom(&name.name),
        _ => false,
    })
}

/// Whether a call verifies the token of a provider, and is told of no audience: `verify_oauth2_token(token, Request())`
/// (google-auth 2).
fn names_no_audience(given: &[Given]) -> bool {
    let is_plain = given.iter().all(|one| one.spread == Spread::No);
    let audience = given.iter().find(|one| one.name.as_ref().is_some_and(|name| name == "audience"));
    let third = || given.get(2).filter(|one| one.name.is_none());
    is_plain && audience.or_else(third).is_none_or(|one| one.value == Abs::Nothing)
}

/// Whether a text or a name is about for whom a token was issued: `aud`, `azp`, `issued_to`, `app_id`.
fn says_for_whom(text: &str) -> bool {
    const WORDS: &[&str] = &["aud", "audience", "audiences", "azp"];
    const PARTS: &[&str] = &["issued_to", "app_id", "appid", "access_token_info", "debug_token"];
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| WORDS.contains(&word)) || PARTS.iter().any(|part| text.contains(part))
}
