//! Statements on paths.

use smol_str::SmolStr;

use super::super::sources::{Worth, worth_of};
use super::calls::from_value;
use super::containers::note_filled;
use super::outcome::Shape;
use super::rejections::raises_at_once;
use super::requests::MESSAGE;
use super::{Abs, Exit, Flow, MAX_PATHS, Path, TOO_LARGE};
use crate::facts::python::tree::{Assign, Expr, ExprKind, Handler, Stmt, StmtKind};
use crate::index::value::Value;

impl Flow<'_, '_> {
    /// Executes a block on every path and gives the paths that reach its end.
    pub(super) fn block(&mut self, mut paths: Vec<Path>, stmts: &[Stmt], exits: &mut Vec<Exit>) -> Vec<Path> {
        for (at, stmt) in stmts.iter().enumerate() {
            let mut next = Vec::new();
            for path in paths {
                if self.hangs_up(&path, stmt, stmts.get(at + 1)) {
                    continue;
                }
                for mut path in self.stmt(path, stmt, exits) {
                    path.settled = path.verified && self.around.is_none();
                    // Nothing takes a verification back: what follows can only end the path, or leave something behind.
                    if path.settled && !self.keeps_state() {
                        exits.push(path.exit(Abs::Nothing));
                    } else {
                        next.push(path);
                    }
                }
            }
            paths = bounded(joined(next));
            if paths.is_empty() {
                break;
            }
        }
        paths
    }

    fn stmt(&mut self, mut path: Path, stmt: &Stmt, exits: &mut Vec<Exit>) -> Vec<Path> {
        if !self.spend() {
            path.unknown = Some(TOO_LARGE.into());
            return vec![path];
        }
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                if let ExprKind::Yield(value) = &expr.kind {
                    let value = value.as_ref().map_or(Abs::Nothing, |value| self.eval(&mut path, value));
                    exits.push(path.exit(value));
                    return Vec::new();
                }
                return self.effect(path, expr);
            }
            StmtKind::Assign(assign) => {
                if let Some(expr) = &assign.value {
                    let ways = self.alternatives(path, expr, false);
                    return ways.into_iter().filter_map(|(path, expr)| self.assigned(path, assign, expr)).collect();
                }
            }
            StmtKind::AugAssign(aug) => {
                let value = self.eval(&mut path, &aug.value);
                path.acts |= !path.verified && aug.target.as_name().is_none();
                if let Some(name) = aug.target.as_name() {
                    let old = path.get(name).cloned().unwrap_or(Abs::Other);
                    path.set(name, old.join(value));
                }
            }
            StmtKind::Return(value) => {
                let Some(expr) = value else {
                    exits.push(Exit { shape: Shape::None, ..path.exit(Abs::Nothing) });
                    return Vec::new();
                };
                self.note_answer(expr);
                self.note_returned_refusal(&path, expr);
                if self.answers && self.stack.len() == 1 {
                    if self.refuses(expr) {
                        return Vec::new();
                    }
                    self.answer = Some(called(expr).range);
                }
                self.exit(path, expr, exits);
                return Vec::new();
            }
            StmtKind::Raise { exc, .. } => {
                if let Some(exc) = exc {
                    self.note_rejection(exc);
                }
                return Vec::new();
            }
            StmtKind::Assert(test) => return self.refine(path, test, true),
            StmtKind::If { test, body, or_else } => {
                let credentials = credentials(&path);
                let by_claims = self.found.rejection.is_none() && raises_at_once(body) && self.asks_claims(&path, test);
                let (taken, mut skipped) = self.split(path, test);
                skipped.iter_mut().for_each(|path| self.note_code_looked_up(path, test, body));
                let mut after = self.block(taken, body, exits);
                if by_claims {
                    self.found.claimed |= self.found.rejection.take().is_some();
                }
                // What goes on with and without a credential asks for it later, with both: who has none is not found.
                if or_else.is_empty() && !after.is_empty() {
                    skipped.iter_mut().for_each(|path| restore(path, &credentials));
                }
                after.extend(self.block(skipped, or_else, exits));
                return after;
            }
            StmtKind::For { target, iter, body, or_else } => {
                if let Some(values) = self.exact_list(&path, iter) {
                    let mut paths = vec![path];
                    for value in values {
                        for path in &mut paths {
                            self.assign(path, target, &Abs::Constant);
                            self.assign_exact(path, target, &Abs::Constant, Some(&value));
                        }
                        paths = self.block(paths, body, exits);
                    }
                    return self.block(paths, or_else, exits);
                }
                let iterated = self.eval(&mut path, iter);
                let mut inside = path.clone();
                self.assign(&mut inside, target, &iterated);
                self.assign_listed(&mut inside, target, iter, body);
                // Not at all, or once: enough to see what a round may do. A
                // round that verifies does not vouch for the case of none.
                let mut after = self.block(vec![inside], body, exits);
                after.push(path);
                return self.block(after, or_else, exits);
            }
            StmtKind::While { test, body, or_else } => {
                let (taken, skipped) = self.split(path, test);
                let mut after = self.block(taken, body, exits);
                after.extend(skipped);
                return self.block(after, or_else, exits);
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                let before = exits.len();
                let outer = self.swallows;
                self.swallows = swallows(handlers) || handlers.is_empty() && outer;
                let mut after = self.block(vec![path.clone()], body, exits);
                self.swallows = outer;
                let verified = exits[before..].iter().any(|exit| exit.verified);
                let goes_on = after.iter().all(|path| path.verified);
                let verifies = self.around.is_none() && goes_on && exits[before..].iter().all(|exit| exit.verified);
                let refuses = verified || (self.around.is_none() && after.iter().any(|path| path.verified));
                after = self.block(after, or_else, exits);
                let last = self.function().def.body.last().is_some_and(|last| last.range == stmt.range);
                for handler in handlers {
                    if self.ends_socket(last, handler) || (verifies && self.is_out_of_reach(&path, body, handler)) {
                        continue;
                    }
                    let mut caught = path.clone();
                    // Whoever sends what is refused gets here.
                    caught.chosen |= refuses;
                    // What an exception says is about what went wrong.
                    for name in handler.name.iter() {
                        caught.set(name, Abs::Constant);
                    }
                    after.extend(self.block(vec![caught], &handler.body, exits));
                }
                return self.block(after, finally, exits);
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    let value = self.eval(&mut path, context);
                    if let Some(target) = target {
                        self.assign(&mut path, target, &value);
                    }
                }
                return self.block(vec![path], body, exits);
            }
            StmtKind::Match { subject, cases } => return self.cases(path, subject, cases, exits),
            StmtKind::Delete(_) => path.acts |= !path.verified,
            StmtKind::Import(_)
            | StmtKind::ImportFrom(_)
            | StmtKind::Function(_)
            | StmtKind::Class(_)
            | StmtKind::TypeAlias { .. }
            | StmtKind::Global(_)
            | StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Pass => {}
            StmtKind::Unknown => path.unknown = Some("part of the code does not parse".into()),
        }
        vec![path]
    }

    /// The path behind an assignment of a value.
    fn assigned(&mut self, path: Path, assign: &Assign, expr: &Expr) -> Option<Path> {
        let exact = self.exact_in_middleware(&path, expr);
        let given = path.certain(expr);
        let (mut path, value) = self.value_or_end(path, expr)?;
        let value = match (&assign.annotation, value) {
            (Some(annotation), Abs::Other) => self.service_named(self.function(), annotation),
            (_, value) => value,
        };
        let setting = self.setting(&path, expr, &value);
        if let ([Expr { kind: ExprKind::Tuple(parts), .. }], Abs::Other) = (assign.targets.as_slice(), &value)
            && expr.as_call().is_some_and(|(_, args)| args.is_empty())
            && let Value::List(given) = self.outer(expr)
            && given.len() == parts.len()
        {
            // What a helper imports and hands on: `Webhook, Refused = webhook_tools()`.
            parts
                .iter()
                .zip(given.iter())
                .for_each(|(part, value)| self.assign(&mut path, part, &from_value(value.clone())));
            return Some(path);
        }
        for target in &assign.targets {
            self.assign(&mut path, target, &value);
            self.assign_exact(&mut path, target, &value, exact.as_ref());
            path.given.extend(target.as_name().cloned().zip(given));
            path.settings.extend(target.as_name().cloned().zip(setting.clone()));
        }
        Some(path)
    }

    /// An expression executed for its effect.
    fn effect(&mut self, mut path: Path, expr: &Expr) -> Vec<Path> {
        // `response.raise_for_status()` makes a forwarded credential verified.
        if let Some((func, _)) = expr.as_call()
            && let ExprKind::Attribute { value, name } = &func.kind
            && name.name == "raise_for_status"
        {
            if matches!(self.eval(&mut path, value), Abs::Verified { .. }) {
                path.verified = true;
                self.note(expr, "a failed verification raises here");
            }
            return vec![path];
        }
        if self.leaves_to_task(&path, expr) {
            path.acts |= !path.verified;
            return vec![path];
        }
        // What nobody looks at, and what may not raise here, turns nobody away.
        let known = self.swallows.then(|| path.unknown.clone());
        let Some((mut path, value)) = self.value_or_end(path, expr) else { return Vec::new() };
        if let Some(known) = known {
            path.unknown = known;
        }
        // `cursor.execute(query, (token,))`: the rows are fetched from the cursor.
        if let (Some((func, _)), Abs::Verified { checked: false } | Abs::Named(_)) = (expr.as_call(), &value)
            && let ExprKind::Attribute { value: cursor, name } = &func.kind
            && name.name == "execute"
            && let Some(cursor) = cursor.as_name()
        {
            path.set(cursor, value);
        }
        vec![path]
    }

    /// Whether a function is left to a task that nobody waits for (asyncio, Python 3.14), and that is given no request whose
    /// socket it might close: whatever it raises, it turns nobody away.
    fn leaves_to_task(&mut self, path: &Path, expr: &Expr) -> bool {
        let Some((func, [task, ..])) = expr.as_call() else { return false };
        let Some((worker, args)) = task.value.as_call() else { return false };
        let is_task = matches!(self.outer(func), Value::Package(path)
            if matches!(path.as_str(), "asyncio.create_task" | "asyncio.ensure_future"));
        let is_plain = |value: &Abs| match value {
            Abs::Request(part) => part == MESSAGE,
            Abs::Object(made) => matches!(**made, Value::Package(_)),
            Abs::Other | Abs::Constant | Abs::Nothing => true,
            _ => false,
        };
        // What is defined here may know the socket.
        let is_apart = matches!(self.outer(worker), Value::Function(worker) if worker.closure.is_empty());
        is_task && is_apart && args.iter().all(|arg| is_plain(&self.argument(&mut path.clone(), &arg.value)))
    }

    /// Evaluates; `None` when the expression never returns.
    pub(super) fn value_or_end(&mut self, mut path: Path, expr: &Expr) -> Option<(Path, Abs)> {
        let value = self.eval(&mut path, expr);
        if path.vars.contains_key(NEVER) { None } else { Some((path, value)) }
    }

    fn exit(&mut self, path: Path, expr: &Expr, exits: &mut Vec<Exit>) {
        for (path, expr) in self.alternatives(path, expr, true) {
            let parts = if path.settled { Vec::new() } else { self.parts(&path, expr) };
            let says_the_same = self.answers && self.answers_the_same(&path, expr);
            if let Some((path, value)) = self.value_or_end(path, expr) {
                let value = match value {
                    _ if says_the_same => Abs::Constant,
                    Abs::Nothing | Abs::Constant if self.gives_filled(&path, expr) => Abs::Other,
                    value => value,
                };
                exits.push(Exit { shape: Shape::of(expr, &parts), parts, ..path.exit(value) });
            }
        }
    }

    pub(super) fn assign(&mut self, path: &mut Path, target: &Expr, value: &Abs) {
        match &target.kind {
            // `token = await websocket.receive_text()`
            ExprKind::Name(name) if is_message(value) && worth_of(name) == Worth::Credential => {
                self.found.credential = true;
                self.found.in_message = true;
                path.set(name, Abs::Credential);
            }
            ExprKind::Name(name) => path.set(name, value.clone()),
            ExprKind::Tuple(parts) | ExprKind::List(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let value = value.part(&index.to_string()).unwrap_or_else(|| value.clone());
                    self.assign(path, part, &value);
                }
            }
            ExprKind::Starred(part) => self.assign(path, part, value),
            ExprKind::Attribute { value: object, name } => {
                if matches!(self.eval(path, object), Abs::Request(part) if part == "state") {
                    path.state.insert(name.name.clone(), value.clone());
                } else {
                    path.acts |= !path.verified;
                }
            }
            ExprKind::Subscript { value: object, index } => {
                path.acts |= !path.verified;
                if let Some(held) = object.as_name() {
                    note_filled(path, held, value);
                }
                let key = match self.eval(path, object) {
                    Abs::Request(part) if part == "state" => index.as_str().cloned(),
                    Abs::Request(part) if part == "scope" => self.own_entry(index),
                    _ => None,
                };
                if let Some(key) = key {
                    path.state.insert(key, value.clone());
                }
            }
            _ => {}
        }
    }
}

/// Whether whatever a `try` raises is caught, and the function goes on behind it.
fn swallows(handlers: &[Handler]) -> bool {
    let is_any =
        |class: &Expr| class.as_name().is_some_and(|name| matches!(name.as_str(), "Exception" | "BaseException"));
    let goes_on = |handler: &Handler| {
        let mut pending: Vec<&Stmt> = handler.body.iter().collect();
        while let Some(stmt) = pending.pop() {
            if matches!(stmt.kind, StmtKind::Raise { .. } | StmtKind::Return(_)) {
                return false;
            }
            pending.extend(stmt.blocks().into_iter().flatten());
        }
        true
    };
    handlers.iter().any(|handler| handler.types.is_empty() || handler.types.iter().any(is_any))
        && handlers.iter().all(goes_on)
}

/// The call behind `await`.
fn called(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Await(inner) => inner,
        _ => expr,
    }
}

/// Variable that marks a path which ended inside an expression: a call of a
/// function that never returns. No Python name contains a space.
pub(super) const NEVER: &str = "never returns";

/// Joins paths that have become the same. A condition that made no difference
/// is forgotten.
fn joined(paths: Vec<Path>) -> Vec<Path> {
    let mut kept: Vec<Path> = Vec::with_capacity(paths.len());
    for path in paths {
        match kept.iter_mut().find(|other| other.is_same(&path)) {
            Some(same) => {
                same.switches.retain(|switch| path.switches.contains(switch));
                same.chosen &= path.chosen;
                same.acts |= path.acts;
                same.given.retain(|given| path.given.contains(given));
                same.settings.retain(|(name, _)| path.is_setting(name));
            }
            None => kept.push(path),
        }
    }
    kept
}

/// Joins paths beyond the bound into one that claims the least.
fn bounded(mut paths: Vec<Path>) -> Vec<Path> {
    if paths.len() <= MAX_PATHS {
        return paths;
    }
    let rest = paths.split_off(MAX_PATHS - 1);
    let joined = rest.into_iter().reduce(|mut a, b| {
        a.settings.retain(|(name, _)| b.is_setting(name));
        a.verified &= b.verified;
        a.unknown = a.unknown.or(b.unknown);
        a.switches.retain(|switch| b.switches.contains(switch));
        a.chosen &= b.chosen;
        a.acts |= b.acts;
        a.known.clear();
        a.given.retain(|given| b.given.contains(given));
        a.state.retain(|name, value| b.state.get(name) == Some(value));
        for (name, value) in b.vars {
            let old = a.vars.remove(&name).unwrap_or(Abs::Nothing);
            a.vars.insert(name, old.join(value));
        }
        a
    });
    paths.extend(joined);
    paths
}

fn is_message(value: &Abs) -> bool {
    matches!(value, Abs::Request(part) if part == MESSAGE)
}

/// The variables of a path that hold a credential.
fn credentials(path: &Path) -> Vec<SmolStr> {
    path.vars.iter().filter(|(_, value)| **value == Abs::Credential).map(|(name, _)| name.clone()).collect()
}

/// Lets variables hold a credential again of which a condition found that there is none.
fn restore(path: &mut Path, credentials: &[SmolStr]) {
    for name in credentials {
        if path.get(name) == Some(&Abs::Nothing) {
            path.set(name, Abs::Credential);
        }
    }
}
