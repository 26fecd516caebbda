//! Comparing a table with what it mirrors, in both directions, in memory that does not grow with either, and mending what can
//! be mended.
//!
//! Two streams in ascending order of their keys, the portal's rows and the table's, are merged: what only one of them has is
//! missing or [absent](Absent), what both have is compared column by column. A row that looks wrong is looked at again before it
//! counts: both sides go on living while they are compared.
//!
//! An exchange gives its side of the portal as a [`Source`] and calls [`compare`].

mod doubts;
mod engine;
mod patience;
mod ranges;
mod sample;
mod source;
#[cfg(test)]
mod tests;
mod walk;

use agent::{CancellationToken, Failure};
use chrono::NaiveDateTime;
use table_map::TableMap;

use crate::{Context, Exchange, OnProgress, Verification, require_table};
use engine::Engine;

pub use sample::{Portion, Sample, UnknownPortion};
pub use source::{Absent, Source, SourceRows};

/// The end of a comparison that somebody stopped.
pub const STOPPED: &str = "stopped before the end";

/// What to compare, and what to do about what is wrong.
#[derive(Clone)]
pub struct Comparison<'a> {
    /// Only rows whose time, as the table writes it, is this one or later.
    pub since: Option<NaiveDateTime>,
    /// Only rows of these pipelines; empty for all that are configured.
    pub pipelines: Vec<i64>,
    /// Only a part, chosen at random.
    pub sample: Option<Sample>,
    /// Whether to write what is missing or different.
    pub repair: bool,
    /// Ends the comparison, with what was found until then.
    pub stop: CancellationToken,
    /// Receives how far it is.
    pub progress: OnProgress<'a>,
}

impl<'a> Comparison<'a> {
    /// Everything, and nothing is written.
    pub fn whole(progress: OnProgress<'a>) -> Self {
        Self {
            since: None,
            pipelines: Vec::new(),
            sample: None,
            repair: false,
            stop: CancellationToken::new(),
            progress,
        }
    }

    /// What `work` gives, or `None` when somebody stops the comparison before.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = work => Some(done),
        }
    }
}

/// Compares a table with its source. With [`Comparison::repair`] rows that are missing or different are written, verified, and
/// told in [`Verification::mended`]; no other row is touched.
///
/// A failure in the middle that passes is waited for; one that does not, or lasts, ends the comparison with
/// [`Verification::unfinished`], and so does [`Comparison::stop`].
///
/// # Errors
/// When the table is not there or not complete, or when nothing could be read at all.
pub async fn compare<S: Source>(
    context: &Context,
    map: &TableMap,
    source: &mut S,
    task: &Comparison<'_>,
) -> Result<Verification, Failure> {
    require_table(context.store.as_ref(), map).await?;
    let mut engine = Engine::new(context, map, task);
    match task.unless_stopped(engine.run(source)).await {
        Some(Err(failure)) if !engine.has_begun() => Err(failure),
        Some(Err(failure)) => Ok(engine.into_result().unfinished(failure.report())),
        Some(Ok(())) => Ok(engine.into_result()),
        None => Ok(engine.into_result().unfinished(STOPPED)),
    }
}

/// Compares all that an exchange keeps; when it was to be mended and something was, it is compared a second time, and that tells
/// what is left.
///
/// # Errors
/// As [`compare`].
pub async fn verify_exchange(
    exchange: &dyn Exchange,
    task: &Comparison<'_>,
) -> Result<Verification, Failure> {
    let first = exchange.compare(task).await?;
    let changed = first
        .mended
        .as_ref()
        .is_some_and(crate::Mended::changed_something);
    if !changed || first.unfinished.is_some() {
        return Ok(first);
    }
    let again = Comparison {
        repair: false,
        ..task.clone()
    };
    Ok(match exchange.compare(&again).await {
        Ok(second) => Verification {
            mended: first.mended,
            ..second
        },
        Err(failure) => first.unfinished(format!(
            "mended, but the second comparison failed: {}",
            failure.report()
        )),
    })
}
