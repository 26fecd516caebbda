//! What every exchange works with.

use std::fmt;
use std::sync::Arc;

use agent::{Clock, Failure};
use bitrix_client::Client;
use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use store::Store;

use crate::{Environment, Switch, Switches};

/// What every exchange works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The portal.
    pub portal: Client,
    /// The portal for people, without its secret.
    pub portal_name: String,
    /// The target.
    pub store: Arc<dyn Store>,
    /// Which set of tables.
    pub environment: Environment,
    /// The zone in which the target's times are written.
    pub timezone: Tz,
    /// The pipelines to bring over; empty means all.
    pub pipelines: Vec<i64>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What people have switched while the program runs.
    pub switches: Arc<dyn Switches>,
}

impl Context {
    /// An instant as the target writes it: the clock face in the target's time zone.
    pub fn target_time<Z: TimeZone>(&self, instant: &DateTime<Z>) -> NaiveDateTime {
        instant.with_timezone(&self.timezone).naive_local()
    }

    /// Now, as the target writes it, in whole milliseconds: the finest that every target keeps alike.
    pub fn target_now(&self) -> NaiveDateTime {
        let now = self.target_time(&self.clock.now());
        let millis = now.and_utc().timestamp_subsec_millis();
        chrono::Timelike::with_nanosecond(&now, millis * 1_000_000).unwrap_or(now)
    }

    /// What a switch is set to.
    ///
    /// # Errors
    /// Passing, when the state cannot be read.
    pub async fn switch(&self, switch: &Switch) -> Result<serde_json::Value, Failure> {
        Ok(self
            .switches
            .get(switch.key)
            .await?
            .unwrap_or_else(|| switch.default.clone()))
    }

    /// Whether a switch of the kind [`SwitchKind::OnOff`](crate::SwitchKind::OnOff) is on.
    ///
    /// # Errors
    /// Passing, when the state cannot be read.
    pub async fn is_on(&self, switch: &Switch) -> Result<bool, Failure> {
        Ok(self.switch(switch).await? == serde_json::Value::Bool(true))
    }

    /// The same for some of the configured pipelines only; an empty list leaves it as it is.
    ///
    /// # Errors
    /// Permanent, when one of them is not configured.
    pub fn narrowed(&self, pipelines: &[i64]) -> Result<Self, Failure> {
        let configured = |pipeline: &&i64| self.pipelines.is_empty() || self.pipelines.contains(pipeline);
        if let Some(stranger) = pipelines.iter().find(|pipeline| !configured(pipeline)) {
            return Err(Failure::permanent(format!(
                "pipeline {stranger} is not among portal.pipelines"
            )));
        }
        let mut narrowed = self.clone();
        if !pipelines.is_empty() {
            narrowed.pipelines = pipelines.to_vec();
        }
        Ok(narrowed)
    }

    /// What durable state is true for: see [`Scope`].
    pub fn scope(&self) -> Scope {
        let mut pipelines = self.pipelines.clone();
        pipelines.sort_unstable();
        pipelines.dedup();
        Scope {
            portal: self.portal_name.clone(),
            target: self.store.target(),
            environment: self.environment,
            timezone: self.timezone.name().to_owned(),
            pipelines,
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("portal", &self.portal_name)
            .field("store", &self.store.target())
            .field("environment", &self.environment)
            .field("timezone", &self.timezone)
            .field("pipelines", &self.pipelines)
            .finish_non_exhaustive()
    }
}

/// What an exchange's durable state is true for. A cursor says "up to here everything is in the table": of this portal, in
/// this target, for these pipelines. When any of them changes, the state says nothing any more, and the work starts over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    portal: String,
    target: String,
    environment: Environment,
    timezone: String,
    pipelines: Vec<i64>,
}
