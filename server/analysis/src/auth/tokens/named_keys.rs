//! Keys of a verification that are fetched from where the token itself says: `f"{claims['iss']}/.well-known/jwks.json"`, with
//! claims that nothing has verified, and `jku` or `x5u` of its header (RFC 8725, 3.10).

use smol_str::{SmolStr, format_smolstr};

use super::super::code::{Body, Found, Scope, last_name, parts};
use super::callees::{callee, parameter};
use super::libraries::{Does, does};
use super::transport::sends_requests;
use super::{ItemTokens, NamedKeys, claims, decode, leaks};
use crate::facts::python::idioms::returned;
use crate::facts::python::tree::{Arg, Expr, ExprKind, StmtKind, keyword, positional};
use crate::index::value::{Resolve, Site};
use crate::text::TextRange;

/// Claims and header parameters that say where keys are.
const ADDRESSES: &[&str] = &["iss", "jku", "x5u"];

/// What addresses of public keys, and of documents that lead to them, have in them.
const OF_KEYS: &[&str] = &["jwks", "well-known", "certs", "discovery", "/keys"];

/// Functions of the project that an address is handed through.
const MAX_CALLS: u32 = 4;

/// Assignments that an address is followed through.
const MAX_ROUNDS: usize = 4;

/// Finds addresses that tokens name in a body, and that are asked for keys.
pub(super) fn look(body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
    for found in body.calls() {
        let Some((func, args)) = found.call() else { continue };
        let Some((_, does)) = does(body, func) else { continue };
        let is_unverified = match does {
            Does::Decodes => decode::switched_off(body, args, "verify_signature").is_some(),
            Does::Peeks | Does::ReadsHeader => true,
            _ => false,
        };
        if is_unverified {
            tokens.named_keys.extend(named_keys(body, found));
        }
    }
}

/// The keys that are fetched from where a call's result says.
fn named_keys(body: &Body<'_, '_, '_>, found: &Found<'_>) -> Option<NamedKeys> {
    let reads = claims::reads(body, found);
    reads.into_iter().filter(|(claim, _)| ADDRESSES.contains(&claim.as_str())).find_map(|(claim, range)| {
        let follower = Follower { body, claim: &claim, read: Some(range), is_of_keys: claim != "iss", depth: 0 };
        let (names, what) = follower.follow(Vec::new());
        let fetch = what.fetch.filter(|_| !what.is_checked)?;
        if claim == "iss" && follower.expects_issuer(&names) {
            return None;
        }
        Some(NamedKeys {
            site: body.site(range),
            function: body.def.map(|def| body.site(def.name.range)),
            claim,
            fetch,
        })
    })
}

/// What becomes of an address.
#[derive(Default)]
struct Becomes {
    /// Where keys are fetched from it.
    fetch: Option<Site>,
    /// Whether it is compared with something, or may be.
    is_checked: bool,
    /// Whether the function returns it, or a text that it is a part of.
    is_returned: bool,
}

/// Follows an address through a function.
struct Follower<'f, 'b, 'i, 'a> {
    body: &'f Body<'b, 'i, 'a>,
    claim: &'f SmolStr,
    /// Where it is read from the token, if that is in this function.
    read: Option<TextRange>,
    /// Whether it is known to lead to keys.
    is_of_keys: bool,
    depth: u32,
}

impl Follower<'_, '_, '_, '_> {
    /// What becomes of it, and the variables that hold it. `names` hold it from the start.
    fn follow(&self, mut names: Vec<SmolStr>) -> (Vec<SmolStr>, Becomes) {
        let mut becomes = Becomes::default();
        for _ in 0..MAX_ROUNDS {
            let before = names.len();
            for (stmt, _) in self.body.statements() {
                let StmtKind::Assign(assign) = &stmt.kind else { continue };
                let ([target], Some(value)) = (assign.targets.as_slice(), &assign.value) else { continue };
                if let Some(target) = path(target).filter(|target| !names.contains(target))
                    && self.holds(&names, value)
                {
                    names.push(target);
                }
            }
            if names.len() == before {
                break;
            }
        }
        becomes.is_checked = !self.body.find(&|expr| self.compares(&names, expr)).is_empty();
        for found in self.body.calls() {
            self.call(&names, found, &mut becomes);
        }
        becomes.is_returned = returned(self.body.block).into_iter().any(|value| self.holds(&names, value));
        (names, becomes)
    }

    /// Whether an expression is the address, or a text that is made of it.
    fn holds(&self, names: &[SmolStr], expr: &Expr) -> bool {
        if self.read == Some(expr.range) || path(expr).is_some_and(|path| names.contains(&path)) {
            return true;
        }
        let holds = |expr: &Expr| self.holds(names, expr);
        match &expr.kind {
            ExprKind::FString(parts) => parts.iter().any(holds),
            ExprKind::Binary { left, right, .. } => holds(left) || holds(right),
            ExprKind::BoolOp { values, .. } => values.iter().any(holds),
            ExprKind::IfExp { body, or_else, .. } => holds(body) || holds(or_else),
            ExprKind::Await(inner) => holds(inner),
            ExprKind::Subscript { value, index } => matches!(index.kind, ExprKind::Slice(_)) && holds(value),
            ExprKind::Call { func, args } => self.gives(names, func, args),
            _ => false,
        }
    }

    /// Whether a call gives the address back, or a text that it is a part of.
    fn gives(&self, names: &[SmolStr], func: &Expr, args: &[Arg]) -> bool {
        let given = args.iter().any(|arg| self.holds(names, &arg.value));
        match &func.kind {
            ExprKind::Attribute { value, name } if is_of_texts(&name.name) => given || self.holds(names, value),
            _ if !given => false,
            _ if last_name(func).is_some_and(|name| matches!(name.as_str(), "str" | "urljoin")) => true,
            _ => self.inside(names, func, args).is_some_and(|becomes| becomes.is_returned),
        }
    }

    /// What becomes of it in a function of the project that it is handed to.
    fn inside(&self, names: &[SmolStr], func: &Expr, args: &[Arg]) -> Option<Becomes> {
        if self.depth >= MAX_CALLS {
            return None;
        }
        let at = args.iter().position(|arg| self.holds(names, &arg.value))?;
        let called = callee(self.body, func)?;
        let function = self.body.interpreter.current(&called);
        let taken = parameter(&function, args, at)?.name.name.clone();
        self.body.interpreter.count_body(function.site);
        let inner = Body::new(self.body.interpreter, Scope::Function(&function), &function.def.body);
        let is_of_keys = self.is_of_keys(names, &args[at].value);
        let follower = Follower { body: &inner, claim: self.claim, read: None, is_of_keys, depth: self.depth + 1 };
        Some(follower.follow(vec![taken]).1)
    }

    /// Whether an expression compares the address, or the issuer of claims that were verified, with something else than
    /// nothing and what the function itself keeps of it.
    fn compares(&self, names: &[SmolStr], expr: &Expr) -> bool {
        let ExprKind::Compare { first, rest } = &expr.kind else { return false };
        let operands: Vec<&Expr> = std::iter::once(&**first).chain(rest.iter().map(|(_, other)| other)).collect();
        if !operands.iter().any(|operand| self.is_within(names, operand) || reads_claim(operand, self.claim)) {
            return false;
        }
        let says_nothing = |operand: &Expr| match &operand.kind {
            ExprKind::None | ExprKind::Bool(_) => true,
            ExprKind::Str(text) => text.is_empty(),
            _ => false,
        };
        operands
            .into_iter()
            .any(|operand| !says_nothing(operand) && !self.is_within(names, operand) && !self.keeps(names, operand))
    }

    /// Whether the address is a part of an expression.
    fn is_within(&self, names: &[SmolStr], expr: &Expr) -> bool {
        self.holds(names, expr) || parts(expr).into_iter().any(|part| self.is_within(names, part))
    }

    /// Whether something is a table that this function fills itself, with the address for a key: what was fetched before.
    fn keeps(&self, names: &[SmolStr], table: &Expr) -> bool {
        let Some(table) = path(table) else { return false };
        self.body.statements().iter().any(|(stmt, _)| match &stmt.kind {
            StmtKind::Assign(assign) => assign.targets.iter().any(|target| match &target.kind {
                ExprKind::Subscript { value, index } => {
                    path(value).is_some_and(|path| path == table) && self.holds(names, index)
                }
                _ => false,
            }),
            _ => false,
        })
    }

    /// What a call does with it. What can't be followed may be a check.
    fn call(&self, names: &[SmolStr], found: &Found<'_>, becomes: &mut Becomes) {
        let Some((func, args)) = found.call() else { return };
        let given = args.iter().find(|arg| self.holds(names, &arg.value));
        let Some(given) = given else {
            // `issuer.startswith(TRUSTED)`, and not the slash at its end.
            if let ExprKind::Attribute { value, name } = &func.kind {
                let is_slash = positional(args, 0).and_then(Expr::as_str).is_some_and(|text| text == "/");
                let tests = matches!(name.name.as_str(), "startswith" | "endswith") && !is_slash;
                becomes.is_checked |= tests && self.holds(names, value);
            }
            return;
        };
        if self.fetches(func, args, &given.value) {
            let makes_client = last_name(func).is_some_and(|name| name == "PyJWKClient");
            if makes_client || self.is_of_keys(names, &given.value) {
                becomes.fetch.get_or_insert(self.body.site(given.value.range));
            }
            return;
        }
        let says_nothing = does(self.body, func).is_some()
            || leaks::sink(self.body, func).is_some()
            || matches!(found.stmt.kind, StmtKind::Raise { .. })
            || last_name(func)
                .is_some_and(|name| is_of_texts(name) || matches!(name.as_str(), "str" | "urljoin" | "isinstance"));
        let keeps = |func: &Expr| match &func.kind {
            ExprKind::Attribute { value, .. } => self.keeps(names, value),
            _ => false,
        };
        if says_nothing || keeps(func) {
            return;
        }
        match self.inside(names, func, args) {
            Some(inside) => {
                becomes.fetch = becomes.fetch.or(inside.fetch);
                becomes.is_checked |= inside.is_checked;
            }
            None => becomes.is_checked = true,
        }
    }

    /// Whether a call asks that address for something.
    fn fetches(&self, func: &Expr, args: &[Arg], address: &Expr) -> bool {
        let Some(name) = last_name(func) else { return false };
        let at = usize::from(matches!(name.as_str(), "request" | "stream"));
        let asked = positional(args, at).or_else(|| keyword(args, "url")).or_else(|| keyword(args, "uri"));
        asked.is_some_and(|asked| asked.range == address.range)
            && match name.as_str() {
                "PyJWKClient" | "urlopen" => self.body.package(func).is_some(),
                "get" | "request" | "stream" => match &func.kind {
                    ExprKind::Attribute { value, .. } => self.is_client(value),
                    _ => false,
                },
                _ => false,
            }
    }

    /// Whether something sends requests: a package, a client that is made of it, or what `with` makes one.
    fn is_client(&self, expr: &Expr) -> bool {
        let is_one = |expr: &Expr| sends_requests(&self.body.eval(self.body.traced(expr)));
        let opened = |name: &SmolStr| {
            self.body.opened(name).any(|opened| opened.as_call().is_some_and(|(func, _)| is_one(func)))
        };
        is_one(expr) || expr.as_name().is_some_and(opened)
    }

    /// Whether an address is one of keys: by its words, or by those of what it is made of.
    fn is_of_keys(&self, names: &[SmolStr], address: &Expr) -> bool {
        let assigned = self.body.statements().iter().filter_map(|(stmt, _)| match &stmt.kind {
            StmtKind::Assign(assign) => {
                let made =
                    assign.targets.iter().any(|target| path(target).is_some_and(|target| names.contains(&target)));
                assign.value.as_ref().filter(|_| made)
            }
            _ => None,
        });
        self.is_of_keys || std::iter::once(address).chain(assigned).any(names_keys)
    }

    /// Whether a verification of the function expects an issuer that the token did not name.
    fn expects_issuer(&self, names: &[SmolStr]) -> bool {
        self.body.calls().iter().filter_map(Found::call).any(|(func, args)| {
            let verifies = matches!(does(self.body, func), Some((_, Does::Decodes)))
                && decode::switched_off(self.body, args, "verify_signature").is_none();
            let expected = keyword(args, "issuer").filter(|issuer| !matches!(issuer.kind, ExprKind::None));
            let expects = expected.is_some_and(|issuer| !self.holds(names, issuer));
            verifies && (expects || keyword(args, "claims_options").is_some())
        })
    }
}

/// Methods of texts whose results are made of the text and what they are given.
fn is_of_texts(method: &str) -> bool {
    matches!(
        method,
        "strip" | "rstrip" | "lstrip" | "removesuffix" | "removeprefix" | "replace" | "format" | "join" | "lower"
    )
}

/// Whether an expression has words in it that addresses of keys have.
fn names_keys(expr: &Expr) -> bool {
    let named = |text: &str| OF_KEYS.iter().any(|words| text.contains(words));
    let is_one = match &expr.kind {
        ExprKind::Str(text) => named(text),
        ExprKind::Name(name) => named(name),
        ExprKind::Attribute { name, .. } => named(&name.name),
        _ => false,
    };
    is_one || parts(expr).into_iter().any(names_keys)
}

/// Whether an expression reads a claim of something.
fn reads_claim(expr: &Expr, claim: &str) -> bool {
    let is_it = |expr: Option<&Expr>| expr.and_then(Expr::as_str).is_some_and(|text| text == claim);
    match &expr.kind {
        ExprKind::Subscript { index, .. } => is_it(Some(index)),
        ExprKind::Call { func, args } => {
            last_name(func).is_some_and(|name| name == "get") && is_it(positional(args, 0))
        }
        _ => false,
    }
}

/// A variable, or an attribute of one: `issuer`, `self.address`.
fn path(expr: &Expr) -> Option<SmolStr> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Attribute { value, name } => Some(format_smolstr!("{}.{}", path(value)?, name.name)),
        _ => None,
    }
}
