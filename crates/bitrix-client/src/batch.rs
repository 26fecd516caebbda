//! Up to 50 calls in one request.
//!
//! Calls are named `c00` to `c49`: names that are not 0..n-1, which PHP would turn into an array and renumber. What
//! fails in passing is asked for again, alone, while the answers that came are kept.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::client::{Client, check_call};
use crate::error::{Class, Error};
use crate::limits::operating::Demand;
use crate::query;
use crate::retry::Attempts;

/// The most calls one batch takes.
pub const MAX_BATCH: usize = 50;

/// The rows of one page of a list method, and the most IDs one call asks for.
pub const PAGE_ROWS: usize = 50;

pub(crate) const BATCH: &str = "batch";

/// One call of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The REST method.
    pub method: String,
    /// Its parameters: a map, or `null` for none. Empty lists and `null`s in it are not sent.
    pub params: Value,
    /// Whether the parameters refer to the answer of the call before it in the same request.
    follows: bool,
}

impl Call {
    /// A call of a method with its parameters.
    #[must_use]
    pub fn new(method: impl Into<String>, params: Value) -> Self {
        Self {
            method: method.into(),
            params,
            follows: false,
        }
    }

    /// The same call, of which the parameters refer to the answer of the call before it. It is made only in the request in which that
    /// one is made: elsewhere the portal would put nothing in the place of the reference (vendor behaviour, recorded in the design).
    pub(crate) fn following(self) -> Self {
        Self {
            follows: true,
            ..self
        }
    }
}

/// What stands in a call's parameters for a value in the answer of the call at `place` of the same batch.
pub(crate) fn reference(place: usize, path: &str) -> String {
    format!("$result[{}]{path}", name(place))
}

impl Client {
    /// Makes up to [`MAX_BATCH`] calls in one request. The answers come in the order of the calls.
    ///
    /// A call that fails does not stop the ones after it. Calls that fail in passing are repeated, alone, within the
    /// same bound on attempts; a call that succeeded is never repeated.
    ///
    /// # Errors
    /// Outside: the batch as a whole failed, or has more calls than allowed. Inside: that call failed.
    pub async fn batch(&self, calls: &[Call]) -> Result<Vec<Result<Answer<Box<RawValue>>, Error>>, Error> {
        let keep = |_: usize, answer: Answer<&RawValue>| {
            let Answer {
                result,
                total,
                next,
                time,
            } = answer;
            Ok(Answer {
                result: result.to_owned(),
                total,
                next,
                time,
            })
        };
        self.batch_with(calls, keep).await
    }

    /// Like [`Client::batch`], with a reader of each call's result: no answer is copied before it is read. None of the calls follows
    /// another.
    pub(crate) async fn batch_with<T>(
        &self,
        calls: &[Call],
        read: impl Fn(usize, Answer<&RawValue>) -> Result<T, Error>,
    ) -> Result<Vec<Result<T, Error>>, Error> {
        Ok(self.batch_in_order(calls, read).await?.into_values().collect())
    }

    /// Like [`Client::batch_with`], with calls that may follow others. The outcomes come by the places of the calls. A call that follows
    /// another has none when it failed in passing, or was not answered together with that one.
    pub(crate) async fn batch_in_order<T>(
        &self,
        calls: &[Call],
        read: impl Fn(usize, Answer<&RawValue>) -> Result<T, Error>,
    ) -> Result<BTreeMap<usize, Result<T, Error>>, Error> {
        check(calls)?;
        let mut outcomes: BTreeMap<usize, Result<T, Error>> = BTreeMap::new();
        let mut pending: Vec<(usize, &Call)> = calls.iter().enumerate().collect();
        let mut attempts = self.attempts();
        while !pending.is_empty() {
            let mut round = match self.try_batch(&pending, &read, &mut attempts).await {
                Ok(round) => round,
                Err(error) => {
                    self.wait_or_give_up(&mut attempts, error).await?;
                    continue;
                }
            };
            let (mut failed, mut unsent) = (Vec::new(), Vec::new());
            let mut whole = false;
            for (index, call) in pending {
                let outcome = round.remove(&index);
                // What follows a call that gave nothing was asked without it.
                if call.follows && !(whole && outcome.as_ref().is_some_and(is_final)) {
                    whole = false;
                    continue;
                }
                whole = matches!(outcome, Some(Ok(_)));
                match outcome {
                    None => unsent.push((index, call)),
                    Some(Err(error)) if is_passing(&error) => failed.push((index, call, error)),
                    Some(Err(error)) => {
                        outcomes.insert(index, Err(error.with_attempts(attempts.made())));
                    }
                    Some(ok) => {
                        outcomes.insert(index, ok);
                    }
                }
            }
            pending = unsent;
            let Some((_, _, first)) = failed.first() else {
                continue;
            };
            match attempts.delay_after(failed.iter().map(|(_, _, error)| error)) {
                Some(delay) => {
                    self.pause(first, delay).await;
                    pending.extend(failed.into_iter().map(|(index, call, _)| (index, call)));
                    pending.sort_by_key(|(index, _)| *index);
                }
                None => {
                    let made = attempts.made();
                    outcomes.extend(
                        failed
                            .into_iter()
                            .map(|(index, _, e)| (index, Err(e.with_attempts(made)))),
                    );
                }
            }
        }
        Ok(outcomes)
    }

    /// One request, and the outcomes of the calls in it by their numbers. When the limits admit a request that asks, it has the first
    /// call of each method only, and the others have no outcome yet.
    async fn try_batch<T>(
        &self,
        calls: &[(usize, &Call)],
        read: &impl Fn(usize, Answer<&RawValue>) -> Result<T, Error>,
        attempts: &mut Attempts,
    ) -> Result<BTreeMap<usize, Result<T, Error>>, Error> {
        let admission = self.admit(BATCH, &demand(calls)).await?;
        let asking = admission.asks().then(|| first_of_each_method(calls));
        let calls = asking.as_deref().unwrap_or(calls);
        let body = Bytes::from(body(calls).to_string());
        let delivery = self
            .send(admission, BATCH, &body, &demand(calls), attempts)
            .await?;
        let batch = self.open_batch(&delivery)?.result?;
        let part = |(index, call): &(usize, &Call)| {
            let name = name(*index);
            let part = batch.part(&name, &call.method, &self.config().webhook);
            if let Some(time) = batch.time(&name) {
                self.learn(&call.method, &time);
            } else if let Ok(part) = &part {
                self.learn(&call.method, &part.time);
            }
            let method = std::slice::from_ref(&call.method);
            let outcome = part
                .map_err(|error| self.heed(error, delivery.admission.started(), method))
                .and_then(|part| read(*index, part));
            (*index, outcome)
        };
        Ok(calls.iter().map(part).collect())
    }
}

fn is_passing(error: &Error) -> bool {
    matches!(error.class(), Class::Retry { .. } | Class::WaitForMethod { .. })
}

fn is_final<T>(outcome: &Result<T, Error>) -> bool {
    !outcome.as_ref().is_err_and(is_passing)
}

fn check(calls: &[Call]) -> Result<(), Error> {
    if calls.len() > MAX_BATCH {
        let detail = format!(
            "{} calls in one batch, at most {MAX_BATCH} are allowed",
            calls.len()
        );
        return Err(Error::bad_input(BATCH, detail));
    }
    for call in calls {
        check_call(&call.method, &call.params)?;
        if call.method == BATCH {
            return Err(Error::bad_input(BATCH, "a batch cannot hold a batch"));
        }
    }
    Ok(())
}

fn name(index: usize) -> String {
    format!("c{index:02}")
}

fn body(calls: &[(usize, &Call)]) -> Value {
    let cmd: Map<String, Value> = calls
        .iter()
        .map(|(index, call)| {
            (
                name(*index),
                Value::from(query::command(&call.method, &call.params)),
            )
        })
        .collect();
    json!({ "halt": 0, "cmd": cmd })
}

fn first_of_each_method<'a>(calls: &[(usize, &'a Call)]) -> Vec<(usize, &'a Call)> {
    let mut methods = BTreeSet::new();
    let first = calls
        .iter()
        .filter(|(_, call)| methods.insert(call.method.as_str()));
    first.copied().collect()
}

fn demand<'a>(calls: &[(usize, &'a Call)]) -> Vec<Demand<'a>> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, call) in calls {
        *counts.entry(call.method.as_str()).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(method, calls)| Demand { method, calls })
        .collect()
}
