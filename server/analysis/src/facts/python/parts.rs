//! The parts of a lowered tree, for who walks over it.

use smol_str::SmolStr;

use super::tree::{Arg, Expr, ExprKind, Stmt, StmtKind};

impl Stmt {
    /// The expressions that it evaluates itself; those of a definition's body are not among them.
    pub fn exprs(&self) -> Vec<&Expr> {
        match &self.kind {
            StmtKind::Function(def) => def.decorators.iter().collect(),
            StmtKind::Class(class) => {
                class.decorators.iter().chain(class.bases.iter().map(|base| &base.value)).collect()
            }
            StmtKind::Assign(assign) => assign.value.iter().chain(&assign.targets).collect(),
            StmtKind::AugAssign(assign) => vec![&assign.target, &assign.value],
            StmtKind::TypeAlias { value, .. } | StmtKind::Expr(value) | StmtKind::Assert(value) => vec![value],
            StmtKind::If { test, .. } | StmtKind::While { test, .. } => vec![test],
            StmtKind::For { target, iter, .. } => vec![target, iter],
            StmtKind::Try { handlers, .. } => handlers.iter().flat_map(|handler| &handler.types).collect(),
            StmtKind::With { items, .. } => {
                items.iter().flat_map(|(context, target)| std::iter::once(context).chain(target)).collect()
            }
            StmtKind::Match { subject, cases } => {
                let of_cases = cases.iter().flat_map(|case| case.value.iter().chain(&case.guard));
                std::iter::once(subject).chain(of_cases).collect()
            }
            StmtKind::Return(value) => value.iter().collect(),
            StmtKind::Raise { exc, cause } => exc.iter().chain(cause.as_deref()).collect(),
            StmtKind::Delete(targets) => targets.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// All expressions of it and of the blocks in it.
    pub fn all_exprs(&self) -> Vec<&Expr> {
        let mut found = Vec::new();
        let mut pending = self.exprs();
        while let Some(expr) = pending.pop() {
            pending.extend(expr.children());
            found.push(expr);
        }
        found.extend(self.blocks().into_iter().flatten().flat_map(Self::all_exprs));
        found
    }

    /// The blocks of statements inside it that run where it runs: not those of definitions.
    pub fn blocks(&self) -> Vec<&[Stmt]> {
        match &self.kind {
            StmtKind::If { body, or_else, .. }
            | StmtKind::For { body, or_else, .. }
            | StmtKind::While { body, or_else, .. } => vec![body, or_else],
            StmtKind::Try { body, handlers, or_else, finally } => {
                let of_handlers = handlers.iter().map(|handler| handler.body.as_slice());
                std::iter::once(body.as_slice()).chain(of_handlers).chain([or_else.as_slice(), finally]).collect()
            }
            StmtKind::With { body, .. } => vec![body],
            StmtKind::Match { cases, .. } => cases.iter().map(|case| case.body.as_slice()).collect(),
            _ => Vec::new(),
        }
    }
}

impl Expr {
    /// The called expression and its arguments, when this is a call.
    pub fn as_call(&self) -> Option<(&Expr, &[Arg])> {
        match &self.kind {
            ExprKind::Call { func, args } => Some((func, args)),
            _ => None,
        }
    }

    /// The name, when this is a bare name.
    pub fn as_name(&self) -> Option<&SmolStr> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The direct parts of the expression; of a comprehension, what it iterates over.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Attribute { value, .. }
            | ExprKind::Not(value)
            | ExprKind::Unary(value)
            | ExprKind::Await(value)
            | ExprKind::Starred(value)
            | ExprKind::Walrus { value, .. } => vec![value],
            ExprKind::Call { func, args } => {
                std::iter::once(&**func).chain(args.iter().map(|arg| &arg.value)).collect()
            }
            ExprKind::Subscript { value, index } => vec![value, index],
            ExprKind::Slice(parts)
            | ExprKind::FString(parts)
            | ExprKind::List(parts)
            | ExprKind::Tuple(parts)
            | ExprKind::Set(parts)
            | ExprKind::BoolOp { values: parts, .. } => parts.iter().collect(),
            ExprKind::Dict(entries) => entries.iter().flat_map(|(key, value)| key.iter().chain([value])).collect(),
            ExprKind::Binary { left, right, .. } => vec![left, right],
            ExprKind::Compare { first, rest } => {
                std::iter::once(&**first).chain(rest.iter().map(|(_, operand)| operand)).collect()
            }
            ExprKind::IfExp { test, body, or_else } => vec![test, body, or_else],
            ExprKind::Comprehension(comprehension) => comprehension.clauses.iter().map(|clause| &clause.iter).collect(),
            _ => Vec::new(),
        }
    }

    /// The text, when this is a plain string literal.
    pub fn as_str(&self) -> Option<&SmolStr> {
        match &self.kind {
            ExprKind::Str(text) => Some(text),
            _ => None,
        }
    }
}
