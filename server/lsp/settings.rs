//! Settings, and what the client can do.

use authlens_analysis::ide::Severity;
use authlens_analysis::text::PositionEncoding;
use serde_json::Value;

/// What the user may choose. Unknown keys and values are left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) lens: bool,
    pub(super) inlay: bool,
    pub(super) enable: bool,
    pub(super) min_severity: Severity,
    pub(super) ignore: Vec<String>,
    pub(super) select: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lens: true,
            inlay: false,
            enable: true,
            min_severity: Severity::Hint,
            ignore: Vec::new(),
            select: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads settings, alone or below a key `authlens`.
    pub(super) fn read(value: &Value) -> Self {
        let value = value.get("authlens").unwrap_or(value);
        let flag = |pointer: &str, default| value.pointer(pointer).and_then(Value::as_bool).unwrap_or(default);
        let codes = |key: &str| {
            let list = value.get(key).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            lens: flag("/hints/lens", true),
            inlay: flag("/hints/inlay", false),
            enable: flag("/diagnostics/enable", true),
            min_severity: match value.get("minSeverity").and_then(Value::as_str) {
                Some("error") => Severity::Error,
                Some("warning") => Severity::Warning,
                Some("info") => Severity::Info,
                _ => Severity::Hint,
            },
            ignore: codes("ignore"),
            select: codes("select"),
        }
    }

    /// Whether a finding is to be shown.
    pub(super) fn shows(&self, diagnostic: &authlens_analysis::ide::Diagnostic) -> bool {
        let named = |codes: &[String]| codes.iter().any(|code| code == diagnostic.rule);
        self.enable
            && diagnostic.severity >= self.min_severity
            && !named(&self.ignore)
            && (self.select.is_empty() || named(&self.select))
    }
}

/// What the client said it can do.
#[derive(Debug, Clone, Default)]
pub(super) struct Abilities {
    pub(super) encoding: PositionEncoding,
    /// It pulls diagnostics and can be told to pull again.
    pub(super) pull: bool,
    pub(super) document_changes: bool,
    pub(super) creates_files: bool,
    pub(super) disabled_actions: bool,
    pub(super) progress: bool,
    pub(super) watches_files: bool,
    pub(super) pulls_configuration: bool,
    pub(super) refresh_lens: bool,
    pub(super) refresh_inlay: bool,
}

impl Abilities {
    /// Reads the raw `initialize` parameters. The capability `workspace.diagnostics`
    /// is looked for under its misspelt name too: lsp-types has it so.
    pub(super) fn read(initialize: &Value) -> Self {
        let capabilities = initialize.get("capabilities").cloned().unwrap_or_default();
        let flag = |pointer: &str| capabilities.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        let encodings = capabilities.pointer("/general/positionEncodings").and_then(Value::as_array);
        let offers = |name: &str| encodings.is_some_and(|list| list.iter().any(|e| e == name));
        let refresh = flag("/workspace/diagnostics/refreshSupport") || flag("/workspace/diagnostic/refreshSupport");
        Self {
            encoding: if offers("utf-8") {
                PositionEncoding::Utf8
            } else if offers("utf-32") && !offers("utf-16") {
                PositionEncoding::Utf32
            } else {
                PositionEncoding::Utf16
            },
            pull: refresh && capabilities.pointer("/textDocument/diagnostic").is_some_and(Value::is_object),
            document_changes: flag("/workspace/workspaceEdit/documentChanges"),
            creates_files: capabilities
                .pointer("/workspace/workspaceEdit/resourceOperations")
                .and_then(Value::as_array)
                .is_some_and(|operations| operations.iter().any(|operation| operation == "create")),
            disabled_actions: flag("/textDocument/codeAction/disabledSupport"),
            progress: flag("/window/workDoneProgress"),
            watches_files: flag("/workspace/didChangeWatchedFiles/dynamicRegistration"),
            pulls_configuration: flag("/workspace/configuration"),
            refresh_lens: flag("/workspace/codeLens/refreshSupport"),
            refresh_inlay: flag("/workspace/inlayHint/refreshSupport"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn encodings_are_negotiated() {
        let chosen =
            |list: Value| Abilities::read(&json!({"capabilities": {"general": {"positionEncodings": list}}})).encoding;
        assert_eq!(chosen(json!(["utf-16"])), PositionEncoding::Utf16);
        assert_eq!(chosen(json!(["utf-16", "utf-8"])), PositionEncoding::Utf8);
        assert_eq!(chosen(json!(["utf-32"])), PositionEncoding::Utf32);
        assert_eq!(chosen(Value::Null), PositionEncoding::Utf16);
    }

    #[test]
    fn pull_needs_refresh_under_either_name() {
        let pull = |workspace: Value| {
            Abilities::read(&json!({"capabilities": {"textDocument": {"diagnostic": {}}, "workspace": workspace}})).pull
        };
        assert!(pull(json!({"diagnostics": {"refreshSupport": true}})));
        assert!(pull(json!({"diagnostic": {"refreshSupport": true}})));
        assert!(!pull(json!({})));
    }

    #[test]
    fn settings_survive_nonsense() {
        assert_eq!(Settings::read(&json!({"hints": 3, "ignore": "x", "minSeverity": []})), Settings::default());
        assert!(!Settings::read(&json!({"authlens": {"hints": {"lens": false}}})).lens);
    }
}
