//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::metrics::Recorder;
use crate::ports::{Check, HealthSource};
use crate::server::{response, text};

/// How long an answer of the source is reused: strangers must not be able to keep it busy.
const FRESH: Duration = Duration::from_secs(1);
/// How long the source may take.
const LONGEST: Duration = Duration::from_secs(5);

/// Tells how things are.
pub(crate) struct Health {
    source: Arc<dyn HealthSource>,
    pub(crate) recorder: Option<Recorder>,
    /// Held while the source is asked, so that it is asked once at a time.
    checked: Mutex<Option<(Instant, Vec<Check>)>>,
    refreshed: Mutex<Option<Instant>>,
}

#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    checks: &'a [Check],
}

impl Health {
    pub(crate) fn new(source: Arc<dyn HealthSource>) -> Self {
        Self {
            source,
            recorder: None,
            checked: Mutex::new(None),
            refreshed: Mutex::new(None),
        }
    }

    async fn checks(&self) -> Vec<Check> {
        let mut checked = self.checked.lock().await;
        if let Some((at, checks)) = &*checked
            && at.elapsed() < FRESH
        {
            return checks.clone();
        }
        let checks = timeout(LONGEST, self.source.readiness())
            .await
            .unwrap_or_else(|_| {
                let reason = format!(
                    "nothing could be told within {} s; the program is overloaded or hangs",
                    LONGEST.as_secs()
                );
                vec![Check::wrong("readiness", reason)]
            });
        *checked = Some((Instant::now(), checks.clone()));
        checks
    }

    async fn refresh(&self) {
        let mut refreshed = self.refreshed.lock().await;
        if refreshed.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        if timeout(LONGEST, self.source.refresh_metrics()).await.is_err() {
            tracing::warn!("metrics could not be refreshed in time; some of them are old");
        }
        *refreshed = Some(Instant::now());
    }
}

/// The process works: it can answer.
pub(crate) async fn healthz() -> Response {
    text(StatusCode::OK, "ok\n")
}

/// Ready, or the reasons why not.
pub(crate) async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let checks = health.checks().await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    // Strings and flags always become JSON.
    let body = serde_json::to_string(&Readiness {
        ready,
        checks: &checks,
    })
    .unwrap_or_default();
    response(status, "application/json", Body::from(body))
}

/// Everything in Prometheus' text format.
pub(crate) async fn metrics(State(health): State<Arc<Health>>) -> Response {
    let Some(recorder) = &health.recorder else {
        return text(StatusCode::NOT_FOUND, "metrics are not recorded\n");
    };
    health.refresh().await;
    let mut answer = text(StatusCode::OK, "");
    *answer.body_mut() = Body::from(recorder.render());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
