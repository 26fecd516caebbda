//! A client of the Bitrix24 REST interface that respects the portal's limits ahead of time.
//!
//! It knows portals, not databases: give it an incoming webhook, get typed answers.
//!
//! - Two limits are kept before a request is sent: the leaky bucket on requests, and the run time of each method.
//!   A limit the portal enforces all the same is obeyed at once.
//! - What may pass is tried again with a growing, jittered delay, within a bound; what may not comes back as an
//!   [`Error`] whose [`Class`] says what to do.
//! - The webhook's secret is in no log, no error and no `Debug`.
//!
//! ```no_run
//! use bitrix_client::{Client, ClientConfig, HistoryQuery, WebhookUrl};
//!
//! # async fn example() -> Result<(), bitrix_client::Error> {
//! let webhook: WebhookUrl = "https://portal.example/rest/1/s3cr3t/".parse()?;
//! let client = Client::new(ClientConfig::new(webhook))?;
//! let me = client.profile().await?;
//! let moves = client.stage_history_page(&HistoryQuery::window(0, 50)).await?;
//! println!("user {} sees {} moves", me.id, moves.len());
//! # Ok(())
//! # }
//! ```

mod answer;
mod batch;
mod classify;
mod client;
mod config;
mod error;
mod events;
mod limits;
mod methods;
mod query;
mod redact;
mod retry;
mod transport;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Time};
pub use batch::{Call, MAX_BATCH, PAGE_ROWS};
pub use client::{Client, Stats};
pub use config::ClientConfig;
pub use error::{Class, Error, ErrorKind};
pub use events::{EventError, MAX_EVENT_FIELDS, OutgoingEvent};
pub use limits::{Budget, MethodBudget};
pub use methods::changes::{ChangedDeal, ChangesPage, ChangesQuery};
pub use methods::deals::Deal;
pub use methods::history::{ChainPages, HistoryChain, HistoryPage, HistoryQuery, HistoryRecord, Read};
pub use methods::profile::Profile;
pub use methods::stages::{Category, Pipelines, Status};
pub use retry::RetryPolicy;
pub use transport::{
    HttpOptions, HttpTransport, Transport, TransportError, TransportErrorKind, TransportRequest,
    TransportResponse,
};
pub use webhook::{WebhookUrl, WebhookUrlError};
