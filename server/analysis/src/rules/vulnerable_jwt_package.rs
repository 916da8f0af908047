//! `vulnerable-jwt-package`: a library for tokens that can be tricked, or that is another one.

use super::{RuleInfo, State, related};
use crate::auth::tokens::{Algorithms, Library};
use crate::facts::manifests::{Version, folder};
use crate::facts::packages::Package;
use crate::ide::{Confidence, Diagnostic, Severity};
use crate::index::value::Site;
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
    /// Whether it takes a verification that names algorithms of both families.
    needs_mixed: bool,
    what: &'static str,
}

/// Holes by which a forged token may pass, the worst of each package first.
const HOLES: &[Hole] = &[
    Hole {
        package: "pyjwt",
        fixed: Version(2, 4, 0),
        severity: Severity::Warning,
        needs_mixed: false,
        what: "takes some public keys for secrets (CVE-2022-29217)",
    },
    Hole {
        package: "pyjwt",
        fixed: Version(2, 13, 0),
        severity: Severity::Info,
        needs_mixed: true,
        what: "takes a JWK for a secret where algorithms are mixed (CVE-2026-48526), and the empty text for a key",
    },
    Hole {
        package: "python-jose",
        fixed: Version(3, 4, 0),
        severity: Severity::Warning,
        needs_mixed: false,
        what: "takes some public keys for secrets (CVE-2024-33663)",
    },
    Hole {
        package: "authlib",
        fixed: Version(1, 3, 1),
        severity: Severity::Warning,
        needs_mixed: false,
        what: "takes some public keys for secrets (CVE-2024-37568)",
    },
    Hole {
        package: "joserfc",
        fixed: Version(1, 6, 8),
        severity: Severity::Warning,
        needs_mixed: false,
        what: "takes the empty text for a key (CVE-2026-49852)",
    },
];

pub(super) fn check(state: &State, wanted: &dyn Fn(FileId) -> bool, found: &mut Vec<Diagnostic>) {
    for (file, package) in state.packages.decisive().filter(|(file, _)| wanted(*file)) {
        let Some(manifest) = state.sources.file(file).filter(|file| !file.test) else { continue };
        let (severity, message, related) = match wrong_library(state, &manifest.path, package) {
            Some((library, message)) => match verified(state, folder(&manifest.path), library, &|_| true) {
                Some(site) => (
                    Severity::Warning,
                    message,
                    vec![related(state, site, "a token is verified with it here".to_owned())],
                ),
                // Nothing imports either.
                None => (Severity::Info, message, Vec::new()),
            },
            None => {
                let Some(hole) = hole(package) else { continue };
                // Many lock a library that another one brings along, and never call it.
                let Some(used) = used(state, folder(&manifest.path), hole) else { continue };
                let (name, fixed, what) = (package.name, hole.fixed, hole.what);
                let message = format!("This version of {name} {what}: use {fixed} or newer.");
                (hole.severity, message, vec![related(state, used, "a token is verified with it here".to_owned())])
            }
        };
        found.push(Diagnostic {
            rule: INFO.code,
            severity,
            confidence: Confidence::High,
            location: Location { file, range: package.range },
            message,
            related,
            unnecessary: false,
        });
    }
}

/// What is said of a package that is another than it seems, and which one is meant.
fn wrong_library(state: &State, manifest: &str, package: &Package) -> Option<(Library, String)> {
    let (library, meant, normalised) = match package.name {
        "jwt" => (Library::PyJwt, "PyJWT", "pyjwt"),
        "jose" => (Library::Jose, "python-jose", "python-jose"),
        _ => return None,
    };
    let name = package.name;
    let advice = match state.packages.names_beside(manifest, normalised) {
        true => format!("it stands beside `{meant}`, and whichever is installed last is imported: remove `{name}`"),
        false => format!("ask for `{meant}`"),
    };
    let message = format!(
        "The package `{name}` is another library than `{meant}`, which has the same name when it is imported: {advice}."
    );
    Some((library, message))
}

fn hole(package: &Package) -> Option<&'static Hole> {
    let newest = package.newest?;
    HOLES.iter().find(|hole| hole.package == package.name && newest < hole.fixed)
}

/// Where code below a folder verifies a token with the library, in a way that the hole is open to.
fn used(state: &State, folder: &str, hole: &Hole) -> Option<Site> {
    let library = match hole.package {
        "pyjwt" => Library::PyJwt,
        "python-jose" => Library::Jose,
        "authlib" => Library::Authlib,
        _ => Library::Joserfc,
    };
    verified(state, folder, library, &|algorithms| !hole.needs_mixed || may_mix(algorithms))
}

/// Where code below a folder verifies a token with a library, with algorithms that matter.
fn verified(state: &State, folder: &str, library: Library, matters: &dyn Fn(&Algorithms) -> bool) -> Option<Site> {
    let below =
        |file: FileId| state.sources.file(file).is_some_and(|source| !source.test && source.path.starts_with(folder));
    let decodes = state.tokens.decodes().filter(|decode| below(decode.site.file));
    let mut decodes = decodes.filter(|decode| decode.library == library && decode.unverified.is_none());
    decodes.find(|decode| matters(&decode.algorithms)).map(|decode| decode.site)
}

/// Whether keys of both families may be taken.
fn may_mix(algorithms: &Algorithms) -> bool {
    match algorithms {
        Algorithms::Known(known) => {
            known.iter().any(|(name, _)| name.starts_with("HS"))
                && known.iter().any(|(name, _)| !name.starts_with("HS"))
        }
        _ => true,
    }
}
