//! What a condition tells about a path.

use smol_str::SmolStr;

use super::super::evidence::Evidence;
use super::super::sinks::is_scheme_word;
use super::super::{Bypass, DecidedBy};
use super::codes::compares_codes;
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Expr, ExprKind};
use crate::index::interpreter::truth as value_truth;
use crate::index::value::Value;

impl Flow<'_, '_> {
    /// The paths on which `test` is `truth`.
    pub(super) fn refine(&mut self, path: Path, test: &Expr, truth: bool) -> Vec<Path> {
        match self.known_truth(&path, test) {
            Some(known) if known == truth => vec![path],
            Some(_) => Vec::new(),
            None => self.refine_open(path, test, truth),
        }
    }

    /// The paths on which `test` is true, and those on which it is false.
    pub(super) fn split(&mut self, path: Path, test: &Expr) -> (Vec<Path>, Vec<Path>) {
        match self.known_truth(&path, test) {
            Some(true) => (vec![path], Vec::new()),
            Some(false) => (Vec::new(), vec![path]),
            None => (self.refine_open(path.clone(), test, true), self.refine_open(path, test, false)),
        }
    }

    fn known_truth(&self, path: &Path, test: &Expr) -> Option<bool> {
        if let Some(is_wanted) = self.asks_for_preflight(path, test) {
            return Some(!is_wanted);
        }
        if let Some(flag) = self.kept_flag(path, test) {
            return Some(flag);
        }
        let known = self.exact(path, test).and_then(|value| value_truth(&value))?;
        // What stands in for a variable of the environment is a default, and no answer.
        let is_default =
            self.is_configuration(path, test) && self.judge.resolve.names_environment(self.function(), test);
        (!is_default).then_some(known)
    }

    /// Whether a test of a dependency or handler asks if the request is a preflight (WHATWG Fetch, 4.8), or if it is
    /// none: `request.method == "OPTIONS"`. FastAPI runs a route's dependencies for the methods that the route answers,
    /// and nothing is behind a route that answers this one.
    fn asks_for_preflight(&self, path: &Path, test: &Expr) -> Option<bool> {
        let ExprKind::Compare { first, rest } = &test.kind else { return None };
        let [(op, second)] = rest.as_slice() else { return None };
        let ExprKind::Attribute { value, name } = &first.kind else { return None };
        let is_request = matches!(path.get(value.as_name()?), Some(Abs::Request(part)) if part.is_empty());
        let only = match &second.kind {
            ExprKind::List(parts) | ExprKind::Tuple(parts) | ExprKind::Set(parts) => match parts.as_slice() {
                [one] => one,
                _ => return None,
            },
            _ => second,
        };
        let asks = self.around.is_none() && is_request && name.name == "method" && only.as_str()? == "OPTIONS";
        asks.then(|| matches!(op.as_str(), "==" | "in" | "is"))
    }

    /// The same as [`Self::refine`] for a test of which the truth is not known.
    fn refine_open(&mut self, mut path: Path, test: &Expr, truth: bool) -> Vec<Path> {
        if self.is_configuration(&path, test) {
            path.switches
                .push((Bypass { site: self.site(test), decided_by: self.decided_by(&path, test, truth) }, truth));
            return vec![path];
        }
        if self.looks_at_form(&mut path, test) {
            path.switches.push((Bypass { site: self.site(test), decided_by: DecidedBy::Form }, truth));
            return vec![path];
        }
        path.chosen |= self.asks_for_claim(&mut path, test);
        let composed = matches!(test.kind, ExprKind::Not(_) | ExprKind::BoolOp { .. } | ExprKind::Walrus { .. });
        if !composed && self.depends_on_route(&path, test) {
            path.unknown.get_or_insert_with(|| "which paths it lets through could not be told".into());
        }
        match &test.kind {
            ExprKind::Not(inner) => self.refine(path, inner, !truth),
            ExprKind::BoolOp { and, values } => self.refine_operands(path, *and, values, truth),
            ExprKind::Walrus { name, value } => {
                let mut path = path;
                let bound = self.eval(&mut path, value);
                path.set(&name.name, bound);
                let variable = Expr { range: name.range, kind: ExprKind::Name(name.name.clone()) };
                self.refine_truth(path, &variable, truth)
            }
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, second)] if matches!(second.kind, ExprKind::None) => {
                    let present = matches!(op.as_str(), "is not" | "!=");
                    if truth != present && path.is_there(first) {
                        return Vec::new();
                    }
                    self.refine_presence(path, first, truth == present)
                }
                [(op, second @ Expr { kind: ExprKind::Bool(value), .. })] => {
                    match self.truth_compared(first, op, *value, truth) {
                        Some(truth) => self.refine(path, first, truth),
                        None => self.refine_comparison(path, test, first, op, second, truth),
                    }
                }
                // How many rows were found: `if result.matched_count == 0: raise`.
                [(op, Expr { kind: ExprKind::Int(0), .. })]
                    if matches!(op.as_str(), "==" | "!=" | ">")
                        && self.eval(&mut path.clone(), first) == (Abs::Verified { checked: false }) =>
                {
                    self.refine_truth(path, first, truth == (op != "=="))
                }
                [(op, second)] => self.refine_comparison(path, test, first, op, second, truth),
                _ => vec![path],
            },
            _ if !truth && path.is_filled(test) => Vec::new(),
            _ => self.refine_truth(path, test, truth),
        }
    }

    /// What decides that a test of the configuration goes one way.
    fn decided_by(&self, path: &Path, test: &Expr, way: bool) -> DecidedBy {
        match value_truth(&self.judge.resolve.eval_by_default(self.function(), test, &path.settings)) {
            Some(default) if default == way => DecidedBy::Default,
            _ => DecidedBy::Configuration,
        }
    }

    fn refine_operands(&mut self, path: Path, and: bool, values: &[Expr], truth: bool) -> Vec<Path> {
        let mut passed = vec![path];
        let mut decided = Vec::new();
        for value in values {
            let mut next = Vec::new();
            for path in passed {
                // The operand that decides: false for `and`, true for `or`.
                if and == truth {
                    next.extend(self.refine(path, value, and));
                } else {
                    let (yes, no) = self.split(path, value);
                    let (goes_on, decides) = if and { (yes, no) } else { (no, yes) };
                    decided.extend(decides);
                    next.extend(goes_on);
                }
            }
            passed = next;
        }
        if and == truth { passed } else { decided }
    }

    /// Whether a test looks at the form of a credential alone, which whoever sends it chooses:
    /// `token.startswith("dev-")`, `".test" in token`, `parts[0] == "demo"`, `len(parts) == 2`.
    fn looks_at_form(&mut self, path: &mut Path, test: &Expr) -> bool {
        let text = match &test.kind {
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "startswith" | "endswith") => value,
                _ => return false,
            },
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(op, second)] if op.ends_with("in") && first.as_str().is_some() => second,
                [(_, second)] if matches!(second.kind, ExprKind::Int(_)) => match first.as_call() {
                    Some((func, [counted])) if func.as_name().is_some_and(|name| name == "len") => &counted.value,
                    _ => return false,
                },
                // A text that is no secret, by its length.
                [(op, second)] if matches!(op.as_str(), "==" | "!=") => match second.as_str() {
                    Some(word) if !word.is_empty() && is_scheme_word(word) => first,
                    _ => return false,
                },
                _ => return false,
            },
            _ => return false,
        };
        self.eval(path, text) == Abs::Credential
    }

    /// Whether a test looks at what a credential says of itself, unverified: whether it says it, how that begins, or
    /// whether it is what the code says: `kid is None`, `alg.startswith("RS")`, `alg == "ES256"`, `alg in ["ES256", "RS256"]`.
    fn asks_for_claim(&mut self, path: &mut Path, test: &Expr) -> bool {
        let asked = match &test.kind {
            ExprKind::Name(_) => Some(test),
            ExprKind::Call { func, .. } => match &func.kind {
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "startswith" | "endswith") => {
                    Some(&**value)
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(asked) = asked {
            return self.eval(path, asked) == Abs::Identity;
        }
        let ExprKind::Compare { first, rest } = &test.kind else { return false };
        let [(op, second)] = rest.as_slice() else { return false };
        let compares = matches!(op.as_str(), "==" | "!=" | "in" | "not in");
        let is_constant = matches!(self.eval(path, second), Abs::Constant | Abs::Other);
        compares && is_constant && self.eval(path, first) == Abs::Identity
    }

    /// `first op second` is `truth`.
    fn refine_comparison(
        &mut self,
        mut path: Path,
        test: &Expr,
        first: &Expr,
        op: &str,
        second: &Expr,
        truth: bool,
    ) -> Vec<Path> {
        // What is none equals no text that says something: `role == "admin"`.
        let says = |side: &Expr| side.as_str().is_some_and(|text| !text.is_empty());
        let is_equality = matches!(op, "==" | "!=");
        if is_equality && says(second) && self.eval(&mut path.clone(), first) == Abs::Nothing {
            return if truth == (op == "!=") { vec![path] } else { Vec::new() };
        }
        let proves = match self.comparison(&mut path, first, op, second) {
            Abs::Check => match op {
                "==" | "in" | "is" => Some(true),
                "!=" | "not in" | "is not" => Some(false),
                _ => None,
            },
            // An entry that only those have who were not verified.
            Abs::Failure => match op {
                "in" => Some(false),
                "not in" => Some(true),
                _ => None,
            },
            Abs::Status => match op {
                "==" | "in" | "<" | "<=" => Some(true),
                "!=" | "not in" | ">" | ">=" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if let Some(reason) = [first, second].into_iter().find_map(|side| self.unknown(&path, side)) {
            path.unknown.get_or_insert(reason);
        }
        if proves.is_none() && self.answers && compares_codes(first, second) {
            let reason = "it is not known whether a code that is compared was sent to the caller";
            path.unknown.get_or_insert(SmolStr::new_static(reason));
        }
        if proves == Some(truth) {
            let key = [first, second].into_iter().any(|side| self.is_key(&mut path, side));
            path.verified = true;
            let evidence = if key { Evidence::Matches } else { Evidence::Tells };
            self.step(test, evidence, "a caller who fails this check gets no further");
        }
        vec![path]
    }

    /// Why it is not known what a value says of the caller.
    fn unknown(&mut self, path: &Path, value: &Expr) -> Option<SmolStr> {
        match self.eval(&mut path.clone(), value) {
            Abs::Unknown(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether an expression is a key of the code or the configuration.
    fn is_key(&mut self, path: &mut Path, expr: &Expr) -> bool {
        let read_before = |value: Abs| match value {
            Abs::Object(object) => matches!(*object, Value::Package(package) if package.starts_with("os.")),
            _ => false,
        };
        expr.as_str().is_some() || self.is_configuration(path, expr) || read_before(self.eval(path, expr))
    }

    /// A value is `None` or not. One that is false for those who were not verified, and not `None`, turns nobody away.
    fn refine_presence(&mut self, mut path: Path, value: &Expr, is_there: bool) -> Vec<Path> {
        let may_be_false = self.eval(&mut path.clone(), value) == (Abs::Verified { checked: false })
            && self.gives_other_than_none(value);
        if may_be_false {
            path.unknown.get_or_insert_with(|| "what is compared with `None` may be false in another way".into());
            return vec![path];
        }
        self.refine_truth(path, value, is_there)
    }

    /// The value of `test` is true or false.
    fn refine_truth(&mut self, path: Path, test: &Expr, truth: bool) -> Vec<Path> {
        let Some((mut path, value)) = self.value_or_end(path, test) else { return Vec::new() };
        match value {
            Abs::Check | Abs::Verified { checked: false } if truth => {
                path.verified = true;
                if let Some(name) = super::root_name(test)
                    && matches!(path.get(name), Some(Abs::Verified { .. }))
                {
                    path.set(&name.clone(), Abs::Verified { checked: true });
                }
                self.note(test, "a caller who fails this check gets no further");
            }
            Abs::Verified { checked: false } | Abs::Credential | Abs::Named(_) if !truth => {
                if let Some(name) = test.as_name() {
                    path.set(name, Abs::Nothing);
                }
            }
            Abs::Failure if !truth => {
                path.verified = true;
                self.note(test, "a caller who fails this check gets no further");
            }
            Abs::Unknown(reason) => {
                path.unknown.get_or_insert(reason);
            }
            Abs::Nothing if truth => return Vec::new(),
            _ => {}
        }
        vec![path]
    }
}
