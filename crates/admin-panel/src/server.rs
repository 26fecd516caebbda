//! The web server: its addresses, its paths, its life.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::CancellationToken;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::interval;

use crate::connections;
use crate::error::Error;
use crate::health::{self, Health};
use crate::metrics::Recorder;
use crate::options::WebOptions;
use crate::panel::{self, Panel};
use crate::ports::{EventSink, HealthSource};
use crate::receiver::{self, Receiver};

/// How often recorded durations are put into their buckets when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// A web server that listens; it answers once [`serve`](Self::serve) runs.
pub struct WebServer {
    options: Arc<WebOptions>,
    sink: Arc<dyn EventSink>,
    health: Health,
    main: Bound,
    metrics: Option<Bound>,
    panel: Option<Panel>,
}

struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    async fn to(address: SocketAddr) -> Result<Self, Error> {
        let wrong = |source| Error::listen(address, source);
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self { listener, address })
    }
}

impl WebServer {
    /// Listens on the addresses of `options`. Connections wait until [`serve`](Self::serve) runs.
    ///
    /// # Errors
    /// When an option cannot work, or an address cannot be listened on.
    pub async fn bind(
        options: WebOptions,
        sink: Arc<dyn EventSink>,
        health: Arc<dyn HealthSource>,
    ) -> Result<Self, Error> {
        options.check()?;
        let main = Bound::to(options.listen).await?;
        let metrics = match options.metrics_listen {
            Some(address) => Some(Bound::to(address).await?),
            None => None,
        };
        Ok(Self {
            options: Arc::new(options),
            sink,
            health: Health::new(health),
            main,
            metrics,
            panel: None,
        })
    }

    /// Serves what `recorder` has recorded at `/metrics`, which is not there without.
    #[must_use]
    pub fn with_metrics(mut self, recorder: Recorder) -> Self {
        self.health.recorder = Some(recorder);
        self
    }

    /// Serves the admin panel at the main address.
    #[must_use]
    pub fn with_panel(mut self, panel: Panel) -> Self {
        self.panel = Some(panel);
        self
    }

    /// The main address, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.main.address
    }

    /// The address of metrics alone, when there is one.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|bound| bound.address)
    }

    /// Answers until `stop`; then takes nothing new and waits for requests under way, at most
    /// [`stop_grace`](WebOptions::stop_grace).
    pub async fn serve(self, stop: CancellationToken) {
        self.announce();
        let receiver = Arc::new(Receiver {
            sink: self.sink,
            token: self.options.application_token.clone(),
            max_body: self.options.max_body,
            body_timeout: self.options.body_timeout,
            patience: self.options.sink_patience,
            in_flight: Semaphore::new(self.options.max_events_in_flight),
            stopping: stop.clone(),
            told: Mutex::new(HashMap::new()),
        });
        let recorder = self.health.recorder.clone();
        let health = Arc::new(self.health);
        let events = Router::new()
            .route(
                "/events",
                post(receiver::receive).fallback(receiver::wrong_method),
            )
            .with_state(receiver);
        let probes = Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .with_state(Arc::clone(&health));
        let metrics = Router::new()
            .route("/metrics", get(health::metrics))
            .with_state(health);

        let mut main = events.merge(probes.clone());
        if self.options.metrics_on_main_address() {
            main = main.merge(metrics.clone());
        }
        if let Some(panel) = self.panel {
            main = main.merge(panel::routes(panel, self.options.is_loopback()));
        }
        let main = finished(main);
        let own = self
            .metrics
            .map(|bound| (bound.listener, finished(metrics.merge(probes))));

        let serve_main =
            connections::serve(self.main.listener, main, Arc::clone(&self.options), stop.clone());
        let serve_metrics = async {
            if let Some((listener, router)) = own {
                connections::serve(listener, router, Arc::clone(&self.options), stop.clone()).await;
            }
        };
        let serving = async { tokio::join!(serve_main, serve_metrics) };
        tokio::select! {
            _ = serving => {}
            () = keep_up(recorder) => {}
        }
    }

    fn announce(&self) {
        let address = self.main.address;
        tracing::info!(%address, "the web server listens");
        if self.options.application_token.is_none() {
            tracing::warn!(
                "events are refused until web.application_token is set: copy it from the portal's outgoing webhook"
            );
        }
        match (&self.metrics, &self.health.recorder) {
            (_, None) => {}
            (Some(bound), _) => tracing::info!(address = %bound.address, "metrics are served"),
            (None, _) if self.options.metrics_on_main_address() => {}
            (None, _) => tracing::info!(
                "metrics are not served, since others than this machine reach {address}: set web.metrics_listen"
            ),
        }
    }
}

impl std::fmt::Debug for WebServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebServer")
            .field("address", &self.main.address)
            .field("metrics", &self.metrics_addr())
            .finish_non_exhaustive()
    }
}

/// Durations wait in memory until they are put into their buckets; this bounds how many. Never ends.
async fn keep_up(recorder: Option<Recorder>) {
    let Some(recorder) = recorder else {
        return std::future::pending().await;
    };
    let mut beat = interval(UPKEEP);
    loop {
        beat.tick().await;
        recorder.keep_up();
    }
}

/// The answers that are the same for all routes.
fn finished(router: Router) -> Router {
    router
        .fallback(async || text(StatusCode::NOT_FOUND, "there is nothing here\n"))
        .method_not_allowed_fallback(async || text(StatusCode::METHOD_NOT_ALLOWED, "not with this method\n"))
}

/// An answer of one line.
pub(crate) fn text(status: StatusCode, line: &'static str) -> Response {
    response(status, "text/plain; charset=utf-8", Body::from(line))
}

/// An answer.
pub(crate) fn response(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
