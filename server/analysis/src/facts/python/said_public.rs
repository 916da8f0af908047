//! What people write beside a route of who may call it.

/// Words that mean everybody, where a decorator has them.
const WORDS: &[&str] = &["public", "publicly", "público", "publico", "pública", "unauthenticated", "anonymous"];

/// What says the same of a route in a sentence about anything: a docstring speaks of public keys and profiles, too.
const SENTENCES: &[&[&str]] = &[
    &["public", "endpoint"],
    &["public", "endpoints"],
    &["public", "route"],
    &["public", "access"],
    &["endpoint", "is", "public"],
    &["route", "is", "public"],
    &["this", "is", "public"],
    &["publicly", "accessible"],
    &["publicly", "available"],
    &["publicly", "visible"],
    &["visible", "to", "everyone"],
    &["visible", "to", "everybody"],
    &["visible", "to", "anyone"],
    &["open", "to", "everyone"],
    &["open", "to", "anyone"],
    &["available", "to", "everyone"],
    &["available", "to", "anyone"],
    &["endpoint", "público"],
    &["endpoint", "pubblico"],
    &["no", "requiere", "autenticación"],
    &["sans", "authentification"],
    &["unauthenticated"],
];

/// Sentences that say that nothing is asked for: `no auth required`, `without logging in`.
const WITHOUT: &[&[&str]] = &[
    &["no", "auth"],
    &["no", "authentication"],
    &["no", "authorization"],
    &["no", "user", "auth", "required"],
    &["no", "user", "auth", "needed"],
    &["no", "user", "authentication", "required"],
    &["no", "user", "authentication", "needed"],
    &["no", "login"],
    &["no", "token"],
    &["without", "auth"],
    &["without", "authentication"],
    &["without", "login"],
    &["without", "logging", "in"],
    &["require", "auth"],
    &["require", "authentication"],
    &["require", "login"],
];

/// Whether a summary, a description or a tag of a route calls it public.
pub fn names_public(text: &str) -> bool {
    let words = words(text);
    let is_meant = |at: usize| WORDS.contains(&words[at].as_str()) && !is_denied(&words, at);
    (0..words.len()).any(is_meant) || asks_nothing(&words)
}

/// Whether the docstring of a function says that everybody may call the route that it handles.
pub fn calls_public(text: &str) -> bool {
    let words = words(text);
    let says = |sentence: &&[&str]| places(&words, sentence).any(|at| !is_denied(&words, at));
    // `List the plans (public).`
    let added = text.to_lowercase().split("(public").skip(1).any(|rest| {
        let next = rest.trim_start_matches([' ', '-']);
        rest.starts_with([' ', ')', ',', ';', ':', '.', '-']) && !next.starts_with("key") && !next.starts_with("id")
    });
    added || begins_with_public(&words) || SENTENCES.iter().any(says) || asks_nothing(&words)
}

/// Whether a text begins with what is public, after a verb at most: `Public list of plans`, `Get public shop settings`.
fn begins_with_public(words: &[String]) -> bool {
    const VERBS: &[&str] = &["get", "list", "return", "returns", "fetch", "show", "read", "serve", "serves", "search"];
    // A public key is one half of a pair, and a public profile or address belongs to somebody.
    const OTHERS: &[&str] = &["key", "keys", "id", "ids", "url", "urls", "ip", "profile", "profiles"];
    let rest = match words {
        [verb, rest @ ..] if VERBS.contains(&verb.as_str()) => rest,
        words => words,
    };
    let rest = match rest {
        [article, rest @ ..] if matches!(article.as_str(), "a" | "an" | "the" | "all") => rest,
        rest => rest,
    };
    matches!(rest, [public, of, ..] if public == "public" && !OTHERS.contains(&of.as_str()))
}

/// Whether a text says that no credential is needed.
fn asks_nothing(words: &[String]) -> bool {
    WITHOUT.iter().any(|sentence| match sentence.first() {
        Some(&"require") => places(words, sentence).any(|at| is_denied(words, at)),
        // `401 if no authentication is given`
        _ => places(words, sentence).any(|at| !matches!(words[..at].last().map(String::as_str), Some("if" | "when"))),
    })
}

/// Where words follow each other in a text.
fn places<'w>(words: &'w [String], sentence: &'w [&str]) -> impl Iterator<Item = usize> + 'w {
    let fits = move |window: &&[String]| window.iter().zip(sentence).all(|(word, wanted)| word == wanted);
    words.windows(sentence.len()).enumerate().filter(move |(_, window)| fits(window)).map(|(at, _)| at)
}

/// Whether one of the words just before says the opposite: `not a public endpoint`, `doesn't require`.
fn is_denied(words: &[String], at: usize) -> bool {
    const DENIALS: &[&str] = &["not", "no", "non", "never", "t", "isnt", "doesnt", "nor"];
    words[at.saturating_sub(3)..at].iter().any(|word| DENIALS.contains(&word.as_str()))
}

/// The words of a text in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::calls_public;

    #[test]
    fn texts_say_who_may_call() {
        for text in [
            "Get platform statistics (public).",
            "Get awards received by a user (public awards only).",
            "This is a public endpoint.",
            "Public endpoint: list the plans.",
            "List all posts. No auth required.",
            "No user auth required: the storage calls this.",
            "List all posts. This does not require authentication.",
            "It doesn't require login.",
            "Get all awards (visible to everyone).",
            "Publicly accessible list of plans",
            "Public shipping options for the checkout form.",
            "Return the public price list.",
        ] {
            assert!(calls_public(text), "{text}");
        }
        for text in [
            "Create a category and return its public representation.",
            "Get the key set (public keys).",
            "This is not a public endpoint.",
            "This endpoint is not publicly accessible.",
            "Non-public route of the back office.",
            "Requires authentication.",
            "Whether a profile is public.",
            "List publications.",
            "Get the public key of a device.",
        ] {
            assert!(!calls_public(text), "{text}");
        }
    }
}
