//! Handlers that show pages: HTML for people, who ask for their data behind it.

use smol_str::SmolStr;

use super::code::bindings_of;
use super::constant::is_constant;
use crate::facts::python::tree::{Arg, Expr, ExprKind, Spread, Stmt, StmtKind, keyword, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{FunctionRef, Resolve, Value};

/// Whether all that a handler answers with is pages: files, and HTML.
pub(super) fn answers_pages(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let (mut answers, mut blocks) = (0, vec![&handler.def.body[..]]);
    while let Some(block) = blocks.pop() {
        for stmt in block {
            blocks.extend(stmt.blocks());
            match &stmt.kind {
                StmtKind::Return(Some(value)) if page(interpreter, handler, value).is_some() => answers += 1,
                StmtKind::Return(_) => return false,
                _ => {}
            }
        }
    }
    answers > 0
}

/// Whether a handler that no dependency fills does nothing but show a page that is the same for everybody: a template
/// that is given only constants, the request and what stands in that, or a file of HTML at a fixed path. Which of
/// several it is may depend on the request.
pub(super) fn shows_same_page(interpreter: &Interpreter<'_>, handler: &FunctionRef) -> bool {
    let mut shell = Shell { interpreter, handler, html: Vec::new(), pages: 0 };
    !handler.def.is_generator && shell.only_shows(&handler.def.body) && shell.pages > 0
}

/// What makes a page.
enum Page<'e> {
    /// `templates.TemplateResponse(…)`.
    Template(&'e [Arg]),
    /// `FileResponse(…)`.
    File(&'e [Arg]),
    /// `HTMLResponse(…)`.
    Html(&'e [Arg]),
    /// `RedirectResponse(…)`.
    Redirect(&'e [Arg]),
}

/// Whether a variable of the handler holds templates: `templates = Jinja2Templates("templates")`.
fn holds_templates(interpreter: &Interpreter<'_>, handler: &FunctionRef, expr: &Expr) -> bool {
    let Some(name) = expr.as_name() else { return false };
    let [Some(value)] = bindings_of(&handler.def.body, name)[..] else { return false };
    let made = value.as_call().map(|(func, _)| interpreter.eval(handler, func));
    matches!(made, Some(Value::Package(path)) if path.ends_with(".Jinja2Templates"))
}

/// The page that a call makes, if it makes one.
fn page<'e>(interpreter: &Interpreter<'_>, handler: &FunctionRef, value: &'e Expr) -> Option<Page<'e>> {
    let (func, args) = value.as_call()?;
    if let ExprKind::Attribute { value: of, name } = &func.kind
        && name.name == "TemplateResponse"
        && holds_templates(interpreter, handler, of)
    {
        return Some(Page::Template(args));
    }
    let Value::Package(path) = interpreter.eval(handler, func) else { return None };
    match path.rsplit_once('.')?.1 {
        "TemplateResponse" => Some(Page::Template(args)),
        "FileResponse" => Some(Page::File(args)),
        "HTMLResponse" => Some(Page::Html(args)),
        "RedirectResponse" => Some(Page::Redirect(args)),
        _ => None,
    }
}

/// A handler while it is found out whether it shows the same page to everybody.
struct Shell<'i, 'f> {
    interpreter: &'i Interpreter<'f>,
    handler: &'i FunctionRef,
    /// Local variables that hold a path to a file of HTML. All others are fixed, too, or it is none that shows a page.
    html: Vec<SmolStr>,
    /// Answers that are pages.
    pages: usize,
}

impl Shell<'_, '_> {
    fn only_shows(&mut self, block: &[Stmt]) -> bool {
        block.iter().all(|stmt| self.shows(stmt))
    }

    fn shows(&mut self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::Pass | StmtKind::Raise { .. } | StmtKind::Expr(Expr { kind: ExprKind::Str(_), .. }) => true,
            StmtKind::Return(Some(value)) => self.is_same(value),
            // `if request.cookies.get("session"): return RedirectResponse("/")`
            StmtKind::If { test, body, or_else } => {
                self.asks_request(test) && self.only_shows(body) && self.only_shows(or_else)
            }
            StmtKind::Try { body, handlers, or_else, finally } => {
                self.only_shows(body)
                    && handlers.iter().all(|handler| self.only_shows(&handler.body))
                    && self.only_shows(or_else)
                    && self.only_shows(finally)
            }
            StmtKind::Assign(assign) => {
                let (Some(value), [target]) = (&assign.value, &assign.targets[..]) else { return false };
                self.keep(target, value)
            }
            StmtKind::With { items, body } => {
                let kept = items.iter().all(|(opened, target)| target.as_ref().is_some_and(|to| self.keep(to, opened)));
                kept && self.only_shows(body)
            }
            _ => false,
        }
    }

    /// Remembers a variable that holds something fixed.
    fn keep(&mut self, target: &Expr, value: &Expr) -> bool {
        let Some(name) = target.as_name() else { return false };
        if self.is_html(value) {
            self.html.push(name.clone());
        }
        self.is_fixed(value)
    }

    /// Whether an answer is the same page for everybody.
    fn is_same(&mut self, value: &Expr) -> bool {
        let Some(page) = page(self.interpreter, self.handler, value) else { return false };
        self.pages += usize::from(!matches!(page, Page::Redirect(_)));
        match page {
            Page::Template(args) | Page::Redirect(args) => self.all(args, |arg| self.is_shown_to_all(arg)),
            Page::File(args) => {
                let path = keyword(args, "path").or_else(|| positional(args, 0));
                path.is_some_and(|path| self.is_html(path)) && self.all(args, |arg| self.is_fixed(arg))
            }
            Page::Html(args) => self.all(args, |arg| self.is_fixed(arg)),
        }
    }

    fn all(&self, args: &[Arg], holds: impl Fn(&Expr) -> bool) -> bool {
        args.iter().all(|arg| arg.spread == Spread::No && holds(&arg.value))
    }

    fn is_constant(&self, expr: &Expr) -> bool {
        let mut steps = 100;
        is_constant(self.interpreter, self.handler, expr, &mut steps)
    }

    /// What a template is given: the request and its parts, constants, and tables of both.
    fn is_shown_to_all(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Name(name) if self.is_param(name) => true,
            ExprKind::Dict(entries) => entries.iter().all(|(key, value)| key.is_some() && self.is_shown_to_all(value)),
            _ => self.is_constant(expr),
        }
    }

    /// Whether a condition rests on the request and on constants alone.
    fn asks_request(&self, expr: &Expr) -> bool {
        let of_request = |expr: &Expr| match &expr.kind {
            ExprKind::Name(name) => self.is_param(name),
            ExprKind::Call { .. } | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => true,
            _ => self.is_constant(expr),
        };
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            let known = match &expr.kind {
                ExprKind::Not(_) | ExprKind::BoolOp { .. } | ExprKind::Compare { .. } => true,
                _ => of_request(expr),
            };
            if !known {
                return false;
            }
            pending.extend(expr.children());
        }
        true
    }

    /// Whether a path, a file or a text is the same at every call: it is made of literals and of what the module
    /// holds, and what is read names a file of HTML.
    fn is_fixed(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Str(_) | ExprKind::Int(_) => true,
            ExprKind::Name(name) => !self.is_param(name),
            ExprKind::Attribute { value, .. } => self.is_fixed(value),
            ExprKind::FString(parts) => parts.iter().all(|part| self.is_fixed(part)),
            ExprKind::Binary { left, right, .. } => self.is_fixed(left) && self.is_fixed(right),
            ExprKind::Call { func, args } => {
                let reads = func.as_name().is_some_and(|name| name == "open");
                let names_file = !reads || args.first().is_some_and(|arg| self.is_html(&arg.value));
                names_file && self.is_reader(func) && self.all(args, |arg| self.is_fixed(arg))
            }
            _ => false,
        }
    }

    /// Whether an expression leads to a file of HTML, through a variable perhaps.
    fn is_html(&self, path: &Expr) -> bool {
        names_html(path) || path.as_name().is_some_and(|name| self.html.contains(name))
    }

    /// Whether a function only puts paths together and reads files: no other function gives a fixed text.
    fn is_reader(&self, func: &Expr) -> bool {
        const READERS: &[&str] = &["open", "str"];
        match &func.kind {
            ExprKind::Name(name) if READERS.contains(&name.as_str()) => true,
            ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "read" | "joinpath" | "resolve") => {
                self.is_fixed(value)
            }
            ExprKind::Attribute { value, name } if name.name == "read_text" => {
                self.is_fixed(value) && self.is_html(value)
            }
            _ => {
                const PATHS: &[&str] = &["os.path.join", "os.path.abspath", "os.path.dirname", "pathlib.Path"];
                matches!(self.interpreter.eval(self.handler, func), Value::Package(path) if PATHS.contains(&path.as_str()))
            }
        }
    }

    fn is_param(&self, name: &str) -> bool {
        self.handler.def.params.iter().any(|param| param.name.name == name)
    }
}

/// Whether what is written of a path ends as files of HTML do.
fn names_html(path: &Expr) -> bool {
    let mut pending = vec![path];
    while let Some(expr) = pending.pop() {
        if expr.as_str().is_some_and(|text| text.ends_with(".html") || text.ends_with(".htm")) {
            return true;
        }
        pending.extend(expr.children());
    }
    false
}
