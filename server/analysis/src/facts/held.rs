//! Values that let others in wherever they stand: addresses with a password in
//! them, and keys of services, which have forms of their own.

use super::environment::{Looks, looks};

/// What a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The password of a database, in its address.
    Password,
    /// A key of this service.
    Key(&'static str),
    /// A private key, in a file of its own.
    PrivateKey,
    /// The password of an account that mails are sent from, or read.
    Mail,
    /// What stands in for a key, and looks like one that a machine made.
    Default,
}

/// What stands in every text that may hold either.
pub const MARKS: &[&str] = &[
    "postgres",
    "mysql",
    "mongodb",
    "redis://",
    "rediss://",
    "amqp",
    "sk-",
    "sk_live_",
    "rk_live_",
    "AKIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AIza",
    "gsk_",
    "hf_",
    "SG.",
    "sb_secret_",
    "sbp_",
    "GOCSPX-",
    "npg_",
    "eyJ",
];

/// Kinds of servers that hold data, by how their addresses begin.
const SCHEMES: &[&str] = &["postgres", "mysql", "mariadb", "mongodb", "redis", "rediss", "amqp", "amqps", "mssql"];

/// How keys of services begin, and how many characters are behind that.
const KEYS: &[(&str, usize, &str)] = &[
    ("sk-ant-", 32, "Anthropic"),
    ("sk-or-v1-", 40, "OpenRouter"),
    ("sk-proj-", 32, "OpenAI"),
    ("sk-", 32, "OpenAI"),
    ("sk_live_", 20, "Stripe"),
    ("rk_live_", 20, "Stripe"),
    ("AKIA", 16, "AWS"),
    ("ghp_", 36, "GitHub"),
    ("gho_", 36, "GitHub"),
    ("ghs_", 36, "GitHub"),
    ("github_pat_", 36, "GitHub"),
    ("glpat-", 20, "GitLab"),
    ("xoxb-", 30, "Slack"),
    ("xoxp-", 30, "Slack"),
    ("AIza", 35, "Google"),
    ("gsk_", 40, "Groq"),
    ("hf_", 30, "Hugging Face"),
    ("SG.", 50, "SendGrid"),
    ("sb_secret_", 20, "Supabase"),
    ("sbp_", 40, "Supabase"),
    ("GOCSPX-", 28, "Google"),
    ("npg_", 12, "Neon"),
];

/// What the role of Supabase's JWT that passes by all policies of rows (`service_role`) looks like in base64, at each of
/// the places where it may begin.
const SERVICE_ROLE: [&str; 3] = ["c2VydmljZV9yb2xl", "NlcnZpY2Vfcm9sZ", "zZXJ2aWNlX3JvbG"];
/// The issuer of the keys that all local installations share (`supabase-demo`), in the same way.
const OF_DEMO: [&str; 3] = ["c3VwYWJhc2UtZGVtb", "N1cGFiYXNlLWRlbW", "zdXBhYmFzZS1kZW1v"];

/// Bits that a character of a random key tells, at least.
const RANDOM: f64 = 3.2;
/// A shorter password is made up for an example.
const PASSWORD: usize = 8;

/// What a value holds, if it is no placeholder.
pub fn held(value: &str) -> Option<Held> {
    if value.contains("://") {
        return has_password(value).then_some(Held::Password);
    }
    if value.starts_with("eyJ") {
        return is_service_role(value).then_some(Held::Key("Supabase, which passes by all policies of rows"));
    }
    let (start, least, service) = KEYS.iter().find(|(start, ..)| value.starts_with(start))?;
    let key = &value[start.len()..];
    let is_key = key.len() >= *least
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && (*start != "AKIA" || key.len() == *least)
        && is_random(key);
    // Others begin their keys like OpenAI does, and go on with 32 hexadecimal digits.
    let is_hex = *start == "sk-" && key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then_some(Held::Key(if is_hex { "DashScope or DeepSeek" } else { service }))
}

/// Whether a JWT is the key of a Supabase project that passes by all policies of rows.
fn is_service_role(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let has = |forms: &[&str]| forms.iter().any(|form| claims.contains(form));
    has(&SERVICE_ROLE) && !has(&OF_DEMO) && signature.len() >= 40
}

/// Whether what stands in for a variable looks like a key: the variable is called as keys are, and nobody types such characters.
pub fn is_key(variable: &str, value: &str) -> bool {
    const LEAST: usize = 24;
    let name = variable.to_ascii_uppercase();
    let is_public = ["PUBLIC", "PUBLISHABLE", "ANON"].iter().any(|word| name.contains(word));
    let is_named = ["KEY", "SECRET", "TOKEN"].contains(&name.rsplit('_').next().unwrap_or_default());
    let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    is_named && !is_public && value.len() >= LEAST && is_plain && looks(value) == Looks::Own && is_random(value)
}

/// Whether characters are such as nobody types.
fn is_random(key: &str) -> bool {
    const TYPED: &[&str] =
        &["1234", "abcd", "your", "here", "example", "test", "placeholder", "changeme", "xxx", "000", "..."];
    let lower = key.to_ascii_lowercase();
    let mut counts = [0u32; 256];
    key.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = key.len() as f64;
    let parts = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    let bits: f64 = parts.map(|part| -part * part.log2()).sum();
    let has_digits = key.bytes().filter(u8::is_ascii_digit).count() >= 2;
    bits >= RANDOM && has_digits && !TYPED.iter().any(|word| lower.contains(word))
}

/// Whether an address has a password of somebody's own, and leads to a server
/// that others reach.
fn has_password(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let scheme = scheme.split('+').next().unwrap_or(scheme);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let is_kept = SCHEMES.iter().any(|known| scheme == *known || (*known == "postgres" && scheme == "postgresql"));
    // A password may have an `@` itself.
    let Some((login, host)) = authority.rsplit_once('@').filter(|_| is_kept) else { return false };
    let Some((user, password)) = login.split_once(':') else { return false };
    let host = host.split(':').next().unwrap_or(host);
    is_own_password(user, password) && is_reached_by_others(host)
}

/// Whether a password is somebody's own, and stands for none.
pub fn is_own_password(user: &str, password: &str) -> bool {
    password.len() >= PASSWORD
        && password != user
        && password != "postgres"
        && looks(password) == Looks::Own
        && !password.contains(['$', '{', '}', '<', '>', '[', ']', '*', '%', '('])
        && !password.to_ascii_lowercase().contains("password")
}

/// Whether parts of what a connection is made with tell the password of a database that others reach.
pub fn is_login(host: &str, user: &str, password: &str) -> bool {
    is_own_password(user, password) && is_reached_by_others(host)
}

/// Whether a host is no name in a network of containers, and no example.
fn is_reached_by_others(host: &str) -> bool {
    const LOCAL: &[&str] = &["127.", "0.", "10.", "192.168.", "172."];
    const NOWHERE: &[&str] = &["local", "internal", "example", "test", "invalid", "com"];
    let last = host.rsplit('.').next().unwrap_or(host);
    let is_name =
        host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    let is_nowhere =
        NOWHERE.contains(&last) && (last != "com" || host.starts_with("example.") || host.ends_with(".example.com"));
    let is_shown = ["host.", "hostname.", "your", "xxx", "example"]
        .iter()
        .any(|word| host.starts_with(word) || host.contains("xxx") || host.contains("your"));
    is_name && !is_nowhere && !is_shown && !LOCAL.iter().any(|start| host.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_what_shows_their_form() {
        // Put together, so that nobody takes them for keys.
        let random = "q7Zr2vNc5LxT8mHd3KfYwB4sJpUe9GaX";
        for (start, service) in [("sk-proj-", "OpenAI"), ("sk_live_", "Stripe")] {
            assert_eq!(held(&format!("{start}{random}")), Some(Held::Key(service)));
        }
        assert_eq!(
            held(&format!("sk-{}", "9f86d081884c7d659a2feaa0c55ad015")),
            Some(Held::Key("DashScope or DeepSeek"))
        );
        assert_eq!(held(&format!("AKIA{}", "Q7ZR2VNC5LXT8MHD")), Some(Held::Key("AWS")));
        assert_eq!(held(&format!("npg_{}", &random[..12])), Some(Held::Key("Neon")));
        let made_up = [
            "npg_yourpassword12".to_owned(),
            "sk-your-openai-api-key-goes-here-0123456789".to_owned(),
            "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_owned(),
            format!("sk_test_{random}"),
            "sk_live_1234567890abcdefghijklmnop".to_owned(),
            "AKIAIOSFODNN7EXAMPLE".to_owned(),
            "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        ];
        for value in made_up {
            assert_eq!(held(&value), None, "{value}");
        }
    }

    #[test]
    fn keys_of_supabase_are_told_by_their_role() {
        let signature = "q7Zr2vNc5LxT8mHd3KfYwB4sJpUe9GaXq7Zr2vNc5Lx";
        // {"iss":"supabase","ref":"abc","role":…}
        let of = |claims: &str| held(&format!("eyJhbGciOiJIUzI1NiJ9.{claims}.{signature}"));
        assert!(of("eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6ImFiYyIsInJvbGUiOiJzZXJ2aWNlX3JvbGUifQ").is_some());
        assert!(of("eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6ImFiYyIsInJvbGUiOiJhbm9uIn0").is_none());
        assert!(of("eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSJ9").is_none());
    }

    #[test]
    fn connections_are_told_by_their_parts() {
        assert!(is_login("93.184.216.34", "app", "hK3v9Qz2x"));
        assert!(is_login("db.tasks.dev", "", "hK3v9Qz2x"));
        for (host, password) in [("localhost", "hK3v9Qz2x"), ("db", "hK3v9Qz2x"), ("db.tasks.dev", "postgres")] {
            assert!(!is_login(host, "app", password), "{host}");
        }
    }

    #[test]
    fn defaults_are_keys_where_nobody_types_such() {
        let key = "mailer-7f3e2d1a-9c7b-4f6a-8e3d-2b1c5a9f7e4d";
        assert!(is_key("EMAIL_API_KEY", key));
        for (variable, value) in [
            ("EMAIL_FOLDER", key),
            ("STRIPE_PUBLIC_KEY", key),
            ("EMAIL_API_KEY", "mailer-service-default-value-here"),
            ("EMAIL_API_KEY", "your-7f3e2d1a9c7b4f6a8e3d2b1c5a9f7e4d"),
            ("EMAIL_API_KEY", "7f3e2d1a"),
        ] {
            assert!(!is_key(variable, value), "{variable}");
        }
    }

    #[test]
    fn passwords_are_told_from_those_of_local_servers() {
        let real = [
            "postgresql://owner:npg_q7Zr2vNc5L@ep-cool-sun-a1b2.eu-central-1.aws.neon.tech/app?sslmode=require",
            "postgresql+asyncpg://app:hK3v9Qz2x@db.tasks.dev:5432/app",
            "mongodb+srv://app:hK3v9Qz2x@cluster0.ab1cd.mongodb.net",
        ];
        let others = [
            "postgresql://postgres:postgres@localhost:5432/app",
            "postgresql://app:hK3v9Qz2x@db:5432/app",
            "postgresql://app:hK3v9Qz2x@127.0.0.1/app",
            "postgresql://user:password@db.tasks.dev/app",
            "postgresql://user:your-password@ep-xxx.neon.tech/app",
            "postgresql://user:hK3v9Qz2x@host.example.com/app",
            "postgresql://user:hK3v9Qz2x@ep-xxx-pooler.neon.tech/app",
            "postgresql://user:${PASSWORD}@db.tasks.dev/app",
            "postgresql://db.tasks.dev/app",
            "https://user:hK3v9Qz2x@api.tasks.dev",
        ];
        for value in real {
            assert_eq!(held(value), Some(Held::Password), "{value}");
        }
        for value in others {
            assert_eq!(held(value), None, "{value}");
        }
    }
}
