//! Tables that another program made: `int`, `varchar`, `datetime`, no unique index, duplicates, a column too few.

use chrono::NaiveDateTime;
use store::conformance::Subject;
use store::conformance::support::{Record, at, columns, day};
use store::{ErrorKind, Upserted, planner};
use table_map::{Index, Row, TableMap};

use super::server;

/// Each test over the test server and over the one that was asked for.
macro_rules! on_both_servers {
    ($($test:ident)*) => {
        mod on_the_test_server {
            $(#[tokio::test] async fn $test() { super::$test(super::server::subject_of_its_own()).await; })*
        }
        mod on_the_server_asked_for {
            $(#[tokio::test] async fn $test() {
                if let Some(target) = super::server::asked_for() {
                    super::$test(super::server::subject(target)).await;
                }
            })*
        }
    };
}

on_both_servers! {
    a_table_of_the_old_module_is_migrated_and_written_and_then_unchanged
    a_time_that_the_column_rounds_is_unchanged_when_it_comes_again
    what_a_column_cannot_hold_is_refused_with_key_and_column
    a_text_outside_a_code_page_is_refused_or_kept_whole
    a_column_that_was_widened_meanwhile_takes_the_value
    a_thousand_rows_with_three_duplicates_are_reported_and_merged_to_the_oldest
    a_statement_that_a_dba_ran_by_hand_leaves_nothing_to_plan
}

/// The map of a table that is there in the old form.
async fn old_table(subject: &Subject) -> TableMap {
    let map = columns(&format!("{}RECORDS", subject.prefix))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap();
    let create = format!(
        "CREATE TABLE {} (ID int IDENTITY(1,1) PRIMARY KEY, ACTIVE char(1) NULL, DATE_INSERT datetime NULL, EXTERNAL_ID int NULL, \
         TITLE varchar(50) NULL, RANKING int NULL, AMOUNT int NULL, PERSON int NULL, ORIGIN varchar(20) NULL, \
         BEGIN_DATE datetime NULL, CREATED_TIME datetime NULL, DATE_UPDATE datetime NULL, REMARK varchar(10) NULL)",
        map.name()
    );
    subject.backdoor.execute(&create).await;
    map
}

async fn migrate(subject: &Subject, map: &TableMap) {
    let shape = subject.store.inspect(map).await.unwrap();
    let plan = planner::plan(map, shape.as_ref()).unwrap();
    subject.store.apply(&plan).await.unwrap();
}

async fn write(subject: &Subject, map: &TableMap, records: &[Record], at: NaiveDateTime) -> Upserted {
    let rows: Vec<Row> = records.iter().map(|record| record.row(map)).collect();
    let mut done = subject.store.upsert(map, &rows, at).await.unwrap();
    done.inserted.sort_unstable();
    done.changed.sort_unstable();
    done
}

fn record(key: i64) -> Record {
    Record {
        title: Some(format!("deal {key}")),
        amount: Some(key),
        ranking: Some(1),
        begin_date: Some(day(2024, 2, 29)),
        created_time: day(2024, 2, 29).and_hms_opt(23, 59, 59),
        ..Record::empty(key)
    }
}

async fn a_table_of_the_old_module_is_migrated_and_written_and_then_unchanged(subject: Subject) {
    let map = old_table(&subject).await;
    let shape = subject.store.inspect(&map).await.unwrap().unwrap();
    let plan = planner::plan(&map, Some(&shape)).unwrap();
    assert_eq!(plan.steps().len(), 2, "a column and an index: {:?}", plan.steps());
    subject.store.apply(&plan).await.unwrap();
    for many in [2, 30] {
        let step: Vec<Record> = (many * 100..many * 101).map(record).collect();
        let keys: Vec<i64> = step.iter().map(|record| record.key).collect();
        let count = u64::try_from(keys.len()).unwrap();
        assert_eq!(write(&subject, &map, &step, at(0)).await.inserted, keys);
        let again = write(&subject, &map, &step, at(1)).await;
        assert_eq!(
            (again.inserted.len(), again.changed.len(), again.unchanged),
            (0, 0, count)
        );
        let back = subject.store.read_back(&map, &keys).await.unwrap();
        let rows: Vec<Row> = step.iter().map(|record| record.row(&map)).collect();
        assert_eq!(back, rows);
    }
}

async fn a_time_that_the_column_rounds_is_unchanged_when_it_comes_again(subject: Subject) {
    let map = old_table(&subject).await;
    migrate(&subject, &map).await;
    let rounded = Record {
        created_time: day(2024, 2, 29).and_hms_milli_opt(12, 0, 0, 998),
        ..record(1)
    };
    write(&subject, &map, std::slice::from_ref(&rounded), at(0)).await;
    let again = write(&subject, &map, &[rounded], at(1)).await;
    assert_eq!(again.unchanged, 1);
}

async fn what_a_column_cannot_hold_is_refused_with_key_and_column(subject: Subject) {
    let map = old_table(&subject).await;
    migrate(&subject, &map).await;
    let good = record(7);
    let bad = [
        (
            "AMOUNT",
            Record {
                amount: Some(1 << 40),
                ..record(9)
            },
        ),
        (
            "TITLE",
            Record {
                title: Some("x".repeat(51)),
                ..record(9)
            },
        ),
        ("EXTERNAL_ID", record(1 << 40)),
    ];
    for (column, bad) in bad {
        let rows = [good.row(&map), bad.row(&map)];
        let error = subject.store.upsert(&map, &rows, at(0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        let text = error.to_string();
        assert!(
            text.contains(column) && text.contains(&bad.key.to_string()),
            "{text}"
        );
        assert_eq!(
            subject.store.count(&map).await.unwrap(),
            0,
            "nothing of the step was written"
        );
    }
}

/// SQL Server would store question marks. Babelfish keeps all of Unicode in a `varchar`.
async fn a_text_outside_a_code_page_is_refused_or_kept_whole(subject: Subject) {
    let map = old_table(&subject).await;
    migrate(&subject, &map).await;
    let rows = foreign_rows(&map);
    match subject.store.upsert(&map, &rows, at(0)).await {
        Ok(_) => assert_eq!(subject.store.read_back(&map, &[7, 9]).await.unwrap(), rows),
        Err(error) => assert_refused(&subject, &map, &error).await,
    }
}

#[tokio::test]
async fn a_text_outside_a_code_page_is_refused_as_sql_server_would_lose_it() {
    let subject = server::subject_of_its_own();
    let map = old_table(&subject).await;
    migrate(&subject, &map).await;
    let error = subject
        .store
        .upsert(&map, &foreign_rows(&map), at(0))
        .await
        .unwrap_err();
    assert_refused(&subject, &map, &error).await;
}

fn foreign_rows(map: &TableMap) -> [Row; 2] {
    let foreign = Record {
        title: Some("名前 😀".to_owned()),
        ..record(9)
    };
    [record(7).row(map), foreign.row(map)]
}

async fn assert_refused(subject: &Subject, map: &TableMap, error: &store::Error) {
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("row 9") && text.contains("TITLE") && !text.contains("名前"),
        "{text}"
    );
    assert_eq!(subject.store.count(map).await.unwrap(), 0);
}

async fn a_column_that_was_widened_meanwhile_takes_the_value(subject: Subject) {
    let map = old_table(&subject).await;
    migrate(&subject, &map).await;
    let long = Record {
        title: Some("x".repeat(200)),
        ..record(9)
    };
    let row = [long.row(&map)];
    assert!(subject.store.upsert(&map, &row, at(0)).await.is_err());
    write(&subject, &map, &[record(1)], at(0)).await;
    let alter = format!("ALTER TABLE {} ALTER COLUMN TITLE nvarchar(255)", map.name());
    subject.backdoor.execute(&alter).await;
    assert_eq!(
        subject.store.upsert(&map, &row, at(0)).await.unwrap().inserted,
        [9]
    );
}

async fn a_thousand_rows_with_three_duplicates_are_reported_and_merged_to_the_oldest(subject: Subject) {
    let map = old_table(&subject).await;
    for first in (0..1000).step_by(250) {
        let values: Vec<String> = (first..first + 250)
            .map(|number| {
                let key = if number >= 997 { number - 997 } else { number };
                format!("('Y', '2024-05-01T09:00:00', {key}, 'row {number}', '2024-05-01T09:00:00')")
            })
            .collect();
        let insert = format!(
            "INSERT INTO {} (ACTIVE, DATE_INSERT, EXTERNAL_ID, TITLE, DATE_UPDATE) VALUES {}",
            map.name(),
            values.join(", ")
        );
        subject.backdoor.execute(&insert).await;
    }
    let before = subject.store.duplicates(&map, 2).await.unwrap();
    assert_eq!(before, [0, 1], "told before anything is migrated");
    let shape = subject.store.inspect(&map).await.unwrap();
    let plan = planner::plan(&map, shape.as_ref()).unwrap();
    let error = subject.store.apply(&plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("EXTERNAL_ID") && text.contains("(0, 1, 2)"),
        "{text}"
    );
    assert_eq!(subject.store.duplicates(&map, 100).await.unwrap(), [0, 1, 2]);
    assert_eq!(subject.store.merge_duplicates(&map).await.unwrap(), 3);
    subject.store.apply(&plan).await.unwrap();
    assert_eq!(subject.store.count(&map).await.unwrap(), 997);
    let oldest = subject.store.read_back(&map, &[0, 1, 2]).await.unwrap();
    let titles: Vec<_> = oldest.iter().map(|row| row.text(&map, "TITLE")).collect();
    assert_eq!(titles, [Some("row 0"), Some("row 1"), Some("row 2")]);
}

async fn a_statement_that_a_dba_ran_by_hand_leaves_nothing_to_plan(subject: Subject) {
    let map = old_table(&subject).await;
    let shape = subject.store.inspect(&map).await.unwrap();
    let plan = planner::plan(&map, shape.as_ref()).unwrap();
    let batches = subject.store.statements(&plan).unwrap();
    for _ in 0..2 {
        for batch in &batches {
            subject.backdoor.execute(batch).await;
        }
    }
    let shape = subject.store.inspect(&map).await.unwrap();
    assert!(planner::plan(&map, shape.as_ref()).unwrap().is_empty());
}
