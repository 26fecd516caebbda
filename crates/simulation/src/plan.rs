//! What a seed decides before anything begins.

use std::time::Duration;

use chrono_tz::Tz;
use demo_portal::{EventOptions, NumberStyle, PortalOptions};
use serde_json::{Value, json};

use crate::clock::BEGIN;
use crate::dice::Dice;

/// How a life of the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Killed at its so-manieth await point.
    AtPoint(u64),
    /// Killed after this time, wherever it is.
    AfterTime(Duration),
    /// Asked to stop after this time.
    Stopped(Duration),
}

/// How the portal and what is before it can fail a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PortalFault {
    /// No connection.
    NoConnection,
    /// The connection breaks before the portal has the request.
    BrokenBefore,
    /// The connection breaks after the portal has acted.
    BrokenAfter,
    /// `500 INTERNAL_SERVER_ERROR`, or `ERROR_UNEXPECTED_ANSWER`.
    ServerError,
    /// A proxy's page with 502 or 504.
    HtmlError,
    /// A page with status 200.
    HtmlGood,
    /// A good answer that ends in the middle.
    CutOff,
    /// Status 200 and nothing.
    Empty,
    /// An answer that takes seconds, or longer than anybody waits.
    Slow,
    /// `503 OVERLOAD_LIMIT`: the vendor blocks the portal.
    Overload,
    /// `401`: the credential is refused for a while.
    Unauthorized,
}

impl PortalFault {
    const ALL: [Self; 11] = [
        Self::NoConnection,
        Self::BrokenBefore,
        Self::BrokenAfter,
        Self::ServerError,
        Self::HtmlError,
        Self::HtmlGood,
        Self::CutOff,
        Self::Empty,
        Self::Slow,
        Self::Overload,
        Self::Unauthorized,
    ];
}

/// How the target can fail a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TargetFault {
    /// The connection breaks before the call.
    LostBefore,
    /// It breaks while committing: nobody knows whether it was.
    LostDuring,
    /// It breaks between the commit and the answer.
    LostAfter,
    /// The call is the victim of a deadlock.
    Deadlock,
    /// The call takes seconds to minutes.
    Slow,
    /// Nothing may be written, or the disk is full.
    ReadOnly,
    /// The write is acknowledged, and lost: a server that failed over to a copy that was behind.
    Silent,
    /// A row of the write is not there afterwards: a trigger, another program.
    RowLost,
    /// A row of the write is changed right after it by somebody else.
    RowChanged,
}

impl TargetFault {
    const ALL: [Self; 9] = [
        Self::LostBefore,
        Self::LostDuring,
        Self::LostAfter,
        Self::Deadlock,
        Self::Slow,
        Self::ReadOnly,
        Self::Silent,
        Self::RowLost,
        Self::RowChanged,
    ];

    /// Whether reading back must find it, and a failure that does not pass may follow.
    fn is_deceit(self) -> bool {
        matches!(self, Self::Silent | Self::RowLost | Self::RowChanged)
    }
}

/// A time in which something is away: from, and until.
pub(crate) type Away = (Duration, Duration);

/// Everything that a seed decides before anything begins.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// The portal, its limits included.
    pub(crate) portal: PortalOptions,
    pub(crate) pipelines: Vec<i64>,
    pub(crate) timezone: Tz,
    pub(crate) follow_every: Duration,
    pub(crate) stages_every: Duration,
    pub(crate) reconcile_every: Duration,
    pub(crate) gentle: bool,
    pub(crate) workers: usize,
    pub(crate) lease: Duration,
    pub(crate) poll: Duration,
    /// How long there are faults.
    pub(crate) chaos: Duration,
    /// How often the portal's users change something during that time.
    pub(crate) changes: u64,
    /// How the first lives of the process end.
    pub(crate) ends: Vec<End>,
    pub(crate) portal_rate: f64,
    pub(crate) portal_faults: Vec<PortalFault>,
    pub(crate) portal_away: Vec<Away>,
    /// The share of further calls of a batch before which users change something.
    pub(crate) between: f64,
    /// Others fill the bucket of requests.
    pub(crate) others_ask: bool,
    /// Others use the same webhook, and so its run time.
    pub(crate) others_run: bool,
    pub(crate) target_rate: f64,
    pub(crate) target_faults: Vec<TargetFault>,
    pub(crate) target_away: Vec<Away>,
    pub(crate) state_rate: f64,
    pub(crate) events_lost: f64,
    pub(crate) events_doubled: f64,
    pub(crate) events_late: f64,
    /// When the wall clock is set, and how wrong it is from then on, in seconds.
    pub(crate) clock_steps: Vec<(Duration, i64)>,
    /// When somebody asks for the whole upload once more.
    pub(crate) bulk_again: Option<Duration>,
    /// When somebody holds the upload, and when it may go on.
    pub(crate) hold: Option<Away>,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &Dice::new(seed, 0);
        let chaos = Duration::from_secs(dice.between(180, 1500));
        let portal_faults = some_of(dice, &PortalFault::ALL);
        let target_faults = some_of(dice, &TargetFault::ALL);
        let rates = [0.0, 0.02, 0.08, 0.25];
        Self {
            seed,
            portal: portal(dice),
            pipelines: match dice.between(0, 3) {
                0 => vec![],
                1 => vec![3],
                2 => vec![0, 3],
                _ => vec![5, 1, 0],
            },
            timezone: *dice.pick(&[Tz::UTC, Tz::Europe__Moscow, Tz::America__New_York]),
            follow_every: Duration::from_secs(dice.of_any_size(10, 120)),
            stages_every: Duration::from_secs(dice.of_any_size(30, 600)),
            reconcile_every: Duration::from_secs(dice.of_any_size(120, 1200)),
            gentle: dice.hit(0.1),
            workers: usize::try_from(dice.between(1, 5)).unwrap_or(1),
            lease: Duration::from_secs(dice.of_any_size(20, 600)),
            poll: Duration::from_secs(dice.between(5, 40)),
            chaos,
            changes: dice.of_any_size(3, 160),
            ends: (0..dice.between(0, 6)).map(|_| end(dice, chaos)).collect(),
            portal_rate: *dice.pick(&rates),
            portal_faults,
            portal_away: away(dice, chaos),
            between: *dice.pick(&[0.0, 0.01, 0.05]),
            others_ask: dice.hit(0.3),
            others_run: dice.hit(0.3),
            target_rate: *dice.pick(&rates),
            target_faults,
            target_away: away(dice, chaos),
            state_rate: *dice.pick(&[0.0, 0.0, 0.02, 0.1]),
            events_lost: *dice.pick(&[0.0, 0.1, 0.5, 1.0]),
            events_doubled: *dice.pick(&[0.0, 0.2]),
            events_late: *dice.pick(&[0.0, 0.3, 0.8]),
            clock_steps: if dice.hit(0.4) {
                (0..dice.between(1, 4)).map(|_| clock_step(dice, chaos)).collect()
            } else {
                Vec::new()
            },
            bulk_again: dice.hit(0.25).then(|| within(dice, chaos)),
            hold: dice.hit(0.15).then(|| {
                let from = within(dice, chaos);
                (from, from + within(dice, chaos))
            }),
        }
    }

    /// The configuration's sections that belong to the exchanges.
    pub(crate) fn settings(&self) -> Value {
        let seconds = |duration: Duration| format!("{}s", duration.as_secs());
        json!({
            "uploader": { "pace": if self.gentle { "gentle" } else { "fast" } },
            "actualizer": {
                "interval": seconds(self.follow_every),
                "reconcile_every": seconds(self.reconcile_every),
            },
            "stage_list": { "interval": seconds(self.stages_every) },
        })
    }

    /// Whether an agent may meet a failure that does not pass by itself.
    pub(crate) fn may_fail_for_good(&self) -> bool {
        (self.portal_rate > 0.0 && self.portal_faults.contains(&PortalFault::Unauthorized))
            || (self.target_rate > 0.0 && self.target_faults.iter().any(|fault| fault.is_deceit()))
    }

    /// How long after the faults the tables may take to become true.
    ///
    /// The slowest way: the upload is only now done; the first reconciliation begins ten minutes after it; what only a
    /// reconciliation finds may just have been passed by the present turn, so that the rest of it, the pause and a whole turn
    /// must go by (a turn and a pause take `reconcile_every` together). The portal's window of run time is ten minutes, a block by
    /// the vendor five, an agent's longest rests a few more.
    pub(crate) fn patience(&self, rows: usize) -> Duration {
        let gentle = if self.gentle {
            Duration::from_secs(120) * u32::try_from(rows / 50 + 3).unwrap_or(u32::MAX)
        } else {
            Duration::ZERO
        };
        Duration::from_secs(10 * 60) + 2 * self.reconcile_every + gentle + Duration::from_secs(25 * 60)
    }

    /// The plan in a line, for reports.
    pub(crate) fn summary(&self) -> String {
        format!(
            "deals {} pipelines {:?} zone {} chaos {}s changes {} workers {} lease {}s gentle {} ends {:?} \
             portal {:?} x{} away {:?} bucket {:?}/{} operating {:?} page {:?} others {}/{} between {} \
             target {:?} x{} away {:?} state x{} events lost {} doubled {} late {} clock {:?} \
             follow {}s stages {}s reconcile {}s again {:?} hold {:?}",
            self.portal.deals,
            self.pipelines,
            self.timezone,
            self.chaos.as_secs(),
            self.changes,
            self.workers,
            self.lease.as_secs(),
            self.gentle,
            self.ends,
            self.portal_faults,
            self.portal_rate,
            self.portal_away,
            self.portal.requests_per_second,
            self.portal.burst,
            self.portal.operating_limit_seconds,
            self.portal.page_time,
            self.others_ask,
            self.others_run,
            self.between,
            self.target_faults,
            self.target_rate,
            self.target_away,
            self.state_rate,
            self.events_lost,
            self.events_doubled,
            self.events_late,
            self.clock_steps,
            self.follow_every.as_secs(),
            self.stages_every.as_secs(),
            self.reconcile_every.as_secs(),
            self.bulk_again,
            self.hold,
        )
    }
}

fn portal(dice: &Dice) -> PortalOptions {
    let deals = match dice.between(0, 19) {
        0 => 0,
        // More rows than fit into one request, so that pages are read in chains.
        1 => 800,
        _ => dice.of_any_size(2, 60),
    };
    // The vendor's two plans, a self-hosted portal without limits, and small ones that are soon full.
    let (requests_per_second, burst) = *dice.pick(&[
        (Some(2.0), 50),
        (Some(5.0), 250),
        (None, 50),
        (Some(1.0), 20),
        (Some(2.0), 8),
    ]);
    // A limit on run time and what a call takes, such that it matters.
    let (operating_limit_seconds, page_millis) =
        *dice.pick(&[(None, 0), (Some(480.0), 20), (Some(20.0), 50), (Some(60.0), 400)]);
    PortalOptions {
        deals: u32::try_from(deals).unwrap_or(0),
        seed: dice.seed(),
        requests_per_second,
        burst,
        operating_limit_seconds,
        page_time: Duration::from_millis(page_millis),
        events: Some(EventOptions {
            status_events: dice.hit(0.3),
            ..EventOptions::to("", "token")
        }),
        summer_time: dice.hit(0.5),
        first_history_id: u32::try_from(*dice.pick(&[1, 1, 40, 3000])).unwrap_or(1),
        started_at: chrono::DateTime::from_timestamp(BEGIN, 0),
        data_days: 300,
        history_numbers: *dice.pick(&[NumberStyle::Strings, NumberStyle::Numbers]),
        ..PortalOptions::default()
    }
}

fn some_of<T: Copy>(dice: &Dice, all: &[T]) -> Vec<T> {
    let share = *dice.pick(&[0.15, 0.4, 1.0]);
    all.iter().copied().filter(|_| dice.hit(share)).collect()
}

fn within(dice: &Dice, span: Duration) -> Duration {
    Duration::from_secs(dice.between(0, span.as_secs()))
}

fn end(dice: &Dice, chaos: Duration) -> End {
    match dice.between(0, 9) {
        0..=5 => End::AtPoint(dice.of_any_size(1, 4000)),
        6..=7 => End::AfterTime(dice.millis(1, 1 + u64::try_from(chaos.as_millis() / 3).unwrap_or(1))),
        _ => End::Stopped(dice.millis(1, 1 + u64::try_from(chaos.as_millis() / 3).unwrap_or(1))),
    }
}

fn away(dice: &Dice, chaos: Duration) -> Vec<Away> {
    let times = if dice.hit(0.4) { dice.between(1, 3) } else { 0 };
    (0..times)
        .map(|_| {
            let from = within(dice, chaos);
            (from, from + Duration::from_secs(dice.of_any_size(1, 400)))
        })
        .collect()
}

fn clock_step(dice: &Dice, chaos: Duration) -> (Duration, i64) {
    let size = i64::try_from(dice.of_any_size(1, 4 * 3600)).unwrap_or(0);
    let at = within(dice, chaos);
    match dice.between(0, 2) {
        0 => (at, size),
        1 => (at, -size),
        _ => (at, 0),
    }
}
