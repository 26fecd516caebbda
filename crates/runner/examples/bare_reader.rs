//! Reads a portal's history and its deals and throws them away: the least that any client of it has to do.
//!
//! ```text
//! bare_reader WEBHOOK windows [CONNECTIONS]    windows of IDs, 50 in a batch, batches side by side
//! bare_reader WEBHOOK sequential PAGES         start = 0, 50, 100 ..., one request after another
//! ```
//!
//! `windows` wants a portal without limits. `sequential` goes on where it was when it is refused, a moment later. Both
//! print one line of JSON. Nothing is parsed, apart from the bounds of the IDs; what came is in the portal's own figures.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: bare_reader WEBHOOK windows [CONNECTIONS] | sequential PAGES";
/// Rows on a page, and calls in a batch.
const FULL: u32 = 50;
const HISTORY: [&str; 7] = [
    "ID",
    "TYPE_ID",
    "OWNER_ID",
    "CREATED_TIME",
    "CATEGORY_ID",
    "STAGE_SEMANTIC_ID",
    "STAGE_ID",
];
const DEAL: [&str; 10] = [
    "id",
    "assignedById",
    "createdBy",
    "movedBy",
    "movedTime",
    "createdTime",
    "begindate",
    "closedate",
    "stageId",
    "categoryId",
];
/// How long a refused sequential reader waits. Short, so that it loses little of what it may have.
const PATIENCE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match arguments.as_slice() {
        [webhook, "windows"] => windows(&Portal::parse(webhook)?, 4).await?,
        [webhook, "windows", connections] => windows(&Portal::parse(webhook)?, connections.parse()?).await?,
        [webhook, "sequential", pages] => sequential(&Portal::parse(webhook)?, pages.parse()?).await?,
        _ => return Err(USAGE.into()),
    };
    println!("{told}");
    Ok(())
}

/// Where the portal is.
#[derive(Clone)]
struct Portal {
    host: String,
    path: String,
}

impl Portal {
    fn parse(webhook: &str) -> Outcome<Self> {
        let rest = webhook
            .strip_prefix("http://")
            .ok_or("the webhook must be an http address on this machine")?;
        let (host, path) = rest.split_once('/').ok_or(USAGE)?;
        Ok(Self {
            host: host.to_owned(),
            path: format!("/{}", path.trim_end_matches('/')),
        })
    }

    async fn connect(&self) -> Outcome<Line> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Line {
            portal: self.clone(),
            sender,
        })
    }
}

/// A connection that is kept.
struct Line {
    portal: Portal,
    sender: SendRequest<Full<Bytes>>,
}

impl Line {
    async fn post(&mut self, method: &str, params: &Value) -> Outcome<(StatusCode, Incoming)> {
        let request = Request::post(format!("{}/{method}", self.portal.path))
            .header(header::HOST, &self.portal.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(params.to_string()))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        Ok((answer.status(), answer.into_body()))
    }

    /// Reads an answer that must be good; gives its length.
    async fn throw_away(&mut self, method: &str, params: &Value) -> Outcome<usize> {
        let (status, mut body) = self.post(method, params).await?;
        let mut length = 0;
        while let Some(part) = body.frame().await {
            length += part?.data_ref().map_or(0, Bytes::len);
        }
        match status {
            StatusCode::OK => Ok(length),
            _ => Err(format!("the portal answered {status}; has it a limit?").into()),
        }
    }

    /// The lowest and the highest ID of a list.
    async fn bounds(&mut self, method: &str, id: &str) -> Outcome<(u32, u32)> {
        let mut ends = [0, 0];
        for (end, direction) in ends.iter_mut().zip(["ASC", "DESC"]) {
            let params = json!({"entityTypeId": 2, "order": {id: direction}, "select": [id], "start": -1});
            let (_, body) = self.post(method, &params).await?;
            let body = body.collect().await?.to_bytes();
            let answer: Value = serde_json::from_slice(&body)?;
            // Numbers may be written as strings.
            let found = answer["result"]["items"][0][id].to_string();
            *end = found
                .trim_matches('"')
                .parse()
                .map_err(|_| "the portal has no data")?;
        }
        Ok((ends[0], ends[1]))
    }
}

/// The whole work as batches that need no answer of one another.
struct Plan {
    history: (u32, u32),
    deals: (u32, u32),
}

impl Plan {
    fn batches(range: (u32, u32)) -> u32 {
        (range.1 - range.0 + 1).div_ceil(FULL * FULL)
    }

    /// The batch with this number; `None` past the last.
    fn batch(&self, number: u32) -> Option<Value> {
        let of_history = Self::batches(self.history);
        let (range, number, call): (_, _, fn(u32, u32) -> String) = if number < of_history {
            (self.history, number, history_call)
        } else {
            (self.deals, number - of_history, deals_call)
        };
        if number >= Self::batches(range) {
            return None;
        }
        let first = range.0 + number * FULL * FULL;
        let calls = (first..=range.1).step_by(FULL as usize).take(FULL as usize);
        let calls: serde_json::Map<String, Value> = calls
            .map(|first| {
                (
                    format!("c{first}"),
                    call(first, range.1.min(first + FULL - 1)).into(),
                )
            })
            .collect();
        Some(json!({"halt": 0, "cmd": calls}))
    }
}

fn history_call(first: u32, last: u32) -> String {
    let mut query = format!(
        "crm.stagehistory.list?entityTypeId=2&start=-1&{}=ASC&{}={}&{}={last}",
        key("order[ID]"),
        key("filter[>ID]"),
        first - 1,
        key("filter[<=ID]"),
    );
    select(&mut query, &HISTORY);
    query
}

fn deals_call(first: u32, last: u32) -> String {
    let mut query = format!("crm.item.list?entityTypeId=2&start=-1&{}=ASC", key("order[id]"));
    for (place, id) in (first..=last).enumerate() {
        query.push_str(&format!("&{}={id}", key(&format!("filter[@id][{place}]"))));
    }
    select(&mut query, &DEAL);
    query
}

fn select(query: &mut String, fields: &[&str]) {
    for (place, field) in fields.iter().enumerate() {
        query.push_str(&format!("&{}={field}", key(&format!("select[{place}]"))));
    }
}

fn key(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

async fn windows(portal: &Portal, connections: u32) -> Outcome<Value> {
    let started = Instant::now();
    let mut line = portal.connect().await?;
    let plan = Arc::new(Plan {
        history: line.bounds("crm.stagehistory.list", "ID").await?,
        deals: line.bounds("crm.item.list", "id").await?,
    });
    let (next, bytes) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut readers = JoinSet::new();
    for _ in 0..connections.max(1) {
        let mut line = portal.connect().await?;
        let (plan, next, bytes) = (plan.clone(), next.clone(), bytes.clone());
        readers.spawn(async move {
            while let Some(batch) = plan.batch(next.fetch_add(1, Ordering::Relaxed)) {
                let length = line.throw_away("batch", &batch).await?;
                bytes.fetch_add(length, Ordering::Relaxed);
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = readers.join_next().await {
        ended??;
    }
    Ok(json!({
        "seconds": started.elapsed().as_secs_f64(),
        "batches": Plan::batches(plan.history) + Plan::batches(plan.deals),
        "bytes": bytes.load(Ordering::Relaxed),
        "connections": connections,
    }))
}

async fn sequential(portal: &Portal, pages: u32) -> Outcome<Value> {
    let mut line = portal.connect().await?;
    let started = Instant::now();
    // When the first refusal came, and how many pages there were before it: from there on the steady rate holds.
    let mut burst: Option<(f64, u32)> = None;
    let mut refused = 0_u32;
    for page in 0..pages {
        let params = json!({
            "entityTypeId": 2,
            "order": {"ID": "ASC"},
            "select": HISTORY,
            "start": page * FULL,
        });
        loop {
            let (status, body) = line.post("crm.stagehistory.list", &params).await?;
            body.collect().await?;
            match status {
                StatusCode::OK => break,
                StatusCode::SERVICE_UNAVAILABLE => {
                    burst.get_or_insert((started.elapsed().as_secs_f64(), page));
                    refused += 1;
                    sleep(PATIENCE).await;
                }
                other => return Err(format!("the portal answered {other}").into()),
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({
        "seconds": seconds,
        "pages": pages,
        "refused": refused,
        "burst_pages": burst.map(|(_, pages)| pages),
        "burst_seconds": burst.map(|(seconds, _)| seconds),
    }))
}
