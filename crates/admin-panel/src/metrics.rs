//! The names of all metrics, in one place, and their recorder.
//!
//! Other crates record by the facade of the crate `metrics` with these names; `docs/metrics.md` and the dashboard in
//! `deploy/` are held to the list by a test. No label ever holds what a stranger can choose.

use std::sync::OnceLock;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::Error;
use crate::refusal::Refusal;

/// Counter, labels `table` and `kind` (`inserted`, `changed`, `unchanged`): rows written to the target and read back.
pub const ROWS_WRITTEN: &str = "stage_exchange_rows_written_total";
/// Gauge, label `table`, seconds: age of the portal's newest row that is not in the table yet; 0 when all are.
pub const LAG_SECONDS: &str = "stage_exchange_lag_seconds";
/// Counter, label `event`: events that were taken and made durable. See [`event_label`].
pub const EVENTS_RECEIVED: &str = "stage_exchange_events_received_total";
/// Counter, label `reason`: events that were refused.
pub const EVENTS_REFUSED: &str = "stage_exchange_events_refused_total";
/// Counter: events with the right token that are nobody's business.
pub const EVENTS_UNKNOWN: &str = "stage_exchange_events_unknown_total";
/// Gauge: pieces of work that events asked for and that are not done.
pub const EVENTS_PENDING: &str = "stage_exchange_events_pending";
/// Histogram, seconds: time from the head of a request to `/events` to its answer.
pub const EVENT_ANSWER_SECONDS: &str = "stage_exchange_event_answer_duration_seconds";
/// Gauge, labels `name` and `state` (`waiting`, `running`, `paused`, `parked`): records of agents.
pub const AGENTS: &str = "stage_exchange_agents";
/// Histogram, label `agent`, seconds: run time of one activation of an agent.
pub const STEP_SECONDS: &str = "stage_exchange_step_duration_seconds";
/// Counter: HTTP requests sent to the portal.
pub const PORTAL_REQUESTS: &str = "stage_exchange_portal_requests_total";
/// Counter: answers by which the portal enforced one of its limits.
pub const PORTAL_REFUSED: &str = "stage_exchange_portal_refused_total";
/// Counter: requests to the portal that repeated a failed one.
pub const PORTAL_RETRIED: &str = "stage_exchange_portal_retried_total";
/// Gauge: requests to the portal that may start at once. Not there without a limit on requests.
pub const PORTAL_TOKENS: &str = "stage_exchange_portal_bucket_tokens";
/// Gauge, label `method`, seconds: run time that a method has used of its allowance in ten minutes.
pub const PORTAL_OPERATING_SECONDS: &str = "stage_exchange_portal_operating_seconds";
/// Gauge, seconds: that allowance. Not there without a limit.
pub const PORTAL_OPERATING_LIMIT_SECONDS: &str = "stage_exchange_portal_operating_limit_seconds";
/// Gauge, label `version`, always 1: the program that runs.
pub const BUILD_INFO: &str = "stage_exchange_build_info";

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution: the names with `_bucket`, `_sum` and `_count` behind them.
    Histogram,
}

impl Kind {
    /// Its word in Prometheus' text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of metric it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells, for people.
    pub about: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    about: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        about,
    }
}

/// Every metric of the program.
pub const ALL: &[Metric] = &[
    metric(
        ROWS_WRITTEN,
        Kind::Counter,
        &["table", "kind"],
        "rows written to the target and read back",
    ),
    metric(
        LAG_SECONDS,
        Kind::Gauge,
        &["table"],
        "age of the portal's newest row that is not in the table yet",
    ),
    metric(
        EVENTS_RECEIVED,
        Kind::Counter,
        &["event"],
        "events taken and made durable",
    ),
    metric(EVENTS_REFUSED, Kind::Counter, &["reason"], "events refused"),
    metric(
        EVENTS_UNKNOWN,
        Kind::Counter,
        &[],
        "events with the right token that are nobody's business",
    ),
    metric(
        EVENTS_PENDING,
        Kind::Gauge,
        &[],
        "pieces of work that events asked for and that are not done",
    ),
    metric(
        EVENT_ANSWER_SECONDS,
        Kind::Histogram,
        &[],
        "time to answer an event",
    ),
    metric(AGENTS, Kind::Gauge, &["name", "state"], "records of agents"),
    metric(
        STEP_SECONDS,
        Kind::Histogram,
        &["agent"],
        "run time of one activation of an agent",
    ),
    metric(
        PORTAL_REQUESTS,
        Kind::Counter,
        &[],
        "HTTP requests sent to the portal",
    ),
    metric(
        PORTAL_REFUSED,
        Kind::Counter,
        &[],
        "answers by which the portal enforced one of its limits",
    ),
    metric(
        PORTAL_RETRIED,
        Kind::Counter,
        &[],
        "requests to the portal that repeated a failed one",
    ),
    metric(
        PORTAL_TOKENS,
        Kind::Gauge,
        &[],
        "requests to the portal that may start at once",
    ),
    metric(
        PORTAL_OPERATING_SECONDS,
        Kind::Gauge,
        &["method"],
        "run time a method has used in the portal's ten minutes",
    ),
    metric(
        PORTAL_OPERATING_LIMIT_SECONDS,
        Kind::Gauge,
        &[],
        "run time a method may use in the portal's ten minutes",
    ),
    metric(
        BUILD_INFO,
        Kind::Gauge,
        &["version"],
        "the program that runs; always 1",
    ),
];

/// The codes of events that have a label of their own.
const EVENT_LABELS: [&str; 5] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMDEALMOVETOCATEGORY",
    "ONCRMSTATUS",
];

/// The label of an event's code: one of a few words, whatever the code is. `ONCRMSTATUSADD` and the like are
/// `ONCRMSTATUS`, everything not foreseen is `other`.
pub fn event_label(code: &str) -> &'static str {
    let known = EVENT_LABELS.into_iter().find(|label| *label == code);
    match known {
        Some(label) => label,
        None if code.starts_with("ONCRMSTATUS") => "ONCRMSTATUS",
        None => "other",
    }
}

/// What has been recorded. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
}

impl Recorder {
    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    pub(crate) fn keep_up(&self) {
        self.handle.run_upkeep();
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// Records the metrics of this process from now on, and describes them. A second call gives the same recorder.
///
/// # Errors
/// When something else in this process records them already.
pub fn install_recorder() -> Result<Recorder, Error> {
    static INSTALLED: OnceLock<Option<Recorder>> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            let (recorder, handle) = recorder();
            metrics::set_global_recorder(recorder).ok()?;
            describe();
            Some(handle)
        })
        .clone()
        .ok_or(Error::Metrics)
}

/// A recorder with the buckets of the program, and what it has recorded.
pub(crate) fn recorder() -> (PrometheusRecorder, Recorder) {
    let buckets = |builder: PrometheusBuilder, name: &str, bounds: &[f64]| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
    };
    let builder = PrometheusBuilder::new();
    // Only an empty list of buckets is an error.
    let builder = buckets(
        builder,
        EVENT_ANSWER_SECONDS,
        &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0],
    )
    .and_then(|builder| {
        buckets(
            builder,
            STEP_SECONDS,
            &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0],
        )
    })
    .unwrap_or_default();
    let recorder = builder.build_recorder();
    let handle = Recorder {
        handle: recorder.handle(),
    };
    (recorder, handle)
}

/// Describes every metric to the recorder in force, and starts the counters that are known beforehand at 0: a rate cannot
/// be told from a counter that only appears with its first event.
pub fn describe() {
    for metric in ALL {
        let Metric {
            name, kind, about, ..
        } = *metric;
        let unit = if name.ends_with("_seconds") {
            Unit::Seconds
        } else {
            Unit::Count
        };
        match kind {
            Kind::Counter => describe_counter!(name, unit, about),
            Kind::Gauge => describe_gauge!(name, unit, about),
            Kind::Histogram => describe_histogram!(name, unit, about),
        }
    }
    for label in EVENT_LABELS.into_iter().chain(["other"]) {
        counter!(EVENTS_RECEIVED, "event" => label).increment(0);
    }
    for reason in Refusal::REASONS {
        counter!(EVENTS_REFUSED, "reason" => reason).increment(0);
    }
    for name in [EVENTS_UNKNOWN, PORTAL_REQUESTS, PORTAL_REFUSED, PORTAL_RETRIED] {
        counter!(name).increment(0);
    }
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
