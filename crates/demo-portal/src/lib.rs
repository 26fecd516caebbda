//! A Bitrix24 portal on loopback, to try and test against.
//!
//! It serves an incoming webhook over HTTP and behaves as the vendor's documentation and recorded answers say:
//! methods, batches with references, pages of 50, filters, both limits, refusals, and on request the faults
//! that stand between a client and a real portal. Its data are made up from a seed: a matchmaking agency's
//! deals over three years, with the gaps, odd names and odd moments that real data have. While it runs, a test
//! can change the data as the portal's users would. Every change of a deal can be told to a handler, as an
//! outgoing webhook does; such events are lost, doubled or late on request.
//!
//! `GET /demo/stats` tells what it did, as [`Stats`], and `GET /demo/data` how much data it has: for programs
//! that measure a client from outside.
//!
//! It knows nothing of the programs that read from it; any client of Bitrix24 can.
//!
//! ```
//! use demo_portal::{Portal, PortalOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = PortalOptions { deals: 50, seed: 7, ..PortalOptions::default() };
//! let portal = Portal::start(options, "127.0.0.1:0".parse()?).await?;
//! assert!(portal.webhook_url().ends_with("/rest/1/demo/"));
//!
//! let model = portal.model();
//! let deal = model.add_deal("C3:NEW", "Ada & Charles", 1)?;
//! let row = model.move_deal(deal, "C3:PREPARATION", 7)?;
//! assert_eq!(model.highest_history_id(), row);
//! portal.stop().await;
//! # Ok(())
//! # }
//! ```

mod batch;
mod clock;
mod desk;
mod error;
mod error_answer;
mod events;
mod faults;
mod figures;
mod in_process;
mod json;
mod limits;
mod methods;
mod model;
mod options;
mod params;
mod path;
mod portal;
mod query;
mod server;
mod stats;
mod wire;

pub use error::{Error, ErrorKind};
pub use in_process::{InProcessAnswer, InProcessPortal};
pub use model::{
    Date, DealState, DeletedDeal, EarlierRows, HistoryRow, Model, RemovedStage, RowKind, Semantics,
    StageState,
};
pub use options::{EventOptions, FaultKinds, NumberStyle, PortalOptions};
pub use portal::{Portal, RunningPortal};
pub use stats::Stats;
