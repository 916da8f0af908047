//! Secrets where code names them, hands them on, or holds them.

use super::Session;
use crate::facts::held::{Held, held};
use crate::facts::typescript::tree::{ExprKind, Jsx, Property};
use crate::frontend::libraries;
use crate::frontend::observed::{EnvironmentRead, Passed};
use crate::frontend::tokens::is_secret_name;
use crate::frontend::value::{ObjectId, Origin, Value};
use crate::text::TextRange;

/// How keys begin that open somebody's account, by their documentation, and whose they are.
const KEY_FORMS: &[(&str, &str)] = &[
    ("sk_live_", "Stripe"),
    ("rk_live_", "Stripe"),
    ("sk-proj-", "OpenAI"),
    ("sk-ant-", "Anthropic"),
    ("ghp_", "GitHub"),
    ("github_pat_", "GitHub"),
    ("xoxb-", "Slack"),
    ("whsec_", "Stripe"),
    ("-----BEGIN PRIVATE KEY", "a key pair"),
    ("-----BEGIN RSA PRIVATE KEY", "a key pair"),
];
/// No such key is shorter.
const SHORTEST_KEY: usize = 24;

impl Session<'_> {
    /// `process.env.NAME`.
    pub(super) fn note_environment(&mut self, object: &Value, name: &str, range: TextRange) {
        let Value::Package(package) = object else { return };
        if package.package.is_empty() && package.path == "process.env" {
            let place = self.place(range);
            if place.file == self.evaluated {
                self.outcome.observed.environment.push(EnvironmentRead { place, name: name.into() });
            }
        }
    }

    /// A text that has the form of a key, or of an address with a password.
    pub(super) fn note_key_literal(&mut self, text: &str, range: TextRange) {
        if text.len() < SHORTEST_KEY {
            return;
        }
        let place = self.place(range);
        if place.file == self.evaluated && held(text) == Some(Held::Password) {
            self.outcome.observed.passwords.push(place);
        }
        // An example says so, repeats one letter, or has some that stand for others.
        let is_real = |rest: &str| {
            let mut letters: Vec<char> = rest.chars().collect();
            letters.sort_unstable();
            letters.dedup();
            let lower = rest.to_ascii_lowercase();
            let says_so = ["...", "your", "xxxx"].iter().any(|word| lower.contains(word));
            letters.len() > 8 && !says_so
        };
        let whose = KEY_FORMS.iter().find(|(form, _)| text.strip_prefix(form).is_some_and(is_real));
        if let Some((_, whose)) = whose.filter(|_| place.file == self.evaluated) {
            self.outcome.observed.key_literals.push((place, whose));
        }
    }

    /// `<SWRConfig value={{ onErrorRetry }}>`: what is made again is said for all below.
    pub(super) fn note_retry_settings(&mut self, jsx: &Jsx, given: ObjectId) {
        let Some(ExprKind::Name(name)) = jsx.tag.as_ref().map(|tag| &tag.kind) else { return };
        let file = self.frames.last().map(|frame| frame.file);
        let imported = file.and_then(|file| self.script(file)).and_then(|facts| facts.imports.get(name).cloned());
        if imported.is_some_and(|(module, there)| module == "swr" && there == "SWRConfig") {
            let settings = self.store.get(given).entries.get("value").cloned().unwrap_or(Value::Unknown);
            let place = self.store.get(given).place;
            if libraries::says_what_is_retried(self, &settings) {
                self.outcome.observed.retry_settings.push(place);
            }
        }
    }

    /// Secrets among the properties of a component, by their values.
    pub(super) fn note_passed(&mut self, jsx: &Jsx, given: ObjectId) {
        let mut secrets = Vec::new();
        for property in &jsx.attributes {
            let Property::Named(name, value) = property else { continue };
            let Some(given) = self.store.get(given).entries.get(name).cloned() else { continue };
            for given in given.alternatives() {
                if let Value::Symbol(symbol) = given
                    && let Origin::Environment(variable) = &symbol.origin
                    && symbol.path.is_empty()
                    && is_secret_name(variable)
                {
                    secrets.push((name.clone(), variable.clone(), self.place(value.range)));
                }
            }
        }
        let Some(tag) = jsx.tag.as_ref().filter(|tag| !secrets.is_empty() && matches!(tag.kind, ExprKind::Name(_)))
        else {
            return;
        };
        let component = match self.expr(tag) {
            Value::Function(closure) => closure.file,
            Value::Class(class) => class.file,
            _ => return,
        };
        for (property, variable, place) in secrets.into_iter().filter(|(_, _, place)| place.file == self.evaluated) {
            self.outcome.observed.passed.push(Passed { place, variable, property, component });
        }
    }
}
