//! Steps on their way into the table: written, read back, and only then behind the cursor.
//!
//! While a step is read back, the next ones are written.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ::agent::{Activation, Failure};
use exchange::{Context, Unverified, unless_stopped, write};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use table_map::{Row, TableMap};
use tokio::time::Instant;

use crate::backfill::Steps;
use crate::config::Pace;
use crate::error::Error;
use crate::reader::StepRows;
use crate::state::UploadState;
use crate::switches::{self, uploader_paused};

/// An activation begins nothing more after this long, and ends with what it has begun, so that other agents have their turn and what it knows of deals and stages is
/// never older.
const SLICE: Duration = Duration::from_secs(5 * 60);

/// So many steps are with the store at a time: it goes on to the next one at once.
const WITH_THE_STORE: usize = 2;

/// While steps are written one after another, the switches are looked at, and the durable cursor follows, at this pace: what is behind it when
/// the process ends is written once more.
const OFTEN: Duration = Duration::from_millis(100);

/// An activation that brings steps over.
#[derive(Clone, Copy)]
pub(crate) struct Uploading<'a> {
    pub(crate) context: &'a Context,
    pub(crate) map: &'a TableMap,
    /// The pace, if no switch tells another.
    pub(crate) configured: Pace,
    pub(crate) activation: &'a Activation,
}

/// A step that was written and not yet verified.
struct Written {
    rows: Unverified,
    /// The cursor once it is verified.
    up_to: i64,
    last_key: Option<i64>,
}

/// What those who take steps and those who verify them tell one another.
struct Signs {
    /// Whether another step is to be taken.
    goes_on: AtomicBool,
    /// How many steps are being written.
    writing: AtomicUsize,
}

impl Uploading<'_> {
    /// Whether somebody holds the upload.
    pub(crate) async fn is_held(&self) -> Result<bool, Failure> {
        self.context.is_on(&uploader_paused()).await
    }

    pub(crate) async fn pace(&self) -> Result<Pace, Failure> {
        switches::pace(self.context, self.configured).await
    }

    /// Brings one step over.
    pub(crate) async fn bring_page(&self, step: StepRows, state: &mut UploadState) -> Result<(), Failure> {
        let written = self.write(step).await?;
        self.verify(written, state).await?;
        self.activation.checkpoint(&*state, state.progress()).await
    }

    /// Brings steps over until all are there, or the activation is to end. Whatever goes wrong, what was verified until then is saved.
    pub(crate) async fn bring_over(&self, steps: Steps, state: &mut UploadState) -> Result<(), Failure> {
        let mut saving = Saving::new(self.activation, state);
        let done = self.verified(steps, state, &mut saving).await;
        let saved = saving.save(state).await;
        done.and(saved)
    }

    /// Moves the cursor over each step in its turn.
    async fn verified(
        &self,
        steps: Steps,
        state: &mut UploadState,
        saving: &mut Saving<'_>,
    ) -> Result<(), Failure> {
        let ending = steps.ending();
        let signs = Signs {
            goes_on: AtomicBool::new(true),
            writing: AtomicUsize::new(0),
        };
        let mut written = pin!(self.written(steps, state.until, &signs));
        let mut looked_at: Option<Instant> = None;
        let mut next = written.try_next().await?;
        while let Some(step) = next {
            if saving.began.elapsed() >= SLICE {
                ending.end_early();
            }
            if looked_at.is_none_or(|at| at.elapsed() >= OFTEN) {
                let goes_on = !self.is_held().await? && self.pace().await? == Pace::Fast;
                signs.goes_on.store(goes_on, Ordering::Relaxed);
                looked_at = Some(Instant::now());
            }
            let verified = async {
                self.verify(step, state).await?;
                let busy = signs.writing.load(Ordering::Relaxed) > 0;
                saving.moved(state, busy).await
            };
            let (verified, step) = tokio::join!(verified, written.try_next());
            verified?;
            next = step?;
        }
        Ok(())
    }

    /// The steps up to `until`, written. The first failure is the last item, in its place behind the steps before it.
    fn written(
        &self,
        steps: Steps,
        until: i64,
        signs: &Signs,
    ) -> impl Stream<Item = Result<Written, Failure>> {
        let taken = stream::unfold(Some(steps), move |steps| async move {
            let mut steps = steps?;
            let step = self.take(&mut steps, signs).await.transpose()?;
            let goes_on = step.as_ref().is_ok_and(|step| step.up_to < until);
            Some((step, Some(steps).filter(|_| goes_on)))
        });
        let write = move |step: Result<StepRows, Failure>| async move {
            let step = step?;
            signs.writing.fetch_add(1, Ordering::Relaxed);
            let written = self.write(step).await;
            signs.writing.fetch_sub(1, Ordering::Relaxed);
            written
        };
        taken.map(write).buffered(WITH_THE_STORE)
    }

    /// The next step; `None` when it is not to go on, or the agent is to stop. What is being read then is read again: the portal may take
    /// long, or be away.
    async fn take(&self, steps: &mut Steps, signs: &Signs) -> Result<Option<StepRows>, Failure> {
        if !signs.goes_on.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match unless_stopped(self.activation, steps.next()).await {
            None => Ok(None),
            Some(Some(step)) => step.map(Some),
            Some(None) if steps.ends_early() => Ok(None),
            Some(None) => {
                Err(Failure::permanent("cannot read the stage history").with_source(Error::EndedEarly))
            }
        }
    }

    async fn write(&self, step: StepRows) -> Result<Written, Failure> {
        let last_key = step.rows.last().map(Row::key);
        let at = self.context.target_now();
        let rows = write(self.context.store.as_ref(), self.map, step.rows, at).await?;
        Ok(Written {
            rows,
            up_to: step.up_to,
            last_key,
        })
    }

    /// Verifies a step that was written, and only then moves the cursor over it.
    async fn verify(&self, step: Written, state: &mut UploadState) -> Result<(), Failure> {
        let counts = step.rows.verify(self.context.store.as_ref(), self.map).await?;
        state.written.add(counts);
        state.cursor = step.up_to;
        state.last_key = step.last_key.or(state.last_key);
        Ok(())
    }
}

/// Makes the cursor durable.
///
/// That takes about as long as verifying a step does. So it is done for each step where the portal is what is waited for, and every so often
/// where the table is.
pub(crate) struct Saving<'a> {
    activation: &'a Activation,
    began: Instant,
    /// Rows written before the activation.
    before: u64,
    saved_at: Instant,
    /// Whether the cursor has moved since.
    moved: bool,
}

impl<'a> Saving<'a> {
    pub(crate) fn new(activation: &'a Activation, state: &UploadState) -> Self {
        let now = Instant::now();
        Self {
            activation,
            began: now,
            before: state.written.total(),
            saved_at: now,
            moved: false,
        }
    }

    /// The cursor has moved. `busy` says whether the next step is being written already.
    pub(crate) async fn moved(&mut self, state: &UploadState, busy: bool) -> Result<(), Failure> {
        self.moved = true;
        if busy && self.saved_at.elapsed() < OFTEN {
            return Ok(());
        }
        self.save(state).await
    }

    /// Leaves nothing unsaved.
    pub(crate) async fn save(&mut self, state: &UploadState) -> Result<(), Failure> {
        if !self.moved {
            return Ok(());
        }
        let progress = state.progress().with_rate(self.rate(state.written.total()));
        self.activation.checkpoint(state, progress).await?;
        self.saved_at = Instant::now();
        self.moved = false;
        Ok(())
    }

    /// Rows a second over the activation.
    #[allow(clippy::cast_precision_loss, reason = "an estimate for people")]
    fn rate(&self, written: u64) -> Option<f64> {
        let seconds = self.began.elapsed().as_secs_f64();
        (seconds > 0.5).then(|| (written - self.before) as f64 / seconds)
    }
}
