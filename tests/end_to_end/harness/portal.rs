//! A demo portal in a process of its own, and what it holds, read over plain HTTP by other code than the program's.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::database::{Move, Stage};
use super::process::Process;

/// A portal that is serving. It ends when dropped.
pub(crate) struct Portal {
    process: Process,
    webhook: String,
}

/// What a portal holds, as the tables have to hold it.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) stages: BTreeMap<i64, Stage>,
    pub(crate) moves: BTreeMap<i64, Move>,
}

impl Portal {
    /// Starts one with these flags of `portal`, on a free port.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", flags)
    }

    /// Starts one at this address.
    pub(crate) fn start_at(address: &str, flags: &[&str]) -> Self {
        let mut command = super::program();
        command.args(["portal", "--listen", address]).args(flags);
        let mut process = Process::start(command);
        let webhook = process.line_on_stdout("the webhook", |line| {
            line.strip_prefix("webhook ").map(str::to_owned)
        });
        Self { process, webhook }
    }

    /// The address of its webhook, secret included.
    pub(crate) fn webhook(&self) -> &str {
        &self.webhook
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        let rest = self
            .webhook
            .strip_prefix("http://")
            .expect("a portal on loopback");
        rest.split_once('/').expect("a webhook has a path").0
    }

    /// Waits until its deals, which were changed for a while, stand still.
    pub(crate) fn wait_for_rest(&mut self) {
        self.process.line_on_stdout("the end of the changes", |line| {
            line.contains("stand still").then_some(())
        });
    }

    /// Ends it, and gives its port back.
    pub(crate) fn stop(self) {
        self.process.terminate();
        self.process.finish().expect_code(0);
    }

    /// Calls a method. A portal with faults is asked again.
    pub(crate) fn call(&self, method: &str, parameters: &Value) -> Value {
        for _ in 0..50 {
            if let Some(answer) = self.try_call(method, parameters)
                && answer.get("result").is_some()
            {
                return answer;
            }
        }
        panic!("{method} gave no result in 50 tries");
    }

    fn try_call(&self, method: &str, parameters: &Value) -> Option<Value> {
        let host = self.address();
        let path = self.webhook.split_once(host).expect("the webhook has the host").1;
        let body = parameters.to_string();
        let mut stream = TcpStream::connect(host).ok()?;
        write!(
            stream,
            "POST {path}{method} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            match line.trim_end() {
                "" => break,
                head => assert!(
                    !head.eq_ignore_ascii_case("transfer-encoding: chunked"),
                    "the portal's answers have a length"
                ),
            }
        }
        let mut answer = String::new();
        reader.read_to_string(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }

    /// Everything it holds, put together as the design says.
    pub(crate) fn truth(&self) -> Truth {
        let stages = self.stages();
        let names: HashMap<&str, &str> = stages
            .values()
            .map(|stage| (stage.status.as_str(), stage.name.as_str()))
            .collect();
        let records = self.records();
        let deals = self.deals(&records);
        let mut latest: HashMap<i64, (DateTime<Utc>, i64)> = HashMap::new();
        for record in &records {
            let this = (time(&record["CREATED_TIME"]), number(&record["ID"]));
            let known = latest.entry(number(&record["OWNER_ID"])).or_insert(this);
            *known = (*known).max(this);
        }
        let moves = records
            .iter()
            .map(|record| {
                let (id, owner) = (number(&record["ID"]), number(&record["OWNER_ID"]));
                let created = time(&record["CREATED_TIME"]);
                let deal = deals.get(&owner);
                let is_latest = latest[&owner] == (created, id);
                let (responsible, source) = responsible(record, created, deal, is_latest);
                let stage = text(&record["STAGE_ID"]).expect("every move has a stage");
                let semantics = text(&record["STAGE_SEMANTIC_ID"]);
                let day = |field: &str| deal.and_then(|deal| text(&deal[field])).map(|text| day(&text));
                let row = Move {
                    entity_type: 2,
                    owner,
                    created: created.format("%Y-%m-%d %H:%M:%S").to_string(),
                    start: day("begindate"),
                    end: day("closedate"),
                    name: names.get(stage.as_str()).map(|name| (*name).to_owned()),
                    responsible,
                    source,
                    category: number(&record["CATEGORY_ID"]),
                    lost: if semantics.as_deref() == Some("F") {
                        "Y"
                    } else {
                        "N"
                    }
                    .to_owned(),
                    semantics,
                    stage,
                    record_type: Some(number(&record["TYPE_ID"])),
                };
                (id, row)
            })
            .collect();
        Truth { stages, moves }
    }

    fn stages(&self) -> BTreeMap<i64, Stage> {
        let categories = self.call("crm.category.list", &json!({ "entityTypeId": 2 }));
        let mut stages = BTreeMap::new();
        for category in rows(&categories["result"]["categories"]) {
            let category = number(&category["id"]);
            let entity = match category {
                0 => "DEAL_STAGE".to_owned(),
                other => format!("DEAL_STAGE_{other}"),
            };
            let answer = self.call("crm.status.list", &json!({ "filter": { "ENTITY_ID": entity } }));
            for status in rows(&answer["result"]) {
                let stage = Stage {
                    active: "Y".to_owned(),
                    entity: entity.clone(),
                    status: text(&status["STATUS_ID"]).expect("a stage has a code"),
                    name: text(&status["NAME"]).expect("a stage has a name"),
                    sort: number(&status["SORT"]),
                    system: text(&status["SYSTEM"]).expect("a stage has a flag SYSTEM"),
                    semantics: text(&status["SEMANTICS"]),
                    category,
                };
                stages.insert(number(&status["ID"]), stage);
            }
        }
        stages
    }

    fn records(&self) -> Vec<Value> {
        let mut records: Vec<Value> = Vec::new();
        loop {
            let after = records.last().map_or(0, |record| number(&record["ID"]));
            let question = json!({
                "entityTypeId": 2, "filter": { ">ID": after }, "order": { "ID": "ASC" }, "start": -1,
            });
            let answer = self.call("crm.stagehistory.list", &question);
            let page = rows(&answer["result"]["items"]);
            if page.is_empty() {
                return records;
            }
            records.extend(page.iter().cloned());
        }
    }

    fn deals(&self, records: &[Value]) -> HashMap<i64, Value> {
        let mut ids: Vec<i64> = records.iter().map(|record| number(&record["OWNER_ID"])).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut deals = HashMap::new();
        for ids in ids.chunks(50) {
            let question = json!({
                "entityTypeId": 2, "filter": { "@id": ids }, "start": -1,
                "select": [
                    "id", "categoryId", "assignedById", "createdBy", "movedBy", "movedTime", "begindate", "closedate",
                ],
            });
            let answer = self.call("crm.item.list", &question);
            for deal in rows(&answer["result"]["items"]) {
                deals.insert(number(&deal["id"]), deal.clone());
            }
        }
        deals
    }
}

/// RESPONSIBLE_ID and RESPONSIBLE_SOURCE.
fn responsible(
    record: &Value,
    created: DateTime<Utc>,
    deal: Option<&Value>,
    is_latest: bool,
) -> (Option<i64>, Option<String>) {
    let Some(deal) = deal else { return (None, None) };
    let user = |field: &str| {
        text(&deal[field])
            .map(|_| number(&deal[field]))
            .filter(|id| *id > 0)
    };
    let last_move = || {
        let moved = text(&deal["movedTime"])?;
        let moved = DateTime::parse_from_rfc3339(&moved).expect("movedTime is a time");
        let together = (moved.to_utc() - created).num_seconds().abs() <= 5;
        (together && number(&deal["categoryId"]) == number(&record["CATEGORY_ID"])).then_some(())
    };
    let mover = match number(&record["TYPE_ID"]) {
        1 => user("createdBy"),
        _ if is_latest => last_move().and_then(|()| user("movedBy")),
        _ => None,
    };
    match (mover, user("assignedById")) {
        (Some(user), _) => (Some(user), Some("moved_by".to_owned())),
        (None, Some(user)) => (Some(user), Some("assigned_by".to_owned())),
        (None, None) => (None, None),
    }
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A number, which the portal may write as a text.
fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// A text, unless it is missing, null or empty.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

fn time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().expect("a time is a text");
    DateTime::parse_from_rfc3339(text)
        .expect("a time with its offset")
        .to_utc()
}

/// The calendar day that the portal writes, in its own zone.
fn day(text: &str) -> String {
    text.chars().take(10).collect()
}
