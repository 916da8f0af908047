//! Expressions.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{MAX_NESTING, Session, address};
use crate::facts::typescript::tree::{Element, Expr, ExprKind, Function, Jsx, Property};
use crate::frontend::libraries;
use crate::frontend::value::{ClassValue, Closure, ObjectId, ObjectKind, PackageName, ScopeId, Symbol, Value};

impl Session<'_> {
    /// Evaluates an expression.
    pub(in crate::frontend) fn expr(&mut self, expr: &Expr) -> Value {
        if !self.step() || self.nesting >= MAX_NESTING {
            return Value::Unknown;
        }
        self.nesting += 1;
        let value = self.expr_here(expr);
        self.nesting -= 1;
        value
    }

    fn expr_here(&mut self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Other(parts) => {
                for part in parts {
                    let value = self.expr(part);
                    self.escapes(&value);
                }
                Value::Unknown
            }
            ExprKind::Name(name) => self.lookup(name),
            ExprKind::This => self.frames.last().and_then(|frame| frame.this.clone()).unwrap_or(Value::Unknown),
            ExprKind::Super => Value::Unknown,
            ExprKind::Null => Value::Null,
            ExprKind::Undefined => Value::Undefined,
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Number(number) => Value::Number(number.clone()),
            ExprKind::Text(text) => {
                self.note_key_literal(text, expr.range);
                Value::text(text)
            }
            ExprKind::Template(parts) => self.template(parts, expr),
            ExprKind::Object(properties) => {
                let object = self.store.object(ObjectKind::Plain, self.place(expr.range));
                self.fill(object, properties);
                Value::Object(object)
            }
            ExprKind::Array(elements) => self.array(elements),
            ExprKind::Function(function) => {
                let value = self.closure(function, None, None);
                if let Value::Function(closure) = &value {
                    self.made.push(Rc::clone(closure));
                    self.note_action(closure);
                }
                value
            }
            ExprKind::Class(class) => self.class(class),
            ExprKind::Member(member) => {
                let object = self.expr(&member.object);
                self.note_environment(&object, &member.property, expr.range);
                self.member(&object, &member.property, member.optional)
            }
            ExprKind::Index(index) => {
                let object = self.expr(&index.object);
                match self.expr(&index.index).known_text() {
                    Some(name) => self.member(&object, &name, index.optional),
                    None => Value::Unknown,
                }
            }
            ExprKind::Call(call) => self.call_expr(call, expr.range),
            ExprKind::Not(inner) => match &inner.kind {
                ExprKind::Not(inner) => {
                    let value = self.expr(inner);
                    self.truth_of(&value)
                }
                _ => match self.expr(inner).truth() {
                    Some(truth) => Value::Bool(!truth),
                    None => Value::Unknown,
                },
            },
            ExprKind::TypeOf(inner) => {
                // Whether code runs in a browser is not known.
                self.expr(inner);
                Value::Unknown
            }
            ExprKind::Delete(inner) => {
                let value = self.expr(inner);
                self.escapes(&value);
                self.take_out(inner);
                Value::Unknown
            }
            ExprKind::Await(inner) => {
                let value = self.expr(inner);
                awaited(&value)
            }
            ExprKind::Binary(binary) => self.binary(binary, expr),
            ExprKind::Assign(assign) => self.assign(assign),
            ExprKind::Conditional(conditional) => {
                let test = self.expr(&conditional.test);
                match test.truth() {
                    Some(true) => return self.expr(&conditional.then),
                    Some(false) => return self.expr(&conditional.otherwise),
                    None => {}
                }
                let (then, then_changes) = self.branch(|session| {
                    session.assume(&conditional.test, true);
                    session.expr(&conditional.then)
                });
                let (otherwise, other_changes) = self.branch(|session| {
                    session.assume(&conditional.test, false);
                    session.expr(&conditional.otherwise)
                });
                self.store.join(vec![then_changes, other_changes]);
                then.or(otherwise)
            }
            ExprKind::Sequence(parts) => {
                let mut last = Value::Undefined;
                for part in parts {
                    last = self.expr(part);
                }
                last
            }
            ExprKind::Jsx(jsx) => self.jsx(jsx, expr),
            ExprKind::Import(module) => {
                let file = self.frames.last().map(|frame| frame.file);
                match file.map(|file| self.resolve(file, module)) {
                    Some(crate::frontend::modules::Resolved::File(file)) => Value::Module(file).promised(),
                    Some(crate::frontend::modules::Resolved::Package(package)) => {
                        Value::package(&package, "").promised()
                    }
                    None => Value::Unknown,
                }
            }
        }
    }

    /// `!!value`: what it tells about values that may be missing.
    pub(in crate::frontend) fn truth_of(&mut self, value: &Value) -> Value {
        if let Some(truth) = value.truth() {
            return Value::Bool(truth);
        }
        let symbols: Vec<Symbol> = value
            .alternatives()
            .iter()
            .filter_map(|value| match value {
                Value::Symbol(symbol) => Some((**symbol).clone()),
                _ => None,
            })
            .collect();
        if symbols.is_empty() { Value::Unknown } else { Value::Truth(symbols.into()) }
    }

    /// Fills an object with the properties of a literal.
    fn fill(&mut self, object: ObjectId, properties: &[Property]) {
        for property in properties {
            match property {
                Property::Named(name, value) => {
                    let range = value.range;
                    let value = match &value.kind {
                        ExprKind::Function(function) if !function.is_arrow => {
                            let value = self.closure(function, Some(Value::Object(object)), None);
                            if let Value::Function(closure) = &value {
                                self.made.push(Rc::clone(closure));
                            }
                            value
                        }
                        _ => self.expr(value),
                    };
                    self.note_bare_header(name, &value, range);
                    self.store.set(object, name, value);
                    self.note_property(object, name, range);
                }
                Property::Computed(key, value) => {
                    let key = self.expr(key).known_text();
                    let value = self.expr(value);
                    match key {
                        Some(key) => self.store.set(object, &key, value),
                        None => {
                            self.escapes(&value);
                            self.store.open(object);
                        }
                    }
                }
                Property::Spread(value) => {
                    let value = self.expr(value);
                    self.spread_into(object, &value);
                }
            }
        }
    }

    /// `{ ...value }`: what it has replaces what is there; of several values
    /// each may be the one.
    pub(in crate::frontend) fn spread_into(&mut self, object: ObjectId, value: &Value) {
        if let Value::Either(values) = value {
            let branches = values.iter().map(|value| self.branch(|session| session.spread_into(object, value)).1);
            let branches: Vec<_> = branches.collect();
            self.store.join(branches);
            return;
        }
        match value {
            Value::Object(source) => {
                let source = self.store.get(*source).clone();
                let mut entries: Vec<(SmolStr, Value)> = source.entries.into_iter().collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                for (name, value) in entries {
                    // What may be absent leaves what was there.
                    let value = match (&value, self.store.get(object).entries.get(&name)) {
                        (Value::Either(values), Some(before)) if values.contains(&Value::Undefined) => {
                            let given = values.iter().filter(|value| **value != Value::Undefined).cloned();
                            Value::any(given.chain([before.clone()]))
                        }
                        _ => value,
                    };
                    self.store.set(object, &name, value);
                }
                if source.open {
                    self.store.open(object);
                }
            }
            Value::Bool(_) | Value::Text(_) | Value::Number(_) | Value::Truth(_) => {}
            value if value.is_missing() => {}
            value => {
                self.spread_form(object, value);
                self.store.open(object);
            }
        }
    }

    fn array(&mut self, elements: &[Element]) -> Value {
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            let value = self.expr(&element.value);
            match (element.spread, value) {
                (true, Value::Array(inner)) => values.extend(inner.iter().cloned()),
                (true, _) => values.push(Value::Unknown),
                (false, value) => values.push(value),
            }
        }
        Value::Array(values.into())
    }

    /// A property of a value. `optional` is `?.`.
    pub(in crate::frontend) fn member(&mut self, object: &Value, name: &str, optional: bool) -> Value {
        self.watch_member(object, name);
        match object {
            Value::Either(values) => {
                let values = Rc::clone(values);
                Value::any(values.iter().map(|value| self.member(value, name, optional)))
            }
            Value::Undefined | Value::Null => Value::Undefined,
            Value::Object(id) => self.entry(*id, name),
            Value::Symbol(symbol) => {
                self.watch_part(symbol, name);
                self.note_read(symbol, name);
                self.watch_password_read(symbol, name);
                self.watch_answer(symbol, name);
                self.watch_settings(object, name);
                self.part_of(symbol, name, optional)
            }
            Value::Package(package) => libraries::member(package, name),
            Value::Module(file) => self.export(*file, name),
            Value::Class(class) => self.store.get(class.statics).entries.get(name).cloned().unwrap_or(Value::Unknown),
            Value::Array(values) => match (name, name.parse::<usize>()) {
                // Of texts that are all known there are no more.
                (_, Ok(at)) => values.get(at).cloned().unwrap_or_else(|| {
                    match values.iter().all(|value| value.known_text().is_some()) {
                        true => Value::Undefined,
                        false => Value::Unknown,
                    }
                }),
                _ => Value::Unknown,
            },
            _ => self.unknown_member(name),
        }
    }

    fn entry(&mut self, id: ObjectId, name: &str) -> Value {
        let object = self.store.get(id);
        let key = match object.kind {
            ObjectKind::Headers => SmolStr::new(name.to_ascii_lowercase()),
            _ => SmolStr::new(name),
        };
        if let Some(value) = object.entries.get(&key) {
            return value.clone();
        }
        match object.kind.clone() {
            ObjectKind::Instance(class) => self.class_member(&class, name, &Value::Object(id)),
            ObjectKind::Plain if !object.open => Value::Undefined,
            kind => libraries::entry(self, id, &kind, name),
        }
    }

    /// A method or getter of a class, or of those that it extends.
    pub(super) fn class_member(&mut self, class: &Rc<ClassValue>, name: &str, this: &Value) -> Value {
        let mut class = Rc::clone(class);
        for _ in 0..8 {
            if let Some(method) = class.class.methods.iter().find(|method| method.name == name && !method.is_static) {
                let closure = Closure {
                    function: Arc::clone(&method.function),
                    file: class.file,
                    item: class.item,
                    scope: class.scope,
                    this: Some(this.clone()),
                    class: Some(Rc::clone(&class)),
                };
                let closure = Rc::new(closure);
                return match method.is_getter {
                    true => self.call_closure(&closure, &[], None),
                    false => Value::Function(closure),
                };
            }
            match &class.base {
                Some(Value::Class(base)) => class = Rc::clone(base),
                Some(_) => return Value::Unknown,
                None => return Value::Undefined,
            }
        }
        Value::Unknown
    }

    /// A part of a value from elsewhere.
    fn part_of(&self, symbol: &Rc<Symbol>, name: &str, optional: bool) -> Value {
        let mut path = symbol.path.to_vec();
        path.push(SmolStr::new(name));
        let through_missing = optional && self.may_be_missing(symbol);
        let part = Symbol { origin: symbol.origin.clone(), path: path.into(), may_be_missing: false };
        let may_be_missing = through_missing || libraries::part_may_be_missing(&part);
        Value::Symbol(Rc::new(Symbol { may_be_missing, ..part }))
    }

    /// A function and the variables around it.
    pub(super) fn closure(
        &mut self,
        function: &Arc<Function>,
        this: Option<Value>,
        class: Option<Rc<ClassValue>>,
    ) -> Value {
        let Some(frame) = self.frames.last() else { return Value::Unknown };
        let this = if function.is_arrow { frame.this.clone() } else { this };
        let class = class.or_else(|| frame.class.clone());
        Value::Function(Rc::new(Closure {
            function: Arc::clone(function),
            file: frame.file,
            item: frame.item,
            scope: frame.scope,
            this,
            class,
        }))
    }

    /// An element of JSX: its functions are called by React.
    fn jsx(&mut self, jsx: &Jsx, whole: &Expr) -> Value {
        let object = self.store.object(ObjectKind::Plain, self.place(whole.range));
        self.fill(object, &jsx.attributes);
        self.note_passed(jsx, object);
        self.note_provider(jsx, object);
        self.note_retry_settings(jsx, object);
        self.note_typed(object);
        let mut given: Vec<(SmolStr, Value)> = self.store.get(object).entries.clone().into_iter().collect();
        given.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, value) in given {
            self.escapes(&value);
        }
        for child in &jsx.children {
            let value = self.expr(child);
            self.escapes(&value);
        }
        Value::Unknown
    }

    /// Whether a function is run where somebody else may call it: not inside of
    /// itself, and one of the evaluated file only once.
    fn runs_unasked(&self, closure: &Closure) -> bool {
        let function = address(&closure.function);
        !self.is_running(function) && (!self.ran.contains(&function) || closure.file != self.evaluated)
    }

    /// Says that what a function assigns to, and what functions that it may call
    /// do, may hold anything: it runs where that is not followed.
    pub(super) fn loosen_around(&mut self, closure: &Closure) {
        let around = self.store.functions_around(closure.scope);
        let others = around.filter(|other| !other.function.writes.is_empty());
        let mut writing: Vec<(ScopeId, Arc<Function>)> =
            others.map(|other| (other.scope, Arc::clone(&other.function))).collect();
        // What does not depend on the order of variables.
        writing.sort_unstable_by_key(|(scope, function)| (*scope, function.range.start));
        if !closure.function.writes.is_empty() {
            writing.push((closure.scope, Arc::clone(&closure.function)));
        }
        for (scope, function) in writing {
            for written in &function.writes {
                self.store.loosen_written(scope, written);
            }
        }
    }

    /// A value goes where it can't be followed: whoever gets a function may call it.
    pub(in crate::frontend) fn escapes(&mut self, value: &Value) {
        for value in value.alternatives() {
            match value {
                Value::Function(closure) if self.runs_unasked(closure) => {
                    // It may run at any time: after all that others assign.
                    let (changes, _) = self.branch(|session| {
                        session.loosen_around(closure);
                        session.branch(|session| session.call_unknowing(closure)).1
                    });
                    self.store.join(vec![changes, Default::default()]);
                }
                Value::Function(closure) => self.loosen_around(closure),
                Value::Array(values) => {
                    for value in values.iter().filter(|value| matches!(value, Value::Function(_) | Value::Object(_))) {
                        self.escapes(value);
                    }
                }
                Value::Object(id) if matches!(self.store.get(*id).kind, ObjectKind::Plain) => {
                    let mut entries: Vec<(SmolStr, Value)> =
                        self.store.get(*id).entries.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                    entries.retain(|(_, value)| matches!(value, Value::Function(_) | Value::Object(_)));
                    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                    let url = self.store.get(*id).entries.get("url").cloned();
                    for (name, value) in entries {
                        // `{ url, fetch }`: whoever asks for the one does it by the other.
                        if let (Some(url), "fetch", Value::Function(closure)) = (&url, name.as_str(), &value)
                            && self.runs_unasked(closure)
                        {
                            let call =
                                |session: &mut Self| session.call_closure(closure, std::slice::from_ref(url), None);
                            let (_, changes) = self.branch(call);
                            self.store.join(vec![changes, Default::default()]);
                            continue;
                        }
                        // Objects can hold each other.
                        if self.step() && !matches!(&value, Value::Object(inner) if inner <= id) {
                            self.escapes(&value);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// A function of a package whose `this` is a value of it.
    pub(in crate::frontend) fn package_path(package: &PackageName, name: &str) -> Value {
        let path = if package.path.is_empty() { name.to_owned() } else { format!("{}.{name}", package.path) };
        Value::package(&package.package, &path)
    }
}

/// What a promise gives.
pub(in crate::frontend) fn awaited(value: &Value) -> Value {
    value.each(|value| match value {
        Value::Promise(inner) => (**inner).clone(),
        value => value.clone(),
    })
}
