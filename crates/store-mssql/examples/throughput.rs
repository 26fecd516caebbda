//! How fast a store writes, against a bare bulk load of the same rows into a heap.
//!
//! `STAGE_EXCHANGE_TEST_MSSQL='mssql://…' cargo run --release -p store-mssql --example throughput [rows]`
//!
//! It makes a table of its own in that database and removes it at the end.

use std::error::Error;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use store::{Store, planner};
use store_mssql::{MssqlOptions, MssqlStore, MssqlTarget};
use table_map::{Column, Index, Ranking, Row, TableMap, UpdateRule, Value};
use tiberius::{Client, IntoSql, SqlBulkCopyOption, SqlBulkCopyOptions, TokenRow};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

const KNOWN: Ranking = Ranking {
    by: "RESPONSIBLE_SOURCE",
    ranks: &[&["assigned_by"], &["moved_by"]],
};

fn map(name: &str) -> Result<TableMap, table_map::Error> {
    TableMap::builder(name)
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::integer("TYPE_ID"))
        .column(Column::integer("RECORD_TYPE_ID"))
        .column(Column::big_integer("OWNER_ID"))
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::date_time("CREATED_TIME"))
        .column(Column::date("START_DATE").nullable())
        .column(Column::date("END_DATE").nullable())
        .column(Column::text("NAME", 255).nullable().rule(UpdateRule::FirstKnown))
        .column(
            Column::big_integer("RESPONSIBLE_ID")
                .nullable()
                .rule(UpdateRule::Ranked(KNOWN)),
        )
        .column(
            Column::text("RESPONSIBLE_SOURCE", 20)
                .nullable()
                .rule(UpdateRule::Ranked(KNOWN)),
        )
        .column(Column::integer("CATEGORY_ID"))
        .column(Column::text("STAGE_SEMANTIC_ID", 10).nullable())
        .column(Column::text("STAGE_ID", 50))
        .column(Column::flag("IS_LOST"))
        .column(Column::updated_at("DATE_UPDATE"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .index(Index::on(["OWNER_ID", "CREATED_TIME"]))
        .index(Index::on(["CATEGORY_ID", "STAGE_ID", "CREATED_TIME"]))
        .build()
}

fn row(map: &TableMap, number: i32, begin: NaiveDateTime) -> Result<Row, table_map::Error> {
    let key = i64::from(number);
    let day = begin.date() + TimeDelta::days(i64::from(number % 700));
    Row::new(
        map,
        vec![
            key.into(),
            2_i32.into(),
            (number % 4).into(),
            (key / 5).into(),
            (begin + TimeDelta::seconds(key * 37)).into(),
            day.into(),
            (number % 3 == 0).then_some(day).into(),
            format!("Стадия «В работе» {}", number % 12).into(),
            (key % 40 + 1).into(),
            "assigned_by".into(),
            3_i32.into(),
            "P".into(),
            format!("C3:STAGE_{}", number % 12).into(),
            "N".into(),
        ],
    )
}

async fn connect(target: &MssqlTarget) -> Result<Driver, Box<dyn Error>> {
    let config = target.driver_config().await?;
    let stream = TcpStream::connect(config.get_addr()).await?;
    stream.set_nodelay(true)?;
    Ok(Client::connect(config, stream.compat_write()).await?)
}

const HEAP: &str = "(EXTERNAL_ID bigint, TYPE_ID int, RECORD_TYPE_ID int, OWNER_ID bigint, CREATED_TIME datetime2(7), \
START_DATE date, END_DATE date, NAME nvarchar(255), RESPONSIBLE_ID bigint, RESPONSIBLE_SOURCE nvarchar(20), CATEGORY_ID int, \
STAGE_SEMANTIC_ID nvarchar(10), STAGE_ID nvarchar(50), IS_LOST nchar(1), DATE_INSERT datetime2(7), DATE_UPDATE datetime2(7))";

type Driver = Client<Compat<TcpStream>>;

async fn run(client: &mut Driver, sql: &str) -> Result<(), tiberius::error::Error> {
    client.simple_query(sql).await?.into_results().await?;
    Ok(())
}

/// Seconds that the driver alone takes to load the same rows.
async fn bare_bulk_load(
    client: &mut Driver,
    table: &str,
    map: &TableMap,
    rows: &[Row],
    step: usize,
    options: SqlBulkCopyOptions,
    at: NaiveDateTime,
) -> Result<f64, Box<dyn Error>> {
    let stamps = [map.inserted_at(), map.updated_at()];
    let columns: Vec<&str> = map
        .written()
        .map(Column::name)
        .chain(stamps.into_iter().flatten())
        .collect();
    let started = Instant::now();
    for step in rows.chunks(step) {
        let mut load = client
            .bulk_insert_with_options(table, &columns, options, &[])
            .await?;
        for row in step {
            let mut tokens = TokenRow::with_capacity(columns.len());
            for value in row.values() {
                tokens.push(match value {
                    Value::Integer(number) => (*number).into_sql(),
                    Value::BigInteger(number) => (*number).into_sql(),
                    Value::Text(text) => text.as_deref().into_sql(),
                    Value::Date(date) => (*date).into_sql(),
                    Value::DateTime(time) => (*time).into_sql(),
                });
            }
            tokens.push(at.into_sql());
            tokens.push(at.into_sql());
            load.send(tokens).await?;
        }
        load.finalize().await?;
    }
    Ok(started.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::var("STAGE_EXCHANGE_TEST_MSSQL")
        .map_err(|_| "set STAGE_EXCHANGE_TEST_MSSQL to a target")?;
    let target = MssqlTarget::parse(&target)?;
    let count: i32 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let begin = NaiveDate::from_ymd_opt(2024, 1, 1)
        .and_then(|day| day.and_hms_opt(8, 0, 0))
        .unwrap_or_default();
    println!("{count} rows; seconds");
    println!("   step: rows a step");
    println!("   heap: bare bulk load into a heap without indexes");
    println!("indexed: bare bulk load into a table with the store's indexes");
    println!("    new: upsert of new rows; same: upsert of the same rows again; read: reading them back");
    println!(
        "{:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>9} {:>12}",
        "step", "heap", "indexed", "new", "same", "read", "new/heap", "new/indexed"
    );
    for step in [count, 20_000, 5_000, 1_000] {
        measure(&target, count, usize::try_from(step)?, begin).await?;
    }
    small_steps(&target, begin).await
}

async fn measure(
    target: &MssqlTarget,
    count: i32,
    step: usize,
    begin: NaiveDateTime,
) -> Result<(), Box<dyn Error>> {
    let mut client = connect(target).await?;
    let name = |what: &str| format!("{what}_{}_{step}", std::process::id());
    let quoted = |what: &str| format!("[{}].[{}]", target.schema(), name(what));
    let (table, twin) = (map(&name("STORE"))?, map(&name("INDEXED"))?);
    let rows = (1..=count)
        .map(|number| row(&table, number, begin))
        .collect::<Result<Vec<_>, _>>()?;
    let store = MssqlStore::new(target.clone(), MssqlOptions::default());
    store.apply(&planner::plan(&table, None)?).await?;
    store.apply(&planner::plan(&twin, None)?).await?;
    run(&mut client, &format!("CREATE TABLE {} {HEAP}", quoted("HEAP"))).await?;

    let heap = bare_bulk_load(
        &mut client,
        &quoted("HEAP"),
        &table,
        &rows,
        step,
        SqlBulkCopyOption::TableLock.into(),
        begin,
    )
    .await?;
    let indexed = bare_bulk_load(
        &mut client,
        &quoted("INDEXED"),
        &table,
        &rows,
        step,
        SqlBulkCopyOptions::empty(),
        begin,
    )
    .await?;
    let started = Instant::now();
    for step in rows.chunks(step) {
        let done = store.upsert(&table, step, begin).await?;
        assert_eq!(done.inserted.len(), step.len(), "new rows");
    }
    let new = started.elapsed().as_secs_f64();
    let started = Instant::now();
    for step in rows.chunks(step) {
        let done = store.upsert(&table, step, begin).await?;
        assert_eq!(usize::try_from(done.unchanged)?, step.len(), "unchanged rows");
    }
    let same = started.elapsed().as_secs_f64();
    let started = Instant::now();
    for step in rows.chunks(step) {
        let keys: Vec<i64> = step.iter().map(Row::key).collect();
        assert_eq!(
            store.read_back(&table, &keys).await?,
            step,
            "rows that are read back"
        );
    }
    let read = started.elapsed().as_secs_f64();
    for what in ["HEAP", "INDEXED", "STORE"] {
        run(&mut client, &format!("DROP TABLE {}", quoted(what))).await?;
    }
    println!(
        "{step:>7} {heap:>7.2} {indexed:>7.2} {new:>7.2} {same:>7.2} {read:>7.2} {:>9.2} {:>12.2}",
        new / heap,
        new / indexed
    );
    Ok(())
}

/// Where bulk loading begins to pay.
async fn small_steps(target: &MssqlTarget, begin: NaiveDateTime) -> Result<(), Box<dyn Error>> {
    println!("\n{:>7} {:>15} {:>15}", "rows", "parameters, ms", "bulk load, ms");
    for rows in [1, 5, 20, 50, 100] {
        let by_parameters = one_small_step(target, rows, 1_000, begin).await?;
        let by_bulk_load = one_small_step(target, rows, 0, begin).await?;
        println!("{rows:>7} {by_parameters:>15.1} {by_bulk_load:>15.1}");
    }
    Ok(())
}

/// Milliseconds for a step of so many new rows.
async fn one_small_step(
    target: &MssqlTarget,
    rows: i32,
    small_step: usize,
    begin: NaiveDateTime,
) -> Result<f64, Box<dyn Error>> {
    const ROUNDS: i32 = 20;
    let name = format!("SMALL_{}_{rows}_{small_step}", std::process::id());
    let map = map(&name)?;
    let mut options = MssqlOptions::default();
    options.small_step = small_step;
    let store = MssqlStore::new(target.clone(), options);
    store.apply(&planner::plan(&map, None)?).await?;
    store.count(&map).await?;
    let started = Instant::now();
    for round in 0..ROUNDS {
        let step = (0..rows)
            .map(|number| row(&map, round * rows + number, begin))
            .collect::<Result<Vec<_>, _>>()?;
        store.upsert(&map, &step, begin).await?;
    }
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0 / f64::from(ROUNDS);
    run(
        &mut connect(target).await?,
        &format!("DROP TABLE [{}].[{name}]", target.schema()),
    )
    .await?;
    Ok(milliseconds)
}
