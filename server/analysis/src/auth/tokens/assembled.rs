//! Tokens and passwords that code assembles out of what it draws at random.
//!
//! Only what ends up in the text counts: what is signed with a key, what somebody else makes, and one of several that are
//! there already (`random.choice(KEYS)`) is not known by whoever knows the numbers.

use super::super::code::{Body, Scope, module_variable};
use super::callees::callee;
use super::codes::{Draw, made_of};
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, positional};
use crate::index::interpreter::Interpreter;
use crate::index::value::{Resolve, Value};

/// Functions of the project that a token is followed through.
const MAX_DEPTH: u32 = 2;

/// Expressions that are looked at in what makes one.
const MAX_STEPS: usize = 100;

/// Methods that make another form of the text that an object is.
const FORMS: &[&str] = &[
    "encode",
    "decode",
    "hex",
    "digest",
    "hexdigest",
    "upper",
    "lower",
    "title",
    "capitalize",
    "strip",
    "zfill",
    "ljust",
    "rjust",
    "replace",
];

/// How what a text is assembled of was drawn.
pub(super) fn drawn(body: &Body<'_, '_, '_>, value: &Expr, depth: u32) -> Option<Draw> {
    let mut pending: Vec<(&Expr, bool)> = made_of(body, value).into_iter().map(|part| (part, false)).collect();
    let mut found = None;
    for _ in 0..MAX_STEPS {
        let Some((expr, is_repeated)) = pending.pop() else { break };
        let draw = match drawn_by(body, expr, depth) {
            // Of many letters, nobody guesses all.
            Some(Draw::Secret) if is_repeated => Some(Draw::Unguessable),
            draw => draw,
        };
        match draw {
            Some(Draw::Unguessable) => return draw,
            Some(_) => found = if found == Some(Draw::Computable) { found } else { draw },
            None => {
                let is_repeated = is_repeated || matches!(expr.kind, ExprKind::Comprehension(_));
                let parts = parts_of(body, expr).into_iter().flat_map(|part| made_of(body, part));
                pending.extend(parts.take(MAX_STEPS).map(|part| (part, is_repeated)));
            }
        }
    }
    found
}

/// The parts of an expression that are parts of the text which it makes.
fn parts_of<'e>(body: &Body<'_, '_, '_>, expr: &'e Expr) -> Vec<&'e Expr> {
    match &expr.kind {
        ExprKind::FString(parts) | ExprKind::List(parts) | ExprKind::Tuple(parts) => parts.iter().collect(),
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::BoolOp { values, .. } => values.iter().collect(),
        ExprKind::IfExp { body, or_else, .. } => vec![body, or_else],
        ExprKind::Comprehension(each) => vec![&each.element],
        ExprKind::Attribute { value, .. } => vec![value],
        ExprKind::Subscript { value, index } if matches!(index.kind, ExprKind::Slice(_)) => vec![value],
        // `LETTERS[random.randrange(26)]`
        ExprKind::Subscript { value, index } if is_alphabet(body, value) => vec![index],
        ExprKind::Call { func, args } => {
            let given = || args.iter().map(|arg| &arg.value);
            if let Some(path) = body.package(func) {
                let (package, function) = path.split_once('.').unwrap_or((&path, ""));
                let is_form = match package {
                    "hashlib" | "base64" | "binascii" => true,
                    "builtins" => matches!(function, "str" | "bytes" | "hex" | "format" | "list"),
                    _ => false,
                };
                // `hashlib.sha256(code).hexdigest()`: what it is called on counts.
                if is_form && !args.is_empty() {
                    return given().collect();
                }
            }
            match &func.kind {
                ExprKind::Attribute { value, name } if matches!(name.name.as_str(), "join" | "format") => {
                    given().chain([&**value]).collect()
                }
                ExprKind::Attribute { value, name } if FORMS.contains(&name.name.as_str()) => vec![value],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// What a call draws, by a function of a package or of the project.
fn drawn_by(body: &Body<'_, '_, '_>, expr: &Expr, depth: u32) -> Option<Draw> {
    let (func, args) = expr.as_call()?;
    if let Some(path) = body.package(func) {
        let (package, function) = path.split_once('.')?;
        let function = function.trim_start_matches("SystemRandom.").trim_start_matches("Random.");
        return match (package, function) {
            ("uuid", "uuid4") | ("os", "urandom") | ("secrets", "randbits") => Some(Draw::Unguessable),
            ("secrets", _) if function.starts_with("token_") => Some(Draw::Unguessable),
            ("secrets", _) => Some(Draw::Secret),
            ("random", _) if path.contains("SystemRandom") => Some(Draw::Secret),
            ("random", "choice" | "choices" | "sample") => letters(body, args).then_some(Draw::Computable),
            ("random", "random" | "randint" | "randrange" | "randbytes" | "getrandbits" | "uniform") => {
                Some(Draw::Computable)
            }
            _ => None,
        };
    }
    let called = callee(body, func).filter(|_| depth < MAX_DEPTH)?;
    let function = body.interpreter.current(&called);
    let inner = Body::new(body.interpreter, Scope::Function(&function), &function.def.body);
    match returned(&function.def.body).as_slice() {
        [value] => drawn(&inner, value, depth + 1),
        _ => None,
    }
}

/// Whether a call takes from letters: what it takes from a list was there before, and is no secret of the draw.
fn letters(body: &Body<'_, '_, '_>, args: &[Arg]) -> bool {
    positional(args, 0).is_some_and(|given| is_alphabet(body, given))
}

/// Whether an expression is a text that stands in the code, or letters of the module `string`.
fn is_alphabet(body: &Body<'_, '_, '_>, expr: &Expr) -> bool {
    is_text(body.interpreter, body.scope, body.traced(expr))
        || matches!(&body.traced(expr).kind, ExprKind::Binary { left, right, .. } if is_alphabet(body, left) && is_alphabet(body, right))
}

fn is_text(interpreter: &Interpreter<'_>, scope: Scope<'_>, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Str(_) => true,
        ExprKind::Binary { left, right, .. } => is_text(interpreter, scope, left) && is_text(interpreter, scope, right),
        _ => match scope.eval(interpreter, expr) {
            Value::Str(_) => true,
            Value::Package(path) => path.starts_with("string."),
            _ => expr.as_name().and_then(|name| module_variable(interpreter, scope.file(), name)).is_some_and(|held| {
                let at = Scope::Module(held.file, held.item);
                held.value.as_name().is_none() && is_text(interpreter, at, held.value)
            }),
        },
    }
}
