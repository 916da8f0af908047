//! Node kinds and fields of tree-sitter-typescript 0.23, resolved once. Its two
//! grammars, with and without JSX, number them differently.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use super::Grammar;
use super::names::{fields, kinds, table};

kinds! {
    AbstractClassDeclaration = "abstract_class_declaration", AmbientDeclaration = "ambient_declaration",
    Arguments = "arguments", Array = "array", ArrayPattern = "array_pattern", ArrowFunction = "arrow_function",
    AsExpression = "as_expression", AssignmentExpression = "assignment_expression",
    AssignmentPattern = "assignment_pattern", AugmentedAssignment = "augmented_assignment_expression",
    AwaitExpression = "await_expression", BinaryExpression = "binary_expression",
    BreakStatement = "break_statement", CallExpression = "call_expression", Class = "class",
    ClassBody = "class_body", ClassDeclaration = "class_declaration", ClassHeritage = "class_heritage",
    Comment = "comment", ComputedPropertyName = "computed_property_name",
    ContinueStatement = "continue_statement", DoStatement = "do_statement",
    EnumAssignment = "enum_assignment", EnumBody = "enum_body", EnumDeclaration = "enum_declaration",
    EscapeSequence = "escape_sequence", ExportClause = "export_clause", ExportSpecifier = "export_specifier",
    ExportStatement = "export_statement", ExpressionStatement = "expression_statement",
    ExtendsClause = "extends_clause", False = "false", ForInStatement = "for_in_statement",
    ForStatement = "for_statement", FormalParameters = "formal_parameters",
    FunctionDeclaration = "function_declaration", FunctionExpression = "function_expression",
    GeneratorFunction = "generator_function", GeneratorFunctionDeclaration = "generator_function_declaration",
    Identifier = "identifier", IfStatement = "if_statement", Import = "import", ImportClause = "import_clause",
    ImportSpecifier = "import_specifier", ImportStatement = "import_statement", JsxAttribute = "jsx_attribute",
    JsxElement = "jsx_element", JsxExpression = "jsx_expression", JsxOpeningElement = "jsx_opening_element",
    JsxSelfClosingElement = "jsx_self_closing_element", LabeledStatement = "labeled_statement",
    LexicalDeclaration = "lexical_declaration", MemberExpression = "member_expression", MetaProperty = "meta_property",
    MethodDefinition = "method_definition", NamedImports = "named_imports",
    NamespaceExport = "namespace_export", NamespaceImport = "namespace_import",
    NewExpression = "new_expression", NonNullExpression = "non_null_expression", Null = "null",
    Number = "number", Object = "object", ObjectAssignmentPattern = "object_assignment_pattern",
    ObjectPattern = "object_pattern", OptionalChain = "optional_chain", OptionalParameter = "optional_parameter",
    Pair = "pair", PairPattern = "pair_pattern", ParenthesizedExpression = "parenthesized_expression",
    PublicFieldDefinition = "public_field_definition", RequiredParameter = "required_parameter",
    RestPattern = "rest_pattern", ReturnStatement = "return_statement",
    SatisfiesExpression = "satisfies_expression", SequenceExpression = "sequence_expression",
    ShorthandProperty = "shorthand_property_identifier",
    ShorthandPropertyPattern = "shorthand_property_identifier_pattern", SpreadElement = "spread_element",
    StatementBlock = "statement_block", String = "string", StringFragment = "string_fragment", Super = "super",
    SubscriptExpression = "subscript_expression", SwitchCase = "switch_case", SwitchDefault = "switch_default",
    SwitchStatement = "switch_statement", TemplateString = "template_string",
    TemplateSubstitution = "template_substitution", TernaryExpression = "ternary_expression", This = "this",
    ThrowStatement = "throw_statement", True = "true", TryStatement = "try_statement",
    UnaryExpression = "unary_expression", Undefined = "undefined", UpdateExpression = "update_expression",
    VariableDeclaration = "variable_declaration", VariableDeclarator = "variable_declarator",
    WhileStatement = "while_statement", YieldExpression = "yield_expression",
}

fields! {
    alias = "alias", alternative = "alternative", argument = "argument", arguments = "arguments",
    attribute = "attribute", body = "body", condition = "condition", consequence = "consequence",
    constructor = "constructor", declaration = "declaration", finalizer = "finalizer", function = "function",
    handler = "handler", increment = "increment", index = "index", initializer = "initializer", key = "key",
    kind = "kind", left = "left", name = "name", object = "object", open_tag = "open_tag",
    operator = "operator", optional_chain = "optional_chain", parameter = "parameter",
    parameters = "parameters", pattern = "pattern", property = "property", return_type = "return_type",
    right = "right", source = "source", ty = "type", value = "value",
}

static PLAIN_KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| table(Grammar::TypeScript, KIND_NAMES, Kind::Other));
static JSX_KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| table(Grammar::Tsx, KIND_NAMES, Kind::Other));
static PLAIN_FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::resolve(Grammar::TypeScript));
static JSX_FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::resolve(Grammar::Tsx));

/// The names of one of the two grammars.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    kinds: &'static [Kind],
    /// The field ids.
    pub fields: &'static Fields,
}

impl Names {
    /// The names of a grammar.
    pub fn of(grammar: Grammar) -> Self {
        match grammar {
            Grammar::Tsx => Self { kinds: &JSX_KINDS, fields: &JSX_FIELDS },
            _ => Self { kinds: &PLAIN_KINDS, fields: &PLAIN_FIELDS },
        }
    }

    /// The kind of a node by its id.
    pub fn kind(self, id: u16) -> Kind {
        self.kinds.get(id as usize).copied().unwrap_or(Kind::Other)
    }
}

/// The grammar of a path by its extension; none for other files.
pub fn grammar(path: &str) -> Option<Grammar> {
    let (stem, extension) = path.rsplit_once('.')?;
    match extension {
        // Declarations hold no code.
        "ts" | "mts" | "cts" if !stem.ends_with(".d") => Some(Grammar::TypeScript),
        // What a bundler wrote is nobody's source.
        "tsx" | "jsx" | "js" | "mjs" | "cjs" if !stem.ends_with(".min") => Some(Grammar::Tsx),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_exists_in_both_grammars() {
        for grammar in [Grammar::TypeScript, Grammar::Tsx] {
            let names = Names::of(grammar);
            let exists = |name: &str| grammar == Grammar::Tsx || !name.starts_with("jsx");
            for (name, want) in KIND_NAMES.iter().filter(|(name, _)| exists(name)) {
                assert!(names.kinds.contains(want), "{grammar:?} has no node {name}");
            }
            for (name, id) in names.fields.all() {
                let only_jsx = name == "attribute" || name == "open_tag";
                assert!(id.is_some() || (only_jsx && grammar == Grammar::TypeScript), "{grammar:?}: no field {name}");
            }
        }
    }

    #[test]
    fn grammars_go_by_extension() {
        assert_eq!(grammar("/p/a.ts"), Some(Grammar::TypeScript));
        assert_eq!(grammar("/p/a.tsx"), Some(Grammar::Tsx));
        assert_eq!(grammar("/p/a.d.ts"), None);
        assert_eq!(grammar("/p/a.min.js"), None);
        assert_eq!(grammar("/p/a.py"), None);
    }
}
