//! What rows need of their deals, read once and kept for a while.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ::agent::Failure;
use bitrix_client::{Client, Deal};
use chrono::NaiveDate;
use exchange::portal_failure;

/// Deals in one generation. At about 100 bytes each, two generations stay under 12 MiB.
const GENERATION: usize = 60_000;

/// What rows need of their deal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DealFacts {
    pub(crate) assigned_by: Option<i64>,
    pub(crate) created_by: Option<i64>,
    pub(crate) moved_by: Option<i64>,
    /// When the deal was last moved, as Unix time in seconds.
    pub(crate) moved_at: Option<i64>,
    pub(crate) category_id: Option<i64>,
    pub(crate) stage_id: Option<Arc<str>>,
    pub(crate) begin_date: Option<NaiveDate>,
    pub(crate) close_date: Option<NaiveDate>,
}

impl From<&Deal> for DealFacts {
    fn from(deal: &Deal) -> Self {
        Self {
            assigned_by: deal.assigned_by_id,
            created_by: deal.created_by,
            moved_by: deal.moved_by,
            moved_at: deal.moved_time.map(|time| time.timestamp()),
            category_id: deal.category_id,
            stage_id: deal.stage_id.as_deref().map(Arc::from),
            begin_date: deal.begin_date,
            close_date: deal.close_date,
        }
    }
}

/// Deals that were read lately. A deal that cannot be read is kept as such.
///
/// They are kept in two generations: what is used moves to the younger one, and the older one is forgotten as a whole when the
/// younger is full. So a deal that is in use stays, at no cost of keeping an order.
#[derive(Debug)]
pub(crate) struct Deals {
    young: HashMap<i64, Option<DealFacts>>,
    old: HashMap<i64, Option<DealFacts>>,
    generation: usize,
    /// Codes of stages, which many deals share.
    stages: HashSet<Arc<str>>,
}

impl Default for Deals {
    fn default() -> Self {
        Self::with_generation(GENERATION)
    }
}

impl Deals {
    /// Generations of this many deals.
    pub(crate) fn with_generation(generation: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation,
            stages: HashSet::new(),
        }
    }

    /// Reads those of `ids` that are not known yet.
    pub(crate) async fn fetch(
        &mut self,
        portal: &Client,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<(), Failure> {
        let wanted: HashSet<i64> = ids.into_iter().filter(|id| !self.knows(*id)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let deals = portal
            .deals_by_ids(&wanted)
            .await
            .map_err(|error| portal_failure("read the deals of moved stages", error))?;
        self.learn(&wanted, &deals);
        Ok(())
    }

    /// Takes in what the portal answered when it was asked for these deals: those that did not come cannot be read.
    pub(crate) fn learn(&mut self, asked: &[i64], deals: &[Deal]) {
        for id in asked {
            self.young.insert(*id, None);
        }
        for deal in deals {
            let mut facts = DealFacts::from(deal);
            facts.stage_id = facts.stage_id.map(|stage| self.shared(stage));
            self.young.insert(deal.id, Some(facts));
        }
    }

    /// The one copy of a stage's code.
    fn shared(&mut self, stage: Arc<str>) -> Arc<str> {
        if let Some(shared) = self.stages.get(&stage) {
            return Arc::clone(shared);
        }
        self.stages.insert(Arc::clone(&stage));
        stage
    }

    /// Whether the deal was read, or found to be unreadable. It counts as used.
    pub(crate) fn knows(&mut self, id: i64) -> bool {
        if self.young.contains_key(&id) {
            return true;
        }
        match self.old.remove(&id) {
            Some(facts) => {
                self.young.insert(id, facts);
                true
            }
            None => false,
        }
    }

    /// The deal, if it can be read.
    pub(crate) fn get(&self, id: i64) -> Option<&DealFacts> {
        self.young.get(&id).or_else(|| self.old.get(&id))?.as_ref()
    }

    /// Forgets the deals that were not used for long. What was used since the last call but one stays.
    pub(crate) fn trim(&mut self) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
    }
}
