//! What the tables say, read for the pages: kept for a moment, so that many readers cost no more than one, and kept for longer
//! when reading takes long or the target is away.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, LocalResult, TimeZone, Utc};
use chrono_tz::Tz;
use exchange::Context;
use store::Store;
use table_map::{Row, TableMap, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::exit::chain;

/// The shortest time that a reading is used again.
const FRESH: Duration = Duration::from_secs(1);
/// Of the time, reading takes at most one part in so many.
const SHARE: u32 = 20;
/// How long a page waits for a reading; then it tells what was read before.
const PATIENCE: Duration = Duration::from_secs(3);
/// The column that tells when what a row is about happened.
pub(super) const HAPPENED: &str = "CREATED_TIME";

/// What a table says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// Whether it is there; none while nothing could be read.
    pub(crate) exists: Option<bool>,
    pub(crate) rows: Option<u64>,
    pub(crate) newest: Option<DateTime<Utc>>,
    /// The highest key, to start the next search from.
    highest: Option<i64>,
    /// Why it could not be read the last time.
    pub(crate) error: Option<String>,
}

struct Kept {
    reading: Reading,
    use_until: Instant,
}

/// The readings of all tables.
pub(crate) struct Readings {
    store: Arc<dyn Store>,
    timezone: Tz,
    kept: Mutex<HashMap<String, Kept>>,
}

impl Readings {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            store: Arc::clone(&context.store),
            timezone: context.timezone,
            kept: Mutex::new(HashMap::new()),
        }
    }

    /// What a table says now, or lately; `away` tells why there is no use in asking now.
    pub(crate) async fn of(&self, map: &TableMap, away: Option<String>) -> Reading {
        // One reader at a time: the others use what it has read.
        let mut kept = self.kept.lock().await;
        let now = Instant::now();
        let before = kept.get(map.name());
        if away.is_some() {
            let before = before.map(|kept| kept.reading.clone()).unwrap_or_default();
            return Reading {
                error: away,
                ..before
            };
        }
        if let Some(fresh) = before.filter(|kept| now < kept.use_until) {
            return fresh.reading.clone();
        }
        let before = before.map(|kept| kept.reading.clone()).unwrap_or_default();
        let reading = match timeout(PATIENCE, self.read(map, before.highest)).await {
            Ok(Ok(reading)) => reading,
            Ok(Err(error)) => Reading {
                error: Some(chain(&error.into())),
                ..before
            },
            Err(_) => Reading {
                error: Some(format!("the table was not read within {} s", PATIENCE.as_secs())),
                ..before
            },
        };
        let took = now.elapsed();
        kept.insert(
            map.name().to_owned(),
            Kept {
                reading: reading.clone(),
                use_until: Instant::now() + FRESH.max(took * SHARE),
            },
        );
        reading
    }

    async fn read(&self, map: &TableMap, highest: Option<i64>) -> Result<Reading, store::Error> {
        let store = self.store.as_ref();
        if store.inspect(map).await?.is_none() {
            return Ok(Reading {
                exists: Some(false),
                ..Reading::default()
            });
        }
        let mut reading = Reading {
            exists: Some(true),
            rows: Some(store.count(map).await?),
            ..Reading::default()
        };
        if map.column(HAPPENED).is_some()
            && let Some(row) = store::highest(store, map, highest).await?
        {
            reading.highest = Some(row.key());
            reading.newest = self.happened(map, &row);
        }
        Ok(reading)
    }

    fn happened(&self, map: &TableMap, row: &Row) -> Option<DateTime<Utc>> {
        let Some(Value::DateTime(Some(face))) = row.get(map, HAPPENED) else {
            return None;
        };
        // When clocks are put back an hour comes twice; the later one makes the row look no older than it is.
        match self.timezone.from_local_datetime(face) {
            LocalResult::Single(at) | LocalResult::Ambiguous(_, at) => Some(at.to_utc()),
            LocalResult::None => Some(face.and_utc()),
        }
    }
}
