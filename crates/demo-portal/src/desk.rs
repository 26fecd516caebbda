//! The desk that answers calls: limits, methods, batches and the `time` block. It knows nothing of HTTP.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::batch::{MAX_CALLS, PhpMap, resolve};
use crate::clock::{Clock, Zone, whole_seconds};
use crate::error_answer::ApiError;
use crate::json::Json;
use crate::limits::{Ledger, Operating};
use crate::methods::{Call, Counts, find};
use crate::model::{Model, View};
use crate::options::{NumberStyle, PortalOptions};
use crate::params::Param;
use crate::stats::Counters;

/// Bytes a batch's answers may well take; a full one of stage history does.
const LIKELY_BATCH: usize = 512 * 1024;
const LIKELY_CALL: usize = 12 * 1024;

/// Answers calls from the portal's data.
#[derive(Debug)]
pub(crate) struct Desk {
    model: Model,
    clock: Clock,
    zone: Zone,
    ledger: Mutex<Ledger>,
    page_time: Duration,
    user_id: u32,
    admin: bool,
    history_numbers: NumberStyle,
    counters: Counters,
}

/// An answer, before it is sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// How long the portal pretends to have worked on it.
    pub(crate) run_time: Duration,
}

impl Answer {
    pub(crate) fn refusal(error: ApiError) -> Self {
        Self {
            status: error.status,
            body: error.into_json(),
            run_time: Duration::ZERO,
        }
    }
}

/// The time a request takes: pretended run time is counted here and slept off once, at the end.
#[derive(Debug)]
struct Stopwatch<'a> {
    clock: &'a Clock,
    pretended: Duration,
}

impl Stopwatch<'_> {
    fn now(&self) -> f64 {
        self.clock.now() + self.pretended.as_secs_f64()
    }
}

/// What goes into a `time` block.
#[derive(Debug, Clone, Copy)]
struct Timing {
    start: f64,
    finish: f64,
    operating: Operating,
}

impl Desk {
    pub(crate) fn new(options: &PortalOptions, model: Model, clock: Clock, counters: Counters) -> Self {
        Self {
            model,
            clock,
            zone: Zone::new(options),
            ledger: Mutex::new(Ledger::new(options.operating_limit_seconds)),
            page_time: options.page_time,
            user_id: options.user_id,
            admin: options.admin,
            history_numbers: options.history_numbers,
            counters,
        }
    }

    /// Answers one request: a method or a batch of them.
    pub(crate) fn answer(&self, method: &str, params: &Param) -> Answer {
        self.answer_between(method, params, &mut || {})
    }

    /// The same, and does something before each further call of a batch: the portal's users do not stand still while a
    /// batch runs.
    pub(crate) fn answer_between(&self, method: &str, params: &Param, between: &mut dyn FnMut()) -> Answer {
        let mut watch = Stopwatch {
            clock: &self.clock,
            pretended: Duration::ZERO,
        };
        let mut json;
        let written = if method.eq_ignore_ascii_case("batch") {
            json = Json::with_capacity(LIKELY_BATCH);
            self.batch(params, &mut watch, &mut json, between)
        } else {
            json = Json::with_capacity(LIKELY_CALL);
            self.single(method, params, &mut watch, &mut json)
        };
        match written {
            Ok(()) => Answer {
                status: 200,
                body: json.into_bytes(),
                run_time: watch.pretended,
            },
            Err(error) => Answer {
                run_time: watch.pretended,
                ..Answer::refusal(error)
            },
        }
    }

    fn single(
        &self,
        method: &str,
        params: &Param,
        watch: &mut Stopwatch<'_>,
        json: &mut Json,
    ) -> Result<(), ApiError> {
        json.raw("{\"result\":");
        let (counts, timing) = self.call(method, params, watch, json)?;
        for (key, count) in [("next", counts.next), ("total", counts.total)] {
            if let Some(count) = count {
                json.key(key);
                json.integer(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        json.key("time");
        self.write_time(timing, json);
        json.raw("}");
        Ok(())
    }

    /// Answers one request while time passes: each call of a batch runs, and is booked, when those before it are over. Other requests may
    /// be answered meanwhile.
    pub(crate) async fn answer_in_time(&self, method: &str, params: &Param) -> Answer {
        let begun = tokio::time::Instant::now();
        let written = if method.eq_ignore_ascii_case("batch") {
            self.batch_in_time(params).await
        } else {
            let mut json = Json::with_capacity(LIKELY_CALL);
            let mut watch = self.stopwatch();
            let written = self.single(method, params, &mut watch, &mut json);
            tokio::time::sleep(watch.pretended).await;
            written.map(|()| json)
        };
        let run_time = begun.elapsed();
        match written {
            Ok(json) => Answer {
                status: 200,
                body: json.into_bytes(),
                run_time,
            },
            Err(error) => Answer {
                run_time,
                ..Answer::refusal(error)
            },
        }
    }

    async fn batch_in_time(&self, params: &Param) -> Result<Json, ApiError> {
        let commands = params.get("cmd").map(Param::entries).unwrap_or_default();
        if commands.len() > MAX_CALLS {
            return Err(ApiError::batch_too_long());
        }
        let start = self.clock.now();
        let mut gathered = Gathered::default();
        for (name, command) in commands {
            let mut watch = self.stopwatch();
            self.command(name, command, &mut watch, &mut gathered);
            tokio::time::sleep(watch.pretended).await;
        }
        let finish = self.clock.now();
        let mut json = Json::with_capacity(LIKELY_BATCH);
        gathered.write(&mut json);
        json.key("time");
        let operating = Operating::none(finish);
        self.write_time(
            Timing {
                start,
                finish,
                operating,
            },
            &mut json,
        );
        json.raw("}");
        Ok(json)
    }

    fn stopwatch(&self) -> Stopwatch<'_> {
        Stopwatch {
            clock: &self.clock,
            pretended: Duration::ZERO,
        }
    }

    /// One call, alone or in a batch: the ledger's leave, the work, the booking.
    fn call(
        &self,
        method: &str,
        params: &Param,
        watch: &mut Stopwatch<'_>,
        json: &mut Json,
    ) -> Result<(Counts, Timing), ApiError> {
        self.counters.call();
        let (name, method) = find(method).ok_or_else(ApiError::no_such_method)?;
        let start = watch.now();
        if !self.ledger().allows(name, start) {
            self.counters.refused();
            return Err(ApiError::operating_limit());
        }
        let data = self.model.read();
        let call = Call {
            view: View {
                data: &data,
                admin: self.admin,
            },
            params,
            zone: self.zone,
            user_id: self.user_id,
            history_numbers: self.history_numbers,
            now: whole_seconds(start),
        };
        let result = method(call, json);
        drop(data);
        watch.pretended += self.page_time;
        let finish = watch.now();
        let operating = self.ledger().book(name, finish, self.page_time.as_secs_f64());
        let counts = result?;
        self.counters.rows(counts.rows);
        Ok((
            counts,
            Timing {
                start,
                finish,
                operating,
            },
        ))
    }

    /// Books run time of a method that somebody else used with the same webhook.
    pub(crate) fn book(&self, method: &str, seconds: f64) {
        if let Some((name, _)) = find(method) {
            self.ledger().book(name, self.clock.now(), seconds);
        }
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(
        &self,
        params: &Param,
        watch: &mut Stopwatch<'_>,
        json: &mut Json,
        between: &mut dyn FnMut(),
    ) -> Result<(), ApiError> {
        let commands = params.get("cmd").map(Param::entries).unwrap_or_default();
        if commands.len() > MAX_CALLS {
            return Err(ApiError::batch_too_long());
        }
        // Truth as PHP sees it.
        let halt = params
            .get("halt")
            .and_then(Param::text)
            .is_some_and(|halt| !matches!(halt, "" | "0"));
        let start = watch.now();
        let mut gathered = Gathered {
            result: PhpMap::with_capacity(LIKELY_BATCH),
            ..Gathered::default()
        };
        for (place, (name, command)) in commands.iter().enumerate() {
            if place > 0 {
                between();
            }
            let good = self.command(name, command, watch, &mut gathered);
            if halt && !good {
                break;
            }
        }
        let timing = Timing {
            start,
            finish: watch.now(),
            operating: Operating::none(watch.now()),
        };
        gathered.write(json);
        json.key("time");
        self.write_time(timing, json);
        json.raw("}");
        Ok(())
    }

    /// One call of a batch; tells whether it succeeded.
    fn command(
        &self,
        name: &str,
        command: &Param,
        watch: &mut Stopwatch<'_>,
        gathered: &mut Gathered,
    ) -> bool {
        let (method, params) = read_command(command);
        let params = resolve(params, &gathered.result);
        let answered = gathered.result.add(name, |json| {
            if method.eq_ignore_ascii_case("batch") {
                return Err(ApiError::not_in_batch());
            }
            self.call(&method, &params, watch, json)
        });
        match answered {
            Ok((counts, timing)) => {
                if let Some(total) = counts.total {
                    gathered.total.add_number(name, total);
                }
                if let Some(next) = counts.next {
                    gathered.next.add_number(name, next);
                }
                gathered
                    .time
                    .add_value(name, |json| self.write_time(timing, json));
                true
            }
            Err(error) => {
                gathered.error.add_value(name, |json| error.write(json));
                false
            }
        }
    }

    fn write_time(&self, timing: Timing, json: &mut Json) {
        let Timing {
            start,
            finish,
            operating,
        } = timing;
        json.raw("{");
        for (key, seconds) in [
            ("start", start),
            ("finish", finish),
            ("duration", finish - start),
            ("processing", finish - start),
        ] {
            json.key(key);
            json.seconds(seconds);
        }
        for (key, moment) in [("date_start", start), ("date_finish", finish)] {
            let moment = whole_seconds(moment);
            json.key(key);
            json.date_time(moment, self.zone.offset_at(moment));
        }
        json.key("operating_reset_at");
        json.integer(operating.reset_at);
        json.key("operating");
        json.seconds(operating.seconds);
        json.raw("}");
    }
}

/// The parts of a batch's answer.
#[derive(Debug, Default)]
struct Gathered {
    result: PhpMap,
    error: PhpMap,
    total: PhpMap,
    next: PhpMap,
    time: PhpMap,
}

impl Gathered {
    fn write(&self, json: &mut Json) {
        json.raw("{\"result\":{\"result\":");
        self.result.write(json);
        for (key, part) in [
            ("result_error", &self.error),
            ("result_total", &self.total),
            ("result_next", &self.next),
            ("result_time", &self.time),
        ] {
            json.key(key);
            part.write(json);
        }
        json.raw("}");
    }
}

/// A command is `method?query`, or a map of method and parameters.
fn read_command(command: &Param) -> (String, Param) {
    match command {
        Param::Text(text) => {
            let (method, query) = text.split_once('?').unwrap_or((text, ""));
            (method_name(method).to_owned(), Param::from_form(query))
        }
        Param::Map(_) => {
            let method = command.get("method").and_then(Param::text).unwrap_or_default();
            (
                method_name(method).to_owned(),
                command.get("params").cloned().unwrap_or_default(),
            )
        }
    }
}

/// A method's name without the form of answer that may be asked for behind it.
pub(crate) fn method_name(name: &str) -> &str {
    let name = name.trim_matches('/').trim();
    name.strip_suffix(".json").unwrap_or(name)
}

#[cfg(test)]
mod tests;
