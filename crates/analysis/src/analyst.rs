//! Somebody to ask: the target, the tables, and what time it is.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDateTime;
use store::Store;
use tokio::sync::Semaphore;

use crate::{Asked, Error, Figures, Pipeline, Tables, figures, pipelines};

/// Answers questions about one pair of tables. Cheap to clone.
///
/// Questions are answered one at a time, however many people ask: sums over the whole history must not keep the agents waiting.
#[derive(Clone)]
pub struct Analyst {
    store: Arc<dyn Store>,
    tables: Tables,
    now: Arc<dyn Fn() -> NaiveDateTime + Send + Sync>,
    turn: Arc<Semaphore>,
}

impl Analyst {
    /// One who asks `store`. `now` tells the time in the zone of the tables.
    pub fn new(
        store: Arc<dyn Store>,
        tables: Tables,
        now: impl Fn() -> NaiveDateTime + Send + Sync + 'static,
    ) -> Self {
        Self {
            store,
            tables,
            now: Arc::new(now),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The time in the zone of the tables.
    pub fn now(&self) -> NaiveDateTime {
        (self.now)()
    }

    /// The pipelines that the tables know.
    ///
    /// # Errors
    /// Those of [`pipelines`].
    pub async fn pipelines(&self) -> Result<Vec<Pipeline>, Error> {
        // The semaphore is never closed.
        let _turn = self.turn.acquire().await;
        pipelines(self.store.as_ref(), &self.tables).await
    }

    /// The figures of a pipeline for a period.
    ///
    /// # Errors
    /// Those of [`figures`].
    pub async fn figures(&self, asked: Asked) -> Result<Figures, Error> {
        let _turn = self.turn.acquire().await;
        figures(self.store.as_ref(), &self.tables, asked, self.now()).await
    }
}

impl fmt::Debug for Analyst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyst")
            .field("target", &self.store.target())
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}
