//! Migrations and duplicates.

use table_map::{Column, Index, TableMap};

use super::Subject;
use super::support::*;
use crate::{ErrorKind, Step, planner};

/// After the plan for no table was carried out there is nothing left to plan or to note.
pub async fn a_table_that_is_not_there_is_made_whole(subject: Subject) {
    let map = map(&subject);
    assert_eq!(subject.store.inspect(&map).await.unwrap(), None);
    let first = plan(&subject, &map).await;
    assert!(subject.store.statements(&first).unwrap().len() >= first.steps().len());

    subject.store.apply(&first).await.unwrap();

    let second = plan(&subject, &map).await;
    assert_eq!((second.steps(), second.notes()), (&[][..], &[][..]));
    assert_eq!(subject.store.count(&map).await.unwrap(), 0);
}

/// A plan that was carried out already is skipped step by step, also an old one.
pub async fn applying_a_plan_again_does_nothing(subject: Subject) {
    let map = map(&subject);
    let first = plan(&subject, &map).await;
    subject.store.apply(&first).await.unwrap();
    upsert(&subject, &map, &[Record::full(1)], at(0)).await;

    subject.store.apply(&first).await.unwrap();

    assert!(plan(&subject, &map).await.is_empty());
    assert_table(&subject, &map, &[Record::full(1)]).await;
}

/// Both succeed, and the table is as one alone would have made it.
pub async fn two_runners_that_migrate_at_once_make_one_table(subject: Subject) {
    let map = map(&subject);
    let plan_of_both = plan(&subject, &map).await;
    let runners = [(); 2].map(|()| {
        let (subject, plan) = (subject.clone(), plan_of_both.clone());
        tokio::spawn(async move { persistently(|| subject.store.apply(&plan)).await })
    });
    for runner in runners {
        runner.await.unwrap();
    }
    let shape = subject.store.inspect(&map).await.unwrap().unwrap();
    assert!(planner::plan(&map, Some(&shape)).unwrap().is_empty());
    let unique = shape.indexes.iter().filter(|index| {
        index.unique && index.columns.len() == 1 && index.columns[0].eq_ignore_ascii_case("EXTERNAL_ID")
    });
    assert_eq!(unique.count(), 1);
}

/// Rows from before it are readable, and count as changed when they are written again.
pub async fn a_column_that_is_missing_is_added_and_filled_by_the_next_write(subject: Subject) {
    let simple = || {
        TableMap::builder(table(&subject))
            .column(Column::identity("ID"))
            .column(Column::key("EXTERNAL_ID"))
            .index(Index::unique(["EXTERNAL_ID"]))
    };
    let old = simple().build().unwrap();
    make(&subject, &old).await;
    let before = table_map::Row::new(&old, vec![7_i64.into()]).unwrap();
    subject.store.upsert(&old, &[before], at(0)).await.unwrap();

    let new = simple()
        .column(Column::text("TITLE", 20))
        .column(Column::date_time("CREATED_TIME"))
        .build()
        .unwrap();
    let steps = plan(&subject, &new).await;
    assert!(
        matches!(steps.steps(), [Step::AddColumn(one), Step::AddColumn(two)] if one.name() == "TITLE" && two.name() == "CREATED_TIME"),
        "{steps:?}"
    );
    subject.store.apply(&steps).await.unwrap();

    assert!(plan(&subject, &new).await.is_empty());
    let found = subject.store.read_back(&new, &[7]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text(&new, "TITLE"), None);
    let filled = table_map::Row::new(&new, vec![7_i64.into(), "New".into(), at(3).into()]).unwrap();
    let done = subject
        .store
        .upsert(&new, std::slice::from_ref(&filled), at(1))
        .await
        .unwrap();
    assert_eq!(done, did(&[], &[7], 0));
    assert_eq!(subject.store.read_back(&new, &[7]).await.unwrap(), [filled]);
}

/// Also on a table that has rows.
pub async fn an_index_that_is_missing_is_added(subject: Subject) {
    let bare = columns(&table(&subject)).build().unwrap();
    make(&subject, &bare).await;
    upsert(&subject, &bare, &[Record::full(1), Record::full(2)], at(0)).await;

    let map = map(&subject);
    let missing = plan(&subject, &map).await;
    assert_eq!(
        missing.steps(),
        map.indexes()
            .iter()
            .cloned()
            .map(Step::CreateIndex)
            .collect::<Vec<_>>()
    );
    subject.store.apply(&missing).await.unwrap();

    assert!(plan(&subject, &map).await.is_empty());
    assert_table(&subject, &map, &[Record::full(1), Record::full(2)]).await;
}

/// Every call that needs the table says so by its kind.
pub async fn a_table_that_is_missing_is_an_error_that_asks_for_a_migration(subject: Subject) {
    let map = map(&subject);
    let store = &subject.store;
    let rows = [Record::full(1).row(&map)];
    let errors = [
        store.upsert(&map, &rows, at(0)).await.map(drop),
        store.read_back(&map, &[1]).await.map(drop),
        store.scan(&map, None, 10).await.map(drop),
        store.deactivate(&map, &[1], at(0)).await.map(drop),
        store.merge_duplicates(&map).await.map(drop),
        store.count(&map).await.map(drop),
    ];
    for error in errors.map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
        assert!(error.to_string().contains(map.name()), "{error} names the table");
        assert!(error.to_string().contains("migrat"), "{error} says what to do");
    }
}

/// A table without the unique index, with rows that another program wrote.
pub async fn duplicates_are_told_before_and_merged_only_on_demand(subject: Subject) {
    let bare = columns(&table(&subject)).build().unwrap();
    make(&subject, &bare).await;
    for (key, title) in [
        (7, "oldest"),
        (9, "oldest"),
        (8, "alone"),
        (9, "second"),
        (7, "second"),
        (9, "third"),
    ] {
        let sql = format!(
            "INSERT INTO {} (ACTIVE, DATE_INSERT, EXTERNAL_ID, TITLE, DATE_UPDATE) \
             VALUES ('Y', '2024-05-01 09:00:00', {key}, '{title}', '2024-05-01 09:00:00')",
            bare.name()
        );
        subject.backdoor.execute(&sql).await;
    }

    let map = map(&subject);
    let store = &subject.store;
    let index = plan(&subject, &map).await;
    let error = store.apply(&index).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    assert_eq!(store.duplicates(&map, 100).await.unwrap(), [7, 9]);
    assert_eq!(store.duplicates(&map, 1).await.unwrap(), [7]);
    assert_eq!(store.count(&map).await.unwrap(), 6, "nothing was deleted unasked");

    assert_eq!(store.merge_duplicates(&map).await.unwrap(), 3);

    let left = [
        Record::titled(7, "oldest"),
        Record::titled(8, "alone"),
        Record::titled(9, "oldest"),
    ];
    assert_table(&subject, &map, &left).await;
    assert_eq!(store.duplicates(&map, 100).await.unwrap(), [0_i64; 0]);
    assert_eq!(store.merge_duplicates(&map).await.unwrap(), 0);
    store.apply(&index).await.unwrap();
    assert!(plan(&subject, &map).await.is_empty());
}

/// As it may be asked before the first migration.
pub async fn a_table_that_is_not_there_has_no_duplicates(subject: Subject) {
    let found = subject.store.duplicates(&map(&subject), 10).await.unwrap();
    assert_eq!(found, [0_i64; 0]);
}

/// For the check that people run.
pub async fn it_tells_its_version_and_its_name(subject: Subject) {
    assert!(!subject.store.ping().await.unwrap().is_empty());
    assert!(subject.store.target().contains(':'));
}
