//! Settings, and what the client can do.

use std::collections::BTreeMap;

use authlens_analysis::ide::{Diagnostic, Severity};
use authlens_analysis::text::PositionEncoding;
use serde_json::{Value, json};

/// What the user may choose. Unknown keys and values are left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) lens: bool,
    pub(super) inlay: bool,
    pub(super) enable: bool,
    pub(super) min_severity: Severity,
    pub(super) ignore: Vec<String>,
    pub(super) select: Vec<String>,
    /// How loud rules are, by their codes; none is silent. It wins over the rule's own severity.
    pub(super) rules: BTreeMap<String, Option<Severity>>,
    /// What must be guarded where the project has no configuration, as the text of one.
    pub(super) policy: Option<String>,
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
            rules: BTreeMap::new(),
            policy: None,
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
            min_severity: value.get("minSeverity").and_then(severity).flatten().unwrap_or(Severity::Hint),
            ignore: codes("ignore"),
            select: codes("select"),
            rules: value.get("rules").and_then(Value::as_object).map_or_else(BTreeMap::new, |rules| {
                rules.iter().filter_map(|(code, value)| Some((code.clone(), severity(value)?))).collect()
            }),
            policy: value.get("policy").and_then(configuration),
        }
    }

    /// Whether a finding is to be shown.
    pub(super) fn shows(&self, diagnostic: &Diagnostic) -> bool {
        let named = |codes: &[String]| codes.iter().any(|code| code == diagnostic.rule);
        self.enable
            && self.severity(diagnostic).is_some_and(|severity| severity >= self.min_severity)
            && !named(&self.ignore)
            && (self.select.is_empty() || named(&self.select))
    }

    /// How loud a finding is; none when its rule is off.
    pub(super) fn severity(&self, diagnostic: &Diagnostic) -> Option<Severity> {
        self.rules.get(diagnostic.rule).copied().unwrap_or(Some(diagnostic.severity))
    }
}

/// A policy as an `authlens.toml` would have it: what is wrong in it is told in the same words then.
fn configuration(policy: &Value) -> Option<String> {
    let lines = policy.as_object()?.iter().map(|(key, value)| Some(format!("{} = {}\n", json!(key), toml(value)?)));
    let text: String = lines.flatten().collect();
    (!text.is_empty()).then_some(text)
}

/// A value in the notation of TOML, which shares texts and numbers with JSON and has nothing for `null`.
fn toml(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Array(items) => format!("[{}]", items.iter().filter_map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().filter_map(|(key, value)| Some(format!("{} = {}", json!(key), toml(value)?)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    })
}

/// A severity by its name, `Some(None)` for `off`.
fn severity(value: &Value) -> Option<Option<Severity>> {
    Some(match value.as_str()? {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        "info" => Some(Severity::Info),
        "hint" => Some(Severity::Hint),
        "off" => None,
        _ => return None,
    })
}

/// What the client said it can do.
#[derive(Debug, Clone, Default)]
pub(super) struct Abilities {
    pub(super) encoding: PositionEncoding,
    /// It pulls diagnostics and can be told to pull again.
    pub(super) pull: bool,
    pub(super) document_changes: bool,
    pub(super) creates_files: bool,
    /// It takes code actions that are no commands.
    pub(super) literal_actions: bool,
    pub(super) disabled_actions: bool,
    pub(super) preferred_actions: bool,
    /// What it takes of a diagnostic.
    pub(super) diagnostics: DiagnosticAbilities,
    /// Hovers may be Markdown.
    pub(super) markdown: bool,
    pub(super) progress: bool,
    pub(super) watches_files: bool,
    pub(super) pulls_configuration: bool,
    /// It wants to be asked before it tells of changed settings.
    pub(super) registers_configuration: bool,
    /// It wants to hear that routes changed (`specs/formats/editor-protocol.md`).
    pub(super) routes_changed: bool,
    /// It shows the page of a rule that `authlens.explainRule` answers with (`specs/formats/editor-protocol.md`).
    pub(super) explains_rules: bool,
    /// The beginning of the addresses at which it shows pages of rules (`specs/formats/editor-protocol.md`).
    pub(super) rule_pages: Option<String>,
    /// Links may say where they lead.
    pub(super) link_tooltips: bool,
    pub(super) refresh_lens: bool,
    pub(super) refresh_inlay: bool,
}

/// Parts of a diagnostic that a client may not take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DiagnosticAbilities {
    pub(super) version: bool,
    pub(super) related: bool,
    pub(super) code_description: bool,
    pub(super) unnecessary: bool,
    pub(super) data: bool,
}

impl Abilities {
    /// Whether the client asks again for anything when it is told to.
    pub(super) fn refreshes(&self) -> bool {
        self.pull || self.refresh_lens || self.refresh_inlay
    }

    /// Reads the raw `initialize` parameters. The capability `workspace.diagnostics`
    /// is looked for under its misspelt name too: lsp-types has it so.
    pub(super) fn read(initialize: &Value) -> Self {
        let capabilities = initialize.get("capabilities").cloned().unwrap_or_default();
        let flag = |pointer: &str| capabilities.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        let encodings = capabilities.pointer("/general/positionEncodings").and_then(Value::as_array);
        let offers = |name: &str| encodings.is_some_and(|list| list.iter().any(|e| e == name));
        let says_unnecessary = |pointer: &str| {
            let tags = capabilities.pointer(pointer).and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|tag| tag == 1))
        };
        // LSP 3.18 repeats what is said of pushed diagnostics for pulled ones.
        let diagnostic = |what: &str| {
            flag(&format!("/textDocument/publishDiagnostics/{what}"))
                || flag(&format!("/textDocument/diagnostic/{what}"))
        };
        let formats = capabilities.pointer("/textDocument/hover/contentFormat").and_then(Value::as_array);
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
            literal_actions: capabilities
                .pointer("/textDocument/codeAction/codeActionLiteralSupport")
                .is_some_and(Value::is_object),
            disabled_actions: flag("/textDocument/codeAction/disabledSupport"),
            preferred_actions: flag("/textDocument/codeAction/isPreferredSupport"),
            diagnostics: DiagnosticAbilities {
                version: flag("/textDocument/publishDiagnostics/versionSupport"),
                related: diagnostic("relatedInformation"),
                code_description: diagnostic("codeDescriptionSupport"),
                unnecessary: says_unnecessary("/textDocument/publishDiagnostics/tagSupport/valueSet")
                    || says_unnecessary("/textDocument/diagnostic/tagSupport/valueSet"),
                data: diagnostic("dataSupport"),
            },
            markdown: formats.is_none_or(|formats| formats.iter().any(|format| format == "markdown")),
            progress: flag("/window/workDoneProgress"),
            watches_files: flag("/workspace/didChangeWatchedFiles/dynamicRegistration"),
            pulls_configuration: flag("/workspace/configuration"),
            registers_configuration: flag("/workspace/didChangeConfiguration/dynamicRegistration"),
            routes_changed: flag("/experimental/authlens/routesChanged"),
            explains_rules: flag("/experimental/authlens/explainRule"),
            rule_pages: capabilities
                .pointer("/experimental/authlens/rulePages")
                .and_then(Value::as_str)
                .map(str::to_owned),
            link_tooltips: flag("/textDocument/documentLink/tooltipSupport"),
            refresh_lens: flag("/workspace/codeLens/refreshSupport"),
            refresh_inlay: flag("/workspace/inlayHint/refreshSupport"),
        }
    }
}

#[cfg(test)]
mod tests {
    use authlens_analysis::facts::configuration::read;

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
    fn rules_are_as_loud_as_the_user_says() {
        let settings = Settings::read(&json!({"rules": {"a": "off", "b": "hint", "c": 1, "d": "loud"}}));
        let wanted = [("a".to_owned(), None), ("b".to_owned(), Some(Severity::Hint))];
        assert_eq!(settings.rules, BTreeMap::from(wanted));
    }

    #[test]
    fn a_policy_says_what_the_same_file_would_say() {
        let policy = json!({
            "protect": ["/api/**"], "exclude": ["legacy/**"], "sinks": ["app.security.verify"],
            "owner-names": ["member_id"], "ownership-status": 404, "rules": {"missing-auth-dependency": "warning"},
            "public": [{"path": "/hooks/*", "methods": ["POST"], "reason": "signed by \"them\"\n", "x": null}],
        });
        let text = Settings::read(&json!({"policy": policy})).policy.unwrap();
        let said = read(&text, false).unwrap();
        assert_eq!(said.problems, []);
        assert_eq!((said.protect[0].value.as_str(), said.exclude[0].as_str()), ("/api/**", "legacy/**"));
        assert_eq!((said.owner_names[0].as_str(), said.ownership_status), ("member_id", Some(404)));
        assert_eq!(
            (said.public[0].reason.as_str(), said.public[0].methods[0].as_str()),
            ("signed by \"them\"", "POST")
        );
        assert_eq!((said.rules.len(), said.sinks.len()), (1, 1));
        for nothing in [json!({}), json!([]), json!("x"), json!({"protect": null})] {
            assert_eq!(Settings::read(&json!({"policy": nothing})).policy, None);
        }
        assert_eq!(
            read(&Settings::read(&json!({"policy": {"protected": 1}})).policy.unwrap(), false).unwrap().problems.len(),
            1
        );
    }

    #[test]
    fn a_diagnostic_has_what_the_client_takes() {
        let abilities = |text_document: Value| {
            Abilities::read(&json!({"capabilities": {"textDocument": text_document}})).diagnostics
        };
        let none = abilities(json!({}));
        assert!(!none.related && !none.data && !none.code_description && !none.unnecessary && !none.version);
        let pushed = abilities(json!({"publishDiagnostics": {"relatedInformation": true, "versionSupport": true}}));
        assert!(pushed.related && pushed.version && !pushed.data);
        let pulled = abilities(json!({"diagnostic": {"dataSupport": true, "tagSupport": {"valueSet": [1, 2]}}}));
        assert!(pulled.data && pulled.unnecessary && !pulled.related);
    }

    #[test]
    fn settings_survive_nonsense() {
        assert_eq!(Settings::read(&json!({"hints": 3, "ignore": "x", "minSeverity": []})), Settings::default());
        assert!(!Settings::read(&json!({"authlens": {"hints": {"lens": false}}})).lens);
    }
}
