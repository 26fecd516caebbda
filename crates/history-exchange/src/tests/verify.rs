//! The comparison of the history, against a portal on loopback.

use ::agent::Outcome;
use chrono::{NaiveDateTime, TimeDelta};
use demo_portal::Semantics;
use exchange::{Comparison, Environment, Portion, Sample, Verification, verify_exchange};
use store::Store;
use table_map::{Row, Value};

use super::bench::Bench;
use crate::mapping::table;

async fn uploaded(mut bench: Bench, pipelines: &[i64]) -> Bench {
    bench.pipelines = pipelines.to_vec();
    assert_eq!(
        bench.agent().activate(&bench.activation()).await.unwrap(),
        Outcome::Done
    );
    bench
}

async fn compared(bench: &Bench, choose: impl FnOnce(&mut Comparison<'_>)) -> Verification {
    let mut task = Comparison::whole(&|_| {});
    choose(&mut task);
    verify_exchange(bench.exchange().as_ref(), &task).await.unwrap()
}

/// Writes a row with some values changed, past the program.
async fn tamper(bench: &Bench, row: &Row, changes: &[(&str, Value)]) {
    let map = table(Environment::Test).unwrap();
    let mut values = row.values().to_vec();
    for (column, value) in changes {
        values[map.position(column).unwrap()] = value.clone();
    }
    let row = Row::new(&map, values).unwrap();
    bench
        .store
        .upsert(&map, &[row], NaiveDateTime::MIN)
        .await
        .unwrap();
}

fn wrong_stage() -> [(&'static str, Value); 1] {
    [("STAGE_ID", "C3:FAKE".into())]
}

#[tokio::test]
async fn moves_since_a_day_are_compared_alone_in_the_tables_zone() {
    let mut bench = Bench::new(150).await;
    bench.timezone = chrono_tz::Pacific::Auckland;
    let bench = uploaded(bench, &[]).await;
    let map = table(Environment::Test).unwrap();
    let rows: Vec<Row> = bench.rows().await.into_values().collect();
    let created = |row: &Row| match row.get(&map, "CREATED_TIME") {
        Some(Value::DateTime(Some(created))) => *created,
        other => panic!("{other:?}"),
    };
    let since = created(&rows[rows.len() / 2]);
    let early = rows.iter().find(|row| created(row) < since).unwrap();
    let late = rows.iter().rfind(|row| created(row) >= since).unwrap();
    tamper(&bench, early, &wrong_stage()).await;
    tamper(&bench, late, &wrong_stage()).await;

    let found = compared(&bench, |task| task.since = Some(since)).await;

    assert_eq!(found.different.examples, [late.key()]);
    let wanted = rows.iter().filter(|row| created(row) >= since).count() as u64;
    assert_eq!((found.portal, found.stored), (wanted, wanted));
    let whole = compared(&bench, |_| {}).await;
    assert_eq!(whole.different.count, 2);

    // And nothing is there after the last move.
    let later = rows.iter().map(created).max().unwrap() + TimeDelta::days(1);
    let none = compared(&bench, |task| task.since = Some(later)).await;
    assert!(none.is_true(), "{none:?}");
    assert_eq!((none.portal, none.stored), (0, 0));
}

#[tokio::test]
async fn some_pipelines_are_compared_alone_and_only_those_that_are_configured() {
    let bench = uploaded(Bench::new(150).await, &[0, 3]).await;
    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    let of = |row: &Row, pipeline| row.integer(&map, "CATEGORY_ID") == Some(pipeline);
    for pipeline in [0, 3] {
        let row = rows.values().find(|row| of(row, pipeline)).unwrap();
        tamper(&bench, row, &wrong_stage()).await;
    }

    let found = compared(&bench, |task| task.pipelines = vec![3]).await;

    let wanted = rows.values().filter(|row| of(row, 3)).count() as u64;
    assert_eq!(
        (found.portal, found.stored, found.different.count),
        (wanted, wanted, 1)
    );
    assert_eq!(found.outside, rows.len() as u64 - wanted);

    let mut task = Comparison::whole(&|_| {});
    task.pipelines = vec![5];
    let failure = bench.exchange().compare(&task).await.unwrap_err();
    assert!(failure.to_string().contains("pipeline 5"), "{failure}");
}

#[tokio::test]
async fn a_row_that_the_portal_cannot_have_had_is_extra_and_one_that_it_may_have_had_is_kept() {
    let bench = uploaded(Bench::new(80).await, &[]).await;
    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    let highest = *rows.keys().last().unwrap();
    let newest = rows.values().last().unwrap();
    let model = bench.portal.model();
    let readable = model.deals().into_iter().find(|deal| deal.readable).unwrap();
    let plant = |key: i64, deal: i64| [("EXTERNAL_ID", Value::from(key)), ("OWNER_ID", Value::from(deal))];
    tamper(&bench, newest, &plant(highest + 5, readable.id.into())).await;
    tamper(&bench, newest, &plant(highest + 6, 9_999_999)).await;
    tamper(&bench, newest, &plant(-1, readable.id.into())).await;

    let found = compared(&bench, |_| {}).await;

    assert_eq!(found.extra.examples, [-1, highest + 5]);
    assert_eq!(
        found.kept.examples,
        [highest + 6],
        "its deal may have been deleted"
    );
    assert!(!found.is_true());
    assert_eq!(found.different.count, 0);
    // A deal that was deleted took its rows along; they are kept and no mistake.
    drop(model.delete_deal(readable.id).unwrap());
    let found = compared(&bench, |task| task.repair = true).await;
    let own = |row: &&Row| row.integer(&map, "OWNER_ID") == Some(readable.id.into());
    assert_eq!(found.kept.count, 2 + rows.values().filter(own).count() as u64);
    assert_eq!(
        bench.rows().await.len(),
        rows.len() + 3,
        "nothing is ever deleted"
    );
}

#[tokio::test]
async fn a_sample_is_a_part_and_the_same_seed_gives_the_same_part() {
    let bench = uploaded(Bench::new(1500).await, &[]).await;
    let rows = bench.truth().len() as u64;
    let of = |seed| {
        let sample = Sample {
            portion: Portion::Share(0.2),
            seed,
        };
        compared(&bench, move |task| task.sample = Some(sample))
    };
    let (one, again, other) = (of(1).await, of(1).await, of(2).await);
    assert!(one.is_true() && other.is_true());
    assert!(
        (rows / 10..rows / 3).contains(&one.portal),
        "{} of {rows}",
        one.portal
    );
    assert_eq!(one, again);
}

#[tokio::test]
async fn repair_brings_over_what_the_table_lacks_with_names_of_stages_that_it_did_not_know() {
    let bench = uploaded(Bench::new(120).await, &[]).await;
    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    let altered: Vec<i64> = rows.keys().copied().step_by(40).collect();
    for key in &altered {
        tamper(&bench, &rows[key], &wrong_stage()).await;
    }
    let model = bench.portal.model();
    model
        .add_stage(3, "C3:LATER", "Later", Semantics::InProgress)
        .unwrap();
    let deal = model.add_deal("C3:NEW", "New", 1).unwrap();
    let moved = i64::from(model.move_deal(deal, "C3:LATER", 77).unwrap());

    let found = compared(&bench, |task| task.repair = true).await;

    assert!(found.is_true(), "{found:?}");
    let mended = found.mended.unwrap();
    assert_eq!(mended.missing.count, 2);
    assert_eq!(mended.written.inserted, 2);
    assert_eq!(mended.different.examples, altered);
    assert!(mended.different.columns.keys().eq(["STAGE_ID"]));
    let after = bench.rows().await;
    let row = &after[&moved];
    assert_eq!(row.text(&map, "NAME"), Some("Later"));
    assert_eq!(
        (
            row.integer(&map, "RESPONSIBLE_ID"),
            row.text(&map, "RESPONSIBLE_SOURCE")
        ),
        (Some(77), Some("moved_by"))
    );
    for (key, row) in &rows {
        assert_eq!(&after[key], row, "row {key} is as it was uploaded");
    }
}

#[tokio::test]
async fn a_portal_that_shows_nothing_any_more_is_not_taken_for_an_empty_one() {
    let bench = uploaded(Bench::new(20).await, &[]).await;
    let model = bench.portal.model();
    for id in bench.truth() {
        model.hide_row(u32::try_from(id).unwrap()).unwrap();
    }
    let found = compared(&bench, |_| {}).await;
    assert!(
        found
            .unfinished
            .unwrap()
            .contains("may the webhook's user read deals?")
    );
}
