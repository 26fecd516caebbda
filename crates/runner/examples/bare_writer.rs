//! Writes the rows of one upload to another target, with nothing before and beside it: what writing alone takes.
//!
//! ```text
//! bare_writer write SOURCE.sqlite ROWS_A_STEP    every row of SOURCE into the target, written, read back and compared
//! bare_writer create                             a new database on the target's server; prints its URL
//! bare_writer drop                               drops the target, which must be such a database
//! ```
//!
//! The target is the one in STAGE_EXCHANGE_TARGET__URL. `write` holds all rows in memory before it begins, and prints one line
//! of JSON: rows, seconds and CPU seconds from the first row written to the last index made, as an upload does it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use agent::{Clock, SystemClock};
use anyhow::{Context, Result, bail, ensure};
use exchange::{Environment, Unverified, ensure_table, ensure_writable};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use store::Store;
use store_mssql::{MssqlOptions, MssqlStore, MssqlTarget};
use store_sqlite::SqliteStore;
use table_map::{Row, TableMap};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::compat::TokioAsyncWriteCompatExt;

const USAGE: &str = "usage: bare_writer write SOURCE.sqlite ROWS_A_STEP | create | drop";
/// What databases made here are called, so that nothing else is ever dropped.
const PREFIX: &str = "stage_exchange_bench_";
/// Steps that are with the store at a time, as in an upload.
const WITH_THE_STORE: usize = 2;
/// Rows read from the source at once.
const PAGE: u32 = 50_000;

#[tokio::main]
async fn main() -> Result<()> {
    let target = std::env::var("STAGE_EXCHANGE_TARGET__URL").context("set STAGE_EXCHANGE_TARGET__URL")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", source, step] => write(source, &target, step.parse().context(USAGE)?).await,
        ["create"] => create(&target).await,
        ["drop"] => drop_database(&target).await,
        _ => bail!(USAGE),
    }
}

async fn write(source: &str, target: &str, step: usize) -> Result<()> {
    ensure!(step > 0, "a step has at least one row");
    let map = history_exchange::table(Environment::Prod)?;
    let rows = rows_of(source, &map).await?;
    ensure!(!rows.is_empty(), "{source} has no rows");
    let store = open(target)?;
    ensure_writable(store.as_ref(), &map).await?;
    ensure!(store.count(&map).await? == 0, "the target has rows already");

    let at = SystemClock.now().naive_utc();
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    // As the upload does it: a step is read back while the next ones are written.
    let steps = stream::iter(rows.chunks(step));
    let mut written = steps
        .map(|step| exchange::write(store.as_ref(), &map, step.to_vec(), at))
        .buffered(WITH_THE_STORE);
    let mut next = written.try_next().await?;
    while let Some(step) = next {
        let (settled, step) = tokio::join!(settle(store.as_ref(), &map, step), written.try_next());
        settled?;
        next = step?;
    }
    ensure_table(store.as_ref(), &map).await?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_seconds()
        .zip(cpu_before)
        .map(|(after, before)| after - before);
    println!(
        "{}",
        json!({"rows": rows.len(), "step": step, "seconds": seconds, "cpu_seconds": cpu})
    );
    Ok(())
}

async fn settle(store: &dyn Store, map: &TableMap, written: Unverified) -> Result<()> {
    let counts = written.verify(store, map).await?;
    ensure!(
        counts.inserted == counts.total(),
        "not every row of a step was new"
    );
    Ok(())
}

async fn rows_of(source: &str, map: &TableMap) -> Result<Vec<Row>> {
    let store = SqliteStore::open(source)?;
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let page = store.scan(map, rows.last().map(Row::key), PAGE).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn open(target: &str) -> Result<Arc<dyn Store>> {
    Ok(match target.strip_prefix("sqlite:") {
        Some(path) => Arc::new(SqliteStore::open(path)?),
        None => Arc::new(MssqlStore::new(
            MssqlTarget::parse(target)?,
            MssqlOptions::default(),
        )),
    })
}

/// What this process has used of processors so far, in steps of 10 ms; `None` where the system does not tell.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything. Behind it come the state, ten numbers, and the two that are meant.
    let (_, behind) = stat.rsplit_once(") ")?;
    let mut ticks = behind.split(' ').skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(f64::from(user + system) / 100.0)
}

async fn create(server: &str) -> Result<()> {
    let name = format!("{PREFIX}{:016x}", RandomState::new().build_hasher().finish());
    let (before, options) = server.split_once('?').unwrap_or((server, ""));
    let (scheme, rest) = before
        .split_once("://")
        .context("the target must be an mssql:// URL")?;
    let host = rest.split('/').next().unwrap_or(rest);
    run(server, &format!("CREATE DATABASE {name}")).await?;
    println!("{scheme}://{host}/{name}?{options}");
    Ok(())
}

async fn drop_database(database: &str) -> Result<()> {
    let before = database.split_once('?').map_or(database, |(before, _)| before);
    let name = before.rsplit('/').next().unwrap_or_default();
    ensure!(
        name.starts_with(PREFIX)
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        "the target is no database that was made here"
    );
    run(
        &database.replacen(&format!("/{name}"), "/master", 1),
        &format!("DROP DATABASE {name}"),
    )
    .await
}

async fn run(target: &str, sql: &str) -> Result<()> {
    let config = MssqlTarget::parse(target)?.driver_config().await?;
    let stream = TcpStream::connect(config.get_addr())
        .await
        .context("the server cannot be reached")?;
    let mut client = tiberius::Client::connect(config, stream.compat_write()).await?;
    client.execute(sql, &[]).await.with_context(|| sql.to_owned())?;
    Ok(())
}
