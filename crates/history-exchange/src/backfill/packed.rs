//! Records that wait for others, packed: there are hundreds of thousands at a time.

use std::hash::BuildHasher;
use std::vec::IntoIter;

use bitrix_client::HistoryRecord;
use chrono::{DateTime, FixedOffset};
use rustc_hash::{FxBuildHasher, FxHashMap};
use table_map::SmolStr;

/// So many kinds are known. A portal has some hundreds; records of more than that are kept as they are.
const MOST: usize = 10_000;

/// What many records have in common.
#[derive(Debug)]
struct Kind {
    type_id: Option<i64>,
    category_id: i64,
    stage_semantic_id: Option<SmolStr>,
    stage_id: SmolStr,
    /// The portal's, which changes twice a year.
    offset: FixedOffset,
}

impl Kind {
    fn is_of(&self, record: &HistoryRecord) -> bool {
        self.type_id == record.type_id
            && self.category_id == record.category_id
            && self.stage_semantic_id == record.stage_semantic_id
            && self.stage_id == record.stage_id
            && self.offset == *record.created_time.offset()
    }

    fn hash_of(record: &HistoryRecord) -> u64 {
        FxBuildHasher.hash_one((
            record.type_id,
            record.category_id,
            &record.stage_semantic_id,
            &record.stage_id,
            record.created_time.offset(),
        ))
    }
}

/// The kinds of records that wait.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    kinds: Vec<Kind>,
    /// Their places by their hashes; where two have the same, one has the next.
    places: FxHashMap<u64, u32>,
}

/// A record in 16 bytes: how far its numbers are above the least of its page, and its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed {
    id: u32,
    owner_id: u32,
    created_at: u32,
    kind: u32,
}

/// What the numbers of a page are counted from. Times are Unix times in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Least {
    id: i64,
    owner_id: i64,
    created_at: i64,
}

/// Whose record it is, and when it was made as Unix time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) owner_id: i64,
    pub(crate) created_at: i64,
}

/// The records of a page that were not taken yet.
#[derive(Debug)]
pub(crate) enum Page {
    /// As a rule.
    Packed(Least, IntoIter<Packed>),
    /// Where one of them does not fit: a fraction of a second, numbers that are too far apart, too many kinds.
    Whole(IntoIter<HistoryRecord>),
}

impl Kinds {
    /// Packs the records of a page.
    pub(crate) fn pack(&mut self, records: Vec<HistoryRecord>) -> Page {
        let least = |number: fn(&HistoryRecord) -> i64| records.iter().map(number).min().unwrap_or_default();
        let least = Least {
            id: least(|record| record.id),
            owner_id: least(|record| record.owner_id),
            created_at: least(|record| record.created_time.timestamp()),
        };
        let packed: Option<Vec<Packed>> = records
            .iter()
            .map(|record| self.pack_one(least, record))
            .collect();
        match packed {
            Some(packed) => Page::Packed(least, packed.into_iter()),
            None => Page::Whole(records.into_iter()),
        }
    }

    fn pack_one(&mut self, least: Least, record: &HistoryRecord) -> Option<Packed> {
        let above =
            |number: i64, least: i64| number.checked_sub(least).and_then(|above| above.try_into().ok());
        if record.created_time.timestamp_subsec_nanos() != 0 {
            return None;
        }
        Some(Packed {
            id: above(record.id, least.id)?,
            owner_id: above(record.owner_id, least.owner_id)?,
            created_at: above(record.created_time.timestamp(), least.created_at)?,
            kind: self.place(record)?,
        })
    }

    /// The place of the record's kind. It is looked up for each record, so nothing is copied for that.
    fn place(&mut self, record: &HistoryRecord) -> Option<u32> {
        let mut hash = Kind::hash_of(record);
        while let Some(place) = self.places.get(&hash) {
            if self.at(*place)?.is_of(record) {
                return Some(*place);
            }
            hash = hash.wrapping_add(1);
        }
        let place = u32::try_from(self.kinds.len()).ok()?;
        if self.kinds.len() >= MOST {
            return None;
        }
        self.kinds.push(Kind {
            type_id: record.type_id,
            category_id: record.category_id,
            stage_semantic_id: record.stage_semantic_id.clone(),
            stage_id: record.stage_id.clone(),
            offset: *record.created_time.offset(),
        });
        self.places.insert(hash, place);
        Some(place)
    }

    fn at(&self, place: u32) -> Option<&Kind> {
        self.kinds.get(usize::try_from(place).ok()?)
    }

    /// The record as it was.
    fn unpack(&self, least: Least, packed: Packed) -> Option<HistoryRecord> {
        let kind = self.at(packed.kind)?;
        let created_at = DateTime::from_timestamp(least.created_at + i64::from(packed.created_at), 0)?;
        Some(HistoryRecord {
            id: least.id + i64::from(packed.id),
            type_id: kind.type_id,
            owner_id: least.owner_id + i64::from(packed.owner_id),
            created_time: created_at.with_timezone(&kind.offset),
            category_id: kind.category_id,
            stage_semantic_id: kind.stage_semantic_id.clone(),
            stage_id: kind.stage_id.clone(),
        })
    }

    /// Moves at most `most` records from the front of a page that these kinds have packed.
    pub(crate) fn take(&self, page: &mut Page, most: usize, to: &mut Vec<HistoryRecord>) {
        match page {
            // What was packed comes out again.
            Page::Packed(least, rows) => {
                let rows = rows.take(most);
                to.extend(rows.filter_map(|packed| self.unpack(*least, packed)));
            }
            Page::Whole(rows) => to.extend(rows.take(most)),
        }
    }
}

impl Page {
    /// How many records it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(_, rows) => rows.len(),
            Self::Whole(rows) => rows.len(),
        }
    }

    /// Its records' marks, in their order.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark> {
        let (packed, whole) = match self {
            Self::Packed(least, rows) => (Some((least, rows.as_slice())), None),
            Self::Whole(rows) => (None, Some(rows.as_slice())),
        };
        let packed = packed.into_iter().flat_map(|(least, rows)| {
            rows.iter().map(|packed| Mark {
                owner_id: least.owner_id + i64::from(packed.owner_id),
                created_at: least.created_at + i64::from(packed.created_at),
            })
        });
        let whole = whole.into_iter().flatten().map(|record| Mark {
            owner_id: record.owner_id,
            created_at: record.created_time.timestamp(),
        });
        packed.chain(whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = HistoryRecord> {
        let number = || prop_oneof![8 => 1..100_000_i64, 1 => any::<i64>()];
        let time = (
            prop_oneof![8 => 1_700_000_000..1_800_000_000_i64, 1 => -9_000_000_000..9_000_000_000_i64],
            prop_oneof![8 => Just(0_u32), 1 => 0..1_000_000_000_u32],
            -50_000..50_000_i32,
        );
        let stage = (
            proptest::option::of(1..6_i64),
            0..3_i64,
            proptest::option::of("[PSF]"),
            "[A-C]",
        );
        (number(), number(), time, stage).prop_map(|(id, owner_id, (seconds, nanos, offset), stage)| {
            let (type_id, category_id, stage_semantic_id, stage_id) = stage;
            let offset = FixedOffset::east_opt(offset).unwrap();
            HistoryRecord {
                id,
                type_id,
                owner_id,
                created_time: DateTime::from_timestamp(seconds, nanos)
                    .unwrap()
                    .with_timezone(&offset),
                category_id,
                stage_semantic_id: stage_semantic_id.map(SmolStr::from),
                stage_id: stage_id.into(),
            }
        })
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_as_it_was(records in proptest::collection::vec(record(), 0..60), most in 1..60_usize) {
            let mut kinds = Kinds::default();
            let mut page = kinds.pack(records.clone());
            let marks: Vec<Mark> = page.marks().collect();
            let expected = records.iter().map(|record| Mark {
                owner_id: record.owner_id,
                created_at: record.created_time.timestamp(),
            });
            prop_assert_eq!(marks, expected.collect::<Vec<Mark>>());
            let mut out = Vec::new();
            while page.len() > 0 {
                kinds.take(&mut page, most, &mut out);
            }
            for (one, other) in out.iter().zip(&records) {
                prop_assert_eq!(one.created_time.offset(), other.created_time.offset());
            }
            prop_assert_eq!(out, records);
        }
    }

    #[test]
    fn records_of_a_portal_are_packed_and_too_many_kinds_are_not() {
        let with = |id: i64, stage: String| HistoryRecord {
            id,
            type_id: Some(2),
            owner_id: id + 1,
            created_time: "2026-01-01T00:00:00+03:00".parse().unwrap(),
            category_id: 0,
            stage_semantic_id: Some("P".into()),
            stage_id: stage.into(),
        };
        let mut kinds = Kinds::default();
        let page = kinds.pack(
            (1..=50)
                .map(|id| with(id << 20, format!("C{}:NEW", id % 3)))
                .collect(),
        );
        assert!(matches!(page, Page::Packed(..)));
        for number in (0..MOST).step_by(50) {
            let stage = |id| format!("{}", number + usize::try_from(id).unwrap());
            kinds.pack((1..=50).map(|id| with(id, stage(id))).collect());
        }
        let page = kinds.pack(vec![with(1, "NEW".to_owned())]);
        assert!(matches!(page, Page::Whole(_)));
    }
}
