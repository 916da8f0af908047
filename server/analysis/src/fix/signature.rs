//! Edits of signatures and calls that keep their layout.

use tree_sitter::Node;

use super::guard::insertion;
use super::{indentation, line_ending};
use crate::ide::{Refusal, TextEdit};
use crate::text::TextRange;

/// Names that a new parameter may get, the first that is free.
const NAMES: &[&str] = &["current_user", "auth_user", "authenticated_user"];

/// How a parameter asks for its dependency.
pub(super) enum Parameter {
    /// `name: Alias`.
    Annotated(String),
    /// `name=Depends(…)`.
    Default(String),
}

/// Adds a parameter to a function, where Python and the file's layout want it.
pub(super) fn add_parameter(text: &str, function: Node<'_>, parameter: &Parameter) -> Result<Vec<TextEdit>, Refusal> {
    let list =
        function.child_by_field_name("parameters").ok_or_else(|| Refusal("the signature can't be read".into()))?;
    let taken = |name: &str| {
        let body = text.get(function.byte_range()).unwrap_or_default();
        words(body).any(|word| word == name)
    };
    let name =
        NAMES.iter().find(|name| !taken(name)).ok_or_else(|| Refusal("no name is free for the parameter".into()))?;
    let (written, has_default) = match parameter {
        Parameter::Annotated(ty) => (format!("{name}: {ty}"), false),
        Parameter::Default(default) => (format!("{name}={default}"), true),
    };
    let mut cursor = list.walk();
    let params: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let defaulted = |node: &Node<'_>| matches!(node.kind(), "default_parameter" | "typed_default_parameter");
    let ends_positionals = |node: &Node<'_>| {
        let splat =
            |kind: &str| matches!(kind, "list_splat_pattern" | "dictionary_splat_pattern" | "keyword_separator");
        splat(node.kind())
            || node.kind() == "typed_parameter" && node.named_child(0).is_some_and(|inner| splat(inner.kind()))
    };
    let end = params.iter().position(ends_positionals).unwrap_or(params.len());
    let separator = params[..end].iter().rposition(|node| node.kind() == "positional_separator").map_or(0, |at| at + 1);
    let at = match params[..end].iter().position(defaulted) {
        // A parameter without default may not follow one that has one.
        Some(first) if !has_default && first < separator => {
            return Err(Refusal("positional-only parameters with defaults leave no place for it".into()));
        }
        Some(first) if !has_default => first,
        _ => end,
    };
    match (at.checked_sub(1).map(|before| params[before]), params.get(at)) {
        (None, None) => Ok(vec![insertion(list.start_byte() + 1, written)]),
        (None, Some(next)) => Ok(vec![before(text, list, *next, &written)]),
        (Some(_), Some(next)) => Ok(vec![before(text, list, *next, &written)]),
        (Some(last), None) => Ok(after(text, list, last, &written)),
    }
}

/// Adds `entry` to the `dependencies=[…]` of a call.
pub(super) fn add_to_dependencies(text: &str, call: Node<'_>, entry: &str) -> Result<TextEdit, Refusal> {
    let list = call.child_by_field_name("arguments").ok_or_else(|| Refusal("the call can't be read".into()))?;
    let mut cursor = list.walk();
    let args: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let dependencies = args.iter().find_map(|arg| {
        let name = arg.child_by_field_name("name")?;
        (arg.kind() == "keyword_argument" && text.get(name.byte_range()) == Some("dependencies"))
            .then(|| arg.child_by_field_name("value"))?
    });
    if let Some(value) = dependencies {
        if value.kind() != "list" {
            let old = text.get(value.byte_range()).unwrap_or_default();
            let range = TextRange::new(value.start_byte() as u32, value.end_byte() as u32);
            return Ok(TextEdit { range, text: format!("[*{old}, {entry}]") });
        }
        let mut cursor = value.walk();
        let last = value.named_children(&mut cursor).filter(|node| node.kind() != "comment").last();
        return Ok(match last {
            None => insertion(value.start_byte() + 1, entry.to_owned()),
            Some(last) => after(text, value, last, entry).remove(0),
        });
    }
    if args.iter().any(|arg| arg.kind() == "dictionary_splat") {
        return Err(Refusal("the registration takes `**` arguments, which may hold dependencies".into()));
    }
    let written = format!("dependencies=[{entry}]");
    Ok(match args.last() {
        None => insertion(list.start_byte() + 1, written),
        Some(last) => after(text, list, *last, &written).remove(0),
    })
}

/// Inserts an entry before another one of a list.
fn before(text: &str, list: Node<'_>, next: Node<'_>, written: &str) -> TextEdit {
    let own_line = list.start_position().row != next.start_position().row
        && text[..next.start_byte()].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
    let between = if own_line {
        format!(",{}{}", line_ending(text), indentation(text, next.start_byte()))
    } else {
        ", ".to_owned()
    };
    insertion(next.start_byte(), format!("{written}{between}"))
}

/// Inserts an entry behind the last one of a list, on a line of its own if the
/// list is laid out so; a trailing comma and comments stay where they are.
fn after(text: &str, list: Node<'_>, last: Node<'_>, written: &str) -> Vec<TextEdit> {
    let rest = &text[last.end_byte()..list.end_byte()];
    let own_line = text[..last.start_byte()].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
    if !own_line {
        return vec![insertion(last.end_byte(), format!(", {written}"))];
    }
    let break_ = format!("{}{}", line_ending(text), indentation(text, last.start_byte()));
    let line_end = rest.find(['\r', '\n']).unwrap_or(0);
    let comma = rest.trim_start().starts_with(',');
    if comma {
        return vec![insertion(last.end_byte() + line_end, format!("{break_}{written},"))];
    }
    if rest[..line_end].trim().is_empty() {
        return vec![insertion(last.end_byte(), format!(",{break_}{written}"))];
    }
    // A comment behind the last entry: the comma goes before it.
    vec![
        insertion(last.end_byte(), ",".to_owned()),
        insertion(last.end_byte() + line_end, format!("{break_}{written}")),
    ]
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::apply;
    use crate::syntax::{Grammar, parse};

    fn signature(header: &str, parameter: &Parameter) -> String {
        let text = format!("{header}\n    pass\n");
        let tree = parse(Grammar::Python, &text, None).unwrap();
        let function = tree.root_node().named_child(0).unwrap();
        match add_parameter(&text, function, parameter) {
            Ok(edits) => {
                let after = apply(&text, &edits);
                assert!(!parse(Grammar::Python, &after, None).unwrap().root_node().has_error(), "{after}");
                after.strip_suffix("\n    pass\n").unwrap().to_owned()
            }
            Err(refusal) => format!("refused: {}", refusal.0),
        }
    }

    #[test]
    fn annotated_parameters_go_where_python_allows() {
        let cases = [
            ("def f():", "def f(current_user: Me):"),
            ("def f(a):", "def f(a, current_user: Me):"),
            ("def f(a, b=1):", "def f(a, current_user: Me, b=1):"),
            ("def f(a=1):", "def f(current_user: Me, a=1):"),
            ("def f(a, *, b):", "def f(a, current_user: Me, *, b):"),
            ("def f(*, b):", "def f(current_user: Me, *, b):"),
            ("def f(self, *args, **kw):", "def f(self, current_user: Me, *args, **kw):"),
            ("def f(a, /, b):", "def f(a, /, b, current_user: Me):"),
            ("def f(a: int = 1, *args: int):", "def f(current_user: Me, a: int = 1, *args: int):"),
            ("def f(\n    a,\n    b=1,\n):", "def f(\n    a,\n    current_user: Me,\n    b=1,\n):"),
            ("def f(\n    a,  # id\n):", "def f(\n    a,  # id\n    current_user: Me,\n):"),
            ("def f(\n    a  # id\n):", "def f(\n    a,  # id\n    current_user: Me\n):"),
            ("def f(\n    a\n):", "def f(\n    a,\n    current_user: Me\n):"),
            ("def f(current_user):", "def f(current_user, auth_user: Me):"),
            ("def f(a=1, /):", "refused: positional-only parameters with defaults leave no place for it"),
        ];
        for (before, after) in cases {
            assert_eq!(signature(before, &Parameter::Annotated("Me".into())), after);
        }
    }

    #[test]
    fn default_parameters_go_behind_the_positionals() {
        let cases = [
            ("def f():", "def f(current_user=Depends(me)):"),
            ("def f(a, b=1):", "def f(a, b=1, current_user=Depends(me)):"),
            ("def f(a, *, b):", "def f(a, current_user=Depends(me), *, b):"),
            ("def f(a, **kw):", "def f(a, current_user=Depends(me), **kw):"),
            ("def f(\n    a,\n    b=1,\n):", "def f(\n    a,\n    b=1,\n    current_user=Depends(me),\n):"),
        ];
        for (before, after) in cases {
            assert_eq!(signature(before, &Parameter::Default("Depends(me)".into())), after);
        }
    }

    #[test]
    fn dependencies_are_extended_in_every_form() {
        let cases = [
            ("g(\"/x\")", "g(\"/x\", dependencies=[Depends(me)])"),
            ("g()", "g(dependencies=[Depends(me)])"),
            ("g(\"/x\", dependencies=[])", "g(\"/x\", dependencies=[Depends(me)])"),
            ("g(\"/x\", dependencies=[a, b])", "g(\"/x\", dependencies=[a, b, Depends(me)])"),
            ("g(\"/x\", dependencies=[a,])", "g(\"/x\", dependencies=[a, Depends(me),])"),
            ("g(\"/x\", dependencies=deps)", "g(\"/x\", dependencies=[*deps, Depends(me)])"),
            ("g(\n    \"/x\",\n    tags=[1],\n)", "g(\n    \"/x\",\n    tags=[1],\n    dependencies=[Depends(me)],\n)"),
            ("g(\n    \"/x\"\n)", "g(\n    \"/x\",\n    dependencies=[Depends(me)]\n)"),
        ];
        for (before, after) in cases {
            let tree = parse(Grammar::Python, before, None).unwrap();
            let call = tree.root_node().named_child(0).unwrap().named_child(0).unwrap();
            let edit = add_to_dependencies(before, call, "Depends(me)").unwrap();
            assert_eq!(apply(before, &[edit]), after);
        }
    }
}
