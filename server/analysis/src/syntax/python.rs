//! Node kinds and fields of tree-sitter-python 0.25, resolved once.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use super::Grammar;
use super::names::{fields, kinds, table};

kinds! {
    AliasedImport = "aliased_import", ArgumentList = "argument_list", AsPattern = "as_pattern",
    AssertStatement = "assert_statement", Assignment = "assignment", Attribute = "attribute",
    AugmentedAssignment = "augmented_assignment", Await = "await", BinaryOperator = "binary_operator",
    Block = "block", BooleanOperator = "boolean_operator", BreakStatement = "break_statement", Call = "call",
    CaseClause = "case_clause", CasePattern = "case_pattern", ClassDefinition = "class_definition",
    Comment = "comment", ComparisonOperator = "comparison_operator", ConcatenatedString = "concatenated_string",
    ConditionalExpression = "conditional_expression", ConstrainedType = "constrained_type",
    ContinueStatement = "continue_statement", DecoratedDefinition = "decorated_definition",
    Decorator = "decorator", DefaultParameter = "default_parameter", DeleteStatement = "delete_statement",
    Dictionary = "dictionary", DictionaryComprehension = "dictionary_comprehension",
    DictionarySplat = "dictionary_splat", DictionarySplatPattern = "dictionary_splat_pattern",
    DottedName = "dotted_name", ElifClause = "elif_clause", Ellipsis = "ellipsis", ElseClause = "else_clause",
    EscapeInterpolation = "escape_interpolation", ExceptClause = "except_clause",
    ExpressionList = "expression_list", ExpressionStatement = "expression_statement", False = "false",
    FinallyClause = "finally_clause", Float = "float", ForInClause = "for_in_clause",
    ForStatement = "for_statement", FunctionDefinition = "function_definition",
    FutureImportStatement = "future_import_statement", GeneratorExpression = "generator_expression",
    GenericType = "generic_type", GlobalStatement = "global_statement", Identifier = "identifier",
    IfClause = "if_clause", IfStatement = "if_statement", ImportFromStatement = "import_from_statement",
    ImportPrefix = "import_prefix", ImportStatement = "import_statement", Integer = "integer",
    Interpolation = "interpolation", KeywordArgument = "keyword_argument",
    KeywordSeparator = "keyword_separator", Lambda = "lambda", LambdaParameters = "lambda_parameters",
    List = "list", ListComprehension = "list_comprehension", ListPattern = "list_pattern",
    ListSplat = "list_splat", ListSplatPattern = "list_splat_pattern", MatchStatement = "match_statement",
    MemberType = "member_type", NamedExpression = "named_expression", None = "none",
    NonlocalStatement = "nonlocal_statement", NotOperator = "not_operator", Pair = "pair",
    Parameters = "parameters", ParenthesizedExpression = "parenthesized_expression",
    ParenthesizedListSplat = "parenthesized_list_splat", PassStatement = "pass_statement",
    PatternList = "pattern_list", PositionalSeparator = "positional_separator",
    PrintStatement = "print_statement", RaiseStatement = "raise_statement",
    RelativeImport = "relative_import", ReturnStatement = "return_statement", Set = "set",
    SetComprehension = "set_comprehension", Slice = "slice", SplatType = "splat_type", String = "string",
    StringContent = "string_content", StringEnd = "string_end", StringStart = "string_start",
    Subscript = "subscript", True = "true", TryStatement = "try_statement", Tuple = "tuple",
    TuplePattern = "tuple_pattern", Type = "type", TypeAliasStatement = "type_alias_statement",
    TypeParameter = "type_parameter", TypedDefaultParameter = "typed_default_parameter",
    TypedParameter = "typed_parameter", UnaryOperator = "unary_operator", UnionType = "union_type",
    WhileStatement = "while_statement", WildcardImport = "wildcard_import", WithClause = "with_clause",
    WithItem = "with_item", WithStatement = "with_statement", Yield = "yield",
}

fields! {
    alias = "alias", alternative = "alternative", argument = "argument", arguments = "arguments",
    attribute = "attribute", body = "body", cause = "cause", condition = "condition",
    consequence = "consequence", definition = "definition", expression = "expression", function = "function",
    guard = "guard", key = "key", left = "left", module_name = "module_name", name = "name",
    object = "object", operator = "operator", operators = "operators", parameters = "parameters",
    return_type = "return_type", right = "right", subject = "subject", subscript = "subscript",
    superclasses = "superclasses", ty = "type", type_parameters = "type_parameters", value = "value",
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| table(Grammar::Python, KIND_NAMES, Kind::Other));

static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::resolve(Grammar::Python));

/// The kind of a node by its id.
pub fn kind(id: u16) -> Kind {
    KINDS.get(id as usize).copied().unwrap_or(Kind::Other)
}

/// The field ids.
pub fn fields() -> &'static Fields {
    &FIELDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_exists_in_the_grammar() {
        for (name, want) in KIND_NAMES {
            assert!(KINDS.contains(want), "the grammar has no node {name}");
        }
        for (name, id) in fields().all() {
            assert!(id.is_some(), "the grammar has no field {name}");
        }
    }
}
