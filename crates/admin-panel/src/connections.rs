//! Connections: taken, bounded in number, age and time, and ended at a stop.
//!
//! axum's own server has none of these bounds, so hyper is driven here.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent::CancellationToken;
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::options::WebOptions;
use crate::panel::Peer;

/// After a failure to take a connection (no file handles, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves a listener until `stop`, then waits for requests under way.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    options: Arc<WebOptions>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(options.max_connections));
    let mut connections = JoinSet::new();
    let taking = async {
        loop {
            // First a place, then a connection: what finds no place waits in the system's queue.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (stream, peer) = take(&listener).await;
            while let Some(ended) = connections.try_join_next() {
                report(ended);
            }
            let (router, options, stop) = (router.clone(), Arc::clone(&options), stop.clone());
            connections.spawn(async move {
                serve_one(stream, peer, router, &options, stop).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = taking => {}
        () = stop.cancelled() => {}
    }
    drop(listener);
    let ending = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(options.stop_grace, ending).await.is_err() {
        tracing::warn!("some requests were cut off by the stop");
        connections.shutdown().await;
    }
}

async fn take(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip()),
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "a connection could not be taken");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The other side gave up before its connection was taken.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn serve_one(
    stream: TcpStream,
    peer: IpAddr,
    router: Router,
    options: &WebOptions,
    stop: CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_headers(options.max_headers)
        .max_buf_size(options.max_head)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = sleep(options.max_connection_age) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            // One that does not read its answer must not hold its place for ever.
            timeout(options.stop_grace, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // hyper's own words: nothing of what was sent is among them.
        tracing::debug!(%error, "a connection ended early");
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a request made the program panic; its connection was closed");
    }
}
