//! The rules, one file each, and their registry.

/// What is known of a rule without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Code: also the name of its page in `specs/rules/`.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// CWE id.
    pub cwe: &'static str,
    /// OWASP API Security Top 10 2023 id; empty where none applies.
    pub owasp: &'static str,
    /// Default severity.
    pub severity: crate::ide::Severity,
    /// The page, as Markdown.
    pub page: &'static str,
}

/// All rules, sorted by code.
pub fn all() -> &'static [RuleInfo] {
    &[]
}

/// The rule of a code.
pub fn find(code: &str) -> Option<&'static RuleInfo> {
    all().iter().find(|rule| rule.code == code)
}
