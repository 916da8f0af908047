//! Packages that do what they are told with what they are given: they know nothing of who asks, and keep no session.

use smol_str::SmolStr;

use crate::frontend::evaluation::{Arguments, Session};
use crate::frontend::outcome::Place;
use crate::frontend::value::{ObjectKind, PackageName, Value};

/// Their names; what is behind a slash of one belongs to it.
const PACKAGES: &[&str] = &[
    // Requests.
    "axios",
    "ky",
    "openapi-fetch",
    // What values must look like.
    "zod",
    "valibot",
    "yup",
    "joi",
    "validator",
    "drizzle-zod",
    // Texts, numbers and times.
    "uuid",
    "nanoid",
    "ulid",
    "@paralleldrive/cuid2",
    "slugify",
    "date-fns",
    "date-fns-tz",
    "dayjs",
    "moment",
    "luxon",
    "ms",
    "lodash",
    "lodash-es",
    "superjson",
    "qs",
    "decimal.js",
    "bignumber.js",
    "pluralize",
    "libphonenumber-js",
    "ua-parser-js",
    "ipaddr.js",
    "country-region-data",
    "@t3-oss/env-nextjs",
    "clsx",
    "tailwind-merge",
    // Documents and pictures.
    "sanitize-html",
    "isomorphic-dompurify",
    "marked",
    "gray-matter",
    "cheerio",
    "turndown",
    "papaparse",
    "csv-parse",
    "xlsx",
    "exceljs",
    "pdf-parse",
    "pdf-lib",
    "pdfkit",
    "mammoth",
    "jszip",
    "sharp",
    "qrcode",
    "mime-types",
    "@react-pdf/renderer",
    // Services that are spoken to with a key of the server's own.
    "openai",
    "@anthropic-ai/sdk",
    "@google/generative-ai",
    "@google/genai",
    "ai",
    "groq-sdk",
    "replicate",
    "resend",
    "nodemailer",
    "@sendgrid/mail",
    "postmark",
    "twilio",
    "stripe",
    "cloudinary",
    "@vercel/blob",
    "pusher",
    "web-push",
    "posthog-node",
    "inngest",
    "algoliasearch",
    "meilisearch",
    "@pinecone-database/pinecone",
    "@mailchimp/mailchimp_marketing",
    "@upstash/ratelimit",
    "@sentry/nextjs",
    // The machine.
    "fs",
    "path",
    "crypto",
    "url",
    "util",
    "os",
    "zlib",
    "stream",
    "buffer",
    "dns",
    "child_process",
    "winston",
    "pino",
];

/// Scopes of which all packages are such.
const SCOPES: &[&str] = &["@ai-sdk/", "@aws-sdk/", "@langchain/", "@react-email/", "@qdrant/", "@opentelemetry/"];

/// Whether a package is one of them.
pub(super) fn is_known(module: &str) -> bool {
    let is_own = |own: &&str| module.strip_prefix(*own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    PACKAGES.iter().any(is_own) || SCOPES.iter().any(|scope| module.starts_with(scope))
}

/// A function of one: what it gives has methods again, and what zod has looked at is what it was.
pub(super) fn call(session: &mut Session<'_>, package: &PackageName, arguments: &Arguments, here: Place) -> Value {
    let given = arguments.get(0);
    if package.package == "zod" {
        match package.path.rsplit('.').next() {
            Some("parse") => return given,
            Some("parseAsync") => return given.promised(),
            Some("safeParse") => return checked(session, given, here),
            Some("safeParseAsync") => return checked(session, given, here).promised(),
            _ => {}
        }
    }
    session.give_away(arguments);
    // Longer chains say no more.
    let path = if package.path.len() > MAX_PATH { "()".to_owned() } else { format!("{}()", package.path) };
    Value::package(&package.package, &path)
}

/// Characters of the path of what calls gave.
const MAX_PATH: usize = 200;

/// `{ success, data, error }`: the error says what is wrong with what was given (`error.flatten()`), if anything is.
fn checked(session: &mut Session<'_>, given: Value, here: Place) -> Value {
    let id = session.store.object(ObjectKind::Plain, here);
    let error = Value::given_by("zod", "error", true);
    let entries = [("success", Value::Unknown), ("data", given), ("error", error)];
    entries.into_iter().for_each(|(name, value)| session.store.set(id, &SmolStr::new(name), value));
    Value::Object(id)
}
