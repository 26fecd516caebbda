//! Answers: their headers, cookies, redirects.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "stage_exchange_session";
/// The cookie of the form token of those who have no session.
pub(crate) const TOKEN_COOKIE: &str = "stage_exchange_token";
/// The cookie of the chosen language.
pub(crate) const LANGUAGE_COOKIE: &str = "stage_exchange_language";

/// What a page may load, send and be framed by: of this server alone, and nothing written into the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Puts on every answer of the panel what keeps browsers on the safe side.
pub(crate) async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: browsers would then tell no origin with a form of our own.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::CACHE_CONTROL, "no-store");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    response
}

/// The name under which a cookie goes: one for TLS alone says so, and browsers hold it to that.
fn cookie_name(name: &str, secure: bool) -> String {
    if secure {
        format!("__Host-{name}")
    } else {
        name.to_owned()
    }
}

/// A cookie to set; `max_age` in seconds, 0 to take it away, none until the browser is closed.
pub(crate) fn cookie(name: &str, value: &str, secure: bool, max_age: Option<u64>) -> Option<HeaderValue> {
    let mut text = format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Strict",
        cookie_name(name, secure)
    );
    if let Some(seconds) = max_age {
        text.push_str(&format!("; Max-Age={seconds}"));
    }
    if secure {
        text.push_str("; Secure");
    }
    HeaderValue::try_from(text).ok()
}

/// The value of a cookie of ours.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str, secure: bool) -> Option<String> {
    let name = cookie_name(name, secure);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            let (found, value) = pair.trim().split_once('=')?;
            (found == name).then(|| value.to_owned())
        })
}

/// Sends the browser on with a GET.
pub(crate) fn see_other(path: &str, cookies: Vec<HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    add_cookies(&mut response, cookies);
    response
}

/// Adds cookies to an answer.
pub(crate) fn add_cookies(response: &mut Response, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// A path of this panel to go back to, or the overview: whoever wrote it must not be able to lead anywhere else.
pub(crate) fn own_path(path: Option<&str>) -> String {
    let own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !path.starts_with("/sign-")
    };
    path.filter(own).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        assert_eq!(
            own_path(Some("/agents/history.upload?said=x")),
            "/agents/history.upload?said=x"
        );
        for wrong in [
            "",
            "agents",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/a\r\nSet-Cookie: x",
            "/агенты",
            "/sign-out",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_path(Some(wrong)), "/", "{wrong}");
        }
        assert_eq!(own_path(None), "/");
    }

    #[test]
    fn cookies_are_read_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=1; stage_exchange_session=abc ;b=2"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("__Host-stage_exchange_session=def"),
        );
        assert_eq!(cookie_of(&headers, SESSION_COOKIE, false).as_deref(), Some("abc"));
        assert_eq!(cookie_of(&headers, SESSION_COOKIE, true).as_deref(), Some("def"));
        assert_eq!(cookie_of(&headers, TOKEN_COOKIE, false), None);
        let set = cookie(SESSION_COOKIE, "abc", true, Some(5)).unwrap();
        assert_eq!(
            set.to_str().unwrap(),
            "__Host-stage_exchange_session=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=5; Secure"
        );
    }
}
