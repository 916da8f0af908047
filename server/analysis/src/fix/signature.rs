//! Edits of signatures and calls.

use tree_sitter::Node;

use super::layout::{Delimited, Layout};
use crate::ide::{Refusal, TextEdit};
use crate::text::TextRange;

/// How a parameter asks for its dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parameter {
    /// `name: Alias` or `name: Annotated[…]`.
    Annotated(String),
    /// `name: Type = Depends(…)`, or without the type.
    Default(Option<String>, String),
}

/// Adds a parameter to a function, where Python and the file's layout want it.
pub(super) fn add_parameter(
    text: &str,
    layout: &Layout,
    function: Node<'_>,
    name: &str,
    parameter: &Parameter,
) -> Result<Vec<TextEdit>, Refusal> {
    let list =
        function.child_by_field_name("parameters").ok_or_else(|| Refusal("the signature can't be read".into()))?;
    let written = match parameter {
        Parameter::Annotated(ty) => format!("{name}: {ty}"),
        Parameter::Default(Some(ty), default) => format!("{name}: {ty} = {default}"),
        Parameter::Default(None, default) => format!("{name}={default}"),
    };
    let at = position(text, list, matches!(parameter, Parameter::Default(..)))?;
    Ok(Delimited::of(text, layout, list).insert(&[(at, written)]))
}

/// Index of the parameter that a new one goes before.
fn position(text: &str, list: Node<'_>, has_default: bool) -> Result<usize, Refusal> {
    let mut cursor = list.walk();
    let params: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let defaulted = |node: &Node<'_>| matches!(node.kind(), "default_parameter" | "typed_default_parameter");
    let splat = |node: &Node<'_>, kind: &str| {
        node.kind() == kind
            || node.kind() == "typed_parameter" && node.named_child(0).is_some_and(|inner| inner.kind() == kind)
    };
    let stars = |node: &Node<'_>| {
        node.kind() == "keyword_separator"
            || splat(node, "list_splat_pattern")
            || splat(node, "dictionary_splat_pattern")
    };
    let end = params.iter().position(stars).unwrap_or(params.len());
    let separator = params[..end].iter().rposition(|node| node.kind() == "positional_separator").map_or(0, |at| at + 1);
    let first_default = params[..end].iter().position(defaulted);
    let own: Vec<&Node<'_>> = params[..end].iter().filter(|node| !is_receiver(text, node)).collect();
    let keyword_only = params.get(end).is_some_and(|node| node.kind() == "keyword_separator");
    if keyword_only && first_default.is_none() && (own.is_empty() || !has_default) {
        // Behind a bare `*` the order is free; `**` comes last.
        let last = params.iter().position(|node| splat(node, "dictionary_splat_pattern")).unwrap_or(params.len());
        let first = params[end + 1..last].iter().position(defaulted).map_or(last, |at| end + 1 + at);
        return Ok(if has_default { last } else { first });
    }
    match first_default {
        // A parameter without default may not follow one that has one.
        Some(first) if !has_default && first < separator => {
            Err(Refusal("positional-only parameters with defaults leave no place for it".into()))
        }
        Some(first) if !has_default => Ok(first),
        _ => Ok(end),
    }
}

fn is_receiver(text: &str, node: &Node<'_>) -> bool {
    matches!(text.get(node.byte_range()), Some("self" | "cls"))
}

/// Adds `entry` to the `dependencies=[…]` of a call.
pub(super) fn add_to_dependencies(
    text: &str,
    layout: &Layout,
    call: Node<'_>,
    entry: &str,
) -> Result<Vec<TextEdit>, Refusal> {
    let list = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list");
    let list = list.ok_or_else(|| Refusal("the call can't be read".into()))?;
    let mut cursor = list.walk();
    let args: Vec<Node<'_>> = list.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect();
    let dependencies = args.iter().find_map(|arg| {
        let name = arg.child_by_field_name("name")?;
        (arg.kind() == "keyword_argument" && text.get(name.byte_range()) == Some("dependencies"))
            .then(|| arg.child_by_field_name("value"))?
    });
    let Some(value) = dependencies else {
        if args.iter().any(|arg| arg.kind() == "dictionary_splat") {
            return Err(Refusal("the call takes `**` arguments, which may hold dependencies".into()));
        }
        return Ok(Delimited::of(text, layout, list).insert(&[(args.len(), format!("dependencies=[{entry}]"))]));
    };
    if value.kind() == "list" {
        let items = value.named_children(&mut value.walk()).filter(|node| node.kind() != "comment").count();
        return Ok(Delimited::of(text, layout, value).insert(&[(items, entry.to_owned())]));
    }
    let old = text.get(value.byte_range()).unwrap_or_default();
    let simple = matches!(
        value.kind(),
        "identifier" | "attribute" | "call" | "subscript" | "tuple" | "parenthesized_expression" | "list_comprehension"
    );
    let written = match (value.kind(), simple) {
        ("none", _) => format!("[{entry}]"),
        (_, true) => format!("[*{old}, {entry}]"),
        (_, false) => format!("[*({old}), {entry}]"),
    };
    Ok(vec![TextEdit { range: TextRange::new(value.start_byte() as u32, value.end_byte() as u32), text: written }])
}

/// Whether a word stands in a text as a whole.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|other| other == word)
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
        match add_parameter(&text, &Layout::of(&text), function, "current_user", parameter) {
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
            ("def f(a, *, b):", "def f(a, *, b, current_user: Me):"),
            ("def f(a, *, b, c=1, **kw):", "def f(a, *, b, current_user: Me, c=1, **kw):"),
            ("def f(a=1, *, b):", "def f(current_user: Me, a=1, *, b):"),
            ("def f(*, b):", "def f(*, b, current_user: Me):"),
            ("def f(self, *args, **kw):", "def f(self, current_user: Me, *args, **kw):"),
            ("def f(self):", "def f(self, current_user: Me):"),
            ("def f(self, a=1):", "def f(self, current_user: Me, a=1):"),
            ("def f(a, /, b):", "def f(a, /, b, current_user: Me):"),
            ("def f(a: int = 1, *args: int):", "def f(current_user: Me, a: int = 1, *args: int):"),
            ("def f(\n    a,\n    b=1,\n):", "def f(\n    a,\n    current_user: Me,\n    b=1,\n):"),
            ("def f(\n    a,  # id\n):", "def f(\n    a,  # id\n    current_user: Me,\n):"),
            ("def f(\n    a  # id\n):", "def f(\n    a,  # id\n    current_user: Me\n):"),
            ("def f(\n    a\n):", "def f(\n    a,\n    current_user: Me\n):"),
            (
                "def f(\n    a,\n    # the page\n    # to show\n    b=1,\n):",
                "def f(\n    a,\n    current_user: Me,\n    # the page\n    # to show\n    b=1,\n):",
            ),
            ("def f(a,\n      b=1):", "def f(a,\n      current_user: Me,\n      b=1):"),
            ("def f(\n    a, b=1\n):", "def f(\n    a, current_user: Me, b=1\n):"),
            ("def f(\n    *,\n    a,\n):", "def f(\n    *,\n    a,\n    current_user: Me,\n):"),
            (
                "def f(\n\ta,\n\tb=dict(\n\t\tx=1,\n\t),\n):",
                "def f(\n\ta,\n\tcurrent_user: Me,\n\tb=dict(\n\t\tx=1,\n\t),\n):",
            ),
            ("def naïve(größe, π=3):", "def naïve(größe, current_user: Me, π=3):"),
            ("async def f(a: int) -> dict[str, int]:", "async def f(a: int, current_user: Me) -> dict[str, int]:"),
            ("def f(a=1, /):", "refused: positional-only parameters with defaults leave no place for it"),
            (
                "def a_function_with_a_long_name(first_parameter: int, second_parameter: str | None = None):",
                "def a_function_with_a_long_name(\n    first_parameter: int, current_user: Me, second_parameter: str | None = None\n):",
            ),
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
            ("def f(*, b, **kw):", "def f(*, b, current_user=Depends(me), **kw):"),
            ("def f(self, *, b):", "def f(self, *, b, current_user=Depends(me)):"),
            ("def f(a, **kw):", "def f(a, current_user=Depends(me), **kw):"),
            ("def f(a, *args):", "def f(a, current_user=Depends(me), *args):"),
            ("def f(\n    a,\n    b=1,\n):", "def f(\n    a,\n    b=1,\n    current_user=Depends(me),\n):"),
        ];
        for (before, after) in cases {
            assert_eq!(signature(before, &Parameter::Default(None, "Depends(me)".into())), after);
        }
        let typed = Parameter::Default(Some("User".into()), "Depends(me)".into());
        assert_eq!(signature("def f(a):", &typed), "def f(a, current_user: User = Depends(me)):");
    }

    #[test]
    fn dependencies_are_extended_in_every_form() {
        let cases = [
            ("g(\"/x\")", "g(\"/x\", dependencies=[Depends(me)])"),
            ("g()", "g(dependencies=[Depends(me)])"),
            ("g(\"/x\", dependencies=[])", "g(\"/x\", dependencies=[Depends(me)])"),
            ("g(\"/x\", dependencies=None)", "g(\"/x\", dependencies=[Depends(me)])"),
            ("g(\"/x\", dependencies=[a, b])", "g(\"/x\", dependencies=[a, b, Depends(me)])"),
            ("g(\"/x\", dependencies=[a,])", "g(\"/x\", dependencies=[a, Depends(me),])"),
            ("g(\"/x\", dependencies=deps)", "g(\"/x\", dependencies=[*deps, Depends(me)])"),
            ("g(\"/x\", dependencies=(a,))", "g(\"/x\", dependencies=[*(a,), Depends(me)])"),
            ("g(\"/x\", dependencies=make(1))", "g(\"/x\", dependencies=[*make(1), Depends(me)])"),
            ("g(\"/x\", dependencies=a if b else [])", "g(\"/x\", dependencies=[*(a if b else []), Depends(me)])"),
            ("g(\"/x\", dependencies=a + b)", "g(\"/x\", dependencies=[*(a + b), Depends(me)])"),
            ("g(\n    \"/x\",\n    tags=[1],\n)", "g(\n    \"/x\",\n    tags=[1],\n    dependencies=[Depends(me)],\n)"),
            ("g(\n    \"/x\"\n)", "g(\n    \"/x\",\n    dependencies=[Depends(me)]\n)"),
            ("g(\n    \"/x\",  # why\n)", "g(\n    \"/x\",  # why\n    dependencies=[Depends(me)],\n)"),
            (
                "g(\n    \"/x\",\n    dependencies=[\n        Depends(a),\n    ],\n)",
                "g(\n    \"/x\",\n    dependencies=[\n        Depends(a),\n        Depends(me),\n    ],\n)",
            ),
            (
                "router.get(\n    \"/\", summary=\"A summary of some length\", response_model=list[SomethingOrOther]\n)",
                "router.get(\n    \"/\",\n    summary=\"A summary of some length\",\n    response_model=list[SomethingOrOther],\n    dependencies=[Depends(me)],\n)",
            ),
            (
                "router.get(\"/a/rather/long/path/{with}/parameters\", response_model=list[Something])",
                "router.get(\n    \"/a/rather/long/path/{with}/parameters\",\n    response_model=list[Something],\n    dependencies=[Depends(me)],\n)",
            ),
        ];
        for (before, after) in cases {
            let tree = parse(Grammar::Python, before, None).unwrap();
            let call = tree.root_node().named_child(0).unwrap().named_child(0).unwrap();
            let edits = add_to_dependencies(before, &Layout::of(before), call, "Depends(me)").unwrap();
            let edited = apply(before, &edits);
            assert!(!parse(Grammar::Python, &edited, None).unwrap().root_node().has_error(), "{edited}");
            assert_eq!(edited, after);
        }
    }
}
