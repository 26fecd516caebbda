//! What stands in the file, and what is read from a file that another program wrote.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use proptest::prelude::*;
use rusqlite::types::Value as Stored;
use store::{Store, planner};
use table_map::{Row, TableMap, Value};

use super::{map, map_called, migrate, named, noon, with_sql};
use crate::SqliteStore;

#[tokio::test]
async fn values_stand_in_the_file_as_other_clients_expect_them() {
    let store = SqliteStore::in_memory().unwrap();
    migrate(&store, &map()).await;
    let date = NaiveDate::from_ymd_opt(2024, 5, 31).unwrap();
    let row = |key: i64, nanos: u32| {
        let time = date.and_hms_nano_opt(9, 5, 0, nanos).unwrap();
        Row::new(
            &map(),
            vec![
                key.into(),
                "Y".into(),
                "007".into(),
                30.into(),
                date.into(),
                time.into(),
            ],
        )
        .unwrap()
    };
    let step = [row(1, 0), row(2, 250_000_000), row(3, 1)];
    store.upsert(&map(), &step, noon()).await.unwrap();

    let connection = store.only_connection();
    let connection = connection.lock().await;
    let mut statement = connection.prepare("SELECT * FROM STAGES ORDER BY ID").unwrap();
    let found: Vec<Vec<Stored>> = statement
        .query_map([], |row| (0..9).map(|place| row.get(place)).collect())
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let text = |text: &str| Stored::Text(text.to_owned());
    for ((key, time), found) in (1..)
        .zip([
            "2024-05-31 09:05:00",
            "2024-05-31 09:05:00.250000",
            "2024-05-31 09:05:00.000000001",
        ])
        .zip(found)
    {
        let wanted = [
            Stored::Integer(key),
            Stored::Integer(key),
            text("Y"),
            text("007"),
            Stored::Integer(30),
            text("2024-05-31"),
            text(time),
            text("2024-05-01 12:00:00"),
            text("2024-05-01 12:00:00"),
        ];
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn the_forms_of_other_programs_are_read_and_put_right_only_when_they_differ() {
    let store = with_sql(
        "CREATE TABLE STAGES (ID INTEGER PRIMARY KEY, EXTERNAL_ID, ACTIVE, NAME, SORT, END_DATE, CREATED_TIME, \
         DATE_INSERT, DATE_UPDATE); \
         INSERT INTO STAGES VALUES (1, 7, 'Y', 12, '30', '2024-05-31T00:00:00', '2024-05-31T09:05Z', '', ''); \
         INSERT INTO STAGES VALUES (2, NULL, 'Y', 'no key', NULL, NULL, NULL, '', '')",
    )
    .await;
    migrate(&store, &map()).await;
    let date = NaiveDate::from_ymd_opt(2024, 5, 31).unwrap();
    let time = date.and_hms_opt(9, 5, 0).unwrap();
    let row = Row::new(
        &map(),
        vec![
            7_i64.into(),
            "Y".into(),
            "12".into(),
            30.into(),
            date.into(),
            time.into(),
        ],
    )
    .unwrap();
    assert_eq!(
        store.scan(&map(), None, 10).await.unwrap(),
        std::slice::from_ref(&row),
        "rows without a key are left alone"
    );
    let done = store.upsert(&map(), &[row], noon()).await.unwrap();
    assert_eq!(done.unchanged, 1);
    assert_eq!(store.merge_duplicates(&map()).await.unwrap(), 0);
    assert_eq!(store.count(&map()).await.unwrap(), 2);
}

#[tokio::test]
async fn before_duplicates_are_merged_every_row_of_a_key_is_kept_up_to_date() {
    let store = with_sql(
        "CREATE TABLE STAGES (ID INTEGER PRIMARY KEY, EXTERNAL_ID INT, ACTIVE, NAME, SORT, END_DATE, CREATED_TIME, \
         DATE_INSERT, DATE_UPDATE); \
         INSERT INTO STAGES (EXTERNAL_ID, ACTIVE, NAME) VALUES (7, 'Y', 'old'), (7, 'Y', 'older'), (8, 'Y', 'old')",
    )
    .await;
    let done = store.upsert(&map(), &[named(7, "new")], noon()).await.unwrap();
    assert_eq!((done.changed.as_slice(), done.unchanged), (&[7][..], 0));
    assert_eq!(
        store.read_back(&map(), &[7]).await.unwrap(),
        [named(7, "new"), named(7, "new")]
    );
}

#[tokio::test]
async fn a_key_that_is_no_number_hides_no_row_from_an_upsert() {
    let store = with_sql(
        "CREATE TABLE STAGES (ID INTEGER PRIMARY KEY, EXTERNAL_ID INT UNIQUE, ACTIVE, NAME, SORT, END_DATE, CREATED_TIME, \
         DATE_INSERT, DATE_UPDATE); \
         INSERT INTO STAGES (EXTERNAL_ID, ACTIVE, NAME) VALUES ('none', 'Y', 'theirs'), (7, 'Y', 'same'), (NULL, 'Y', 'lost')",
    )
    .await;
    let rows = [named(6, "new"), named(7, "same"), named(8, "new")];
    let done = store.upsert(&map(), &rows, noon()).await.unwrap();
    assert_eq!((done.inserted.as_slice(), done.unchanged), (&[6, 8][..], 1));
    assert_eq!(store.read_back(&map(), &[6, 7, 8]).await.unwrap(), rows);
    assert_eq!(store.count(&map()).await.unwrap(), 5);
}

#[tokio::test]
async fn a_table_may_have_any_name() {
    for name in ["it's \"quoted\"", "CRM [x]; DROP TABLE y --", "таблица", "select"] {
        let store = SqliteStore::in_memory().unwrap();
        let map = map_called(name);
        migrate(&store, &map).await;
        store.upsert(&map, &[named(1, "a")], noon()).await.unwrap();
        store.upsert(&map, &[named(1, "b")], noon()).await.unwrap();
        store.deactivate(&map, &[1], noon()).await.unwrap();
        assert_eq!(store.duplicates(&map, 9).await.unwrap(), [0_i64; 0]);
        assert_eq!(store.merge_duplicates(&map).await.unwrap(), 0);
        assert_eq!(store.scan(&map, Some(0), 9).await.unwrap().len(), 1);
        let shape = store.inspect(&map).await.unwrap();
        assert!(planner::plan(&map, shape.as_ref()).unwrap().is_empty(), "{name}");
    }
}

fn any_row(map: &TableMap) -> impl Strategy<Value = Row> + use<> {
    let map = map.clone();
    let days = -79_000_i32..2_932_000;
    (
        any::<i64>(),
        any::<bool>(),
        // NUL too: SQLite counts bytes.
        proptest::option::of("(?s).{0,40}"),
        any::<Option<i32>>(),
        proptest::option::of(days.clone()),
        proptest::option::of((days, 0_u32..86_400, 0_u32..1_000_000_000)),
    )
        .prop_map(move |(key, active, name, sort, date, time)| {
            let day = |days| NaiveDate::from_num_days_from_ce_opt(719_163 + days).unwrap();
            let time = time.map(|(days, second, nanos)| {
                day(days).and_time(NaiveTime::from_num_seconds_from_midnight_opt(second, nanos).unwrap())
            });
            let flag = if active { "Y" } else { "N" };
            let values: Vec<Value> = vec![
                key.into(),
                flag.into(),
                name.into(),
                sort.into(),
                date.map(day).into(),
                time.into(),
            ];
            Row::new(&map, values).unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_come_back_as_they_were(rows in proptest::collection::vec(any_row(&map()), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let map = map();
            let store = SqliteStore::in_memory().unwrap();
            migrate(&store, &map).await;
            store.upsert(&map, &rows, noon()).await.unwrap();
            let mut wanted: Vec<Row> = Vec::new();
            for row in rows.iter().rev() {
                if !wanted.iter().any(|other| other.key() == row.key()) {
                    wanted.push(row.clone());
                }
            }
            wanted.sort_by_key(Row::key);
            assert_eq!(store.scan(&map, None, 100).await.unwrap(), wanted);
            let again = store.upsert(&map, &wanted, noon()).await.unwrap();
            assert_eq!(usize::try_from(again.unchanged).unwrap(), wanted.len());
        });
    }

    #[test]
    fn steps_of_near_and_far_keys_leave_what_a_map_would_and_read_back_what_was_asked_for(
        steps in proptest::collection::vec(
            proptest::collection::vec((prop_oneof![0_i64..40, 0_i64..4000], "[ab]"), 1..30), 1..6
        ),
        asked in proptest::collection::vec(prop_oneof![0_i64..40, 0_i64..4000], 0..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let map = map();
            let store = SqliteStore::in_memory().unwrap();
            migrate(&store, &map).await;
            let mut truth: BTreeMap<i64, String> = BTreeMap::new();
            for step in steps {
                let rows: Vec<Row> = step.iter().map(|(key, name)| named(*key, name)).collect();
                let mut done = store.upsert(&map, &rows, noon()).await.unwrap();
                let latest: BTreeMap<i64, String> = step.into_iter().collect();
                let (old, new): (Vec<_>, Vec<_>) = latest.iter().partition(|(key, _)| truth.contains_key(key));
                let changed: Vec<i64> = old
                    .iter()
                    .filter(|(key, name)| truth[key] != **name)
                    .map(|(key, _)| **key)
                    .collect();
                done.inserted.sort_unstable();
                done.changed.sort_unstable();
                prop_assert_eq!(done.inserted, new.into_iter().map(|(key, _)| *key).collect::<Vec<_>>());
                prop_assert_eq!(usize::try_from(done.unchanged).unwrap(), old.len() - changed.len());
                prop_assert_eq!(done.changed, changed);
                truth.extend(latest);
            }
            let mut wanted: Vec<Row> = asked
                .iter()
                .filter_map(|key| Some(named(*key, truth.get(key)?)))
                .collect();
            wanted.sort_by_key(Row::key);
            wanted.dedup_by_key(|row| row.key());
            prop_assert_eq!(store.read_back(&map, &asked).await.unwrap(), wanted);
            Ok(())
        })?;
    }
}
