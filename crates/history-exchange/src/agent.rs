//! The uploader: the agent that brings the whole history over.

use std::sync::Arc;
use std::time::Duration;

use ::agent::{Activation, Agent, AgentRequest, Failure, Outcome};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use exchange::{Context, Scope, ensure_table, ensure_writable, store_failure, unless_stopped};
use stage_list_exchange::StageList;
use table_map::TableMap;

use crate::actualizer::{Desk, FOLLOW};
use crate::backfill::read_ahead;
use crate::config::{Pace, UploaderConfig};
use crate::reader::Reader;
use crate::reconcile::RECONCILE;
use crate::state::{FollowState, ReconcileState, SeenChanges, UploadState};
use crate::uploading::Uploading;
use crate::views::Views;

/// The name of the agent.
pub const AGENT: &str = "history.upload";

/// The old module's pace.
const GENTLE: Duration = Duration::from_secs(2 * 60);

/// The clocks of the portal and of this machine may differ by this much.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// How often a held upload looks whether it may go on.
const HELD: Duration = Duration::from_secs(5);

/// How long after an upload the first reconciliation begins.
const RECONCILE_AFTER: Duration = Duration::from_secs(10 * 60);

/// Brings the whole history over, step by verified step.
pub(crate) struct UploadAgent {
    context: Context,
    map: TableMap,
    stages: Arc<StageList>,
    views: Arc<Views>,
    config: UploaderConfig,
}

impl UploadAgent {
    pub(crate) fn new(desk: Desk, config: UploaderConfig) -> Self {
        let Desk {
            context,
            map,
            stages,
            views,
        } = desk;
        Self {
            context,
            map,
            stages,
            views,
            config,
        }
    }

    /// What an activation works with: tables made, stages in step, and where to go on. `None` when the portal has no history.
    async fn prepare(&self, activation: &Activation) -> Result<Option<(Reader, UploadState)>, Failure> {
        ensure_writable(self.context.store.as_ref(), &self.map).await?;
        let scope = self.context.scope();
        let saved = self.saved(activation, &scope).await?;
        let (context, map, stages) = (self.context.clone(), self.map.clone(), Arc::clone(&self.stages));
        if let Some(state) = saved {
            let reader = Reader::new(context, map, stages).await?;
            self.views.ensure(&self.context).await;
            return Ok(Some((reader, state)));
        }
        let (reader, bounds) = match self.uploading(activation).pace().await? {
            Pace::Fast => Reader::open(context, map, stages).await?,
            Pace::Gentle => {
                let reader = Reader::new(context, map, stages).await?;
                let bounds = reader.bounds().await?;
                (reader, bounds)
            }
        };
        self.views.ensure(&self.context).await;
        let state = self.begin(activation, scope, bounds).await?;
        Ok(state.map(|state| (reader, state)))
    }

    /// The saved state, if it is true for what we work on.
    async fn saved(&self, activation: &Activation, scope: &Scope) -> Result<Option<UploadState>, Failure> {
        let state = match activation.input::<UploadState>() {
            Ok(Some(state)) => state,
            Ok(None) => return Ok(None),
            Err(unreadable) => {
                tracing::warn!(error = unreadable.report(), "starting over");
                return Ok(None);
            }
        };
        if state.scope != *scope {
            tracing::warn!(
                "portal, target, zone or pipelines are not those of the saved upload; starting over"
            );
            return Ok(None);
        }
        if let Some(key) = state.last_key {
            let store = self.context.store.as_ref();
            if store
                .read_back(&self.map, &[key])
                .await
                .map_err(store_failure)?
                .is_empty()
            {
                tracing::warn!(
                    table = self.map.name(),
                    row = key,
                    "the last row that was uploaded is not in the table any more; starting over"
                );
                return Ok(None);
            }
        }
        Ok(Some(state))
    }

    /// The state at the beginning of an upload. `None` when the portal has no history.
    async fn begin(
        &self,
        activation: &Activation,
        scope: Scope,
        bounds: Option<(i64, i64)>,
    ) -> Result<Option<UploadState>, Failure> {
        let Some((lowest, highest)) = bounds else {
            tracing::warn!("the portal shows no stage history; may the webhook's user read deals?");
            return Ok(None);
        };
        let from = lowest.saturating_sub(1);
        let state = UploadState {
            scope,
            from,
            cursor: from,
            last_key: None,
            started_at: self.context.clock.now(),
            until: highest,
            written: exchange::WriteCounts::default(),
        };
        activation.checkpoint(&state, state.progress()).await?;
        Ok(Some(state))
    }

    fn uploading<'a>(&'a self, activation: &'a Activation) -> Uploading<'a> {
        Uploading {
            context: &self.context,
            map: &self.map,
            configured: self.config.pace,
            activation,
        }
    }

    /// Makes the indexes that waited until all rows were there.
    async fn complete_table(&self) -> Result<(), Failure> {
        ensure_table(self.context.store.as_ref(), &self.map).await
    }

    /// Everything up to `cursor` is in the table: from here on the actualizer keeps it true.
    async fn hand_over(
        &self,
        activation: &Activation,
        cursor: i64,
        started_at: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let scope = self.context.scope();
        let json = |value: serde_json::Result<serde_json::Value>| {
            value
                .map_err(|error| Failure::permanent("cannot write the actualizer's input").with_source(error))
        };
        let follow = json(serde_json::to_value(FollowState {
            scope: scope.clone(),
            cursor,
            changes: SeenChanges::none_since(started_at - CLOCKS_DIFFER),
        }))?;
        let reconcile = json(serde_json::to_value(ReconcileState { scope, turn: None }))?;
        activation
            .queue(AgentRequest::now(FOLLOW).with_input(follow))
            .await?;
        // What the upload has just verified need not be compared at once.
        activation
            .queue(
                AgentRequest::now(RECONCILE)
                    .with_input(reconcile)
                    .after(RECONCILE_AFTER),
            )
            .await
    }
}

#[async_trait]
impl Agent for UploadAgent {
    fn name(&self) -> &str {
        AGENT
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        let uploading = self.uploading(activation);
        if uploading.is_held().await? {
            let state = activation.input::<UploadState>().ok().flatten();
            let progress = state.map(|state| state.progress()).unwrap_or_default();
            activation
                .report(progress.with_note("held by the switch uploader.paused"))
                .await?;
            return Ok(Outcome::Again { after: HELD });
        }
        let Some(begun) = unless_stopped(activation, self.prepare(activation)).await else {
            return Ok(Outcome::Again {
                after: Duration::ZERO,
            });
        };
        let Some((mut reader, mut state)) = begun? else {
            activation
                .report(::agent::Progress::new(0, Some(0), "rows"))
                .await?;
            self.complete_table().await?;
            self.hand_over(activation, 0, self.context.clock.now()).await?;
            return Ok(Outcome::done());
        };
        let pause = match uploading.pace().await? {
            Pace::Fast => {
                if state.cursor < state.until {
                    let steps = read_ahead(reader, state.cursor, state.until);
                    uploading.bring_over(steps, &mut state).await?;
                }
                Duration::ZERO
            }
            Pace::Gentle => {
                let page = reader.page(state.cursor, state.until);
                let Some(page) = unless_stopped(activation, page).await else {
                    return Outcome::next(&state, Duration::ZERO);
                };
                uploading.bring_page(page?, &mut state).await?;
                GENTLE
            }
        };
        if state.cursor >= state.until {
            let progress = state
                .progress()
                .with_note("all rows are there; making what is lacking of indexes");
            activation.report(progress).await?;
            self.complete_table().await?;
            activation.report(state.progress()).await?;
            self.hand_over(activation, state.cursor, state.started_at).await?;
            Ok(Outcome::done())
        } else {
            Outcome::next(&state, pause)
        }
    }
}
