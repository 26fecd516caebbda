//! What a program that measures a client asks the portal: what it did, and how much there is to read.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::model::Model;
use crate::stats::Stats;

/// [`Stats`] as JSON; moments in seconds after the portal's start.
pub(crate) fn of_stats(stats: &Stats) -> Value {
    let Stats {
        requests,
        calls,
        rows,
        refused,
        faults,
        events_raised,
        events_dropped,
        events_doubled,
        events_sent,
        events_failed,
        first_request,
        last_answer,
    } = *stats;
    json!({
        "requests": requests,
        "calls": calls,
        "rows": rows,
        "refused": refused,
        "faults": faults,
        "events_raised": events_raised,
        "events_dropped": events_dropped,
        "events_doubled": events_doubled,
        "events_sent": events_sent,
        "events_failed": events_failed,
        "first_request": first_request.map(|after| after.as_secs_f64()),
        "last_answer": last_answer.map(|after| after.as_secs_f64()),
    })
}

/// How many history rows there are that may be seen, and how many deals they belong to: in all, and by pipeline.
pub(crate) fn of_data(model: &Model) -> Value {
    let data = model.read();
    let mut all = Heap::default();
    let mut heaps: Vec<(u16, Heap)> = data
        .pipelines
        .iter()
        .map(|pipeline| (pipeline.id, Heap::default()))
        .collect();
    for row in data.rows.iter().filter(|row| !row.hidden) {
        all.add(row.owner);
        if let Some((_, heap)) = heaps.iter_mut().find(|(id, _)| *id == row.pipeline) {
            heap.add(row.owner);
        }
    }
    let pipelines: Vec<Value> = heaps
        .iter()
        .map(|(id, heap)| json!({"id": id, "rows": heap.rows, "deals": heap.deals.len()}))
        .collect();
    json!({
        "rows": all.rows,
        "deals": all.deals.len(),
        "pipelines": pipelines,
    })
}

/// Rows, and the deals they belong to.
#[derive(Default)]
struct Heap {
    rows: u64,
    deals: HashSet<u32>,
}

impl Heap {
    fn add(&mut self, owner: u32) {
        self.rows += 1;
        self.deals.insert(owner);
    }
}
