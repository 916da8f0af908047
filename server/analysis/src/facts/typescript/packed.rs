//! Lowered code in a twentieth of its room.
//!
//! What a closed module does is looked at when it is evaluated, or another one
//! that imports it. In between its statements are bytes: numbers as short as they
//! are, ranges as distances from the one before, names once for the whole module.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::tree::{
    Assign, Binary, Call, Case, Class, Conditional, Declarator, Directive, Element, ExportNames, Expr, ExprKind,
    Function, If, Import, Index, Jsx, Loop, Member, Method, ObjectPattern, Operator, Parameter, Pattern, Property,
    Stmt, StmtKind, Switch, TemplatePart, Try, Written, WrittenPart,
};
use crate::text::{KeptText, TextRange};

/// The statements of a module, packed.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    /// Length of the bytes before they were compressed.
    len: usize,
    /// All names and texts, one after the other.
    names: KeptText,
}

impl Packed {
    /// Packs statements.
    pub(super) fn new(stmts: &[Arc<Stmt>]) -> Self {
        let mut packer = Packer::default();
        (stmts.len() as u32).put(&mut packer);
        stmts.iter().for_each(|stmt| stmt.put(&mut packer));
        let mut lengths = Packer::default();
        (packer.names.len() as u32).put(&mut lengths);
        packer.names.iter().for_each(|name| (name.len() as u32).put(&mut lengths));
        let names: String = packer.names.iter().map(SmolStr::as_str).collect();
        lengths.bytes.append(&mut packer.bytes);
        let bytes = lz4_flex::block::compress(&lengths.bytes).into_boxed_slice();
        Self { bytes, len: lengths.bytes.len(), names: KeptText::plain(&names.into()).packed() }
    }

    /// The statements.
    pub(super) fn stmts(&self) -> Arc<[Arc<Stmt>]> {
        let bytes = lz4_flex::block::decompress(&self.bytes, self.len).unwrap_or_default();
        let mut unpacker = Unpacker { bytes: &bytes, names: Vec::new(), last: 0 };
        let stmts = unpacker.read_names(&self.names.text()).and_then(|()| Vec::take(&mut unpacker));
        stmts.unwrap_or_default().into()
    }

    /// Bytes of the statements before they were compressed.
    pub(super) fn size(&self) -> usize {
        self.len
    }
}

#[derive(Default)]
struct Packer {
    bytes: Vec<u8>,
    names: Vec<SmolStr>,
    known: FxHashMap<SmolStr, u32>,
    /// Where the last range began.
    last: u32,
}

struct Unpacker<'b> {
    bytes: &'b [u8],
    names: Vec<SmolStr>,
    last: u32,
}

impl Unpacker<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// Reads how long the names are that stand in a text one after the other.
    fn read_names(&mut self, text: &str) -> Option<()> {
        let (count, mut at) = (u32::take(self)?, 0);
        for _ in 0..count {
            let end = at + u32::take(self)? as usize;
            self.names.push(SmolStr::new(text.get(at..end)?));
            at = end;
        }
        Some(())
    }
}

/// What can be packed.
trait Pack: Sized {
    fn put(&self, to: &mut Packer);
    /// The same again; `None` only of bytes that nothing was packed into.
    fn take(from: &mut Unpacker<'_>) -> Option<Self>;
}

impl Pack for u32 {
    fn put(&self, to: &mut Packer) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.bytes.push(rest as u8);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = from.byte()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
            shift += 7;
        }
    }
}

impl Pack for bool {
    fn put(&self, to: &mut Packer) {
        to.bytes.push(u8::from(*self));
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(from.byte()? != 0)
    }
}

impl Pack for TextRange {
    fn put(&self, to: &mut Packer) {
        let distance = self.start.wrapping_sub(to.last) as i32;
        // Small ones in both directions become small numbers.
        ((distance << 1) ^ (distance >> 31)).cast_unsigned().put(to);
        self.end.wrapping_sub(self.start).put(to);
        to.last = self.start;
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let folded = u32::take(from)?;
        let distance = (folded >> 1) ^ (folded & 1).wrapping_neg();
        let start = from.last.wrapping_add(distance);
        from.last = start;
        Some(Self::new(start, start.wrapping_add(u32::take(from)?)))
    }
}

impl Pack for SmolStr {
    fn put(&self, to: &mut Packer) {
        let at = match to.known.get(self) {
            Some(at) => *at,
            None => {
                let at = to.names.len() as u32;
                to.known.insert(self.clone(), at);
                to.names.push(self.clone());
                at
            }
        };
        at.put(to);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let at = u32::take(from)?;
        from.names.get(at as usize).cloned()
    }
}

impl<T: Pack> Pack for Option<T> {
    fn put(&self, to: &mut Packer) {
        self.is_some().put(to);
        self.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(if bool::take(from)? { Some(T::take(from)?) } else { None })
    }
}

impl<T: Pack> Pack for Box<T> {
    fn put(&self, to: &mut Packer) {
        (**self).put(to);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<T: Pack> Pack for Arc<T> {
    fn put(&self, to: &mut Packer) {
        (**self).put(to);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn put(&self, to: &mut Packer) {
        (self.len() as u32).put(to);
        self.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let count = u32::take(from)?;
        (0..count).map(|_| T::take(from)).collect()
    }
}

impl<T: Pack> Pack for Box<[T]> {
    fn put(&self, to: &mut Packer) {
        (self.len() as u32).put(to);
        self.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Vec::take(from).map(Vec::into_boxed_slice)
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn put(&self, to: &mut Packer) {
        self.0.put(to);
        self.1.put(to);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<A: Pack, B: Pack, C: Pack> Pack for (A, B, C) {
    fn put(&self, to: &mut Packer) {
        self.0.put(to);
        self.1.put(to);
        self.2.put(to);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?, C::take(from)?))
    }
}

/// Packs structures field by field. One that is left out does not compile.
macro_rules! structures {
    ($($name:ident { $($field:ident),* })*) => { $(
        impl Pack for $name {
            fn put(&self, to: &mut Packer) {
                let Self { $($field),* } = self;
                $($field.put(to);)*
            }

            fn take(from: &mut Unpacker<'_>) -> Option<Self> {
                Some(Self { $($field: Pack::take(from)?),* })
            }
        }
    )* };
}

/// Packs variants by a number, then field by field.
macro_rules! variants {
    ($($name:ident { $($number:literal $variant:ident { $($field:tt $bound:ident)* })* })*) => { $(
        impl Pack for $name {
            fn put(&self, to: &mut Packer) {
                match self {
                    $(Self::$variant { $($field: $bound),* } => {
                        to.bytes.push($number);
                        $($bound.put(to);)*
                    })*
                }
            }

            fn take(from: &mut Unpacker<'_>) -> Option<Self> {
                Some(match from.byte()? {
                    $($number => Self::$variant { $($field: Pack::take(from)?),* },)*
                    _ => return None,
                })
            }
        }
    )* };
}

structures! {
    Expr { range, kind }
    Element { spread, value }
    Member { object, property, optional }
    Index { object, index, optional }
    Call { callee, arguments, new, optional }
    Binary { operator, left, right }
    Assign { target, operator, value }
    Conditional { test, then, otherwise }
    Jsx { tag, attributes, children }
    ObjectPattern { properties, rest }
    Stmt { range, kind }
    Declarator { target, value }
    If { test, then, otherwise }
    Loop { before, each, test, body }
    Try { body, failure, handler, finally }
    Switch { value, cases }
    Case { value, body }
    Import { module, names }
    ExportNames { module, names }
    Function {
        name, range, name_range, is_async, is_arrow, parameters, body, directive, writes, captured
    }
    Written { variable, part }
    Parameter { target, is_property }
    Class { name, range, base, methods, fields }
    Method { name, is_static, is_getter, function }
}

variants! {
    ExprKind {
        0 Other { 0 a }
        1 Name { 0 a }
        2 This {}
        3 Super {}
        4 Null {}
        5 Undefined {}
        6 Bool { 0 a }
        7 Number { 0 a }
        8 Text { 0 a }
        9 Template { 0 a }
        10 Object { 0 a }
        11 Array { 0 a }
        12 Function { 0 a }
        13 Class { 0 a }
        14 Member { 0 a }
        15 Index { 0 a }
        16 Call { 0 a }
        17 Not { 0 a }
        18 TypeOf { 0 a }
        19 Await { 0 a }
        20 Binary { 0 a }
        21 Assign { 0 a }
        22 Conditional { 0 a }
        23 Sequence { 0 a }
        24 Jsx { 0 a }
        25 Import { 0 a }
        26 Delete { 0 a }
    }
    TemplatePart {
        0 Text { 0 a }
        1 Value { 0 a }
    }
    Property {
        0 Named { 0 a 1 b }
        1 Computed { 0 a 1 b }
        2 Spread { 0 a }
    }
    Operator {
        0 Add {}
        1 And {}
        2 Or {}
        3 Coalesce {}
        4 Equal {}
        5 Unequal {}
        6 Less {}
        7 Greater {}
        8 Other {}
    }
    Pattern {
        0 Name { 0 a 1 b }
        1 Object { 0 a }
        2 Array { 0 a }
        3 Default { 0 a }
        4 Rest { 0 a }
        5 Place { 0 a }
    }
    StmtKind {
        0 Nothing {}
        1 Expr { 0 a }
        2 Declare { 0 a }
        3 Function { 0 a }
        4 Class { 0 a }
        5 Return { 0 a }
        6 Throw { 0 a }
        7 Leave {}
        8 If { 0 a }
        9 Loop { 0 a }
        10 Try { 0 a }
        11 Switch { 0 a }
        12 Block { 0 a }
        13 Import { 0 a }
        14 Export { 0 a }
        15 ExportDefault { 0 a }
        16 ExportNames { 0 a }
        17 Enum { 0 a 1 b }
    }
    WrittenPart {
        0 Whole {}
        1 Property { 0 a }
        2 Any {}
    }
    Directive {
        0 Client {}
        1 Server {}
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::typescript::lower::lower_file;
    use crate::syntax::{Grammar, parse};

    const MODULE: &str = r#"'use client'
import main, { a as b } from './a'
export * from './b'
export { b as c }
enum Role { Admin = 'admin', User }
export const [first, , ...others] = [1, ...list, -2, /x/g], { key: { deep = 3 }, [b]: any, ...rest } = this?.thing
export default async function* run({ url }: Request, options = {}) {
  'use server'
  total += options.size ?? 0
  outer.inner[b] = !(await fetch(`${url}/é/${first}`, { method: "POST", ...options, [b]: null })) || undefined
  try { if (typeof a === 'string') throw new Error('😀') else return } catch ({ message }) { log(message) } finally { end() }
  for (const one of others) { if (one) continue; else break }
  for (let i = 0; i < 3; i++) while (true) {}
  switch (a) { case 1: b(); default: c() }
  return true ? (a, b) : import('./lazy')
}
class Service extends Base<string> {
  static shared = new Service('a')
  #secret
  constructor(private readonly http: Http) { super(); this.later = () => { this.http = 1 } }
  get ready() { return this.later?.() }
}
const view = <Panel title="a" {...rest} onClick={() => go()}><>{first}text</></Panel>
"#;

    #[test]
    fn packed_statements_are_the_same() {
        for grammar in [Grammar::Tsx, Grammar::TypeScript] {
            // What does not parse is packed like anything else.
            for text in [MODULE, "", "const a = (\n}\nf()", &MODULE[MODULE.len() / 2..]] {
                let tree = parse(grammar, text, None).unwrap();
                let lowered = lower_file(text, &tree, grammar, None).file;
                let stmts = lowered.stmts();
                let packed = lowered.packed();
                assert_eq!(packed.stmts(), stmts);
                assert!(packed.packed_size() > 0 && stmts.len() == packed.items.len());
                // They are shared with the text of an editor that opens it.
                let opened = lower_file(text, &tree, grammar, Some(&packed)).file;
                assert_eq!((opened.stmts(), opened.packed_size(), &opened.items), (stmts, 0, &packed.items));
            }
        }
    }
}
