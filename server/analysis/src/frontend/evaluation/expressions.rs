//! Expressions.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{MAX_NESTING, Session, address};
use crate::facts::typescript::tree::{
    Assign, Binary, Element, Expr, ExprKind, Function, Jsx, Operator, Pattern, Property, TemplatePart,
};
use crate::frontend::libraries;
use crate::frontend::outcome::{KeyUse, Literal, Place};
use crate::frontend::tokens::bearer;
use crate::frontend::value::{
    ClassValue, Closure, Hole, ObjectId, ObjectKind, Origin, PackageName, Part, Symbol, Value, joined,
};

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

    /// Notes that a value is used as a key. `place` is where it is written.
    pub(in crate::frontend) fn note_key(&mut self, value: &Value, place: Option<Place>, used: KeyUse, here: Place) {
        for value in value.alternatives() {
            match value {
                Value::Symbol(symbol) => {
                    let Origin::Environment(variable) = &symbol.origin else { continue };
                    let own =
                        self.outcome.literals.iter_mut().filter(|literal| literal.variable.as_ref() == Some(variable));
                    own.for_each(|literal| literal.used = literal.used.or(Some((used, here))));
                }
                Value::Text(_) if value.known_text().is_some_and(|text| !text.is_empty()) => {
                    // One that stands in for a variable is known already.
                    let is_known =
                        self.outcome.literals.iter().any(|literal| literal.used.is_some_and(|(_, at)| at == here));
                    if let Some(place) = place.filter(|_| !is_known) {
                        self.outcome.literals.push(Literal { place, variable: None, used: Some((used, here)) });
                    }
                }
                _ => {}
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

    fn template(&mut self, parts: &[TemplatePart], whole: &Expr) -> Value {
        let mut out = Vec::new();
        let mut values = Vec::new();
        for part in parts {
            match part {
                TemplatePart::Text(text) => out.push(vec![Part::Text(text.clone())]),
                TemplatePart::Value(value) => {
                    let value = self.expr(value);
                    out.push(self.text_parts(&value));
                    values.push(value);
                }
            }
        }
        let text = self.noted_text(joined(out.into_iter().flatten()), whole);
        match (parts, values.as_slice()) {
            ([TemplatePart::Text(scheme), TemplatePart::Value(_)], [value]) => self.each_token(scheme, value, text),
            _ => text,
        }
    }

    /// A text that sends one of several tokens, as one of several texts: where
    /// each comes from counts.
    fn each_token(&self, scheme: &str, value: &Value, text: Value) -> Value {
        if value.alternatives().len() < 2 || !scheme.trim().eq_ignore_ascii_case("bearer") {
            return text;
        }
        let texts = value.alternatives().iter().map(|one| {
            let scheme = Part::Text(SmolStr::new(scheme));
            Value::Text(joined([scheme].into_iter().chain(self.text_parts(one))))
        });
        Value::any(texts)
    }

    /// A text that was put together; one that sends a token is noted.
    fn noted_text(&mut self, parts: Rc<[Part]>, whole: &Expr) -> Value {
        if let Some(bearer) = bearer(&parts, self.place(whole.range)) {
            self.outcome.bearers.push(bearer);
        }
        Value::Text(parts)
    }

    /// The parts of a value's text. Of several values it is the one that matters
    /// most: a fault, then what is known best.
    pub(in crate::frontend) fn text_parts(&self, value: &Value) -> Vec<Part> {
        let hole = |hole| vec![Part::Hole(hole)];
        match value {
            Value::Text(parts) => parts.to_vec(),
            Value::Number(number) => vec![Part::Text(number.clone())],
            Value::Bool(value) => vec![Part::Text(SmolStr::new(value.to_string()))],
            Value::Undefined | Value::Null => hole(Hole::Missing),
            Value::Symbol(symbol) => {
                let may_be_missing = self.may_be_missing(symbol);
                hole(Hole::Symbol(Rc::new(Symbol { may_be_missing, ..(**symbol).clone() })))
            }
            Value::Promise(_) => hole(Hole::Promise),
            Value::Object(object) => match self.store.get(*object).kind {
                ObjectKind::Plain | ObjectKind::Headers => hole(Hole::Object),
                // The text of a URL is what it was made of.
                ObjectKind::Url => {
                    let href = self.store.get(*object).entries.get("href").cloned();
                    href.map_or_else(|| hole(Hole::Unknown), |href| self.text_parts(&href))
                }
                _ => hole(Hole::Unknown),
            },
            Value::Package(name) if name.package.is_empty() && name.path.ends_with("location.origin") => {
                hole(Hole::Symbol(Rc::new(Symbol {
                    origin: Origin::Call(Rc::clone(name)),
                    path: Rc::new([]),
                    may_be_missing: false,
                })))
            }
            Value::Either(values) => {
                let is_nothing =
                    |value: &&Value| matches!(value, Value::Symbol(symbol) if symbol.origin == Origin::Nothing);
                let missing = values.iter().filter(is_nothing).find(|value| match value {
                    Value::Symbol(symbol) => self.may_be_missing(symbol),
                    _ => false,
                });
                let rest = values.iter().filter(|value| !is_nothing(value));
                let texts: Vec<Vec<Part>> = rest.map(|value| self.text_parts(value)).collect();
                let best = best_text(&texts);
                match (missing, best.as_slice()) {
                    // Where it comes from is more than that it may not be there.
                    (Some(_), [Part::Hole(Hole::Symbol(symbol))]) => {
                        hole(Hole::Symbol(Rc::new(Symbol { may_be_missing: true, ..(**symbol).clone() })))
                    }
                    (Some(missing), [] | [Part::Hole(Hole::Unknown)]) => self.text_parts(missing),
                    _ => best,
                }
            }
            _ => hole(Hole::Unknown),
        }
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
            _ => self.store.open(object),
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
        match object {
            Value::Either(values) => {
                let values = Rc::clone(values);
                Value::any(values.iter().map(|value| self.member(value, name, optional)))
            }
            Value::Undefined | Value::Null => Value::Undefined,
            Value::Object(id) => self.entry(*id, name),
            Value::Symbol(symbol) => {
                self.watch_part(symbol, name);
                self.part_of(symbol, name, optional)
            }
            Value::Package(package) => libraries::member(package, name),
            Value::Module(file) => self.export(*file, name),
            Value::Class(class) => self.store.get(class.statics).entries.get(name).cloned().unwrap_or(Value::Unknown),
            Value::Array(values) => match (name, name.parse::<usize>()) {
                (_, Ok(at)) => values.get(at).cloned().unwrap_or(Value::Unknown),
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
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

    fn binary(&mut self, binary: &Binary, whole: &Expr) -> Value {
        let left = self.expr(&binary.left);
        match binary.operator {
            Operator::And => match left.truth() {
                Some(false) => left,
                Some(true) => self.expr(&binary.right),
                None => {
                    let (right, changes) = self.branch(|session| {
                        session.assume(&binary.left, true);
                        session.expr(&binary.right)
                    });
                    self.store.join(vec![changes, Default::default()]);
                    // What is false of the left is no value that anyone uses.
                    Value::any([right, Value::Bool(false)])
                }
            },
            Operator::Or | Operator::Coalesce => {
                if left.truth() == Some(true) {
                    return left;
                }
                if self.steps_left() {
                    self.note_fallback(&left, &binary.right);
                }
                let (right, changes) = self.branch(|session| {
                    session.assume(&binary.left, false);
                    session.expr(&binary.right)
                });
                self.store.join(vec![changes, Default::default()]);
                let there = left.alternatives().iter().filter(|value| value.truth() != Some(false)).map(there);
                Value::any(there.chain([right]))
            }
            Operator::Add => {
                let right = self.expr(&binary.right);
                let is_text = |value: &Value| value.alternatives().iter().any(|value| matches!(value, Value::Text(_)));
                if is_text(&left) || is_text(&right) {
                    let parts = self.text_parts(&left).into_iter().chain(self.text_parts(&right));
                    let parts = joined(parts.collect::<Vec<_>>());
                    let text = self.noted_text(parts, whole);
                    return match left.known_text() {
                        Some(scheme) => self.each_token(&scheme, &right, text),
                        None => text,
                    };
                }
                Value::Unknown
            }
            Operator::Equal | Operator::Unequal | Operator::Other => {
                self.expr(&binary.right);
                Value::Unknown
            }
        }
    }

    fn steps_left(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.file == self.evaluated)
    }

    /// `process.env.X || "literal"`.
    fn note_fallback(&mut self, left: &Value, right: &Expr) {
        let (Value::Symbol(symbol), ExprKind::Text(text)) = (left, &right.kind) else { return };
        if let (Origin::Environment(variable), false) = (&symbol.origin, text.is_empty()) {
            let place = self.place(right.range);
            self.outcome.literals.push(Literal { place, variable: Some(variable.clone()), used: None });
        }
    }

    fn assign(&mut self, assign: &Assign) -> Value {
        let value = match assign.operator {
            Some(Operator::Add) => {
                let before = self.pattern_value(&assign.target);
                let value = self.expr(&assign.value);
                let parts = self.text_parts(&before).into_iter().chain(self.text_parts(&value));
                Value::Text(joined(parts.collect::<Vec<_>>()))
            }
            Some(Operator::And | Operator::Or | Operator::Coalesce) => {
                let before = self.pattern_value(&assign.target);
                let value = self.expr(&assign.value);
                before.or(value)
            }
            Some(_) => {
                self.expr(&assign.value);
                Value::Unknown
            }
            None => self.expr(&assign.value),
        };
        self.bind(&assign.target, value.clone(), false);
        value
    }

    fn pattern_value(&mut self, pattern: &Pattern) -> Value {
        match pattern {
            Pattern::Name(name, _) => self.lookup(name),
            Pattern::Place(place) => self.expr(place),
            _ => Value::Unknown,
        }
    }

    /// Assigns to a place in an object.
    pub(super) fn assign_to(&mut self, place: &Expr, value: Value) {
        let (object, name) = match &place.kind {
            ExprKind::Member(member) => (self.expr(&member.object), Some(member.property.clone())),
            ExprKind::Index(index) => {
                let object = self.expr(&index.object);
                (object, self.expr(&index.index).known_text())
            }
            _ => return,
        };
        for object in object.alternatives() {
            match object {
                Value::Object(id) => {
                    let is_headers = self.store.get(*id).kind == ObjectKind::Headers;
                    match &name {
                        Some(name) if is_headers => self.store.set(*id, &name.to_ascii_lowercase(), value.clone()),
                        Some(name) => self.store.set(*id, name, value.clone()),
                        None => self.store.open(*id),
                    }
                }
                Value::Class(class) => {
                    if let Some(name) = &name {
                        self.store.set(class.statics, name, value.clone());
                    }
                }
                Value::Package(package) => {
                    if let Some(name) = &name {
                        libraries::assigned(self, &Rc::clone(package), name, &value, self.place(place.range));
                    }
                }
                _ => self.escapes(&value),
            }
        }
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

    /// A value goes where it can't be followed: whoever gets a function may call it.
    pub(in crate::frontend) fn escapes(&mut self, value: &Value) {
        for value in value.alternatives() {
            match value {
                Value::Function(closure) if self.runs_unasked(closure) => {
                    let (_, changes) = self.branch(|session| session.call_unknowing(closure));
                    self.store.join(vec![changes, Default::default()]);
                }
                Value::Object(id) if matches!(self.store.get(*id).kind, ObjectKind::Plain) => {
                    let mut entries: Vec<(SmolStr, Value)> =
                        self.store.get(*id).entries.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                    entries.retain(|(_, value)| matches!(value, Value::Function(_) | Value::Object(_)));
                    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                    for (_, value) in entries {
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

/// A value that a test has shown to be there.
fn there(value: &Value) -> Value {
    match value {
        Value::Symbol(symbol) => Value::Symbol(Rc::new(Symbol { may_be_missing: false, ..(**symbol).clone() })),
        value => value.clone(),
    }
}

/// What a promise gives.
pub(in crate::frontend) fn awaited(value: &Value) -> Value {
    value.each(|value| match value {
        Value::Promise(inner) => (**inner).clone(),
        value => value.clone(),
    })
}

/// Of several texts the one that tells most: one with a fault, then the one
/// that is known best, and what the environment says before what stands in for it.
/// A first value that is `null` tells least: another one takes its place.
fn best_text(texts: &[Vec<Part>]) -> Vec<Part> {
    let faulty = |parts: &&Vec<Part>| {
        parts.iter().any(|part| match part {
            Part::Hole(Hole::Promise | Hole::Object) => true,
            Part::Hole(Hole::Symbol(symbol)) => {
                symbol.may_be_missing && !matches!(symbol.origin, Origin::Environment(_))
            }
            _ => false,
        })
    };
    let holes = |parts: &&Vec<Part>| {
        let unknown = parts.iter().filter(|part| matches!(part, Part::Hole(Hole::Unknown))).count();
        let is_missing = parts.iter().any(|part| matches!(part, Part::Hole(Hole::Missing)));
        let is_configured = |part: &Part| matches!(part, Part::Hole(Hole::Symbol(symbol)) if matches!(symbol.origin, Origin::Environment(_)));
        (is_missing, unknown, !parts.iter().any(is_configured))
    };
    texts.iter().find(faulty).or_else(|| texts.iter().min_by_key(holes)).cloned().unwrap_or_default()
}
