//! Tables as SQLite describes them, and the statements of a migration.

use store::{ErrorKind, Store, TypeShape, planner};
use table_map::{Column, Index, TableMap, TableMapBuilder};

use super::{map, with_sql};
use crate::SqliteStore;

const WHOLE: TypeShape = TypeShape::Integer { bits: 64 };
const TEXT: TypeShape = TypeShape::Text {
    length: None,
    unicode: true,
};

#[tokio::test]
async fn the_statements_are_what_a_person_would_run() {
    let store = SqliteStore::in_memory().unwrap();
    let plan = planner::plan(&map(), None).unwrap();
    assert_eq!(
        store.statements(&plan).unwrap(),
        [
            "CREATE TABLE \"STAGES\" ( \"ID\" integer NOT NULL PRIMARY KEY AUTOINCREMENT, \
             \"EXTERNAL_ID\" integer NOT NULL, \"ACTIVE\" char(1) NOT NULL, \"NAME\" varchar(255) NULL, \
             \"SORT\" integer NULL, \"END_DATE\" date_text NULL, \"CREATED_TIME\" datetime_text NULL, \
             \"DATE_INSERT\" datetime_text NOT NULL, \"DATE_UPDATE\" datetime_text NOT NULL )",
            "CREATE UNIQUE INDEX \"UX_STAGES_EXTERNAL_ID\" ON \"STAGES\" (\"EXTERNAL_ID\")",
        ]
    );
}

#[tokio::test]
async fn statements_that_a_person_ran_leave_nothing_to_plan() {
    let store = SqliteStore::in_memory().unwrap();
    let bare = TableMap::builder("STAGES")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .build()
        .unwrap();
    for map in [bare, map()] {
        let plan = |shape: Option<store::TableShape>| planner::plan(&map, shape.as_ref()).unwrap();
        let first = plan(store.inspect(&map).await.unwrap());
        for statement in store.statements(&first).unwrap() {
            store
                .only_connection()
                .lock()
                .await
                .execute_batch(&statement)
                .unwrap();
        }
        assert!(plan(store.inspect(&map).await.unwrap()).is_empty());
    }
}

/// What the columns of a table are taken for, one for each declaration.
async fn types(wanted: &[Column], declared: &str, strict: bool) -> Vec<TypeShape> {
    let names: Vec<_> = wanted
        .iter()
        .map(|column| format!("{} {declared}", column.name()))
        .collect();
    let strict = if strict { "STRICT" } else { "" };
    let store = with_sql(&format!("CREATE TABLE T ({}) {strict}", names.join(", "))).await;
    let map = wanted
        .iter()
        .cloned()
        .fold(TableMap::builder("T"), TableMapBuilder::column)
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .build()
        .unwrap();
    let shape = store.inspect(&map).await.unwrap().unwrap();
    shape.columns.iter().map(|column| column.type_shape).collect()
}

#[tokio::test]
async fn a_declared_type_tells_what_a_column_keeps_as_it_is() {
    let wanted = [
        Column::integer("WHOLE"),
        Column::text("WORDS", 9),
        Column::date("DAY"),
        Column::date_time("MOMENT"),
    ];
    let other = TypeShape::Other;
    let (date, time) = (TypeShape::Date, TypeShape::DateTime { digits: 9 });
    for (declared, found) in [
        ("", [TypeShape::Any; 4]),
        ("BIGINT", [WHOLE; 4]),
        ("unsigned int", [WHOLE; 4]),
        ("varchar(50)", [TEXT, TEXT, date, time]),
        ("datetime_text", [TEXT, TEXT, date, time]),
        ("DATETIME", [WHOLE, other, date, time]),
        ("NUMERIC(10,0)", [WHOLE, other, date, time]),
        ("DOUBLE PRECISION", [other; 4]),
        ("BLOB", [other; 4]),
    ] {
        assert_eq!(types(&wanted, declared, false).await, found, "{declared}");
    }
    assert_eq!(types(&wanted, "ANY", true).await, [TypeShape::Any; 4]);
    assert_eq!(types(&wanted, "TEXT", true).await, [TEXT, TEXT, date, time]);
}

#[tokio::test]
async fn a_column_of_another_affinity_would_change_our_values_and_is_refused() {
    let store = with_sql(
        "CREATE TABLE STAGES (ID INTEGER PRIMARY KEY, EXTERNAL_ID TEXT, ACTIVE TEXT, NAME NUMERIC, SORT REAL, END_DATE BLOB, \
         CREATED_TIME TEXT AS ('x'), REGION INT NOT NULL)",
    )
    .await;
    let shape = store.inspect(&map()).await.unwrap();
    let clashes = planner::plan(&map(), shape.as_ref()).unwrap_err();
    let columns: Vec<_> = clashes
        .clashes()
        .iter()
        .map(|clash| clash.column.as_str())
        .collect();
    assert_eq!(
        columns,
        [
            "EXTERNAL_ID",
            "NAME",
            "SORT",
            "END_DATE",
            "CREATED_TIME",
            "REGION"
        ]
    );
    assert!(clashes.to_string().contains("it is TEXT GENERATED"), "{clashes}");
}

#[tokio::test]
async fn only_a_key_that_sqlite_counts_up_is_an_identity() {
    for (columns, is_identity) in [
        ("ID INTEGER PRIMARY KEY", true),
        ("id integer primary key autoincrement", true),
        ("ID INTEGER, PRIMARY KEY (ID)", true),
        ("ID INT PRIMARY KEY", false),
        ("ID INTEGER", false),
        ("ID INTEGER UNIQUE", false),
        ("ID INTEGER PRIMARY KEY DESC", false),
        ("ID INTEGER, X, PRIMARY KEY (ID, X)", false),
    ] {
        let store = with_sql(&format!("CREATE TABLE STAGES ({columns})")).await;
        let shape = store.inspect(&map()).await.unwrap().unwrap();
        assert_eq!(shape.columns[0].identity, is_identity, "{columns}");
        let on_key = shape
            .indexes
            .iter()
            .any(|index| index.unique && index.columns == [shape.columns[0].name.clone()]);
        assert_eq!(
            on_key,
            !["ID INTEGER", "ID INTEGER, X, PRIMARY KEY (ID, X)"].contains(&columns),
            "{columns}"
        );
    }
    let store = with_sql("CREATE TABLE STAGES (ID INTEGER PRIMARY KEY) WITHOUT ROWID").await;
    let shape = store.inspect(&map()).await.unwrap().unwrap();
    assert!(!shape.columns[0].identity);
}

#[tokio::test]
async fn indexes_that_only_look_alike_do_not_serve() {
    let store = with_sql(
        "CREATE TABLE stages (id INTEGER PRIMARY KEY, external_id INT, ACTIVE, NAME, SORT, END_DATE, CREATED_TIME, \
         DATE_INSERT, DATE_UPDATE); \
         CREATE UNIQUE INDEX some ON stages (external_id) WHERE external_id > 5; \
         CREATE UNIQUE INDEX computed ON stages (abs(external_id)); \
         CREATE INDEX plain ON stages (external_id)",
    )
    .await;
    let shape = store.inspect(&map()).await.unwrap();
    let plan = planner::plan(&map(), shape.as_ref()).unwrap();
    let step = store::Step::CreateIndex(Index::unique(["EXTERNAL_ID"]));
    assert_eq!(plan.steps(), [step]);
    store.apply(&plan).await.unwrap();
    let shape = store.inspect(&map()).await.unwrap();
    assert!(planner::plan(&map(), shape.as_ref()).unwrap().is_empty());
}

#[tokio::test]
async fn a_view_in_the_tables_place_is_told() {
    let store = with_sql("CREATE VIEW STAGES AS SELECT 1 AS ID").await;
    let error = store.inspect(&map()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Operator);
    assert!(
        error.to_string().contains("STAGES is not a table but a view"),
        "{error}"
    );
}

#[tokio::test]
async fn a_name_that_another_index_has_is_told() {
    let store = SqliteStore::in_memory().unwrap();
    let first = planner::plan(&map(), None).unwrap();
    let connection = store.only_connection();
    let statements = store.statements(&first).unwrap();
    connection.lock().await.execute_batch(&statements[0]).unwrap();
    let partial = format!("{} WHERE ID > 5", statements[1]);
    connection.lock().await.execute_batch(&partial).unwrap();
    let error = store.apply(&first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Operator, "{error}");
    assert!(
        error
            .to_string()
            .contains("something else is called UX_STAGES_EXTERNAL_ID"),
        "{error}"
    );
}
