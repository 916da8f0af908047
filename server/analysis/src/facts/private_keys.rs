//! Files that hold a private key (RFC 7468, section 10; RFC 8017; OpenSSH): what signs tokens, or answers for a server.

use super::held::{Held, held};
use crate::text::TextRange;

/// Parts of paths of keys that serve nobody but who develops: on this machine, in tests, in examples.
const OWN: &[&str] = &[
    "localhost",
    "local",
    "test",
    "tests",
    "testing",
    "testdata",
    "fixture",
    "fixtures",
    "example",
    "examples",
    "dev",
];

/// What is in the names under which services give away JSON files with what lets an application in: keys of Google's
/// service accounts (Firebase's among them), and clients of its OAuth.
const ACCOUNTS: &[&str] = &[
    "credential",
    "service-account",
    "service_account",
    "serviceaccount",
    "adminsdk",
    "client_secret",
    "client-secret",
];

/// Whether a path is one of a file that may hold a private key.
pub(super) fn is_named(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parts = name.split(['.', '-', '_']).chain(path.rsplit('/').skip(1).take(2));
    (name.ends_with(".pem") || name.ends_with(".key") || is_account(name))
        && !parts.into_iter().any(|part| OWN.contains(&part.to_ascii_lowercase().as_str()))
}

/// Whether a name is one of a JSON file with what lets an application in.
fn is_account(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".json") && ACCOUNTS.iter().any(|part| lower.contains(part))
}

/// The first text in a JSON file that is a key of a service by its form, and what it is.
pub(super) fn holds_key(text: &str) -> Option<(TextRange, Held)> {
    let mut at = 0usize;
    for part in text.split('"') {
        if let Some(held @ Held::Key(_)) = held(part) {
            let start = at as u32;
            return Some((TextRange { start, end: start + part.len() as u32 }, held));
        }
        at += part.len() + 1;
    }
    None
}

/// The line with which a private key begins that nothing encrypts.
pub(super) fn begins(text: &str) -> Option<TextRange> {
    const KINDS: &[&str] = &["", "RSA ", "EC ", "OPENSSH "];
    let marks = KINDS.iter().map(|kind| format!("-----BEGIN {kind}PRIVATE KEY-----"));
    let (start, mark) = marks.into_iter().find_map(|mark| Some((text.find(&mark)?, mark)))?;
    let behind = &text[start + mark.len()..];
    let is_encrypted = behind.trim_start().starts_with("Proc-Type: 4,ENCRYPTED");
    // In JSON its lines are one, with `\n` between them.
    let lines =
        behind.lines().flat_map(|line| line.split("\\n")).map(str::trim).take_while(|line| !line.starts_with("-----"));
    // What only shows where a key belongs is shorter than the shortest one, of Ed25519.
    let is_key = lines.map(str::len).sum::<usize>() >= 60;
    (is_key && !is_encrypted).then(|| TextRange { start: start as u32, end: (start + mark.len()) as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_what_shows_where_one_belongs() {
        let body = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v8VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        let of = |mark: &str, body: &str| begins(&format!("-----BEGIN {mark}-----\n{body}\n-----END {mark}-----\n"));
        for mark in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
            assert!(of(mark, body).is_some(), "{mark}");
        }
        assert!(of("PUBLIC KEY", body).is_none());
        assert!(of("CERTIFICATE", body).is_none());
        assert!(of("ENCRYPTED PRIVATE KEY", body).is_none());
        assert!(of("RSA PRIVATE KEY", &format!("Proc-Type: 4,ENCRYPTED\n\n{body}")).is_none());
        assert!(of("PRIVATE KEY", "your key here").is_none());
        let in_json = |body: &str| {
            begins(&format!(r#"{{"private_key": "-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"}}"#))
        };
        assert!(in_json(body).is_some());
        assert!(in_json("YOUR_PRIVATE_KEY_AS_THE_CONSOLE_OF_THE_CLOUD_GAVE_IT").is_none());
    }

    #[test]
    fn clients_of_oauth_hold_a_key_of_their_service() {
        // Put together, so that nobody takes it for a key.
        let secret = format!("GOCSPX-{}", "q7Zr2vNc5LxT8mHd3KfYwB4sJpUe");
        let file =
            |secret: &str| format!(r#"{{"web": {{"client_id": "1-a.example.com", "client_secret": "{secret}"}}}}"#);
        let found = holds_key(&file(&secret)).map(|(range, held)| (range.slice(&file(&secret)).to_owned(), held));
        assert_eq!(found, Some((secret, Held::Key("Google"))));
        assert!(holds_key(&file("GOCSPX-your-client-secret-goes-here")).is_none());
    }

    #[test]
    fn keys_for_developers_alone_do_not_count() {
        for path in [
            "/app/certs/jwt-private.pem",
            "/app/server.key",
            "/app/serviceAccountKey.json",
            "/app/client_secret_1.json",
        ] {
            assert!(is_named(path), "{path}");
        }
        for path in [
            "/app/certs/localhost-key.pem",
            "/app/tests/keys/a.pem",
            "/app/certs/dev.key",
            "/app/deck.keynote",
            "/app/package.json",
        ] {
            assert!(!is_named(path), "{path}");
        }
    }
}
