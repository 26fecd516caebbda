//! What every page works with, and the two ways in: [`Visit`] for looking, [`Change`] for changing.
//!
//! A handler that takes one of them cannot forget a check: without the right host, a session, and (for changes) the form's
//! token, it is not called.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent::Failure;
use analysis::Analyst;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use url::form_urlencoded;

use super::auth::origin::{Peer, Ways, is_own};
use super::auth::sessions::{Lifetimes, Sessions};
use super::auth::throttle::Throttle;
use super::auth::{password, random_token, same};
use super::facts::About;
use super::language::Language;
use super::options::PanelOptions;
use super::pages::{errors, sign_in};
use super::ports::{PanelSource, Steering};
use super::respond;

/// The largest form, in bytes.
const LARGEST_FORM: usize = 16 << 10;
/// The time for a form's bytes.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that the program may take to tell what a page shows.
const PATIENCE: Duration = Duration::from_secs(15);
/// Passwords that are checked at once: each takes memory.
const CHECKS_AT_ONCE: usize = 2;

/// The field of a form that holds its token.
pub(crate) const TOKEN: &str = "token";

/// What all pages share.
pub(crate) struct Desk {
    pub(crate) source: Arc<dyn PanelSource>,
    pub(crate) steering: Arc<dyn Steering>,
    pub(crate) about: About,
    pub(crate) analyst: Option<Analyst>,
    pub(crate) sessions: Sessions,
    pub(crate) ways: Ways,
    throttle: Mutex<Throttle>,
    checks: Semaphore,
    refresh: Duration,
}

impl Desk {
    pub(crate) fn new(
        options: &PanelOptions,
        loopback: bool,
        source: Arc<dyn PanelSource>,
        steering: Arc<dyn Steering>,
    ) -> Self {
        Self {
            about: source.about(),
            analyst: source.analyst(),
            source,
            steering,
            sessions: Sessions::new(Lifetimes {
                idle: options.session_idle,
                whole: options.session_whole,
            }),
            ways: Ways {
                loopback,
                public_url: options.public_url.clone(),
                trusted_proxies: options
                    .trusted_proxies
                    .iter()
                    .map(|address| address.to_canonical())
                    .collect(),
            },
            throttle: Mutex::new(Throttle::new()),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            refresh: options.refresh,
        }
    }

    /// How often pages refresh themselves.
    pub(crate) fn refresh(&self) -> Duration {
        self.refresh
    }

    /// What the source tells, or the page that says why it does not.
    pub(crate) async fn ask<T>(
        &self,
        visit: &Visit,
        question: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Response> {
        match timeout(PATIENCE, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(errors::failed(self, visit, &failure.report())),
            Err(_) => Err(errors::failed(self, visit, "the program took too long to tell")),
        }
    }

    /// Checks a password, slowly on purpose.
    ///
    /// # Errors
    /// How long the address has to wait before it may try again.
    pub(crate) async fn check_password(
        &self,
        given: SecretString,
        hash: SecretString,
        from: IpAddr,
    ) -> Result<bool, Duration> {
        self.throttle().admit(from, Instant::now())?;
        // The semaphore is never closed.
        let _place = self.checks.acquire().await;
        let right = tokio::task::spawn_blocking(move || password::verify(&given, &hash))
            .await
            .unwrap_or(false);
        if right {
            self.throttle().right(from);
        }
        Ok(right)
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who may look at the pages.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// The language of the answer.
    pub(crate) language: Language,
    /// The token for forms on the page.
    pub(crate) csrf: String,
    /// Whether the page has to give the visitor the token as a cookie first.
    fresh_token: bool,
    /// Whether there is a password, so that one can sign out.
    pub(crate) signed_in: bool,
    /// Whether the page asks for its parts alone, to refresh itself.
    pub(crate) fragment: bool,
    /// The path and query, to come back to.
    pub(crate) path: String,
    /// What has just been done, to be told once.
    pub(crate) said: Option<String>,
    /// Whether cookies are for TLS alone.
    pub(crate) secure: bool,
    /// Where the request comes from.
    pub(crate) client: IpAddr,
}

impl Visit {
    /// The headers that the answer to this visit needs.
    pub(crate) fn cookies(&self) -> Vec<HeaderValue> {
        if self.fresh_token {
            respond::cookie(respond::TOKEN_COOKIE, &self.csrf, self.secure, None)
                .into_iter()
                .collect()
        } else {
            Vec::new()
        }
    }

    /// The value of a parameter in the query of the address.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// What is known of a visitor before anybody asks for a session: the host was right.
    #[allow(clippy::result_large_err, reason = "the answer itself, handed on once")]
    fn of(desk: &Desk, parts: &Parts) -> Result<Self, Response> {
        let headers = &parts.headers;
        let Some(host) = desk.ways.host(headers, &parts.uri) else {
            return Err(errors::wrong_host());
        };
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let secure = desk.ways.is_secure(headers, &host, peer);
        let token = respond::cookie_of(headers, respond::TOKEN_COOKIE, secure)
            .filter(|token| token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let path = match (&parts.method, parts.uri.path()) {
            (&Method::GET, _) => parts.uri.path_and_query().map_or("/", |path| path.as_str()),
            // One does not come back to a form that was sent, but to its page.
            (_, "/sign-in") => "/sign-in",
            (_, path) if path.starts_with("/switches") || path.starts_with("/uploads") => "/switches",
            (_, path) if path.starts_with("/agents") => "/agents",
            (_, path) if path.starts_with("/tables") => "/tables",
            _ => "/",
        };
        let mut visit = Self {
            language: language(headers),
            fresh_token: token.is_none(),
            csrf: token.unwrap_or_else(random_token),
            signed_in: false,
            fragment: headers.contains_key("x-fragment"),
            path: path.to_owned(),
            said: None,
            secure,
            client: desk.ways.client(headers, peer),
        };
        visit.said = visit.parameter("said");
        Ok(visit)
    }

    /// Somebody who may look: there is a session, or no password.
    async fn enter(desk: &Desk, parts: &Parts) -> Result<Self, Response> {
        let mut visit = Self::of(desk, parts)?;
        let password = match desk.source.password().await {
            Ok(Some(password)) => password,
            Ok(None) if desk.ways.loopback => return Ok(visit),
            // Somebody took the password away while others reach the address.
            Ok(None) => return Err(errors::no_password(desk, &visit)),
            Err(failure) => return Err(errors::failed(desk, &visit, &failure.report())),
        };
        let active = !visit.fragment;
        let found = respond::cookie_of(&parts.headers, respond::SESSION_COOKIE, visit.secure)
            .and_then(|id| desk.sessions.find(&id, &password, Instant::now(), active));
        match found {
            Some(csrf) => {
                visit.csrf = csrf;
                visit.fresh_token = false;
                visit.signed_in = true;
                Ok(visit)
            }
            None if visit.fragment => Err(StatusCode::UNAUTHORIZED.into_response()),
            None => Err(sign_in::redirect(&visit)),
        }
    }
}

/// The language of a request: the cookie's when somebody chose one, else the browser's.
fn language(headers: &HeaderMap) -> Language {
    respond::cookie_of(headers, respond::LANGUAGE_COOKIE, false)
        .and_then(|code| Language::of_code(&code))
        .unwrap_or_else(|| {
            let accepted = headers.get(header::ACCEPT_LANGUAGE);
            Language::accepted(accepted.and_then(|value| value.to_str().ok()).unwrap_or_default())
        })
}

impl FromRequestParts<Arc<Desk>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        Self::enter(desk, parts).await
    }
}

/// Somebody who has no session, or need not have one: for signing in and for the choice of a language.
pub(crate) struct Stranger(pub(crate) Visit);

impl FromRequestParts<Arc<Desk>> for Stranger {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        Visit::of(desk, parts).map(Self)
    }
}

/// The fields of a form.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// The field called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    async fn read(request: Request) -> Option<Self> {
        let body = axum::body::to_bytes(request.into_body(), LARGEST_FORM);
        let body = timeout(FORM_TIMEOUT, body).await.ok()?.ok()?;
        Some(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }
}

/// A change that somebody who may make it asked for, with a form of ours.
pub(crate) struct Change {
    pub(crate) visit: Visit,
    pub(crate) form: Form,
}

impl Change {
    async fn of(desk: &Desk, visit: Visit, request: Request) -> Result<Self, Response> {
        let host = desk.ways.host(request.headers(), request.uri());
        let own = host.is_some_and(|host| is_own(request.headers(), &host));
        let form = Form::read(request).await;
        let Some(form) =
            form.filter(|form| own && form.get(TOKEN).is_some_and(|token| same(token, &visit.csrf)))
        else {
            return Err(errors::not_ours(desk, &visit));
        };
        Ok(Self { visit, form })
    }
}

impl FromRequest<Arc<Desk>> for Change {
    type Rejection = Response;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visit = Visit::enter(desk, &parts).await?;
        Self::of(desk, visit, Request::from_parts(parts, body)).await
    }
}

/// A form of a stranger: signing in, choosing a language.
pub(crate) struct StrangersForm(pub(crate) Change);

impl FromRequest<Arc<Desk>> for StrangersForm {
    type Rejection = Response;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        // The form may stand on a page of somebody who is signed in: then its token is the session's.
        let visit = match Visit::enter(desk, &parts).await {
            Ok(visit) => visit,
            Err(_) => Visit::of(desk, &parts)?,
        };
        Change::of(desk, visit, Request::from_parts(parts, body))
            .await
            .map(Self)
    }
}
