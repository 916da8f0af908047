//! Whether a specification hides rows of others: 404 is said to be the answer there, too.

/// Whether a line says that 404 is what callers get for what belongs to somebody else.
pub(super) fn hides_others(line: &str) -> bool {
    const OTHERS: &[&str] = &[
        "not owned",
        "not own ",
        "owned by another",
        "owned by someone else",
        "owned by a different",
        "belongs to another",
        "belong to another",
        "belongs to someone else",
        "belongs to a different",
        "belong to a different",
        "not belong to",
        "n't belong to",
        "another user's",
        "other user's",
        "other users'",
    ];
    let names = |status: &str| line.split(|letter: char| !letter.is_ascii_digit()).any(|number| number == status);
    if !names("404") || names("403") {
        return false;
    }
    let lower = line.to_ascii_lowercase().replace('’', "'");
    OTHERS.iter().any(|words| lower.contains(words))
}

#[cfg(test)]
mod tests {
    use super::hides_others;

    #[test]
    fn lines_that_hide_others() {
        for line in [
            "- 404: Task not found (or not owned by user)",
            "| 404 | The note doesn't belong to the caller |",
            "Returns **404** for another user's task",
        ] {
            assert!(hides_others(line), "{line}");
        }
        for line in [
            "- 404: Task not found",
            "- 403: not owned by user",
            "404 if unknown, 403 if owned by another user",
            "4041 not owned",
        ] {
            assert!(!hides_others(line), "{line}");
        }
    }
}
