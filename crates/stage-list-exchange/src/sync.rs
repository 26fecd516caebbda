//! Bringing the stages over.

use ::agent::{Failure, FailureKind};
use bitrix_client::{Pipelines, Status};
use exchange::{
    Context, WriteCounts, ensure_table, portal_failure, row_failure, store_failure, write_verified,
};
use table_map::{Row, TableMap};

use crate::error::Error;
use crate::mapping::{entity_of, pipeline_of, row, table};
use crate::names::StageNames;

/// How often stages are read again, when what was written came back other than it was sent.
const AGAIN: u32 = 2;

/// Rows in one read of the table of stages.
const SCAN: u32 = 1000;

/// What a synchronisation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Synced {
    /// Stages that the portal has.
    pub portal: u64,
    /// What was written.
    pub written: WriteCounts,
    /// Stages that the portal has no more, and that were active until now.
    pub deactivated: u64,
}

/// The stages of the portal and their table.
#[derive(Debug)]
pub struct StageList {
    context: Context,
    map: TableMap,
}

/// What the portal has: its stages, and which pipelines they are of.
pub(crate) struct PortalStages {
    pub(crate) statuses: Vec<Status>,
    /// Pipelines that were read: what of them is not among the stages has vanished.
    read: Vec<i64>,
    /// Pipelines that were asked for by name and are not there.
    gone: Vec<i64>,
    /// Pipelines that the portal has, but shows without a single stage. Every pipeline has some, so this says nothing of
    /// them: a right is missing, or the answer was not whole.
    silent: Vec<i64>,
    everything: bool,
}

impl PortalStages {
    /// Whether a stage under this entity would have been read if the portal still had it.
    pub(crate) fn covers(&self, entity: &str) -> bool {
        pipeline_of(entity).is_some_and(|pipeline| {
            !self.silent.contains(&pipeline)
                && (self.everything || self.read.contains(&pipeline) || self.gone.contains(&pipeline))
        })
    }
}

impl StageList {
    /// The stages of the context's portal, for the table of its environment.
    ///
    /// # Errors
    /// As [`table`].
    pub fn new(context: Context) -> Result<Self, table_map::Error> {
        let map = table(context.environment)?;
        Ok(Self { context, map })
    }

    /// The table.
    pub fn map(&self) -> &TableMap {
        &self.map
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Brings all stages over: reads them from the portal, writes what is new or different, verifies it, and deactivates what
    /// the portal has no more.
    ///
    /// # Errors
    /// When the portal or the target fails; what was written until then is right. A pipeline that was asked for and never
    /// was there is permanent, and found before anything is written.
    pub async fn sync(&self) -> Result<Synced, Failure> {
        self.sync_from(None).await
    }

    /// The same with pipelines that were read just now, along with something else.
    ///
    /// # Errors
    /// Those of [`sync`](Self::sync).
    pub async fn sync_with(&self, pipelines: Pipelines) -> Result<Synced, Failure> {
        self.sync_from(Some(pipelines)).await
    }

    async fn sync_from(&self, mut pipelines: Option<Pipelines>) -> Result<Synced, Failure> {
        let store = self.context.store.as_ref();
        ensure_table(store, &self.map).await?;
        let mut again = AGAIN;
        let (stored, portal, rows, at, written) = loop {
            let stored = self.stored().await?;
            let portal = self.read_portal(&stored, pipelines.take()).await?;
            let rows = portal
                .statuses
                .iter()
                .map(|status| row(&self.map, status))
                .collect::<Result<Vec<Row>, _>>()
                .map_err(row_failure)?;
            let at = self.context.target_now();
            match write_verified(store, &self.map, &rows, at).await {
                Ok(written) => break (stored, portal, rows, at, written),
                // Other agents bring the stages in step, too. When one had a newer answer of the portal, writing ours once more is no
                // help: a newer one of our own is.
                Err(failure) if failure.kind() == FailureKind::Permanent && again > 0 => {
                    tracing::warn!(failure = failure.report(), "reading the stages again");
                    again -= 1;
                }
                Err(failure) => return Err(failure),
            }
        };
        let vanished: Vec<i64> = stored
            .iter()
            .filter(|row| row.text(&self.map, "ACTIVE") != Some("N"))
            .filter(|row| {
                row.text(&self.map, "ENTITY_ID")
                    .is_some_and(|entity| portal.covers(entity))
            })
            .map(Row::key)
            .filter(|key| !rows.iter().any(|row| row.key() == *key))
            .collect();
        let deactivated = if vanished.is_empty() {
            0
        } else {
            store
                .deactivate(&self.map, &vanished, at)
                .await
                .map_err(store_failure)?
        };
        let synced = Synced {
            portal: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            written,
            deactivated,
        };
        tracing::info!(
            stages = synced.portal,
            inserted = written.inserted,
            changed = written.changed,
            deactivated,
            "stage list is in step with the portal"
        );
        Ok(synced)
    }

    /// The names of all stages that the table knows.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn names(&self) -> Result<StageNames, Failure> {
        Ok(StageNames::from_rows(&self.map, &self.stored().await?))
    }

    /// All rows of the table, in ascending order of the portal's ID.
    pub(crate) async fn stored(&self) -> Result<Vec<Row>, Failure> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let after = rows.last().map(Row::key);
            let page = self
                .context
                .store
                .scan(&self.map, after, SCAN)
                .await
                .map_err(store_failure)?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
        }
    }

    /// What the portal has, of which `pipelines` may have been read already.
    pub(crate) async fn read_portal(
        &self,
        stored: &[Row],
        pipelines: Option<Pipelines>,
    ) -> Result<PortalStages, Failure> {
        let portal = &self.context.portal;
        let pipelines = match pipelines {
            Some(pipelines) => pipelines,
            None => portal
                .pipelines()
                .await
                .map_err(|error| portal_failure("read the pipelines", error))?,
        };
        let Pipelines {
            categories,
            mut statuses,
        } = pipelines;
        let there: Vec<i64> = categories.iter().map(|category| category.id).collect();
        if there.is_empty() {
            return Err(Failure::permanent("cannot bring the stages over").with_source(Error::NoPipelines));
        }
        let wanted = &self.context.pipelines;
        let (read, missing): (Vec<i64>, Vec<i64>) = match wanted.is_empty() {
            true => (there.clone(), Vec::new()),
            false => wanted.iter().partition(|pipeline| there.contains(pipeline)),
        };
        // A pipeline that the table has stages of was there once: it was deleted in the portal. One that was never there is
        // a mistake in the configuration.
        let known = |pipeline: i64| {
            stored
                .iter()
                .any(|row| row.text(&self.map, "ENTITY_ID") == Some(entity_of(pipeline).as_str()))
        };
        let (gone, unknown): (Vec<i64>, Vec<i64>) =
            missing.into_iter().partition(|pipeline| known(*pipeline));
        if !unknown.is_empty() {
            return Err(Failure::permanent("cannot bring the stages over").with_source(
                Error::UnknownPipelines {
                    wanted: unknown,
                    there,
                },
            ));
        }
        for pipeline in &gone {
            tracing::warn!(
                pipeline,
                "the portal has this pipeline no more; its stages become inactive"
            );
        }
        let entities: Vec<String> = read.iter().copied().map(entity_of).collect();
        let has =
            |statuses: &[Status], entity: &String| statuses.iter().any(|status| status.entity_id == *entity);
        // Where the portal does not give all lists at once, it is asked for each.
        if !entities.iter().all(|entity| has(&statuses, entity)) {
            statuses = portal
                .statuses(&entities)
                .await
                .map_err(|error| portal_failure("read the stages", error))?;
        }
        // A portal may not know the filter and answer with every directory it has.
        statuses.retain(|status| entities.contains(&status.entity_id));
        let silent = |pipeline: &i64| !has(&statuses, &entity_of(*pipeline));
        let silent: Vec<i64> = read.iter().copied().filter(silent).collect();
        for pipeline in &silent {
            tracing::warn!(
                pipeline,
                "the portal shows this pipeline without stages; its stages are left as they are"
            );
        }
        Ok(PortalStages {
            statuses,
            read,
            gone,
            silent,
            everything: wanted.is_empty(),
        })
    }
}
