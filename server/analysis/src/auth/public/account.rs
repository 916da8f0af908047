//! What happens before a caller can have a token, by the words of a path.

use super::{BY_PROVIDER, CALLBACK, RECOVERING, REFRESHING, SIGNING_IN};

/// What happens before a caller can have a token.
pub(super) fn account(rest: &[&str]) -> Option<&'static str> {
    Some(match rest {
        ["login" | "signin" | "token" | "accesstoken" | "loginaccesstoken" | "jsonlogin"]
        | ["login" | "jwt", "accesstoken" | "token" | "login" | "json"]
        | ["sociallogin" | "magiclink"]
        | ["magiclink", "request" | "send" | "verify" | "resend"] => SIGNING_IN,
        // What is shown there: `/sign-in/email`, as Better Auth has it.
        ["login" | "signin", with] if is_kind_of_credential(with) => SIGNING_IN,
        ["register" | "signup" | "registration" | "createaccount"] => "signing up",
        ["captcha"] | ["captcha", "image" | "verify"] => "a riddle before signing in",
        ["otp", "send" | "resend" | "request" | "verify"] => "signing in with a mailed code",
        // A mailed code comes first, or a second step: `/register/send-code`, `/signup/verify`.
        ["register" | "signup" | "registration", step] if *step != "{}" => "signing up",
        // A form asks whether a name is taken before there is an account.
        ["checkusername" | "checkemail" | "usernameavailable" | "emailavailable"] => "signing up",
        ["refresh" | "refreshtoken" | "tokenrefresh" | "refreshaccesstoken" | "newaccesstoken" | "renewtoken"]
        | ["token" | "jwt" | "session", "refresh" | "renew"] => REFRESHING,
        // The first names the way in which the session is kept: `/auth/jwt/logout` of fastapi-users.
        ["logout" | "signout"] | ["jwt" | "cookie" | "session" | "token", "logout" | "signout"] => "signing out",
        // The parameter is the address or the mailed token, the only credential there is.
        [
            "forgotpassword"
            | "forgetpassword"
            | "emailverification"
            | "forgotpin"
            | "resetpin"
            | "passwordrecovery"
            | "recoverpassword"
            | "resetpassword"
            | "passwordreset"
            | "requestpasswordreset"
            | "verifyemail"
            | "confirmemail"
            | "requestverifytoken"
            | "verify"
            | "resendverification"
            | "activate",
        ]
        | [
            "passwordrecovery" | "recoverpassword" | "resetpassword" | "verifyemail" | "confirmemail" | "activate",
            "{}",
        ]
        | ["password", "reset" | "forgot" | "recover" | "recovery"]
        | ["verification" | "confirmation" | "activation", "confirm" | "verify" | "resend" | "send" | "request"] => {
            RECOVERING
        }
        [
            "passwordreset" | "resetpassword" | "passwordrecovery" | "forgotpassword" | "forgotpin" | "verifyemail"
            | "emailverification",
            step,
        ]
        | ["password", "reset" | "forgot" | "recover" | "recovery", step]
            if *step != "{}" =>
        {
            RECOVERING
        }
        [provider, "logout" | "signout"] if is_identity_provider(provider) => "signing out",
        ["callback"] | ["oauth", "{}", "callback"] => CALLBACK,
        [provider, "callback"] | ["callback", provider] if is_identity_provider(provider) => CALLBACK,
        [provider, "login" | "authorize" | "url" | "authurl" | "oauthurl" | "start"]
        | ["login" | "authorize" | "signin", provider]
        | ["oauth", provider]
            if is_identity_provider(provider) || (rest == ["oauth", "{}"]) =>
        {
            BY_PROVIDER
        }
        [segment] if is_with_provider(segment) => BY_PROVIDER,
        rest if asks_for_reset_token(rest) => RECOVERING,
        [segment] if is_confirmation(segment) => RECOVERING,
        // The way on which the code comes: `/auth/sms/send-otp`.
        ["email" | "mail" | "sms" | "phone" | "mobile" | "whatsapp", step] if is_confirmation(step) => RECOVERING,
        // `/users/auth/login`
        ["auth", step, ..] if *step != "auth" => account(&rest[1..])?,
        _ => return None,
    })
}

pub(super) fn is_identity_provider(segment: &str) -> bool {
    matches!(
        segment,
        "google"
            | "github"
            | "gitlab"
            | "microsoft"
            | "azure"
            | "apple"
            | "facebook"
            | "discord"
            | "slack"
            | "linkedin"
            | "twitter"
            | "kakao"
            | "naver"
            | "wechat"
            | "weixin"
            | "yandex"
            | "vk"
            | "twitch"
            | "yahoo"
            | "bitbucket"
            | "gitee"
            | "dingtalk"
            | "feishu"
            | "cognito"
            | "keycloak"
            | "okta"
            | "auth0"
            | "oidc"
            | "openid"
            | "oauth"
            | "oauth2"
            | "saml"
            | "sso"
    )
}

/// What somebody signs in with, or the step in which they do.
fn is_kind_of_credential(segment: &str) -> bool {
    matches!(
        segment,
        "email"
            | "username"
            | "phone"
            | "phonenumber"
            | "password"
            | "credentials"
            | "social"
            | "magiclink"
            | "otp"
            | "passkey"
            | "webauthn"
            | "pin"
            | "code"
            | "mfa"
            | "2fa"
            | "totp"
            | "twofactor"
            | "verify"
            | "verifyotp"
            | "verifycode"
            | "verifymfa"
            | "verify2fa"
            | "step1"
            | "step2"
            | "step3"
            | "anonymous"
            | "guest"
    )
}

/// `login-with-google`, `google-auth`, `google-callback`.
fn is_with_provider(segment: &str) -> bool {
    const ENDS: &[&str] = &["auth", "login", "signin", "callback", "oauth"];
    const STARTS: &[&str] = &["loginwith", "signinwith", "authwith"];
    ENDS.iter().any(|end| segment.strip_suffix(end).is_some_and(is_identity_provider))
        || STARTS.iter().any(|start| segment.strip_prefix(start).is_some_and(is_identity_provider))
}

/// `verify-email-code`, `password-reset-request`, `resend-otp`: nothing but words for mailed codes and lost passwords,
/// and among them what is done and with what.
fn is_confirmation(segment: &str) -> bool {
    const DONE: &[&str] = &["verify", "confirm", "resend", "resent", "send", "request", "forgot", "reset", "recover"];
    const WITH: &[&str] =
        &["password", "verification", "confirmation", "activation", "otp", "code", "signup", "registration"];
    const OTHERS: &[&str] = &["email", "mail", "link", "account", "sms", "phone", "pin", "token"];
    let (mut rest, mut done, mut with) = (segment, false, false);
    while !rest.is_empty() {
        let word = |words: &[&'static str]| words.iter().copied().find(|word| rest.starts_with(word));
        // `confirmation` begins as `confirm` does.
        let known = word(WITH).inspect(|_| with = true).or_else(|| word(DONE).inspect(|_| done = true));
        let Some(known) = known.or_else(|| word(OTHERS)) else { return false };
        rest = &rest[known.len()..];
    }
    done && with
}

/// Whether a path asks whether the token of a mailed link to a new password is good, which is all that it takes:
/// `/verify-reset-token/{token}`, `/reset-token/verify`.
fn asks_for_reset_token(rest: &[&str]) -> bool {
    const STEPS: &[&str] = &["verify", "validate", "check"];
    let parts = match rest {
        [parts @ .., "{}"] => parts,
        parts => parts,
    };
    let is_token = |word: &str| matches!(word, "resettoken" | "passwordresettoken");
    match parts {
        [segment] => STEPS.iter().any(|step| segment.strip_prefix(step).is_some_and(is_token)),
        [token, step] => is_token(token) && STEPS.contains(step),
        _ => false,
    }
}
