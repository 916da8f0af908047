//! Files that hold a private key (RFC 7468, section 10; RFC 8017; OpenSSH): what signs tokens, or answers for a server.

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

/// Whether a path is one of a file that may hold a private key.
pub(super) fn is_named(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parts = name.split(['.', '-', '_']).chain(path.rsplit('/').skip(1).take(2));
    (name.ends_with(".pem") || name.ends_with(".key"))
        && !parts.into_iter().any(|part| OWN.contains(&part.to_ascii_lowercase().as_str()))
}

/// The line with which a private key begins that nothing encrypts.
pub(super) fn begins(text: &str) -> Option<TextRange> {
    const KINDS: &[&str] = &["", "RSA ", "EC ", "OPENSSH "];
    let marks = KINDS.iter().map(|kind| format!("-----BEGIN {kind}PRIVATE KEY-----"));
    let (start, mark) = marks.into_iter().find_map(|mark| Some((text.find(&mark)?, mark)))?;
    let behind = &text[start + mark.len()..];
    let is_encrypted = behind.trim_start().starts_with("Proc-Type: 4,ENCRYPTED");
    let lines = behind.lines().map(str::trim).take_while(|line| !line.starts_with("-----"));
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
    }

    #[test]
    fn keys_for_developers_alone_do_not_count() {
        for path in ["/app/certs/jwt-private.pem", "/app/server.key"] {
            assert!(is_named(path), "{path}");
        }
        for path in ["/app/certs/localhost-key.pem", "/app/tests/keys/a.pem", "/app/certs/dev.key", "/app/deck.keynote"]
        {
            assert!(!is_named(path), "{path}");
        }
    }
}
