//! The target: the real store on a database in memory, behind a connection and a server that fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use store::{Error, ErrorKind, FoundView, Plan as Migration, Store, TableShape, Upserted, ViewPlan};
use store_sqlite::SqliteStore;
use table_map::{Answer, Query, Row, TableMap, Value, ViewMap};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::life::Life;
use crate::plan::{Plan, TargetFault};
use crate::world::{World, lock};

const PASSING: ErrorKind = ErrorKind::Passing { retry_after: None };

/// The code that somebody else writes into a row.
pub(crate) const CHANGED: &str = "CHANGED";

/// The database server. There is one for the whole simulation; each life reaches it by its own [`Target`].
pub(crate) struct Server {
    pub(crate) store: SqliteStore,
    world: Arc<World>,
    plan: Arc<Plan>,
    dice: Dice,
    /// Until when nothing may be written.
    read_only_until: Mutex<Duration>,
    /// When each row of the table of moves was last read back without what somebody else writes into it.
    read_well: Mutex<BTreeMap<i64, Instant>>,
}

impl Server {
    pub(crate) fn new(store: SqliteStore, world: Arc<World>, plan: Arc<Plan>) -> Self {
        let dice = Dice::new(plan.seed, 3);
        Self {
            store,
            world,
            plan,
            dice,
            read_only_until: Mutex::default(),
            read_well: Mutex::default(),
        }
    }

    /// Whether this row was changed by somebody else only after it was read back since `begun`.
    pub(crate) fn changed_after_reading(&self, map: &TableMap, row: &Row, begun: Instant) -> bool {
        let read = lock(&self.read_well).get(&row.key()).copied();
        row.text(map, "STAGE_ID") == Some(CHANGED) && read.is_some_and(|read| read >= begun)
    }

    fn fault(&self) -> Option<TargetFault> {
        if self.world.is_calm() {
            return None;
        }
        let hit = self.dice.hit(self.plan.target_rate);
        let fault = self.dice.some(&self.plan.target_faults).copied();
        fault.filter(|_| hit)
    }

    /// Whether the server is away, or may not be written.
    fn refuses(&self, writes: bool) -> Option<Error> {
        if self.world.is_calm() {
            return None;
        }
        let now = self.world.elapsed();
        if self
            .plan
            .target_away
            .iter()
            .any(|(from, until)| (*from..*until).contains(&now))
        {
            self.world.count("calls while the target was away");
            return Some(Error::new(PASSING, "the server is away"));
        }
        if writes && now < *lock(&self.read_only_until) {
            return Some(Error::new(ErrorKind::Operator, "the database may only be read"));
        }
        None
    }
}

/// The way of one life of the process to the server.
pub(crate) struct Target {
    server: Arc<Server>,
    life: Arc<Life>,
}

/// What a write does when it is not refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Good,
    /// The commit takes place, the answer is lost.
    AnswerLost,
    Deceit(TargetFault),
}

impl Target {
    pub(crate) fn new(server: Arc<Server>, life: Arc<Life>) -> Self {
        Self { server, life }
    }

    /// What happens before a call takes effect.
    async fn before(&self, doing: &str, writes: bool) -> Result<Course, Error> {
        self.life.point().await;
        let server = &*self.server;
        let (world, dice) = (&server.world, &server.dice);
        let fault = server.fault();
        tokio::time::sleep(dice.millis(0, 20)).await;
        if let Some(error) = server.refuses(writes) {
            tokio::time::sleep(dice.millis(0, 2000)).await;
            return Err(error);
        }
        let Some(fault) = fault else {
            return Ok(Course::Good);
        };
        let lost = |when: &str| Error::new(PASSING, format!("the connection was lost {when}"));
        let told = |name: &'static str| {
            world.note(|| format!("target: {doing}: {fault:?}"));
            world.count(name);
        };
        match fault {
            TargetFault::LostBefore => {
                told("target: lost before");
                Err(lost("before the call"))
            }
            TargetFault::LostDuring if writes && dice.hit(0.5) => {
                told("target: lost during, not committed");
                Err(lost("while committing"))
            }
            TargetFault::LostDuring | TargetFault::LostAfter if writes => {
                told("target: lost after the commit");
                Ok(Course::AnswerLost)
            }
            TargetFault::LostDuring | TargetFault::LostAfter => {
                told("target: lost while reading");
                Err(lost("while reading"))
            }
            TargetFault::Deadlock => {
                told("target: deadlock");
                Err(Error::new(PASSING, "the call was the victim of a deadlock"))
            }
            TargetFault::Slow => {
                told("target: slow");
                tokio::time::sleep(Duration::from_millis(dice.of_any_size(200, 120_000))).await;
                Ok(Course::Good)
            }
            TargetFault::ReadOnly if writes => {
                told("target: read only");
                let until = world.elapsed() + dice.millis(1000, 180_000);
                *lock(&server.read_only_until) = until;
                Err(Error::new(ErrorKind::Operator, "the database may only be read"))
            }
            TargetFault::ReadOnly => Ok(Course::Good),
            TargetFault::Silent | TargetFault::RowLost | TargetFault::RowChanged => Ok(Course::Deceit(fault)),
        }
    }

    /// What happens after it took effect.
    async fn after<T>(&self, course: Course, result: Result<T, Error>) -> Result<T, Error> {
        tokio::time::sleep(self.server.dice.millis(0, 20)).await;
        self.life.point().await;
        if course == Course::AnswerLost {
            result?;
            return Err(Error::new(PASSING, "the connection was lost before the answer"));
        }
        result
    }

    /// A write of which the server says that all is well, and it is not.
    async fn deceive(
        &self,
        fault: TargetFault,
        map: &TableMap,
        rows: &[Row],
        at: NaiveDateTime,
    ) -> Result<Upserted, Error> {
        let server = &*self.server;
        let victim = server.dice.some(rows).map_or(0, Row::key);
        server
            .world
            .note(|| format!("target: {}: {fault:?}, row {victim}", map.name()));
        let keys: Vec<i64> = rows.iter().map(Row::key).collect();
        let claimed = Upserted {
            inserted: keys,
            ..Upserted::default()
        };
        match fault {
            TargetFault::Silent => {
                server.world.count("target: acknowledged and lost");
                Ok(claimed)
            }
            TargetFault::RowLost => {
                server.world.count("target: a row of a write lost");
                let others: Vec<Row> = rows.iter().filter(|row| row.key() != victim).cloned().collect();
                server.store.upsert(map, &others, at).await?;
                Ok(claimed)
            }
            _ => {
                server.world.count("target: a row changed by somebody else");
                let done = server.store.upsert(map, rows, at).await?;
                if let Some(row) = rows.iter().rfind(|row| row.key() == victim)
                    && let Some(changed) = changed(map, row)
                {
                    server.store.upsert(map, &[changed], at).await?;
                }
                Ok(done)
            }
        }
    }
}

/// The row as somebody else changed it.
fn changed(map: &TableMap, row: &Row) -> Option<Row> {
    let mut values = row.values().to_vec();
    for name in ["STAGE_ID", "STATUS_ID"] {
        if let Some(place) = map.position(name) {
            values[place] = Value::from(CHANGED);
        }
    }
    Row::new(map, values).ok()
}

#[async_trait]
impl Store for Target {
    fn target(&self) -> String {
        self.server.store.target()
    }

    async fn ping(&self) -> Result<String, Error> {
        let course = self.before("ping", false).await?;
        self.after(course, self.server.store.ping().await).await
    }

    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error> {
        let course = self.before("inspect", false).await?;
        self.after(course, self.server.store.inspect(map).await).await
    }

    fn statements(&self, plan: &Migration) -> Result<Vec<String>, Error> {
        self.server.store.statements(plan)
    }

    async fn apply(&self, plan: &Migration) -> Result<(), Error> {
        let course = self.before("apply", true).await?;
        self.after(course, self.server.store.apply(plan).await).await
    }

    async fn duplicates(&self, map: &TableMap, limit: u32) -> Result<Vec<i64>, Error> {
        let course = self.before("duplicates", false).await?;
        self.after(course, self.server.store.duplicates(map, limit).await)
            .await
    }

    async fn merge_duplicates(&self, map: &TableMap) -> Result<u64, Error> {
        let course = self.before("merge_duplicates", true).await?;
        self.after(course, self.server.store.merge_duplicates(map).await)
            .await
    }

    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error> {
        let course = self.before("upsert", true).await?;
        let result = match course {
            Course::Deceit(fault) if !rows.is_empty() => self.deceive(fault, map, rows, at).await,
            _ => self.server.store.upsert(map, rows, at).await,
        };
        self.server
            .world
            .note(|| format!("target: {} {} rows: {}", map.name(), rows.len(), outcome(&result)));
        self.after(course, result).await
    }

    async fn read_back(&self, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error> {
        let course = self.before("read_back", false).await?;
        let result = self.server.store.read_back(map, keys).await;
        if let Ok(rows) = &result {
            let now = Instant::now();
            let well = rows
                .iter()
                .filter(|row| row.text(map, "STAGE_ID").is_some_and(|code| code != CHANGED));
            lock(&self.server.read_well).extend(well.map(|row| (row.key(), now)));
        }
        self.after(course, result).await
    }

    async fn scan(&self, map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error> {
        let course = self.before("scan", false).await?;
        self.after(course, self.server.store.scan(map, after, limit).await)
            .await
    }

    async fn deactivate(&self, map: &TableMap, keys: &[i64], at: NaiveDateTime) -> Result<u64, Error> {
        let course = self.before("deactivate", true).await?;
        self.after(course, self.server.store.deactivate(map, keys, at).await)
            .await
    }

    async fn count(&self, map: &TableMap) -> Result<u64, Error> {
        let course = self.before("count", false).await?;
        self.after(course, self.server.store.count(map).await).await
    }

    async fn ask(&self, query: &Query) -> Result<Answer, Error> {
        let course = self.before("ask", false).await?;
        self.after(course, self.server.store.ask(query).await).await
    }

    async fn inspect_view(&self, view: &ViewMap) -> Result<FoundView, Error> {
        let course = self.before("inspect_view", false).await?;
        self.after(course, self.server.store.inspect_view(view).await)
            .await
    }

    fn view_statements(&self, plan: &ViewPlan) -> Result<Vec<String>, Error> {
        self.server.store.view_statements(plan)
    }

    async fn apply_view(&self, plan: &ViewPlan) -> Result<(), Error> {
        let course = self.before("apply_view", true).await?;
        self.after(course, self.server.store.apply_view(plan).await).await
    }
}

fn outcome(result: &Result<Upserted, Error>) -> String {
    match result {
        Ok(done) => format!(
            "{} inserted, {} changed, {} unchanged",
            done.inserted.len(),
            done.changed.len(),
            done.unchanged
        ),
        Err(error) => error.to_string(),
    }
}
