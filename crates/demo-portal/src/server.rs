//! The HTTP side: addresses, bodies, the request limit, faults.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt as _;
use futures::stream;
use tokio_util::sync::CancellationToken;

use crate::desk::{Answer, Desk, method_name};
use crate::error_answer::ApiError;
use crate::faults::{Fault, Faults, html_page};
use crate::figures;
use crate::limits::Bucket;
use crate::model::Model;
use crate::params::Param;
use crate::stats::Counters;
use crate::wire::Cutter;

/// The largest request body taken; PHP's usual limit.
const MAX_BODY: usize = 8 << 20;
/// The longest a request may run before the proxy gives up on it.
const MAX_RUN_TIME: Duration = Duration::from_secs(60);
const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Everything a request needs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) desk: Desk,
    pub(crate) model: Model,
    pub(crate) user_id: u32,
    pub(crate) secret: String,
    pub(crate) bucket: Option<Mutex<Bucket>>,
    pub(crate) faults: Faults,
    pub(crate) fault_delay: Duration,
    pub(crate) gzip: bool,
    pub(crate) counters: Counters,
    pub(crate) stopping: CancellationToken,
}

pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/demo/stats", get(stats))
        .route("/demo/data", get(data))
        .fallback(handle)
        .with_state(server)
}

/// What the portal did so far. Asking is no request to the portal and counts as none.
async fn stats(State(server): State<Arc<Server>>) -> Response {
    let body = figures::of_stats(&server.counters.snapshot());
    response(200, JSON, Body::from(body.to_string()))
}

/// How much data the portal has. Goes through all rows, so it is not for the middle of a measurement.
async fn data(State(server): State<Arc<Server>>) -> Response {
    let body = figures::of_data(&server.model);
    response(200, JSON, Body::from(body.to_string()))
}

async fn handle(state: State<Arc<Server>>, cutter: ConnectInfo<Cutter>, request: Request) -> Response {
    let counters = state.counters.clone();
    let response = answer(state, cutter, request).await;
    counters.answer();
    response
}

async fn answer(
    State(server): State<Arc<Server>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: Request,
) -> Response {
    server.counters.request();
    let fault = server.faults.draw();
    if fault.is_some() {
        server.counters.fault();
    }
    // These never reach the portal behind the proxy.
    match &fault {
        Some(Fault::Error(error)) => return json(Answer::refusal(error.clone()), false),
        Some(Fault::Html(status)) => return html(*status),
        _ => {}
    }
    let gzip = server.gzip && accepts_gzip(&request);
    let answer = match server.admit(&request) {
        Admission::Unknown => return html(404),
        Admission::Refused(error) => Answer::refusal(error),
        Admission::Call(method) => match read_params(request).await {
            Some(params) => server.desk.answer(&method, &params),
            None => return html(413),
        },
    };
    let held_back = if fault == Some(Fault::Delay) {
        server.fault_delay
    } else {
        Duration::ZERO
    };
    let wait = answer.run_time.min(MAX_RUN_TIME) + held_back;
    if !wait.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = server.stopping.cancelled() => cutter.cut(),
        }
    }
    if answer.run_time > MAX_RUN_TIME {
        return html(504);
    }
    match fault {
        Some(Fault::CutOff(share)) => cut_off(json(answer, gzip), share).await,
        Some(Fault::Empty) => response(200, HTML, Body::empty()),
        Some(Fault::Reset) => {
            cutter.cut();
            json(answer, gzip)
        }
        _ => json(answer, gzip),
    }
}

/// What is to be done with a request.
enum Admission {
    Call(String),
    Refused(ApiError),
    Unknown,
}

impl Server {
    fn admit(&self, request: &Request) -> Admission {
        let mut path = request.uri().path().trim_start_matches('/').split('/');
        if path.next() != Some("rest") {
            return Admission::Unknown;
        }
        let path: Vec<&str> = path.filter(|part| !part.is_empty()).collect();
        if self.bucket.as_ref().is_some_and(|bucket| !lock(bucket).admit()) {
            self.counters.refused();
            return Admission::Refused(ApiError::too_many_requests());
        }
        match path.as_slice() {
            [user, secret, method] if self.knows(user, secret) => {
                Admission::Call(method_name(method).to_owned())
            }
            [user, secret] if self.knows(user, secret) => Admission::Refused(ApiError::no_such_method()),
            [_, _] | [_, _, _] => Admission::Refused(ApiError::wrong_secret()),
            _ => Admission::Refused(ApiError::no_credentials()),
        }
    }

    fn knows(&self, user: &str, secret: &str) -> bool {
        user.parse() == Ok(self.user_id) && secret == self.secret
    }
}

fn lock(bucket: &Mutex<Bucket>) -> std::sync::MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parameters of a body and a query string together, the body's first; `None` for a body too large.
async fn read_params(request: Request) -> Option<Param> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.ok()?;
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let mut params = if kind.is_some_and(|kind| kind.contains("json")) {
        Param::from_json(&body).unwrap_or_default()
    } else {
        Param::from_form(&String::from_utf8_lossy(&body))
    };
    params.merge(Param::from_form(parts.uri.query().unwrap_or_default()));
    Some(params)
}

fn accepts_gzip(request: &Request) -> bool {
    let accepted = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

fn json(answer: Answer, gzip: bool) -> Response {
    if gzip && let Some(packed) = pack(&answer.body) {
        let mut response = response(answer.status, JSON, Body::from(packed));
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
        return response;
    }
    response(answer.status, JSON, Body::from(answer.body))
}

/// A body packed at the cheapest level: on loopback only the client's unpacking is of interest.
fn pack(body: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packer.write_all(body).and_then(|()| packer.finish()).ok()
}

fn html(status: u16) -> Response {
    response(status, HTML, Body::from(html_page(status)))
}

fn response(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// A good answer that ends too early: its length is promised, a part of it is sent, the connection closes.
async fn cut_off(whole: Response, share: f64) -> Response {
    let (mut parts, body) = whole.into_parts();
    // The body lies in memory whole; reading it cannot fail.
    let mut part = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let length = part.len();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a body's length, rounded down"
    )]
    let sent = ((length as f64) * share) as usize;
    part.truncate(sent.min(length.saturating_sub(1)));
    let end = stream::once(async {
        // Time for the part to leave; an error at once would take it along.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    parts
        .headers
        .insert(header::CONTENT_LENGTH, header::HeaderValue::from(length));
    Response::from_parts(parts, Body::from_stream(stream::iter([Ok(part)]).chain(end)))
}
