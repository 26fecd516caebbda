//! The program's HTTP side: it receives the portal's events, and tells how the program is.
//!
//! | address | answer |
//! |---|---|
//! | `POST /events` | takes an event of an outgoing webhook; 200 only once it is durable |
//! | `GET /healthz` | 200 while the process works |
//! | `GET /readyz` | 200, or 503 with the reasons, as JSON |
//! | `GET /metrics` | Prometheus text; on a loopback address, or on an address of its own |
//!
//! What to do with an event and what being ready means is behind two ports, [`EventSink`] and [`HealthSource`]; this crate
//! knows neither databases nor exchanges.
//!
//! # Rules
//!
//! * **200 means durable.** The sink's `Ok` says so; until then the answer waits, for a bounded time, since a portal never
//!   sends an event twice. An event that is lost all the same only delays: what reads tables again finds the change.
//! * **The token is the only proof of origin.** Without a configured one every event is refused. It is compared in
//!   constant time.
//! * **Answers are constant**: what is wrong with a request is counted by reason and never told in detail.
//! * **Nothing of a request is logged** but the code of an event whose token was right.
//! * **Everything is bounded**: connections, their age, headers, bodies, the time for each, events under way.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use admin_panel::{Accepted, Check, EventSink, HealthSource, WebOptions, WebServer};
//! use agent::{CancellationToken, Failure};
//! use async_trait::async_trait;
//! use bitrix_client::OutgoingEvent;
//!
//! /// Knows nothing, and is always ready.
//! struct Nobody;
//!
//! #[async_trait]
//! impl EventSink for Nobody {
//!     async fn accept(&self, _event: &OutgoingEvent) -> Result<Accepted, Failure> {
//!         Ok(Accepted::Unknown)
//!     }
//! }
//!
//! #[async_trait]
//! impl HealthSource for Nobody {
//!     async fn readiness(&self) -> Vec<Check> {
//!         Vec::new()
//!     }
//!     async fn refresh_metrics(&self) {}
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), admin_panel::Error> {
//! let mut options = WebOptions::new(([127, 0, 0, 1], 0).into());
//! options.application_token = Some("the token of the outgoing webhook".into());
//! let server = WebServer::bind(options, Arc::new(Nobody), Arc::new(Nobody)).await?;
//! println!("events go to http://{}/events", server.local_addr());
//!
//! let stop = CancellationToken::new();
//! stop.cancel();
//! server.serve(stop).await;
//! # Ok(())
//! # }
//! ```

mod connections;
mod error;
mod health;
pub mod metrics;
mod options;
pub mod panel;
mod ports;
mod receiver;
mod refusal;
mod server;
mod token;

#[cfg(test)]
mod tests;

pub use error::{Error, ErrorKind};
pub use options::WebOptions;
pub use panel::{Panel, PanelOptions, PanelSource, Steering};
pub use ports::{Accepted, Check, EventSink, HealthSource};
pub use server::WebServer;
