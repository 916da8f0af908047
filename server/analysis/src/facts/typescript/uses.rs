//! What a module's code names: types that it imports are named nowhere.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::tree::{
    Class, Element, Expr, ExprKind, Function, Parameter, Pattern, Property, Stmt, StmtKind, TemplatePart,
};

/// What code names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Variables.
    pub names: FxHashSet<SmolStr>,
    /// Those of them that do more than give an element of JSX its kind.
    pub values: FxHashSet<SmolStr>,
    /// Modules that it imports when it runs.
    pub modules: FxHashSet<SmolStr>,
    /// Modules that are imported for what they do.
    pub effects: FxHashSet<SmolStr>,
    /// Whether it asks a builder for modules by a pattern: `import.meta.glob`, `require.context`.
    pub globs: bool,
}

impl Uses {
    /// Adds what a statement names. Nesting was bounded when it was lowered.
    pub fn add_stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Nothing | StmtKind::Leave => {}
            StmtKind::Import(import) if import.names.is_empty() => {
                self.effects.insert(import.module.clone());
            }
            StmtKind::Import(_) => {}
            StmtKind::ExportNames(exported) => {
                if exported.module.is_none() {
                    exported.names.iter().for_each(|(there, _)| self.add_name(there));
                }
            }
            StmtKind::Expr(value) | StmtKind::Throw(value) | StmtKind::ExportDefault(value) => self.add(value),
            StmtKind::Declare(declared) => {
                for declarator in declared {
                    self.add_pattern(&declarator.target);
                    declarator.value.iter().for_each(|value| self.add(value));
                }
            }
            StmtKind::Function(function) => self.add_function(function),
            StmtKind::Class(class) => self.add_class(class),
            StmtKind::Return(value) => value.iter().for_each(|value| self.add(value)),
            StmtKind::If(branch) => {
                self.add(&branch.test);
                self.add_all(&branch.then);
                self.add_all(&branch.otherwise);
            }
            StmtKind::Loop(repeated) => {
                self.add_all(&repeated.before);
                if let Some((target, values)) = &repeated.each {
                    self.add_pattern(target);
                    self.add(values);
                }
                repeated.test.iter().for_each(|test| self.add(test));
                self.add_all(&repeated.body);
            }
            StmtKind::Try(tried) => {
                self.add_all(&tried.body);
                self.add_all(tried.handler.as_deref().unwrap_or_default());
                self.add_all(&tried.finally);
            }
            StmtKind::Switch(switch) => {
                self.add(&switch.value);
                for case in &switch.cases {
                    case.value.iter().for_each(|value| self.add(value));
                    self.add_all(&case.body);
                }
            }
            StmtKind::Block(stmts) => self.add_all(stmts),
            StmtKind::Export(declared) => self.add_stmt(declared),
            StmtKind::Enum(_, members) => {
                members.iter().flat_map(|(_, value)| value).for_each(|value| self.add(value));
            }
        }
    }

    fn add_name(&mut self, name: &SmolStr) {
        self.names.insert(name.clone());
        self.values.insert(name.clone());
    }

    fn add_all(&mut self, stmts: &[Stmt]) {
        stmts.iter().for_each(|stmt| self.add_stmt(stmt));
    }

    fn add(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.add_name(name),
            ExprKind::Import(module) => {
                self.modules.insert(module.clone());
            }
            ExprKind::Other(parts) | ExprKind::Sequence(parts) => parts.iter().for_each(|part| self.add(part)),
            ExprKind::Template(parts) => {
                for part in parts {
                    if let TemplatePart::Value(value) = part {
                        self.add(value);
                    }
                }
            }
            ExprKind::Object(properties) => self.add_properties(properties),
            ExprKind::Array(elements) => self.add_elements(elements),
            ExprKind::Function(function) => self.add_function(function),
            ExprKind::Class(class) => self.add_class(class),
            ExprKind::Member(member) => {
                let is_builder = matches!(&member.object.kind, ExprKind::Name(name) if name == "import.meta");
                self.globs |= is_builder && member.property.starts_with("glob");
                self.add(&member.object);
            }
            ExprKind::Index(index) => {
                self.add(&index.object);
                self.add(&index.index);
            }
            ExprKind::Call(call) => {
                self.add(&call.callee);
                self.add_elements(&call.arguments);
            }
            ExprKind::Not(inner) | ExprKind::TypeOf(inner) | ExprKind::Delete(inner) | ExprKind::Await(inner) => {
                self.add(inner);
            }
            ExprKind::Binary(binary) => {
                self.add(&binary.left);
                self.add(&binary.right);
            }
            ExprKind::Assign(assign) => {
                self.add_pattern(&assign.target);
                self.add(&assign.value);
            }
            ExprKind::Conditional(conditional) => {
                self.add(&conditional.test);
                self.add(&conditional.then);
                self.add(&conditional.otherwise);
            }
            ExprKind::Jsx(jsx) => {
                match &jsx.tag.as_ref().map(|tag| &tag.kind) {
                    Some(ExprKind::Name(name)) => drop(self.names.insert(name.clone())),
                    _ => jsx.tag.iter().for_each(|tag| self.add(tag)),
                }
                self.add_properties(&jsx.attributes);
                jsx.children.iter().for_each(|child| self.add(child));
            }
            ExprKind::This
            | ExprKind::Super
            | ExprKind::Null
            | ExprKind::Undefined
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::Text(_) => {}
        }
    }

    fn add_properties(&mut self, properties: &[Property]) {
        for property in properties {
            match property {
                Property::Named(_, value) | Property::Spread(value) => self.add(value),
                Property::Computed(key, value) => {
                    self.add(key);
                    self.add(value);
                }
            }
        }
    }

    fn add_elements(&mut self, elements: &[Element]) {
        elements.iter().for_each(|element| self.add(&element.value));
    }

    fn add_function(&mut self, function: &Function) {
        function.parameters.iter().for_each(|Parameter { target, .. }| self.add_pattern(target));
        self.add_all(&function.body);
    }

    fn add_class(&mut self, class: &Class) {
        class.base.iter().for_each(|base| self.add(base));
        class.methods.iter().for_each(|method| self.add_function(&method.function));
        class.fields.iter().flat_map(|(_, _, value)| value).for_each(|value| self.add(value));
    }

    /// What a pattern names beside what it binds.
    fn add_pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Name(..) => {}
            Pattern::Object(object) => {
                object.properties.iter().for_each(|(_, target)| self.add_pattern(target));
                object.rest.iter().for_each(|rest| self.add_pattern(rest));
            }
            Pattern::Array(elements) => elements.iter().flatten().for_each(|element| self.add_pattern(element)),
            Pattern::Default(with) => {
                self.add_pattern(&with.0);
                self.add(&with.1);
            }
            Pattern::Rest(rest) => self.add_pattern(rest),
            Pattern::Place(place) => self.add(place),
        }
    }
}
