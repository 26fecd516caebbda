//! The address of an incoming webhook: a URL that is a credential as a whole.
//!
//! `https://portal.example/rest/1/s3cr3t/` holds the portal, the user the calls run as, and the secret. The
//! secret lives in a secret type; everything printable about a [`WebhookUrl`] shows `***` in its place.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Position, Url};

/// A validated incoming-webhook URL.
///
/// `Display` and `Debug` both show `https://portal.example/rest/1/***/`.
#[derive(Clone)]
pub struct WebhookUrl {
    /// Everything before the secret, with a slash at its end.
    base: String,
    user_id: i64,
    loopback: bool,
    secret: SecretString,
}

/// Why a text is not a webhook URL. No variant carries any part of the text: it may be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookUrlError {
    /// The text is no absolute URL.
    #[error("the webhook URL is not a URL: write it as https://portal.example/rest/1/secret/")]
    NotAUrl,
    /// The scheme is neither `https` nor `http`.
    #[error("the webhook URL must begin with https://")]
    Scheme,
    /// Plain `http` to a host that is not this machine.
    #[error(
        "the webhook URL uses http://, which sends the secret in clear text: use https://, or allow insecure \
         connections on purpose"
    )]
    Insecure,
    /// The URL has no host.
    #[error("the webhook URL has no host")]
    NoHost,
    /// The URL has `user:password@` before its host.
    #[error("the webhook URL must not hold a user name or password before the host")]
    UserInfo,
    /// The URL has a `?query` or a `#fragment`.
    #[error("the webhook URL must not have a query or a fragment: end it after the secret")]
    Query,
    /// The path is not `/rest/{user}/{secret}/`, with or without something before it.
    #[error("the path of the webhook URL is not /rest/<user id>/<secret>/")]
    Path,
    /// The part after `/rest/` is not a user's ID.
    #[error("the user id in the webhook URL (after /rest/) is not a positive number")]
    UserId,
    /// The secret is missing or has a character a secret never has.
    #[error(
        "the secret in the webhook URL is missing or has characters other than letters, digits, '-', '_', '.', '~'"
    )]
    Secret,
    /// More than one part follows the secret.
    #[error("the webhook URL goes on after the secret: end it there")]
    Trailing,
}

impl WebhookUrl {
    /// Reads a webhook URL.
    ///
    /// A path before `/rest`, a missing last slash and a method after the secret (as the portal's page shows it)
    /// are accepted. Plain `http` is accepted to this machine, and elsewhere only with `allow_insecure`.
    ///
    /// # Errors
    /// Names the part that is wrong, never showing it.
    pub fn parse(text: &str, allow_insecure: bool) -> Result<Self, WebhookUrlError> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| WebhookUrlError::NotAUrl)?;
        let loopback = match url.host().ok_or(WebhookUrlError::NoHost)? {
            Host::Domain(name) => is_local_name(name),
            Host::Ipv4(address) => Ipv4Addr::is_loopback(&address),
            Host::Ipv6(address) => Ipv6Addr::is_loopback(&address),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback || allow_insecure => {}
            "http" => return Err(WebhookUrlError::Insecure),
            _ => return Err(WebhookUrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(WebhookUrlError::Query);
        }

        // They are resolved when the URL is read, and could move the secret to where it is shown.
        if text.contains('\\') || text.chars().any(char::is_control) || text.split('/').any(is_dots) {
            return Err(WebhookUrlError::Path);
        }
        let segments: Vec<&str> = url.path_segments().ok_or(WebhookUrlError::Path)?.collect();
        let rest = segments
            .iter()
            .position(|segment| *segment == "rest")
            .ok_or(WebhookUrlError::Path)?;
        let (prefix, after) = segments.split_at(rest);
        let user = after
            .get(1)
            .filter(|user| !user.is_empty())
            .ok_or(WebhookUrlError::Path)?;
        let user_id = parse_user_id(user).ok_or(WebhookUrlError::UserId)?;
        let secret = after
            .get(2)
            .filter(|secret| is_secret(secret))
            .ok_or(WebhookUrlError::Secret)?;
        if after.iter().skip(3).filter(|segment| !segment.is_empty()).count() > 1 {
            return Err(WebhookUrlError::Trailing);
        }

        let mut base = url[..Position::BeforePath].to_owned();
        for segment in prefix {
            base.push('/');
            base.push_str(segment);
        }
        base.push_str(&format!("/rest/{user_id}/"));
        Ok(Self {
            base,
            user_id,
            loopback,
            secret: SecretString::from(*secret),
        })
    }

    /// The ID of the user the calls run as.
    #[must_use]
    pub fn user_id(&self) -> i64 {
        self.user_id
    }

    /// Whether the portal is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The URL of one REST method: a credential, so it comes in a secret type. For a [`Transport`] only.
    ///
    /// [`Transport`]: crate::Transport
    #[must_use]
    pub fn method_url(&self, method: &str) -> SecretString {
        SecretString::from(format!("{}{}/{method}", self.base, self.secret.expose_secret()))
    }

    /// Takes everything out of a text that is the secret or could be one, cuts it to one short line.
    pub(crate) fn redact(&self, text: &str) -> String {
        crate::redact::short_line(text, self.secret.expose_secret())
    }

    /// The same for an error code, kept to the characters codes are made of.
    pub(crate) fn redact_code(&self, code: &str) -> String {
        crate::redact::code(code, self.secret.expose_secret())
    }
}

/// The same as [`WebhookUrl::parse`] without plain `http` to other machines.
impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, false)
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}***/", self.base)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a part of a path stands for a folder above or for none: `..` or `.`, encoded or not.
fn is_dots(segment: &str) -> bool {
    matches!(
        segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
        "." | ".."
    )
}

fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn parse_user_id(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id > 0)
}

fn is_secret(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, WebhookUrlError> {
        text.parse::<WebhookUrl>().map(|url| url.to_string())
    }

    #[test]
    fn every_usual_spelling_is_read_and_shown_without_the_secret() {
        for (text, expected) in [
            ("https://p.example/rest/1/abc/", "https://p.example/rest/1/***/"),
            (" https://p.example/rest/1/abc\n", "https://p.example/rest/1/***/"),
            (
                "https://p.example/rest/1/abc/profile.json",
                "https://p.example/rest/1/***/",
            ),
            (
                "https://p.example:8443/crm/portal/rest/27/abc/profile/",
                "https://p.example:8443/crm/portal/rest/27/***/",
            ),
            (
                "http://127.0.0.1:8940/rest/1/demo/",
                "http://127.0.0.1:8940/rest/1/***/",
            ),
            ("http://[::1]:8940/rest/1/demo/", "http://[::1]:8940/rest/1/***/"),
            ("http://localhost/rest/1/demo/", "http://localhost/rest/1/***/"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_wrong_part_has_its_own_error() {
        use WebhookUrlError as E;
        for (text, expected) in [
            ("", E::NotAUrl),
            ("p.example/rest/1/abc/", E::NotAUrl),
            ("ftp://p.example/rest/1/abc/", E::Scheme),
            ("http://p.example/rest/1/abc/", E::Insecure),
            ("http://localhost.example/rest/1/abc/", E::Insecure),
            ("https://me:pass@p.example/rest/1/abc/", E::UserInfo),
            ("https://p.example/rest/1/abc/?a=b", E::Query),
            ("https://p.example/rest/1/abc/#x", E::Query),
            ("https://p.example/", E::Path),
            ("https://p.example/rest/", E::Path),
            ("https://p.example/rest/abc/1/", E::UserId),
            ("https://p.example/rest/0/abc/", E::UserId),
            ("https://p.example/rest/-1/abc/", E::UserId),
            ("https://p.example/rest/1/", E::Secret),
            ("https://p.example/rest/1/a%20b/", E::Secret),
            ("https://p.example/rest/1/abc/one/two", E::Trailing),
        ] {
            assert_eq!(shown(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_path_that_goes_up_again_is_refused_since_the_secret_could_end_up_in_front() {
        for path in [
            "rest/1/a/../../../s3cr3t/rest/1/x",
            "./rest/1/s3cr3t/%2E%2e/",
            "rest\\1\\s3cr3t",
            "rest/1/.\t./s3cr3t/",
        ] {
            let error = shown(&format!("https://portal.example/{path}")).expect_err("refused");
            assert_eq!(error, WebhookUrlError::Path, "{path}");
        }
    }

    #[test]
    fn plain_http_elsewhere_needs_permission() {
        let url = WebhookUrl::parse("http://p.example/rest/1/abc/", true).expect("allowed");
        assert!(!url.is_loopback());
        assert_eq!(url.user_id(), 1);
    }

    #[test]
    fn a_method_gets_the_whole_address() {
        let url: WebhookUrl = "https://p.example/sub/rest/5/abc".parse().expect("valid");
        assert_eq!(
            url.method_url("profile").expose_secret(),
            "https://p.example/sub/rest/5/abc/profile"
        );
    }
}
