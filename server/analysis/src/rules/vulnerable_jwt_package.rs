//! `vulnerable-jwt-package`: a library for tokens that can be tricked, or that is another one.

use super::{RuleInfo, State};
use crate::facts::manifests::Version;
use crate::facts::packages::Package;
use crate::ide::{Confidence, Diagnostic, Severity};
use crate::vfs::{FileId, Location};

/// What is known of the rule.
pub const INFO: RuleInfo = RuleInfo {
    code: "vulnerable-jwt-package",
    summary: "a library for tokens with a known hole, or the wrong one of that name",
    cwe: "CWE-1395",
    owasp: "API8:2023",
    severity: Severity::Warning,
    page: include_str!("../../../../specs/rules/vulnerable-jwt-package.md"),
};

/// A hole, and the first version without it.
struct Hole {
    package: &'static str,
    fixed: Version,
    severity: Severity,
    what: &'static str,
}

/// Holes by which a forged token may pass, the worst of each package first.
const HOLES: &[Hole] = &[
    Hole {
        package: "pyjwt",
        fixed: Version(2, 4, 0),
        severity: Severity::Warning,
        what: "takes some public keys for secrets (CVE-2022-29217)",
    },
    // Only for who takes algorithms of both families: that is a finding of its own.
    Hole {
        package: "pyjwt",
        fixed: Version(2, 13, 0),
        severity: Severity::Info,
        what: "takes a JWK for a secret where algorithms are mixed (CVE-2026-48526), and the empty text for a key",
    },
    Hole {
        package: "python-jose",
        fixed: Version(3, 4, 0),
        severity: Severity::Warning,
        what: "takes some public keys for secrets (CVE-2024-33663)",
    },
    Hole {
        package: "authlib",
        fixed: Version(1, 3, 1),
        severity: Severity::Warning,
        what: "takes some public keys for secrets (CVE-2024-37568)",
    },
    Hole {
        package: "joserfc",
        fixed: Version(1, 6, 8),
        severity: Severity::Warning,
        what: "takes the empty text for a key (CVE-2026-49852)",
    },
];

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, package) in state.packages.decisive().filter(|(file, _)| wanted(*file)) {
        if state.sources.file(file).is_some_and(|file| file.test) {
            continue;
        }
        let Some((severity, message)) = said(package) else { continue };
        found.push(Diagnostic {
            rule: INFO.code,
            severity,
            confidence: Confidence::High,
            location: Location { file, range: package.range },
            message,
            related: Vec::new(),
            unnecessary: false,
        });
    }
}

fn said(package: &Package) -> Option<(Severity, String)> {
    let other = match package.name {
        "jwt" => Some(("jwt", "PyJWT")),
        "jose" => Some(("jose", "python-jose")),
        _ => None,
    };
    if let Some((name, meant)) = other {
        return Some((
            Severity::Warning,
            format!(
                "The package `{name}` is another library than `{meant}`, which has the same name when it is imported: ask for `{meant}`."
            ),
        ));
    }
    let newest = package.newest?;
    let hole = HOLES.iter().find(|hole| hole.package == package.name && newest < hole.fixed)?;
    let (name, fixed, what) = (package.name, hole.fixed, hole.what);
    Some((hole.severity, format!("This version of {name} {what}: use {fixed} or newer.")))
}
