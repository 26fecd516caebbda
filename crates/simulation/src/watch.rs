//! Watches the promises while the program runs: no cursor passes a row that is not in the table, no accepted event is lost, no
//! agent gives up without a cause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use agent_scheduler::transition::Ended;
use agent_scheduler::{AgentRecord, AgentState, AgentStore, FailedAs, Lease};
use history_exchange::{AGENT, DEAL, FOLLOW, RECONCILE};
use serde_json::Value;
use store::Store as _;
use tokio::time::Instant;

use crate::expect::Expectation;
use crate::plan::Plan;
use crate::target::Server;
use crate::users::Users;
use crate::world::{World, lock};

/// A watcher of all lives of the process.
pub(crate) struct Watch {
    world: Arc<World>,
    plan: Arc<Plan>,
    users: Arc<Users>,
    server: Arc<Server>,
    expectation: Expectation,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The durable cursor of each agent, and what tells one walk from the next.
    cursors: BTreeMap<String, (Value, i64)>,
    /// The runs that were begun: when, at which place in the order of everything, and of which keys since when.
    runs: BTreeMap<i64, Run>,
    /// When each deal's record was last queued.
    queued: BTreeMap<String, u64>,
    /// The deals of accepted events that nobody has refreshed since, and when they were last queued then.
    owed: BTreeMap<String, u64>,
    /// When the last refresh of each deal that came to its end was begun.
    served: BTreeMap<String, u64>,
}

struct Run {
    begun: Instant,
    keys: BTreeMap<String, (u64, Instant)>,
}

impl Watch {
    pub(crate) fn new(
        world: Arc<World>,
        plan: Arc<Plan>,
        users: Arc<Users>,
        server: Arc<Server>,
        expectation: Expectation,
    ) -> Self {
        Self {
            world,
            plan,
            users,
            server,
            expectation,
            seen: Mutex::default(),
        }
    }

    /// A record was queued.
    pub(crate) fn queued(&self, name: &str, key: &str) {
        if name == DEAL {
            let number = self.world.next();
            lock(&self.seen).queued.insert(key.to_owned(), number);
        }
    }

    /// The portal was told that its event about this deal was accepted.
    pub(crate) fn accepted(&self, deal: i64) {
        let key = deal.to_string();
        let mut seen = lock(&self.seen);
        let Some(number) = seen.queued.get(&key).copied() else {
            drop(seen);
            self.world.violate(format!(
                "an event about deal {key} was accepted and nothing was queued"
            ));
            return;
        };
        // It may have been served between the queueing and the answer.
        if seen.served.get(&key).is_none_or(|served| *served < number) {
            seen.owed.insert(key, number);
        }
    }

    /// A run has begun.
    pub(crate) fn claimed(&self, lease: &Lease) {
        let now = Instant::now();
        let number = self.world.next();
        let run = Run {
            begun: now,
            keys: BTreeMap::from([(lease.key.clone(), (number, now))]),
        };
        lock(&self.seen).runs.insert(lease.run, run);
    }

    /// More records were gathered into a run.
    pub(crate) fn gathered(&self, lease: &Lease, keys: &[String]) {
        let now = Instant::now();
        let number = self.world.next();
        if let Some(run) = lock(&self.seen).runs.get_mut(&lease.run) {
            run.keys
                .extend(keys.iter().map(|key| (key.clone(), (number, now))));
        }
    }

    /// An input became durable.
    pub(crate) async fn saved(&self, lease: &Lease, input: &Value) {
        let name = lease.name.as_str();
        let (walk, cursor) = match name {
            AGENT => (&input["started_at"], &input["cursor"]),
            FOLLOW => (&Value::Null, &input["cursor"]),
            RECONCILE => (&input["turn"]["started_at"], &input["turn"]["cursor"]),
            _ => return,
        };
        let Some(cursor) = cursor.as_i64() else { return };
        let walk = walk.clone();
        let (before, begun) = {
            let mut seen = lock(&self.seen);
            let begun = seen.runs.get(&lease.run).map(|run| run.begun);
            let old = seen.cursors.insert(name.to_owned(), (walk.clone(), cursor));
            let before = match old {
                Some((old_walk, before)) if old_walk == walk => before,
                // A new walk of the upload saves its beginning first; one of the reconciliation tells it.
                _ if name == RECONCILE => input["turn"]["from"].as_i64().unwrap_or(cursor),
                _ => cursor,
            };
            (before, begun)
        };
        let Some(begun) = begun else { return };
        if cursor > before {
            let owed = self.owed_rows(|id, _| before < id && id <= cursor, begun);
            self.must_be_there(
                &owed,
                begun,
                &format!("{name} moved its cursor from {before} to {cursor}"),
            )
            .await;
        }
    }

    /// The upload hands its cursor over to the agent that follows.
    pub(crate) fn handed_over(&self, name: &str, input: Option<&Value>) {
        if name == FOLLOW
            && let Some(cursor) = input.and_then(|input| input["cursor"].as_i64())
        {
            lock(&self.seen)
                .cursors
                .insert(FOLLOW.to_owned(), (Value::Null, cursor));
        }
    }

    /// An activation has ended, and its record is `record` now.
    pub(crate) async fn finished(
        &self,
        lease: &Lease,
        ended: &Ended,
        gathered: &Ended,
        record: &AgentRecord,
        state: &dyn AgentStore,
    ) {
        if let Ended::Failed { kind, error, .. } = ended {
            let parks = matches!(kind, FailedAs::Permanent | FailedAs::Panicked);
            if *kind == FailedAs::Panicked || (parks && !self.plan.may_fail_for_good()) {
                self.world
                    .violate(format!("{} failed for good without a cause: {error}", lease.name));
            }
        }
        if record.state == AgentState::Parked {
            self.world.count("agents parked");
        }
        if let Ended::Next { input, .. } = ended {
            self.saved(lease, input).await;
        }
        let Some(run) = lock(&self.seen).runs.remove(&lease.run) else {
            return;
        };
        if lease.name != DEAL {
            return;
        }
        let mut refreshed = Vec::new();
        for (key, (number, since)) in run.keys {
            let end = if key == lease.key { ended } else { gathered };
            if *end == Ended::Done {
                let mut seen = lock(&self.seen);
                if seen.owed.get(&key).is_some_and(|queued| *queued < number) {
                    seen.owed.remove(&key);
                }
                seen.served.insert(key.clone(), number);
                drop(seen);
                if let Ok(deal) = key.parse::<u32>() {
                    refreshed.push((deal, since));
                }
            }
        }
        if let Some(since) = refreshed.iter().map(|(_, since)| *since).max() {
            let deals: BTreeSet<u32> = refreshed.into_iter().map(|(deal, _)| deal).collect();
            let owed = self.owed_rows(|_, deal| deals.contains(&deal), since);
            self.must_be_there(&owed, since, "deals were refreshed").await;
        }
        self.check_owed(state).await;
    }

    /// Every accepted event that nobody has served must still be in the state.
    pub(crate) async fn check_owed(&self, state: &dyn AgentStore) {
        let owed: Vec<String> = lock(&self.seen).owed.keys().cloned().collect();
        for key in owed {
            match state.get(DEAL, &key).await {
                Ok(Some(record)) if record.state != AgentState::Done => {}
                Ok(_) => self.world.violate(format!(
                    "an accepted event about deal {key} is lost: nobody has refreshed the deal since"
                )),
                Err(error) => self.world.violate(format!("the state cannot be read: {error}")),
            }
        }
    }

    /// Accepted events that nobody has served yet.
    pub(crate) fn owed_events(&self) -> Vec<String> {
        lock(&self.seen).owed.keys().cloned().collect()
    }

    /// Rows that are wanted and were visible without a break since `since`, among those that `which` picks by ID and deal.
    fn owed_rows(&self, which: impl Fn(i64, u32) -> bool, since: Instant) -> Vec<i64> {
        let book = lock(&self.users.book);
        book.rows
            .iter()
            .filter(|(id, row)| {
                which(i64::from(**id), row.deal)
                    && self.expectation.wants(row.pipeline)
                    && row.visible_since.is_some_and(|visible| visible < since)
            })
            .map(|(id, _)| i64::from(*id))
            .collect()
    }

    /// These rows must be in the table, and be what the portal ever said, unless somebody else changed one after it was read back by what
    /// has begun at `begun`.
    async fn must_be_there(&self, ids: &[i64], begun: Instant, when: &str) {
        let map = self.expectation.history();
        let stored = match self.server.store.read_back(map, ids).await {
            Ok(stored) => stored,
            Err(error) => {
                self.world
                    .violate(format!("{when}, and the table cannot be read: {error}"));
                return;
            }
        };
        let there: BTreeSet<i64> = stored.iter().map(table_map::Row::key).collect();
        if let Some(missing) = ids.iter().find(|id| !there.contains(id)) {
            self.world
                .violate(format!("{when}, and row {missing} is not in the table"));
        }
        let book = lock(&self.users.book);
        for row in &stored {
            if self.server.changed_after_reading(map, row, begun) {
                continue;
            }
            if let Err(wrong) = self.expectation.ever(&book, row) {
                self.world.violate(format!("{when}, and {wrong}"));
            }
        }
    }
}
