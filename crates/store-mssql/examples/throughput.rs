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
use tiberius::{Client, IntoSql, SqlBulkCopyOption, TokenRow};
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

async fn connect(target: &MssqlTarget) -> Result<Client<Compat<TcpStream>>, Box<dyn Error>> {
    let config = target.driver_config().await?;
    let stream = TcpStream::connect(config.get_addr()).await?;
    stream.set_nodelay(true)?;
    Ok(Client::connect(config, stream.compat_write()).await?)
}

/// The same rows, straight into a heap without indexes: what no store can be faster than.
async fn bare_bulk_load(
    client: &mut Client<Compat<TcpStream>>,
    rows: &[Row],
    step: usize,
) -> Result<f64, Box<dyn Error>> {
    let heap = format!("[dbo].[HEAP_{}_{step}]", std::process::id());
    let create = format!(
        "CREATE TABLE {heap} (EXTERNAL_ID bigint, TYPE_ID int, RECORD_TYPE_ID int, OWNER_ID bigint, CREATED_TIME datetime2(7), \
         START_DATE date, END_DATE date, NAME nvarchar(255), RESPONSIBLE_ID bigint, RESPONSIBLE_SOURCE nvarchar(20), \
         CATEGORY_ID int, STAGE_SEMANTIC_ID nvarchar(10), STAGE_ID nvarchar(50), IS_LOST nchar(1))"
    );
    client.simple_query(create).await?.into_results().await?;
    let started = Instant::now();
    for step in rows.chunks(step) {
        let options = SqlBulkCopyOption::TableLock.into();
        let mut load = client
            .bulk_insert_with_options(&heap, &["*"], options, &[])
            .await?;
        for row in step {
            let mut tokens = TokenRow::with_capacity(14);
            for value in row.values() {
                tokens.push(match value {
                    Value::Int(number) => (*number).into_sql(),
                    Value::BigInt(number) => (*number).into_sql(),
                    Value::String(text) => text.as_deref().into_sql(),
                    Value::ChronoDate(date) => (*date).into_sql(),
                    Value::ChronoDateTime(time) => (*time).into_sql(),
                    other => return Err(format!("a row cannot hold {other:?}").into()),
                });
            }
            load.send(tokens).await?;
        }
        load.finalize().await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    client
        .simple_query(format!("DROP TABLE {heap}"))
        .await?
        .into_results()
        .await?;
    Ok(seconds)
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

    println!(
        "{:>8} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "step", "heap s", "new s", "same s", "read s", "new/heap"
    );
    for step in [count, 20_000, 5_000, 1_000] {
        let step = usize::try_from(step)?;
        let table = format!("THROUGHPUT_{}_{step}", std::process::id());
        let map = map(&table)?;
        let rows = (1..=count)
            .map(|number| row(&map, number, begin))
            .collect::<Result<Vec<_>, _>>()?;
        let store = MssqlStore::new(target.clone(), MssqlOptions::default());
        store.apply(&planner::plan(&map, None)?).await?;

        let mut client = connect(&target).await?;
        let heap = bare_bulk_load(&mut client, &rows, step).await?;
        let mut seconds = [0.0; 3];
        for round in 0..2 {
            let started = Instant::now();
            for step in rows.chunks(step) {
                let done = store.upsert(&map, step, begin).await?;
                let expected = if round == 0 {
                    done.inserted.len()
                } else {
                    usize::try_from(done.unchanged)?
                };
                assert_eq!(
                    expected,
                    step.len(),
                    "the store wrote something else than was asked for"
                );
            }
            seconds[round] = started.elapsed().as_secs_f64();
        }
        let started = Instant::now();
        for step in rows.chunks(step) {
            let keys: Vec<i64> = step.iter().map(Row::key).collect();
            assert_eq!(
                store.read_back(&map, &keys).await?,
                step,
                "rows that are read back"
            );
        }
        seconds[2] = started.elapsed().as_secs_f64();
        client
            .simple_query(format!("DROP TABLE [{}].[{table}];", target.schema()))
            .await?
            .into_results()
            .await?;
        println!(
            "{step:>8} {heap:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            seconds[0],
            seconds[1],
            seconds[2],
            seconds[0] / heap
        );
    }
    small_steps(&target, begin).await
}

/// Where bulk loading begins to pay.
async fn small_steps(target: &MssqlTarget, begin: NaiveDateTime) -> Result<(), Box<dyn Error>> {
    const ROUNDS: i32 = 20;
    println!("\n{:>8} {:>14} {:>14}", "rows", "parameters ms", "bulk load ms");
    for rows in [1, 5, 20, 50, 100] {
        let mut milliseconds = [0.0; 2];
        for (place, small_step) in [1_000, 0].into_iter().enumerate() {
            let table = format!("SMALL_{}_{rows}_{place}", std::process::id());
            let map = map(&table)?;
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
            milliseconds[place] = started.elapsed().as_secs_f64() * 1000.0 / f64::from(ROUNDS);
            let mut client = connect(target).await?;
            client
                .simple_query(format!("DROP TABLE [{}].[{table}];", target.schema()))
                .await?
                .into_results()
                .await?;
        }
        println!("{rows:>8} {:>14.1} {:>14.1}", milliseconds[0], milliseconds[1]);
    }
    Ok(())
}
