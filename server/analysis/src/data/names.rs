//! Words by which data says whose it is.
//!
//! A name alone is never evidence for safety. It tells which column of a table
//! holds the owner, and it makes the analysis more careful: what is named like
//! a permission check and can't be followed silences a finding.

use smol_str::SmolStr;

pub(super) use crate::auth::is_account_table;
pub(crate) use crate::auth::is_user_table;

/// Lower case without anything but letters and digits: `userId`, `user_id` and `USER-ID` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Columns that usually hold the owner, where no class says which there are.
pub(super) fn usual_owners() -> impl Iterator<Item = SmolStr> {
    ["user_id", "userId", "owner_id", "ownerId", "author_id", "created_by"].map(SmolStr::new_static).into_iter()
}

/// Whether a column of that name refers to rows of a class or table: `member_id` and `id_member` of `Member`.
pub(super) fn is_key_of(column: &str, class: &str) -> bool {
    let (column, class) = (plain(column), plain(class));
    let single = class.strip_suffix('s').unwrap_or(&class);
    [class.as_str(), single].iter().any(|class| {
        let rest = column.strip_prefix(class).or_else(|| column.strip_suffix(class));
        matches!(rest, Some("id" | "uuid"))
    })
}

/// What columns are usually called that refer to rows of a class or table.
pub(super) fn keys_of(class: &str) -> [SmolStr; 2] {
    let single = class.strip_suffix('s').unwrap_or(class).to_ascii_lowercase();
    [SmolStr::new(format!("{single}_id")), SmolStr::new(format!("{single}Id"))]
}

/// Whether a column of that name may hold the key of another row.
pub(super) fn is_key_name(name: &str) -> bool {
    let name = plain(name);
    name.len() > 4 && (name.ends_with("id") || name.ends_with("uuid"))
}

/// Whether a column is called after rows of a table of users: `target_user_id`.
pub(super) fn is_key_of_user(column: &str) -> bool {
    column.strip_suffix("_id").is_some_and(is_user_table)
}

/// Whether a name is one of those that the user's configuration lists.
pub(super) fn is_stated(stated: &[SmolStr], name: &str) -> bool {
    !stated.is_empty() && stated.iter().any(|stated| plain(stated) == plain(name))
}

/// Whether a column of that name holds the owner of a row.
pub(crate) fn is_owner(name: &str) -> bool {
    const OWNERS: &[&str] = &[
        "userid",
        "iduser",
        "useruuid",
        "ownerid",
        "owneruserid",
        "authorid",
        "creatorid",
        "createdby",
        "createdbyid",
        "createdbyuserid",
        "uploaderid",
        "uploadedby",
        "useremail",
        "owneremail",
    ];
    OWNERS.contains(&plain(name).as_str())
}

/// Whether a foreign key to the user table names somebody else than the owner.
pub(super) fn is_other_person(name: &str) -> bool {
    const OTHERS: &[&str] =
        &["recipient", "receiver", "friend", "follow", "invite", "target", "sender", "blocked", "parent"];
    is_of_staff(name) || OTHERS.iter().any(|other| plain(name).contains(other))
}

/// Whether a foreign key to the user table names somebody who has to do with what is another's: who it was given to, who
/// looked at it.
pub(super) fn is_of_staff(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "manag", "supervis", "assign", "review", "approv", "mention", "delegate", "moderat", "updated", "modified",
        "deleted", "reported", "resolved",
    ];
    let name = plain(name);
    WORDS.iter().any(|word| name.contains(word)) || acts_later(&name)
}

/// Whether a column of that name holds who did something to a row that somebody else had made: `verified_by`.
fn acts_later(plain: &str) -> bool {
    const VERBS: &[&str] = &[
        "accepted",
        "acknowledged",
        "activated",
        "archived",
        "audited",
        "authorised",
        "authorized",
        "canceled",
        "cancelled",
        "changed",
        "checked",
        "closed",
        "confirmed",
        "deactivated",
        "decided",
        "disabled",
        "edited",
        "escalated",
        "finalised",
        "finalized",
        "granted",
        "handled",
        "locked",
        "processed",
        "published",
        "reconciled",
        "rejected",
        "revoked",
        "suspended",
        "validated",
        "verified",
    ];
    let verb = ["by", "byid", "byuser", "byuserid"].iter().find_map(|end| plain.strip_suffix(end));
    verb.is_some_and(|verb| VERBS.iter().any(|one| verb.ends_with(one)))
}

/// Whether a column of that name says that everybody may read its row.
pub(super) fn says_public(name: &str) -> bool {
    let name = plain(name);
    matches!(name.strip_prefix("is").unwrap_or(&name), "public" | "published" | "shared" | "publiclyvisible")
}

/// Whether a column of that name says when its row was looked at last: `last_accessed_at`.
pub(super) fn tells_last_look(name: &str) -> bool {
    let name = plain(name);
    let looks = ["access", "view", "seen", "visit", "download", "open", "used"];
    name.strip_prefix("last").is_some_and(|rest| looks.iter().any(|word| rest.starts_with(word)))
}

/// Whether a column of that name says by a word who may read its row, or how far it has come.
pub(super) fn is_state(name: &str) -> bool {
    let name = plain(name);
    ["status", "state", "visibility"].iter().any(|word| name.ends_with(word))
}

/// Whether a variable of the context with that name says who is calling, or what they belong to.
pub(super) fn is_of_caller(name: &str) -> bool {
    const WORDS: &[&str] = &["user", "principal", "identity", "tenant", "organization", "organisation", "account"];
    let name = plain(name);
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a name says who is calling, and not whom a record is about.
pub(crate) fn is_self(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "userid",
        "iduser",
        "uid",
        "useruuid",
        "xuserid",
        "currentuserid",
        "useremail",
        "xuseremail",
        "ownerid",
        "user",
    ];
    NAMES.contains(&plain(name).as_str())
}

/// Whether a name is one of a user, and not of whatever somebody has to do with.
pub(crate) fn is_of_user(name: &str) -> bool {
    let name = plain(name);
    name.contains("user") || name == "uid"
}

/// Whether an attribute of a principal says which one it is.
pub(super) fn is_identity(name: &str) -> bool {
    is_self(name) || matches!(plain(name).as_str(), "id" | "sub" | "uuid")
}

/// Whether a column of that name holds what opens nothing by itself: something to answer or to sign, or one half of
/// what is asked for.
pub(super) fn is_no_key(name: &str) -> bool {
    const WORDS: &[&str] = &["challenge", "nonce", "salt", "state", "csrf", "otp", "verifier", "device", "trace"];
    let plain = plain(name);
    WORDS.iter().any(|word| plain.contains(word)) || plain.ends_with("code") || plain.ends_with("pin")
}

/// Whether an attribute of a principal is the address or the name that it signs in with.
pub(super) fn is_address(name: &str) -> bool {
    matches!(plain(name).as_str(), "email" | "emailaddress" | "username" | "preferredusername" | "login")
}

/// Whether a column of that name holds a password, or a hash of one.
pub(crate) fn is_password(name: &str) -> bool {
    let name = plain(name);
    name.ends_with("password") || name.ends_with("passwordhash") || name == "passwd" || name == "pwdhash"
}

/// Whether a column of that name is about a person.
pub(super) fn is_of_person(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "email",
        "phone",
        "mobile",
        "birth",
        "salary",
        "iban",
        "passport",
        "firstname",
        "lastname",
        "fullname",
        "ssn",
    ];
    let name = plain(name);
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether an attribute of a principal says what it may do rather than who it is.
pub(crate) fn is_authority(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "admin",
        "super",
        "staff",
        "role",
        "permission",
        "scope",
        "moderator",
        "manager",
        "privilege",
        "grant",
        "policy",
        "access",
        "level",
        "kind",
        "type",
        "group",
        "rank",
        "allowed",
        "can",
    ];
    let name = plain(name);
    // An `access_token` is a credential.
    !name.ends_with("token") && WORDS.iter().any(|word| name.contains(word))
}

/// Whether a table is called after those who have more rights than others: that somebody stands in it is one.
pub(super) fn is_of_some(table: &str) -> bool {
    let table = plain(table);
    ["admin", "superuser", "staff", "moderator", "operator"].iter().any(|word| table.contains(word))
}

/// Whether everybody has what an attribute of that name holds: that there is one is no right.
pub(super) fn is_had_by_all(name: &str) -> bool {
    let name = plain(name);
    let name = ["user", "account"].iter().find_map(|owner| name.strip_prefix(owner)).unwrap_or(&name);
    matches!(name, "role" | "roleid" | "rolename" | "type" | "kind" | "level" | "rank" | "group" | "groupid")
}

/// Whether a column of that name says what a user may do, or that somebody vouches for it.
pub(super) fn is_privilege(name: &str) -> bool {
    const FLAGS: &[&str] =
        &["admin", "superadmin", "superuser", "staff", "moderator", "verified", "emailverified", "approved", "root"];
    const GRANTS: &[&str] = &[
        "role",
        "roles",
        "roleid",
        "rol",
        "rolid",
        "idrol",
        "permission",
        "permissions",
        "scopes",
        "privileges",
        "accesslevel",
    ];
    let name = plain(name);
    FLAGS.contains(&name.strip_prefix("is").unwrap_or(&name))
        || GRANTS.iter().any(|grant| name.strip_prefix("user").unwrap_or(&name) == *grant)
}

/// Whether a function of a package with that name gives what a token says: `jwt.decode`, `verify_id_token`.
pub(super) fn reads_token(name: &str) -> bool {
    name == "decode"
        || name.contains("unverified")
        || name.contains("token") && ["decode", "verify"].iter().any(|verb| name.starts_with(verb))
}

/// Whether an attribute of that name is what something is called by.
pub(super) fn is_label(name: &str) -> bool {
    matches!(name, "name" | "code" | "slug" | "key" | "title" | "label")
}

/// Whether a claim of that name may say what a token is for.
pub(super) fn is_token_kind_claim(name: &str) -> bool {
    matches!(plain(name).as_str(), "type" | "typ" | "tokentype" | "tokenuse" | "use" | "purpose" | "kind" | "scope")
}

/// Whether a claim or header of that name tells of the token or the account, and nothing of what its owner may do.
pub(super) fn is_of_token(name: &str) -> bool {
    matches!(name, "status" | "state" | "iss" | "aud" | "azp" | "kid" | "alg" | "jti" | "exp" | "iat" | "nbf")
}

/// Whether a word says what a token is for (`token_use` of Amazon Cognito, RFC 8693 section 3).
pub(super) fn is_token_kind(word: &str) -> bool {
    const KINDS: &[&str] = &[
        "access",
        "refresh",
        "id",
        "bearer",
        "jwt",
        "atjwt",
        "auth",
        "authentication",
        "session",
        "api",
        "login",
        "reset",
        "verification",
        "verify",
        "invite",
        "otp",
        "mfa",
        "2fa",
        "websocket",
        "ws",
        "download",
    ];
    let is_kind = |word: &str| KINDS.contains(&word.strip_suffix("token").unwrap_or(word));
    // `chat_session`, `password-reset`, `token:access`.
    let last = word.rsplit(|c: char| !c.is_alphanumeric()).find(|part| !part.eq_ignore_ascii_case("token"));
    is_kind(&plain(word)) || last.is_some_and(|last| is_kind(&plain(last)))
}

/// Whether a flag of a principal says only that its account is in order.
pub(super) fn is_standing(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "active",
        "enabled",
        "disabled",
        "verified",
        "confirmed",
        "deleted",
        "banned",
        "locked",
        "blocked",
        "expired",
        "anonymous",
        "authenticated",
        "onboarded",
        "suspended",
        "revoked",
        "approved",
        "login",
    ];
    let name = plain(name);
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a flag of an account says that it may not be used, or that it may: `is_active`, `banned`.
pub(super) fn is_blocking(name: &str) -> bool {
    // Most names end otherwise.
    let may_be = name.ends_with("ed") || name.ends_with("ve");
    may_be && (is_blocked(name) || matches!(flag(name).as_str(), "active" | "enabled" | "activated"))
}

/// Whether it says so where it is true.
pub(super) fn is_blocked(name: &str) -> bool {
    matches!(
        flag(name).as_str(),
        "disabled" | "banned" | "blocked" | "suspended" | "deactivated" | "inactive" | "deleted"
    )
}

fn flag(name: &str) -> String {
    let name = plain(name);
    let name = name.strip_prefix("user").unwrap_or(&name);
    let name = name.strip_prefix("account").unwrap_or(name);
    name.strip_prefix("is").unwrap_or(name).to_owned()
}

/// Whether a function of that name may turn a caller away: what it does must be known.
pub(crate) fn is_check(name: &str) -> bool {
    const STEMS: &[&str] = &[
        "check", "verif", "assert", "ensure", "requir", "authori", "permi", "access", "allow", "polic", "owner",
        "enforc", "valid", "guard", "belong", "member", "forbid", "protect", "restrict", "deny",
    ];
    const WORDS: &[&str] =
        &["can", "own", "owns", "owned", "role", "roles", "has", "is", "may", "acl", "scope", "scopes"];
    let name = name.to_ascii_lowercase();
    let mut words = name.split('_').filter(|word| !word.is_empty());
    words.any(|word| WORDS.contains(&word) || STEMS.iter().any(|stem| word.starts_with(stem)))
}

/// Whether a column of that name holds what only those know who were given it, to fetch its row by: the token of an
/// invitation, the code that leads into a room.
pub(crate) fn is_pass(column: &str) -> bool {
    let column = plain(column);
    let leads_in =
        || ["invit", "join", "share", "access", "verif", "reset", "confirm"].iter().any(|word| column.contains(word));
    column.ends_with("token")
        || column.ends_with("tokenhash")
        || column.contains("secret")
        || column.ends_with("code") && leads_in()
}

/// Whether a header, cookie or parameter of that name carries a credential.
pub(super) fn is_credential(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "authorization",
        "token",
        "jwt",
        "bearer",
        "apikey",
        "session",
        "cookie",
        "credential",
        "secret",
        "signature",
    ];
    let name = plain(name);
    WORDS.iter().any(|word| name.contains(word))
}
