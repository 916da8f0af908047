//! Methods of interfaces: classes of the project stand behind them, and which one is decided when the program starts.

use std::sync::Arc;

use smol_str::SmolStr;

use super::follow::either;
use super::holding::{class_of, says_who_calls};
use super::statements::NEVER;
use super::{Abs, Flow, Path};
use crate::facts::python::tree::{Arg, Expr};
use crate::index::value::{ClassRef, FunctionRef, Value};

impl Flow<'_, '_> {
    /// What a call of a method gives that is only declared, where all classes that have it verify what they are given:
    /// the one that says the least. `None` where that is not so, and all is left open.
    pub(super) fn implemented(
        &mut self,
        path: &mut Path,
        expr: &Expr,
        declared: &FunctionRef,
        receiver: Option<&Abs>,
        args: &[Arg],
        values: &[Abs],
    ) -> Option<Abs> {
        let class = receiver.and_then(class_of).cloned().or_else(|| declared.class.clone())?;
        let all = self.judge.resolve.implementations(&class, &declared.def.name.name);
        let given = values.iter().any(|value| matches!(value, Abs::Credential | Abs::Request(_)));
        if !given && all.is_empty() && says_who_calls(&class, &declared.def.name.name) {
            let reason: SmolStr = format!("what stands behind `{}` is not known", declared.shown()).into();
            path.unknown.get_or_insert(reason.clone());
            return Some(Abs::Unknown(reason));
        }
        if !given && !all.iter().any(|(class, _)| self.class_holds_request(class)) {
            return None;
        }
        let mut some_do_not = false;
        let mut ends = Vec::new();
        for (class, method) in all.iter() {
            let mut path = path.clone();
            let receiver = Abs::Object(Box::new(Value::Class(Arc::clone(class))));
            let value = self.follow(&mut path, expr, method, Some(receiver), args, values.to_vec());
            let ended = path.get(NEVER).is_some();
            let tells = matches!(value, Abs::Verified { .. } | Abs::Check | Abs::Failure | Abs::Outcome(_));
            if !ended && !path.verified && !tells {
                some_do_not = true;
                continue;
            }
            ends.push((path, value, ended));
        }
        if some_do_not {
            // Which of them it is decides.
            let reason: SmolStr = format!("not all that may stand behind `{}` verifies", declared.shown()).into();
            let is_open = given || ends.is_empty();
            return (!is_open).then(|| {
                path.unknown.get_or_insert(reason.clone());
                Abs::Unknown(reason)
            });
        }
        let mut going: Vec<(Path, Abs)> =
            ends.into_iter().filter(|(.., ended)| !ended).map(|(path, value, _)| (path, value)).collect();
        let Some((last, value)) = going.pop() else {
            // None of them lets anybody pass; that may be for want of a class that does.
            return None;
        };
        let verified = last.verified && going.iter().all(|(other, _)| other.verified);
        let mut joined = Some(value);
        for (_, value) in going {
            joined = match joined {
                Some(joined) if verified => Some(either(joined, value)),
                Some(joined) => agreed(joined, value),
                None => None,
            };
        }
        let joined = joined?;
        path.verified = verified;
        path.state = last.state;
        Some(joined)
    }

    /// What a property of a class gives that is only declared there: an object of the class that its annotation says.
    pub(super) fn property(&self, class: &Arc<ClassRef>, name: &SmolStr) -> Option<Abs> {
        let method = self.judge.resolve.method(class, name)?;
        let is_property = method.def.decorators.iter().filter_map(Expr::as_name).any(|name| name == "property");
        match is_property.then(|| self.result(&method))? {
            object @ Abs::Object(_) => Some(object),
            _ => None,
        }
    }
}

/// What the results of two classes say alike, where neither has verified before it returned: a part that tells in the
/// one has to tell the same in the other.
fn agreed(one: Abs, other: Abs) -> Option<Abs> {
    match (one, other) {
        (one @ Abs::Verified { .. }, other @ Abs::Verified { .. }) => Some(either(one, other)),
        (Abs::Outcome(one), Abs::Outcome(other)) => one.agreed(&other).map(|outcome| Abs::Outcome(Arc::new(outcome))),
        (one, other) => (one == other).then_some(one),
    }
}
