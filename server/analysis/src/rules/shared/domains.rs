//! Domains that many share.

/// Domains below which whoever likes puts a site.
const HOSTS: &[&str] = &[
    "vercel.app",
    "netlify.app",
    "onrender.com",
    "herokuapp.com",
    "pages.dev",
    "workers.dev",
    "github.io",
    "gitlab.io",
    "fly.dev",
    "railway.app",
    "up.railway.app",
    "web.app",
    "firebaseapp.com",
    "azurewebsites.net",
    "ngrok.io",
    "ngrok-free.app",
    "replit.app",
    "surge.sh",
];

/// The domain below which whoever likes puts a site, where it is one.
pub(in crate::rules) fn shared_domain(domain: &str) -> Option<&'static str> {
    HOSTS.iter().copied().find(|host| *host == domain)
}
