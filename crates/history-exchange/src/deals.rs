//! What rows need of their deals, read once and kept for a while.

use std::collections::{HashMap, HashSet, VecDeque};

use ::agent::Failure;
use bitrix_client::{Client, Deal};
use chrono::NaiveDate;
use exchange::portal_failure;

/// Deals to keep. At about 150 bytes each this bounds the memory to some 10 MiB.
const KEEP: usize = 50_000;

/// What rows need of their deal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DealFacts {
    pub(crate) assigned_by: Option<i64>,
    pub(crate) created_by: Option<i64>,
    pub(crate) moved_by: Option<i64>,
    /// When the deal was last moved, as Unix time in seconds.
    pub(crate) moved_at: Option<i64>,
    pub(crate) category_id: Option<i64>,
    pub(crate) stage_id: Option<Box<str>>,
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
            stage_id: deal.stage_id.as_deref().map(Box::from),
            begin_date: deal.begin_date,
            close_date: deal.close_date,
        }
    }
}

/// Deals that were read lately. A deal that cannot be read is kept as such.
#[derive(Debug, Default)]
pub(crate) struct Deals {
    known: HashMap<i64, Option<DealFacts>>,
    order: VecDeque<i64>,
}

impl Deals {
    /// Reads those of `ids` that are not known yet.
    pub(crate) async fn fetch(
        &mut self,
        portal: &Client,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<(), Failure> {
        let wanted: HashSet<i64> = ids
            .into_iter()
            .filter(|id| !self.known.contains_key(id))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut wanted: Vec<i64> = wanted.into_iter().collect();
        wanted.sort_unstable();
        let deals = portal
            .deals_by_ids(&wanted)
            .await
            .map_err(|error| portal_failure("read the deals of moved stages", error))?;
        let mut found: HashMap<i64, DealFacts> = deals
            .iter()
            .map(|deal| (deal.id, DealFacts::from(deal)))
            .collect();
        for id in wanted {
            self.known.insert(id, found.remove(&id));
            self.order.push_back(id);
        }
        Ok(())
    }

    /// The deal, if it can be read.
    pub(crate) fn get(&self, id: i64) -> Option<&DealFacts> {
        self.known.get(&id)?.as_ref()
    }

    /// Forgets the deals that were read first, beyond the bound.
    pub(crate) fn trim(&mut self) {
        while self.order.len() > KEEP {
            if let Some(id) = self.order.pop_front() {
                self.known.remove(&id);
            }
        }
    }
}
