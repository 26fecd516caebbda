//! The shared conformance tests over a file and in memory, and what this store promises beyond them.

mod conformance;
mod failing;
mod file;
mod shapes;
mod stored;

use chrono::NaiveDateTime;
use store::{Store, planner};
use table_map::{Column, Index, Row, TableMap};

use crate::SqliteStore;

/// A table with a column of every type.
fn map_called(name: &str) -> TableMap {
    TableMap::builder(name)
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::flag("ACTIVE"))
        .column(Column::text("NAME", 255).nullable())
        .column(Column::integer("SORT").nullable())
        .column(Column::date("END_DATE").nullable())
        .column(Column::date_time("CREATED_TIME").nullable())
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::updated_at("DATE_UPDATE"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .active("ACTIVE")
        .build()
        .unwrap()
}

fn map() -> TableMap {
    map_called("STAGES")
}

fn noon() -> NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(2024, 5, 1)
        .unwrap()
        .and_hms_opt(12, 0, 0)
        .unwrap()
}

fn named(key: i64, name: &str) -> Row {
    let nothing = (None::<i32>, None::<chrono::NaiveDate>, None::<NaiveDateTime>);
    let values = vec![
        key.into(),
        "Y".into(),
        name.into(),
        nothing.0.into(),
        nothing.1.into(),
        nothing.2.into(),
    ];
    Row::new(&map(), values).unwrap()
}

async fn migrate(store: &SqliteStore, map: &TableMap) {
    let shape = store.inspect(map).await.unwrap();
    let plan = planner::plan(map, shape.as_ref()).unwrap();
    store.apply(&plan).await.unwrap();
}

/// A store in memory whose database was made by these statements of another program.
async fn with_sql(sql: &str) -> SqliteStore {
    let store = SqliteStore::in_memory().unwrap();
    store.only_connection().lock().await.execute_batch(sql).unwrap();
    store
}
