//! What the text of an item is searched for before the item is looked into.

use memchr::memmem;

use super::{
    ItemTokens, cached, checks, codes, compared, counting, decode, encode, errors, exposed, handmade, leaks, lifetimes,
    lookups, mails, named_keys, passwords, redirects, refused, replaced, stand_ins, statuses, swallowed, tools,
    transport, unset, writable,
};
use crate::auth::code::Body;
use crate::facts::held;
use crate::facts::words::{self, Words};
use crate::text::TextRange;

/// Whether a text can hold anything that is looked for here. Each item is asked
/// again, and more exactly, before it is looked into.
pub fn may_handle_tokens(words: &mut Words) -> bool {
    Looks::by(&mut |word| words.hold(word), |holds| LOGS.iter().any(|call| holds(call))).any()
}

/// How it is told what an item has to be searched for.
#[derive(Clone, Copy)]
pub enum Marked<'m> {
    /// By its text.
    Text(&'m str),
    /// By what its text said while it was there.
    Earlier(&'m [(TextRange, Looks)]),
}

impl Marked<'_> {
    /// By a part of an item's text; `range` is where that stands in it.
    pub(super) fn at(self, range: TextRange) -> Looks {
        match self {
            Self::Text(text) => text.get(range.start as usize..range.end as usize).map_or(Looks::ALL, Looks::at),
            Self::Earlier(known) => {
                known.iter().find(|(other, _)| *other == range).map_or(Looks::ALL, |(_, looks)| *looks)
            }
        }
    }
}

/// What a text has to be searched for.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    tokens: bool,
    logs: bool,
    answers: bool,
    sessions: bool,
    introspects: bool,
    returns: bool,
    transports: bool,
    takes_apart: bool,
    passwords: bool,
    mails: bool,
    redirects: bool,
    replaces: bool,
    pub(super) holds: bool,
    tools: bool,
    compares: bool,
    stands_in: bool,
    demands: bool,
    draws: bool,
    counts: bool,
    metadata: bool,
    checks: bool,
}

/// Tells whether a text holds a word.
type Holds<'h> = &'h mut dyn FnMut(&'static str) -> bool;

/// Parts of names of what nobody else must read.
const SECRETS: &[&str] = &[
    "oken",
    "uthoriz",
    "redential",
    "header",
    "ookie",
    "assword",
    "ecret",
    "SECRET",
    "PASSWORD",
    "KEY",
    "api_key",
    "atabase_ur",
    "DATABASE_UR",
    "db_ur",
    "DB_UR",
    "body",
];
/// Loops over all headers or cookies: the log need not stand near.
const ALL_SENT: &[&str] = &["eaders.items()", "ookies.items()", "eaders.values()", "ookies.values()"];
/// What calls of a log begin with.
const LOGS: &[&str] = &["print(", "log.", "LOG.", "logger.", "logging.", "LOGGER.", "Logger"];
/// Bytes behind the name of a log in which its arguments stand.
const CALL: usize = 400;

impl Looks {
    const ALL: Self = Self {
        tokens: true,
        logs: true,
        answers: true,
        sessions: true,
        introspects: true,
        returns: true,
        transports: true,
        takes_apart: true,
        passwords: true,
        mails: true,
        redirects: true,
        replaces: true,
        holds: true,
        tools: true,
        compares: true,
        stands_in: true,
        demands: true,
        draws: true,
        counts: true,
        metadata: true,
        checks: true,
    };

    fn at(text: &str) -> Self {
        let looks = Self::by(&mut |word| words::hold(text.as_bytes(), word), |_| {
            logs_any(text, SECRETS) || logs_any(text, codes::MARKS)
        });
        // What a decorator registers is asked for by itself.
        Self { checks: looks.checks && !text.starts_with('@'), ..looks }
    }

    /// What a text has to be searched for that holds certain words, and maybe
    /// a log to which secrets are given.
    fn by(holds: Holds<'_>, logs: impl FnOnce(Holds<'_>) -> bool) -> Self {
        const CALLS: &[&str] = &[
            ".decode",
            "decode(",
            "encode(",
            "lifetime_seconds",
            "timedelta(",
            "unverified",
            "PyJWKClient(",
            ".verify(",
            "decode_",
            "_token(",
            "_jwt(",
            "claims",
            "verify_",
            "authenticate",
            "verify(",
            "validate_",
            "payload(",
            "oken)",
            "redentials)",
            "exception_handler",
            "refresh_token",
        ];
        const REFUSALS: &[&str] = &["403", "400", "404", "422", "500", "error", "detail", "JSONResponse"];
        let mut any = |words: &[&'static str]| words.iter().any(|word| holds(word));
        let secrets = any(SECRETS);
        let shown = secrets || any(codes::MARKS);
        let all = any(ALL_SENT);
        let refuses = secrets || any(&[".state", "claims", "payload"]);
        Self {
            tokens: any(&["jwt", "jose", "Jose", "JWT", "oken", "redentials"]) && any(CALLS),
            answers: refuses
                && any(&["HTTPException", "JSONResponse", "return {", "detail=", ") from "])
                && any(REFUSALS)
                && any(&["except", "if not ", "is None", "not in", "!="]),
            sessions: any(&["ession"]) && any(&["oken ==", "oken_hash ==", "oken) ==", "oken\" =", "oken ="]),
            introspects: any(&["get-session"]),
            // Handlers have decorators.
            transports: any(&["http://", "verify=False"]) && any(&["jwks", "JWK", "eaders", "oken"])
                || any(&["set_cookie("]) && any(&["oken", "jwt"]),
            passwords: any(&["assword", "passwd", "pwd"]),
            mails: any(&[".login("]),
            redirects: secrets && any(&["RedirectResponse"]),
            replaces: any(&["HTTPException", "Response("])
                && any(&["except Exception", "except:", "except BaseException"]),
            holds: any(held::MARKS)
                || any(&["getenv(", "environ.get("]) && any(&["KEY", "SECRET", "TOKEN"])
                || any(&["host"]) && any(&["passw"]) && any(&["dbname", "database", "db"]),
            tools: any(&["transport", "run_http", "run_sse", "run_streamable", "_app(", "uvicorn"]) && any(&["run"])
                || any(&[".tool", ".add_tool", ".add_middleware", "http_app(", "sse_app("]),
            takes_apart: any(&["b64decode"]) && any(&["\".\"", "'.'"]),
            returns: any(&["@"]) && any(&["return"]) && (shown || any(&["settings", "config", "environ", "getenv"])),
            compares: (secrets || any(&["Header(", "Cookie("]))
                && any(&["!= ", "!=\n", "== ", "not in ", "compare_digest"])
                && any(&["raise", "return"]),
            stands_in: secrets && any(&["except"]) && any(&["if not ", "is None"]),
            demands: secrets && any(&["raise ", "exit("]) && any(&["if not ", "is None", "== \"\"", "len("]),
            draws: any(codes::MARKS) || any(codes::DRAWS) && any(codes::HELD),
            counts: any(&["imiter("]),
            metadata: any(&["user_meta", "unsafe_metadata"]),
            checks: any(&["raise "])
                && any(&["403", "FORBIDDEN", "404", "NOT_FOUND", "orbidden", "ermission", "uthoriz"]),
            logs: shown && (all || logs(holds)),
        }
    }

    pub(super) fn any(&self) -> bool {
        self.tokens
            || self.logs
            || self.answers
            || self.sessions
            || self.introspects
            || self.returns
            || self.transports
            || self.takes_apart
            || self.passwords
            || self.mails
            || self.redirects
            || self.replaces
            || self.holds
            || self.tools
            || self.compares
            || self.stands_in
            || self.demands
            || self.draws
            || self.counts
            || self.metadata
            || self.checks
    }

    pub(super) fn look_into(&self, body: &Body<'_, '_, '_>, tokens: &mut ItemTokens) {
        if self.tokens {
            decode::look(body, tokens);
            named_keys::look(body, tokens);
            cached::look(body, tokens);
            encode::look(body, tokens);
            lifetimes::look(body, tokens);
            swallowed::look(body, tokens);
        }
        if self.logs {
            leaks::look(body, tokens);
        }
        if self.answers {
            errors::look(body, tokens);
            statuses::look(body, tokens);
        }
        if self.returns {
            exposed::look(body, tokens);
        }
        if self.sessions {
            lookups::sessions(body, tokens);
        }
        if self.transports {
            transport::look(body, tokens);
        }
        if self.tools {
            tools::look(body, tokens);
        }
        if self.takes_apart {
            handmade::look(body, tokens);
        }
        if self.passwords {
            passwords::look(body, tokens);
        }
        if self.mails {
            mails::look(body, tokens);
        }
        if self.redirects {
            redirects::look(body, tokens);
        }
        if self.replaces {
            replaced::look(body, tokens);
        }
        if self.compares {
            unset::look(body, tokens);
            compared::look(body, tokens);
        }
        if self.stands_in {
            stand_ins::look(body, tokens);
        }
        if self.demands {
            refused::look(body, tokens);
        }
        if self.draws {
            codes::look(body, tokens);
        }
        if self.counts {
            counting::look(body, tokens);
        }
        if self.metadata {
            writable::look(body, tokens);
        }
        if self.checks {
            checks::look(body, tokens);
        }
        if self.introspects {
            lookups::introspections(body, tokens);
        }
    }
}

/// Whether something that may be a call of a log has one of these words behind it.
fn logs_any(text: &str, secrets: &[&'static str]) -> bool {
    let is_near = |at: usize| {
        let near = text.as_bytes().get(at..(at + CALL).min(text.len())).unwrap_or_default();
        secrets.iter().any(|word| words::hold(near, word))
    };
    LOGS.iter().any(|call| memmem::find_iter(text.as_bytes(), call.as_bytes()).any(is_near))
}
