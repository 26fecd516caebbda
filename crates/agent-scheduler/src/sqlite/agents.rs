//! What is done to agents, in SQL: read a record, apply a transition, write it back.

use std::collections::BTreeSet;

use agent::{Priority, Progress};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::rows::{cached, load, load_first, load_some, load_where, ms, priority, save, time_of};
use super::{Failed, history};
use crate::policy::{Backoff, rank_at};
use crate::record::{AgentFilter, AgentRecord, AgentState, Queued, RunEnding, StateCount, priority_str};
use crate::store::{ClaimRequest, Claimed, Lease, QueueRequest, Reclaim, Registration};
use crate::transition::{self, Ended};

pub(super) fn queue(
    connection: &Connection,
    request: QueueRequest,
    now: DateTime<Utc>,
) -> rusqlite::Result<Queued> {
    let QueueRequest {
        name,
        key,
        input,
        due_at,
    } = request;
    if let Some(mut record) = load(connection, &name, &key)? {
        let queued = transition::queue(&mut record, input, due_at, now);
        save(connection, &record)?;
        return Ok(queued);
    }
    add(connection, (name, key), input.unwrap_or(Value::Null), due_at, now)?;
    Ok(Queued::Added)
}

fn add(
    connection: &Connection,
    id: (String, String),
    input: Value,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> rusqlite::Result<AgentRecord> {
    // The class and the pause belong to the name and are read with it.
    let record = transition::added(id, Priority::Normal, input, due_at, now);
    save(connection, &record)?;
    Ok(record)
}

pub(super) fn register(
    connection: &Connection,
    registered: &[Registration],
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    for Registration {
        name,
        priority,
        interval,
    } in registered
    {
        cached(
            connection,
            "INSERT INTO agent_names (name, priority) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET priority = excluded.priority WHERE priority <> excluded.priority",
        )?
        .execute([name.as_str(), priority_str(*priority)])?;
        let known = load(connection, name, "")?;
        let mut record = match (known, interval) {
            (Some(record), _) => record,
            (None, Some(_)) => add(connection, (name.clone(), String::new()), Value::Null, now, now)?,
            (None, None) => continue,
        };
        transition::scheduled(&mut record, *interval, now);
        save(connection, &record)?;
    }
    Ok(())
}

/// The first of a name that waits.
struct Candidate {
    id: i64,
    name: String,
    priority: Priority,
    due_at: DateTime<Utc>,
    run: i64,
}

pub(super) fn claim(connection: &Connection, request: ClaimRequest) -> rusqlite::Result<Claimed> {
    let mut waiting = Vec::with_capacity(request.names.len());
    for name in &request.names {
        if let Some(candidate) = first_waiting(connection, name, request.lowest)? {
            waiting.push(candidate);
        }
    }
    let due = waiting
        .iter()
        .filter(|candidate| candidate.due_at <= request.now)
        .min_by_key(|candidate| {
            let class = std::cmp::Reverse(candidate.priority);
            (
                rank_at(candidate.priority, candidate.due_at),
                class,
                candidate.run,
                candidate.id,
            )
        });
    let Some(first) = due else {
        let next_due = waiting.iter().map(|candidate| candidate.due_at).min();
        return Ok(Claimed::Nothing { next_due });
    };
    let mut found = load_where(
        connection,
        "a.name = ?1 AND a.id = ?2",
        params![first.name, first.id],
    )?;
    let Some(mut record) = found.pop() else {
        return Err(rusqlite::Error::QueryReturnedNoRows);
    };
    let run = history::open(connection, &record, request.now)?;
    transition::claimed(&mut record, request.owner, run, request.lease_until, request.now);
    save(connection, &record)?;
    let lease = Lease {
        name: record.name.clone(),
        key: record.key.clone(),
        run,
    };
    Ok(Claimed::Work(lease, Box::new(record)))
}

/// Asking name by name keeps a claim cheap however many records of paused or unknown names there are, and however many
/// are not due yet: each question reads one entry of an index.
fn first_waiting(
    connection: &Connection,
    name: &str,
    lowest: Priority,
) -> rusqlite::Result<Option<Candidate>> {
    let found: Option<(String, Option<i64>)> = cached(
        connection,
        "SELECT priority, paused_at FROM agent_names WHERE name = ?1",
    )?
    .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
    .optional()?;
    let (class, paused_at) = found.unwrap_or_default();
    let class = priority(&class).unwrap_or(Priority::Normal);
    if paused_at.is_some() || class < lowest {
        return Ok(None);
    }
    cached(
        connection,
        "SELECT id, due_at, run FROM agents WHERE state = 'waiting' AND name = ?1 ORDER BY due_at, run, id LIMIT 1",
    )?
    .query_row([name], |row| {
        Ok(Candidate {
            id: row.get(0)?,
            name: name.to_owned(),
            priority: class,
            due_at: time_of(row.get(1)?).unwrap_or_default(),
            run: row.get(2)?,
        })
    })
    .optional()
}

/// The record that a lease is for, or the refusal.
fn leased(connection: &Connection, lease: Lease) -> Result<(AgentRecord, Lease), Failed> {
    match load(connection, &lease.name, &lease.key)? {
        Some(record) if record.state == AgentState::Running && record.run == lease.run => Ok((record, lease)),
        _ => Err(Failed::LeaseLost(lease)),
    }
}

/// The records that can be gathered: agent's name, present instant, limit. The condition of [`transition::gathers`] is
/// repeated so that the limit counts what is taken.
pub(super) const DUE: &str =
    "a.state = 'waiting' AND a.name = ?1 AND a.due_at <= ?2 AND a.permanent_failures = 0
    ORDER BY a.due_at, a.run, a.id LIMIT ?3";

/// The records that run along: owner, run, and the key of the one they run along with.
pub(super) const GATHERED: &str = "a.state = 'running' AND a.lease_owner = ?1 AND a.run = ?2 AND a.key <> ?3";

/// The others that run along with a running record.
fn gathered(connection: &Connection, record: &AgentRecord) -> rusqlite::Result<Vec<AgentRecord>> {
    load_where(
        connection,
        GATHERED,
        params![record.lease_owner, record.run, record.key],
    )
}

pub(super) fn queue_from(
    connection: &Connection,
    lease: Lease,
    request: QueueRequest,
    now: DateTime<Utc>,
) -> Result<Queued, Failed> {
    leased(connection, lease)?;
    Ok(queue(connection, request, now)?)
}

pub(super) fn gather(
    connection: &Connection,
    lease: Lease,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Failed> {
    let (main, lease) = leased(connection, lease)?;
    let (Some(owner), Some(lease_until)) = (&main.lease_owner, main.lease_until) else {
        return Err(Failed::LeaseLost(lease));
    };
    if main.paused || !transition::gathers(&main) {
        return Ok(Vec::new());
    }
    let due = load_first(
        connection,
        DUE,
        params![lease.name, ms(now), i64::try_from(limit).unwrap_or(i64::MAX)],
    )?;
    let mut keys = Vec::with_capacity(due.len());
    for mut record in due.into_iter().filter(transition::gathers) {
        transition::claimed(&mut record, owner.clone(), lease.run, lease_until, now);
        save(connection, &record)?;
        keys.push(record.key);
    }
    history::gathered(connection, lease.run, keys.len())?;
    Ok(keys)
}

pub(super) fn renew(
    connection: &Connection,
    lease: Lease,
    lease_until: DateTime<Utc>,
    progress: Option<Progress>,
    now: DateTime<Utc>,
) -> Result<(), Failed> {
    let (mut record, _) = leased(connection, lease)?;
    for mut other in gathered(connection, &record)? {
        transition::renewed(&mut other, lease_until, now);
        save(connection, &other)?;
    }
    transition::checkpoint(&mut record, None, progress, now);
    transition::renewed(&mut record, lease_until, now);
    Ok(save(connection, &record)?)
}

pub(super) fn checkpoint(
    connection: &Connection,
    lease: Lease,
    input: Option<Value>,
    progress: Option<Progress>,
    now: DateTime<Utc>,
) -> Result<(), Failed> {
    let (mut record, _) = leased(connection, lease)?;
    transition::checkpoint(&mut record, input, progress, now);
    Ok(save(connection, &record)?)
}

pub(super) fn finish(
    connection: &Connection,
    lease: Lease,
    ended: Ended,
    for_gathered: &Ended,
    progress: Option<Progress>,
    now: DateTime<Utc>,
) -> Result<AgentRecord, Failed> {
    let (mut record, lease) = leased(connection, lease)?;
    for mut other in gathered(connection, &record)? {
        transition::finish(&mut other, for_gathered.clone(), now);
        save(connection, &other)?;
    }
    transition::checkpoint(&mut record, None, progress, now);
    let error = match &ended {
        Ended::Failed { error, .. } => Some(transition::bounded(error)),
        _ => None,
    };
    let ending = transition::finish(&mut record, ended, now);
    save(connection, &record)?;
    history::close(connection, lease.run, ending, error.as_deref(), now)?;
    // As it reads from now on: paused, when its name is.
    load(connection, &lease.name, &lease.key)?.ok_or(Failed::LeaseLost(lease))
}

pub(super) fn reclaim(
    connection: &Connection,
    which: &Reclaim,
    backoff: Backoff,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<Lease>> {
    let records = match which {
        Reclaim::AllBut(owner) => load_where(
            connection,
            "a.state = 'running' AND a.lease_owner IS NOT ?1",
            [owner],
        )?,
        Reclaim::ExpiredBut(owner) => load_where(
            connection,
            "a.state = 'running' AND a.lease_owner IS NOT ?1 AND coalesce(a.lease_until, 0) <= ?2",
            params![owner, ms(now)],
        )?,
    };
    let mut released = Vec::with_capacity(records.len());
    let mut runs = BTreeSet::new();
    for mut record in records {
        transition::crashed(&mut record, backoff, now);
        save(connection, &record)?;
        runs.insert(record.run);
        released.push(Lease {
            name: record.name,
            key: record.key,
            run: record.run,
        });
    }
    for run in runs {
        history::close(connection, run, RunEnding::Crashed, None, now)?;
    }
    Ok(released)
}

pub(super) fn mend(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<u64> {
    let future = load_where(
        connection,
        "a.updated_at > ?1",
        [ms(now + transition::CLOCK_TOLERANCE)],
    )?;
    let mut mended = 0;
    for mut record in future {
        if transition::mend_future(&mut record, now) {
            save(connection, &record)?;
            mended += 1;
        }
    }
    Ok(mended)
}

pub(super) fn list(connection: &Connection, filter: &AgentFilter) -> rusqlite::Result<Vec<AgentRecord>> {
    let wanted = |record: &AgentRecord| filter.states.is_empty() || filter.states.contains(&record.state);
    let limit = filter.limit.unwrap_or(usize::MAX);
    match &filter.name {
        Some(name) => load_some(connection, "a.name = ?1", [name], wanted, limit),
        None => load_some(connection, "true", [], wanted, limit),
    }
}

pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Vec<StateCount>> {
    cached(
        connection,
        "SELECT a.name, iif(a.state = 'waiting' AND n.paused_at IS NOT NULL, 'paused', a.state) AS shown, count(*)
        FROM agents a LEFT JOIN agent_names n ON n.name = a.name GROUP BY a.name, shown ORDER BY a.name, shown",
    )?
    .query_map([], |row| {
        Ok(StateCount {
            name: row.get(0)?,
            state: super::rows::shown_state(&row.get::<_, String>(1)?)?,
            records: row.get::<_, u32>(2)?.into(),
        })
    })?
    .collect()
}

pub(super) fn pause(connection: &Connection, name: &str, now: DateTime<Utc>) -> rusqlite::Result<u64> {
    cached(
        connection,
        "INSERT INTO agent_names (name, paused_at) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(paused_at, excluded.paused_at)",
    )?
    .execute(params![name, ms(now)])?;
    count(connection, name)
}

pub(super) fn resume(connection: &Connection, name: &str, now: DateTime<Utc>) -> rusqlite::Result<u64> {
    cached(
        connection,
        "UPDATE agent_names SET paused_at = NULL WHERE name = ?1",
    )?
    .execute([name])?;
    for mut record in load_where(connection, "a.name = ?1 AND a.state = 'parked'", [name])? {
        if transition::unpark(&mut record, now) {
            save(connection, &record)?;
        }
    }
    count(connection, name)
}

pub(super) fn run_now(connection: &Connection, name: &str, now: DateTime<Utc>) -> rusqlite::Result<u64> {
    let mut brought = 0;
    for mut record in load_where(connection, "a.name = ?1", [name])? {
        if transition::run_now(&mut record, now) {
            save(connection, &record)?;
            brought += 1;
        }
    }
    Ok(brought)
}

pub(super) fn paused(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    cached(
        connection,
        "SELECT name FROM agent_names WHERE paused_at IS NOT NULL ORDER BY name",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

fn count(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let records: u32 = cached(connection, "SELECT count(*) FROM agents WHERE name = ?1")?
        .query_row([name], |row| row.get(0))?;
    Ok(records.into())
}
