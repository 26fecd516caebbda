//! The streaming comparison finds what a naive one finds that holds everything in memory, and mends just that.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::ranges::{Range, Windows};
use super::super::{Portion, Sample};
use super::*;

/// The most different case: what a comparison tells, and by which keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    portal: u64,
    stored: u64,
    outside: u64,
    missing: BTreeSet<i64>,
    different: BTreeMap<i64, BTreeSet<String>>,
    extra: BTreeSet<i64>,
    kept: BTreeSet<i64>,
    duplicate: u64,
}

/// Everything at once, from the definitions.
fn naive(source: &Listed, table: &[Row], ranges: &[Range]) -> Found {
    let looked_at = |key: i64| {
        let inside = |range: &Range| range.after.is_none_or(|after| key > after) && key <= range.up_to;
        ranges.iter().any(inside)
    };
    let mut found = Found::default();
    let keys: BTreeSet<i64> = source
        .rows
        .keys()
        .copied()
        .chain(table.iter().map(Row::key))
        .collect();
    for key in keys.into_iter().filter(|key| looked_at(*key)) {
        let here: Vec<&Row> = table.iter().filter(|row| row.key() == key).collect();
        let there = source.rows.get(&key);
        let is_wanted = there.is_some_and(|row| source.is_wanted(row));
        let ours: Vec<&Row> = match is_wanted {
            true => here.clone(),
            false => here.iter().copied().filter(|row| source.is_wanted(row)).collect(),
        };
        found.portal += u64::from(is_wanted);
        found.stored += ours.len() as u64;
        found.outside += (here.len() - ours.len()) as u64;
        found.duplicate += ours.len().saturating_sub(1) as u64;
        match there {
            Some(_) if is_wanted && here.is_empty() => {
                found.missing.insert(key);
            }
            Some(wanted) if !ours.is_empty() => {
                let wrong: BTreeSet<String> = here
                    .iter()
                    .flat_map(|row| table_map::difference(&map(), wanted, row, table_map::Strictness::Merged))
                    .map(|difference| difference.column.to_owned())
                    .collect();
                if !wrong.is_empty() {
                    found.different.insert(key, wrong);
                }
            }
            None if !ours.is_empty() => {
                let highest = source.rows.keys().max().copied().unwrap_or(0);
                let kind = if key < 1 || key > highest {
                    &mut found.extra
                } else {
                    &mut found.kept
                };
                kind.insert(key);
            }
            _ => {}
        }
    }
    found
}

/// What the comparison told, with all keys of the naive one checked against counts and examples.
#[track_caller]
fn assert_same(told: &Verification, naive: &Found) {
    let count = |keys: usize| keys as u64;
    assert_eq!(
        (told.portal, told.stored, told.outside),
        (naive.portal, naive.stored, naive.outside)
    );
    for (kind, finding, keys) in [
        ("missing", &told.missing, &naive.missing),
        ("extra", &told.extra, &naive.extra),
        ("kept", &told.kept, &naive.kept),
        (
            "different",
            &told.different,
            &naive.different.keys().copied().collect(),
        ),
    ] {
        assert_eq!(finding.count, count(keys.len()), "{kind}: {finding:?} {keys:?}");
        assert!(
            finding.examples.iter().all(|key| keys.contains(key)),
            "{kind}: {finding:?} {keys:?}"
        );
        assert_eq!(finding.examples.len(), keys.len().min(20), "{kind}");
    }
    let mut columns: BTreeMap<String, u64> = BTreeMap::new();
    for column in naive.different.values().flatten() {
        *columns.entry(column.clone()).or_default() += 1;
    }
    let told_columns: BTreeMap<String, u64> = told
        .different
        .columns
        .iter()
        .map(|(name, found)| (name.clone(), found.count))
        .collect();
    assert_eq!(told_columns, columns);
    assert_eq!(told.duplicate.count, naive.duplicate);
}

fn thing() -> impl Strategy<Value = Thing> {
    let name = prop_oneof![Just(None), Just(Some("one")), Just(Some("two"))];
    (0..3, 0..10, name, 0..3).prop_map(|(part, time, name, value)| Thing {
        part,
        time,
        name,
        value,
    })
}

/// What happens to a row of the source on its way into the table.
#[derive(Debug, Clone)]
enum Fate {
    Same,
    Missing,
    Other(Thing),
    Twice(Thing),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Same),
        1 => Just(Fate::Missing),
        1 => thing().prop_map(Fate::Other),
        1 => thing().prop_map(Fate::Twice),
    ]
}

/// A source and a table that ought to be its mirror.
fn world() -> impl Strategy<Value = (Vec<Row>, Vec<Row>)> {
    let portal = prop::collection::btree_map(1_i64..400, (thing(), fate()), 0..120);
    let only_here = prop::collection::btree_map(-3_i64..450, thing(), 0..25);
    (portal, only_here).prop_map(|(portal, only_here)| {
        let mut table = Vec::new();
        for (key, (thing, fate)) in &portal {
            match fate {
                Fate::Same => table.push(row(*key, *thing)),
                Fate::Missing => {}
                Fate::Other(other) => table.push(row(*key, *other)),
                Fate::Twice(other) => table.extend([row(*key, *thing), row(*key, *other)]),
            }
        }
        let strangers = only_here.into_iter().filter(|(key, _)| !portal.contains_key(key));
        table.extend(strangers.map(|(key, thing)| row(key, thing)));
        let portal = portal
            .into_iter()
            .map(|(key, (thing, _))| row(key, thing))
            .collect();
        (portal, table)
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(work)
}

const EVERYTHING: Range = Range {
    after: None,
    up_to: i64::MAX,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn everything_that_is_wrong_is_found_and_nothing_else(
        (portal, table) in world(), step in 1_i64..60, parts in prop::collection::vec(0_i64..3, 0..3), since in prop::option::of(0_i64..10),
    ) {
        let store = Arc::new(MemoryStore::with(table.clone()));
        let mut source = Listed { step, parts, since, ..Listed::new(portal) };
        let told = run(compared(&store, &mut source, false));
        let wanted = naive(&source, &table, &[EVERYTHING]);
        assert_same(&told, &wanted);
        let nothing_is_shown = wanted.portal == 0 && wanted.stored > 0;
        prop_assert_eq!(told.unfinished.is_some(), nothing_is_shown);
        prop_assert!(store.kept().iter().all(|kept| kept.changed.is_none()), "a comparison writes nothing");
    }

    #[test]
    fn a_sample_finds_what_is_in_its_windows(
        (portal, table) in world(), step in 1_i64..60, seed: u64, share in 0.05_f64..1.0,
    ) {
        let store = Arc::new(MemoryStore::with(table.clone()));
        let mut source = Listed { step, ..Listed::new(portal) };
        let sample = Sample { portion: Portion::Share(share), seed };
        let Some((lowest, highest)) = run(source.bounds()).unwrap() else { return Ok(()) };
        let ranges: Vec<Range> = Windows::new(sample, lowest, highest, table.len() as u64).collect();
        let task = Comparison { sample: Some(sample), ..task(false) };
        let told = run(compare(&context(&store), &map(), &mut source, &task)).unwrap();
        assert_same(&told, &naive(&source, &table, &ranges));
    }

    #[test]
    fn repair_mends_all_that_can_be_mended_and_touches_nothing_else(
        (portal, table) in world(), step in 1_i64..60, parts in prop::collection::vec(0_i64..3, 0..3),
    ) {
        let store = Arc::new(MemoryStore::with(table.clone()));
        let mut source = Listed { step, parts, ..Listed::new(portal) };
        let before = naive(&source, &table, &[EVERYTHING]);
        if before.portal == 0 { return Ok(()) }

        let told = run(compared(&store, &mut source, true));

        assert_same(&told, &before);
        let mended = told.mended.clone().unwrap();
        prop_assert_eq!(mended.written.inserted, before.missing.len() as u64);
        prop_assert_eq!(mended.written.changed, before.different.len() as u64);
        let wrong: BTreeSet<i64> = before.missing.iter().chain(before.different.keys()).copied().collect();
        for kept in store.kept() {
            let key = kept.row.key();
            prop_assert!(kept.changed.is_none() || wrong.contains(&key), "row {} was touched", key);
            if !wrong.contains(&key) {
                prop_assert!(table.contains(&kept.row));
            }
        }
        // And what is left is what nobody can mend.
        let rows: Vec<Row> = store.kept().into_iter().map(|kept| kept.row).collect();
        let left = run(compared(&store, &mut source, false));
        assert_same(&left, &naive(&source, &rows, &[EVERYTHING]));
        prop_assert_eq!((left.missing.count, left.different.count), (0, 0));
        prop_assert_eq!(left.extra.count, before.extra.len() as u64);
        prop_assert_eq!(left.kept.count, before.kept.len() as u64);
    }
}
