//! What a portal is like: its size, its limits, its faults, its clock.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};

/// How a portal is set up; start from [`PortalOptions::default`] and change what matters.
///
/// The default portal has no limits and no faults and is as fast as it can be, like a self-hosted one; limits
/// of the cloud are in [`PortalOptions::with_cloud_limits`].
#[derive(Debug, Clone)]
pub struct PortalOptions {
    /// Deals to make up; a deal has about five rows of stage history.
    pub deals: u32,
    /// The share of deals that go into pipeline 1, from 0 to 1, for a pipeline whose rows lie far apart; `None`
    /// leaves it the usual tenth.
    pub rare_share: Option<f64>,
    /// Everything made up, faults included, follows from this number.
    pub seed: u64,
    /// The one secret the portal takes in its webhook address.
    pub secret: String,
    /// The user the webhook belongs to.
    pub user_id: u32,
    /// Whether that user is an administrator. One who is not gets no deals, rows and stages of pipeline 5:
    /// they are left out without a word, as a portal does.
    pub admin: bool,
    /// Requests a second that drain from the leaky bucket; `None` turns this limit off.
    pub requests_per_second: Option<f64>,
    /// Requests the bucket holds before the portal refuses.
    pub burst: u32,
    /// Run time one method may use up in ten minutes, in seconds; `None` turns this limit off.
    pub operating_limit_seconds: Option<f64>,
    /// How long every call pretends to run. It delays the answer and is what `operating` sums up; calls in a
    /// batch run one after another.
    pub page_time: Duration,
    /// The share of answers that are replaced by a fault, from 0 to 1.
    pub fault_rate: f64,
    /// Which faults there may be; each is as likely as the others.
    pub faults: FaultKinds,
    /// How long an answer is held back by the fault "delay".
    pub fault_delay: Duration,
    /// Changes of deals every second while the portal runs; 0 keeps the data still. Most are moves to another
    /// stage, by various users; some change the responsible user, the dates or the pipeline, some make a new
    /// deal, and now and then one is deleted.
    pub moves_per_second: f64,
    /// Events sent for every change of a deal; `None` sends none.
    pub events: Option<EventOptions>,
    /// The portal's time zone in winter; every date-time it writes carries it.
    pub utc_offset: FixedOffset,
    /// Whether clocks go forward an hour in summer, by the European rule.
    pub summer_time: bool,
    /// The ID of the oldest history row.
    pub first_history_id: u32,
    /// The moment the made-up past ends.
    pub data_until: DateTime<Utc>,
    /// How many days the made-up past lasts.
    pub data_days: u32,
    /// What the portal's clock shows when it starts; from there it runs on. `None` takes the machine's clock.
    pub started_at: Option<DateTime<Utc>>,
    /// How `crm.stagehistory.list` writes numbers; portals differ in this.
    pub history_numbers: NumberStyle,
    /// Whether to gzip answers for clients that accept it.
    pub gzip: bool,
}

/// Where a portal sends its events, and what happens to them on the way; start from
/// [`EventOptions::to`].
///
/// An event is POSTed once, whatever the handler answers and whether it answers at all. Which events are lost,
/// doubled or late follows from [`PortalOptions::seed`] and the order of the changes.
#[derive(Debug, Clone)]
pub struct EventOptions {
    /// The handler's `http` address, on this machine: `http://127.0.0.1:8941/events`.
    pub handler_url: String,
    /// The token that tells the handler who sends.
    pub application_token: String,
    /// Whether changes of stages raise `ONCRMSTATUSADD`, `ONCRMSTATUSUPDATE` and `ONCRMSTATUSDELETE`, as the
    /// owner of a self-hosted portal can arrange. No portal does by itself.
    pub status_events: bool,
    /// The share of events that are never sent, from 0 to 1.
    pub drop_rate: f64,
    /// The share of events that are sent twice, from 0 to 1.
    pub double_rate: f64,
    /// The share of events that are sent [`EventOptions::delay`] later, past others that were raised after
    /// them; from 0 to 1.
    pub delay_rate: f64,
    /// How much later.
    pub delay: Duration,
    /// Connections to the handler, from 1 to 64. Events go to them in turn; each sends one after another, in
    /// the order of the changes (late ones aside).
    pub connections: usize,
    /// Events that may wait to be sent, late ones included; those beyond are never sent.
    pub queue: usize,
}

impl EventOptions {
    /// Every event sent once and at once, over two connections, to this address and with this token.
    #[must_use]
    pub fn to(handler_url: impl Into<String>, application_token: impl Into<String>) -> Self {
        Self {
            handler_url: handler_url.into(),
            application_token: application_token.into(),
            status_events: false,
            drop_rate: 0.0,
            double_rate: 0.0,
            delay_rate: 0.0,
            delay: Duration::from_secs(3),
            connections: 2,
            queue: 100_000,
        }
    }
}

/// How a method writes whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberStyle {
    /// `"ID": "10653"`, as recorded from a real portal.
    #[default]
    Strings,
    /// `"ID": 35`, as in the vendor's specification.
    Numbers,
}

/// The faults a portal may show, switched on one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultKinds {
    /// Status 500, 502 or 503 with the portal's JSON.
    pub server_error: bool,
    /// An HTML page of a proxy, with 502 or 504, or even with 200.
    pub html: bool,
    /// A good answer that ends in the middle.
    pub cut_off: bool,
    /// Status 200 and no body at all.
    pub empty: bool,
    /// The connection is reset instead of an answer.
    pub reset: bool,
    /// A good answer that takes [`PortalOptions::fault_delay`] longer.
    pub delay: bool,
}

impl FaultKinds {
    /// Every fault.
    pub const ALL: Self = Self {
        server_error: true,
        html: true,
        cut_off: true,
        empty: true,
        reset: true,
        delay: true,
    };
    /// No fault.
    pub const NONE: Self = Self {
        server_error: false,
        html: false,
        cut_off: false,
        empty: false,
        reset: false,
        delay: false,
    };
}

impl Default for FaultKinds {
    fn default() -> Self {
        Self::ALL
    }
}

impl Default for PortalOptions {
    fn default() -> Self {
        Self {
            deals: 20_000,
            rare_share: None,
            seed: 1,
            secret: "demo".to_owned(),
            user_id: 1,
            admin: true,
            requests_per_second: None,
            burst: 50,
            operating_limit_seconds: None,
            page_time: Duration::ZERO,
            fault_rate: 0.0,
            faults: FaultKinds::ALL,
            fault_delay: Duration::from_millis(300),
            moves_per_second: 0.0,
            events: None,
            utc_offset: hours_east(3),
            summer_time: false,
            first_history_id: 10_653,
            data_until: DateTime::from_timestamp(DATA_UNTIL, 0).unwrap_or_default(),
            data_days: 3 * 365,
            started_at: None,
            history_numbers: NumberStyle::Strings,
            gzip: false,
        }
    }
}

/// 2025-11-03T09:00:00Z: three years back from here cross six changes of the clocks.
const DATA_UNTIL: i64 = 1_762_160_400;

impl PortalOptions {
    /// The limits a cloud portal of an ordinary plan has: 2 requests/s, 50 at once, 480 s of `operating`.
    #[must_use]
    pub fn with_cloud_limits(self) -> Self {
        Self {
            requests_per_second: Some(2.0),
            burst: 50,
            operating_limit_seconds: Some(480.0),
            ..self
        }
    }
}

/// The offset so many hours east of UTC; hours that no zone has count as UTC itself.
fn hours_east(hours: i32) -> FixedOffset {
    use chrono::Offset as _;
    FixedOffset::east_opt(hours * 3600).unwrap_or_else(|| Utc.fix())
}
