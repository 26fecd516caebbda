//! What rows need of their deals, read once and kept for a while.

use std::collections::HashSet;
use std::num::NonZeroI64;
use std::sync::Arc;

use ::agent::Failure;
use bitrix_client::{Client, Deal};
use chrono::NaiveDate;
use exchange::portal_failure;
use rustc_hash::FxHashMap;

use crate::shared::Shared;

/// Deals in one generation. It ends with the step in which it has become so many, so it may be some thousands larger: as a rule no more than
/// the 57,344 that a hash table of 65,536 places takes before it grows. At 57 bytes a place, two generations stay under 8 MiB.
const GENERATION: usize = 20_000;

/// What rows need of their deal, packed: there are many at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DealFacts {
    assigned_by: Option<NonZeroI64>,
    created_by: Option<NonZeroI64>,
    moved_by: Option<NonZeroI64>,
    moved_at: Option<NonZeroI64>,
    /// Where the deal is, which many deals share.
    place: Arc<Place>,
    pub(crate) begin_date: Option<NaiveDate>,
    pub(crate) close_date: Option<NaiveDate>,
}

/// A stage of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Place {
    category_id: Option<i64>,
    stage_id: Option<Box<str>>,
}

impl DealFacts {
    /// The responsible user.
    pub(crate) fn assigned_by(&self) -> Option<i64> {
        self.assigned_by.map(NonZeroI64::get)
    }

    /// Who created the deal.
    pub(crate) fn created_by(&self) -> Option<i64> {
        self.created_by.map(NonZeroI64::get)
    }

    /// Who moved the deal last.
    pub(crate) fn moved_by(&self) -> Option<i64> {
        self.moved_by.map(NonZeroI64::get)
    }

    /// When the deal was last moved, as Unix time in seconds.
    pub(crate) fn moved_at(&self) -> Option<i64> {
        self.moved_at.map(NonZeroI64::get)
    }

    /// The pipeline that the deal is in.
    pub(crate) fn category_id(&self) -> Option<i64> {
        self.place.category_id
    }

    /// The stage that the deal is in.
    pub(crate) fn stage_id(&self) -> Option<&str> {
        self.place.stage_id.as_deref()
    }
}

impl From<&Deal> for DealFacts {
    fn from(deal: &Deal) -> Self {
        // The portal's users are numbered from 1, and no deal was moved in the second when 1970 began.
        let packed = |number: Option<i64>| number.and_then(NonZeroI64::new);
        Self {
            assigned_by: packed(deal.assigned_by_id),
            created_by: packed(deal.created_by),
            moved_by: packed(deal.moved_by),
            moved_at: packed(deal.moved_time.map(|time| time.timestamp())),
            place: Arc::new(Place {
                category_id: deal.category_id,
                stage_id: deal.stage_id.as_deref().map(Box::from),
            }),
            begin_date: deal.begin_date,
            close_date: deal.close_date,
        }
    }
}

/// Deals that were read lately. A deal that cannot be read is kept as such.
///
/// They are kept in two generations: what is used moves to the younger one, and the older one is forgotten as a whole when the
/// younger is full. So a deal that is in use stays, at no cost of keeping an order. They are looked up several times for each row, by
/// numbers that the portal has given out one after another: the fastest hash does.
#[derive(Debug)]
pub(crate) struct Deals {
    young: FxHashMap<i64, Option<DealFacts>>,
    old: FxHashMap<i64, Option<DealFacts>>,
    generation: usize,
    places: Shared<Place>,
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
            young: FxHashMap::default(),
            old: FxHashMap::default(),
            generation,
            places: Shared::default(),
        }
    }

    /// Keeps at least so many deals.
    pub(crate) fn keep(&mut self, deals: usize) {
        self.generation = self.generation.max(deals);
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
            facts.place = self.places.of(Arc::unwrap_or_clone(facts.place));
            self.young.insert(deal.id, Some(facts));
        }
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
