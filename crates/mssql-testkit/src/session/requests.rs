//! Requests: batches, RPC calls, bulk data and transaction requests.

use std::collections::HashMap;
use std::sync::Arc;

use super::Connection;
use crate::codec::bulk;
use crate::codec::packet::{Message, kind};
use crate::codec::reader::{Decoded, Reader, malformed};
use crate::codec::rpc::{self, Call, Parameter, Procedure};
use crate::codec::token::{DoneKind, EnvChange};
use crate::engine::parser;
use crate::engine::procedures::{Given, bind_arguments};
use crate::engine::run::{Executor, Stop};
use crate::engine::sink::{Event, Interrupt, Sink, WireSink};
use crate::engine::state::{Prepared, Settings, Variable, World};
use crate::engine::syntax::{Batch, BulkTarget};
use crate::engine::transaction;
use crate::errors::{self, SqlError};
use crate::value::{Conversion, Length, SqlType, Value, convert};

/// Most parameters one request may have.
const MAX_PARAMETERS: usize = 2100;

/// What a client asks for.
enum Request {
    Batch(String),
    Calls(Vec<Call>),
    Bulk(Option<BulkTarget>, bulk::BulkData),
    Transaction(TransactionRequest),
}

/// A transaction manager request (MS-TDS 2.2.6.9).
enum TransactionRequest {
    Begin,
    Commit { begin_again: bool },
    Rollback { name: String, begin_again: bool },
    Save(String),
}

impl Connection {
    /// Puts the session back to what it was after the login.
    pub(super) fn reset(&mut self) {
        let mut state = self.world.state();
        transaction::roll_back(&mut state, &mut self.session);
        state.locks.end_session(self.session.id);
        drop(state);
        self.world.released.notify_waiters();
        self.session.temp.clear();
        self.session.prepared.clear();
        self.session.settings = Settings::default();
        self.session.database = self.home.clone();
    }

    pub(super) async fn acknowledge_attention(&mut self) -> Result<(), Interrupt> {
        if !self.attention.pending() {
            // The request it was meant for has answered it.
            return Ok(());
        }
        self.attention.answered = *self.attention.seen.borrow();
        let mut wire = WireSink::new(
            &mut self.writer,
            &mut self.attention,
            self.packet_size,
            self.session.id,
            "TESTKIT",
        );
        wire.finish_cancelled().await
    }

    /// Answers one request.
    pub(super) async fn answer(&mut self, message: Message) -> Result<(), Interrupt> {
        let was_reset = message.reset;
        let bulk_target = self.bulk.take();
        let request = match read_request(&message, bulk_target) {
            Ok(request) => request,
            Err(error) => {
                // The stream cannot be trusted any more; the real server says 4002 or 17805 and leaves.
                tracing::debug!(%error, "the client sent what this server cannot read");
                return Err(Interrupt::Closed);
            }
        };
        let wire = WireSink::new(
            &mut self.writer,
            &mut self.attention,
            self.packet_size,
            self.session.id,
            "TESTKIT",
        );
        let mut sink = Sink::Wire(wire);
        if was_reset {
            sink.push(Event::Env(EnvChange::Reset)).await?;
        }
        let world: &World = &self.world;
        let mut executor = Executor::new(world, &mut self.session, &mut sink);
        let outcome = match request {
            Request::Batch(sql) => run_batch(&mut executor, &sql).await,
            Request::Calls(calls) => run_calls(&mut executor, calls).await,
            Request::Bulk(target, data) => run_bulk(&mut executor, target, data).await,
            Request::Transaction(request) => run_transaction(&mut executor, request).await,
        };
        self.bulk = executor.bulk.take();
        if self.session.transaction.is_some()
            && self.session.settings.xact_abort
            && matches!(outcome, Err(Stop::Interrupted(Interrupt::Attention)))
        {
            let change = transaction::roll_back(&mut world.state(), &mut self.session);
            world.released.notify_waiters();
            if let Some(change) = change {
                sink.push(Event::Env(change)).await?;
            }
        }
        let Sink::Wire(mut wire) = sink else {
            return Err(Interrupt::Closed);
        };
        match outcome {
            Ok(()) => wire.finish().await,
            Err(Stop::Interrupted(Interrupt::Attention)) => {
                wire.attention.answered = *wire.attention.seen.borrow();
                wire.finish_cancelled().await
            }
            Err(Stop::Interrupted(Interrupt::Closed)) => Err(Interrupt::Closed),
            Err(Stop::Error(_) | Stop::Ended) => wire.finish().await,
            Err(Stop::Fatal) => {
                wire.finish().await?;
                Err(Interrupt::Closed)
            }
        }
    }
}

fn read_request(message: &Message, bulk_target: Option<BulkTarget>) -> Decoded<Request> {
    match message.kind {
        kind::BATCH => {
            let mut from = Reader::new(&message.data);
            from.all_headers()?;
            Ok(Request::Batch(crate::codec::reader::utf16(from.remaining())))
        }
        kind::RPC => rpc::decode(&message.data).map(Request::Calls),
        kind::BULK => bulk::decode(&message.data).map(|data| Request::Bulk(bulk_target, data)),
        kind::TRANSACTION => transaction_request(&message.data).map(Request::Transaction),
        other => malformed(format!("a packet of type {other} in place of a request")),
    }
}

fn transaction_request(data: &[u8]) -> Decoded<TransactionRequest> {
    let mut from = Reader::new(data);
    from.all_headers()?;
    let request = from.u16()?;
    Ok(match request {
        5 => {
            from.u8()?;
            from.b_varchar()?;
            TransactionRequest::Begin
        }
        7 | 8 => {
            let name = from.b_varchar()?;
            let begin_again = !from.is_empty() && from.u8()? & 1 != 0;
            if request == 7 {
                TransactionRequest::Commit { begin_again }
            } else {
                TransactionRequest::Rollback { name, begin_again }
            }
        }
        9 => TransactionRequest::Save(from.b_varchar()?),
        other => return malformed(format!("transaction request {other} is not known to this server")),
    })
}

async fn run_batch(executor: &mut Executor<'_, '_>, sql: &str) -> Result<(), Stop> {
    executor.world.state().log.push(sql.to_owned());
    executor.session.variables.clear();
    match parser::parse(sql) {
        Ok(batch) => executor.batch(&batch).await,
        Err(error) => executor.report(error).await,
    }
}

async fn run_bulk(
    executor: &mut Executor<'_, '_>,
    target: Option<BulkTarget>,
    data: bulk::BulkData,
) -> Result<(), Stop> {
    let Some(target) = target else {
        return executor.report(SqlError::new(4002, "The incoming tabular data stream (TDS) protocol stream is incorrect. The stream ended unexpectedly.")).await;
    };
    match executor.bulk_load(&target, &data).await {
        Err(Stop::Error(error)) => end_request(executor, error).await,
        other => other,
    }
}

/// An error outside of any batch: what it does to the transaction and the connection.
async fn end_request(executor: &mut Executor<'_, '_>, error: SqlError) -> Result<(), Stop> {
    let fatal = error.class >= 20;
    if error.number == 1205 || executor.session.settings.xact_abort {
        executor.roll_back_all().await?;
    }
    executor.report(error).await?;
    if fatal { Err(Stop::Fatal) } else { Ok(()) }
}

async fn run_transaction(executor: &mut Executor<'_, '_>, request: TransactionRequest) -> Result<(), Stop> {
    let world = executor.world;
    let result = {
        let mut state = world.state();
        let session = &mut *executor.session;
        match request {
            TransactionRequest::Begin => Ok(vec![transaction::begin(&mut state, session)]),
            TransactionRequest::Commit { begin_again } => {
                transaction::commit(&mut state, session).map(|change| {
                    vec![
                        change,
                        begin_again
                            .then(|| transaction::begin(&mut state, session))
                            .flatten(),
                    ]
                })
            }
            TransactionRequest::Rollback { name, begin_again } => {
                let name = (!name.is_empty()).then_some(name.as_str());
                transaction::roll_back_to(&mut state, session, name).map(|change| {
                    vec![
                        change,
                        begin_again
                            .then(|| transaction::begin(&mut state, session))
                            .flatten(),
                    ]
                })
            }
            TransactionRequest::Save(name) => transaction::save(session, &name).map(|()| Vec::new()),
        }
    };
    world.released.notify_waiters();
    match result {
        Ok(changes) => {
            for change in changes {
                executor.env(change).await?;
            }
            Ok(())
        }
        Err(error) => executor.report(error).await,
    }
}

async fn run_calls(executor: &mut Executor<'_, '_>, calls: Vec<Call>) -> Result<(), Stop> {
    for call in calls {
        executor.sink.set_kind(DoneKind::InProc);
        executor.failed = false;
        let depth = executor.session.depth();
        let result = if call.parameters.len() > MAX_PARAMETERS + 2 {
            Err(Stop::Error(SqlError::new(
                8003,
                "The incoming request has too many parameters. The server supports a maximum of 2100 parameters. \
                 Reduce the number of parameters and resend the request.",
            )))
        } else {
            run_call(executor, &call).await
        };
        match result {
            Ok(status) => {
                let now = executor.session.depth();
                if now != depth && !executor.failed {
                    let error = SqlError::new(
                        266,
                        format!(
                            "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = {depth}, current count = {now}."
                        ),
                    );
                    executor.report(error.with_state(2)).await?;
                }
                executor.sink.push(Event::Status(status)).await?;
            }
            Err(Stop::Error(error)) => end_request(executor, error).await?,
            Err(Stop::Ended) => {}
            Err(other) => return Err(other),
        }
        end_of_call(executor).await?;
    }
    Ok(())
}

/// A doomed transaction does not outlive the request.
async fn end_of_call(executor: &mut Executor<'_, '_>) -> Result<(), Stop> {
    if executor.session.transaction.as_ref().is_some_and(|t| t.doomed) {
        executor.roll_back_all().await?;
        let error = SqlError::new(
            3998,
            "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.",
        );
        executor.report(error).await?;
    }
    let failed = executor.failed;
    if let Sink::Wire(wire) = &mut *executor.sink {
        wire.end_procedure(failed);
    }
    Ok(())
}

/// Numbers of the procedures that have one (MS-TDS 2.2.6.6).
mod number {
    pub(super) const EXECUTE_SQL: u16 = 10;
    pub(super) const PREPARE: u16 = 11;
    pub(super) const EXECUTE: u16 = 12;
    pub(super) const PREPARE_AND_EXECUTE: u16 = 13;
    pub(super) const UNPREPARE: u16 = 15;
}

async fn run_call(executor: &mut Executor<'_, '_>, call: &Call) -> Result<i32, Stop> {
    let procedure = match &call.procedure {
        Procedure::Numbered(id) => *id,
        Procedure::Named(name) => match name
            .rsplit('.')
            .next()
            .unwrap_or(name)
            .to_ascii_lowercase()
            .as_str()
        {
            "sp_executesql" => number::EXECUTE_SQL,
            "sp_prepare" => number::PREPARE,
            "sp_execute" => number::EXECUTE,
            "sp_prepexec" => number::PREPARE_AND_EXECUTE,
            "sp_unprepare" => number::UNPREPARE,
            _ => return run_named(executor, name, call).await,
        },
    };
    match (procedure, call.parameters.as_slice()) {
        (number::EXECUTE_SQL, [statement, rest @ ..]) => {
            if !statement.wire.ty.is_unicode() {
                return Err(SqlError::new(
                    214,
                    "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.",
                )
                .with_state(2)
                .into());
            }
            let text = text_of(statement)?;
            let (declared, arguments) = match rest {
                [] => (Vec::new(), rest),
                [declaration, arguments @ ..] => {
                    (parser::parse_parameters(&text_of(declaration)?)?, arguments)
                }
            };
            executor.world.state().log.push(text.clone());
            let batch = parser::parse(&text)?;
            run_prepared(executor, &declared, &batch, arguments).await?;
            Ok(0)
        }
        (number::PREPARE_AND_EXECUTE, [handle, declaration, statement, arguments @ ..]) => {
            let text = text_of(statement)?;
            executor.world.state().log.push(text.clone());
            let prepared = prepare(&text_of(declaration)?, &text)?;
            let id = remember(executor, prepared.clone());
            run_prepared(executor, &prepared.parameters, &prepared.batch, arguments).await?;
            tell_handle(executor, handle, id).await?;
            Ok(0)
        }
        (number::PREPARE, [handle, declaration, statement, ..]) => {
            let prepared = prepare(&text_of(declaration)?, &text_of(statement)?)?;
            let id = remember(executor, prepared);
            tell_handle(executor, handle, id).await?;
            Ok(0)
        }
        (number::EXECUTE, [handle, arguments @ ..]) => {
            let id = handle_of(handle);
            let Some(prepared) = executor.session.prepared.get(&id).cloned() else {
                return Err(no_handle(id).into());
            };
            run_prepared(executor, &prepared.parameters, &prepared.batch, arguments).await?;
            Ok(0)
        }
        (number::UNPREPARE, [handle]) => {
            let id = handle_of(handle);
            if executor.session.prepared.remove(&id).is_none() {
                return Err(no_handle(id).into());
            }
            Ok(0)
        }
        (other, _) => {
            Err(errors::unsupported(format_args!("procedure number {other} with these parameters")).into())
        }
    }
}

/// A system procedure called by its name.
async fn run_named(executor: &mut Executor<'_, '_>, name: &str, call: &Call) -> Result<i32, Stop> {
    let given: Vec<Given> = call.parameters.iter().map(given).collect();
    executor.session.variables.clear();
    executor.procedure(name, &given).await
}

fn given(parameter: &Parameter) -> Given {
    Given {
        name: parameter.name.to_lowercase(),
        ty: parameter.wire.ty,
        value: parameter.value.clone(),
        output: None,
    }
}

fn text_of(parameter: &Parameter) -> Result<String, SqlError> {
    match convert(
        &parameter.value,
        parameter.wire.ty,
        SqlType::NVarChar(Length::Max),
        Conversion::Implicit,
    )? {
        Value::Text(text) => Ok(text.to_string()),
        _ => Ok(String::new()),
    }
}

fn prepare(declaration: &str, statement: &str) -> Result<Prepared, SqlError> {
    Ok(Prepared {
        parameters: parser::parse_parameters(declaration)?,
        batch: Arc::new(parser::parse(statement)?),
    })
}

fn remember(executor: &mut Executor<'_, '_>, prepared: Prepared) -> i32 {
    executor.session.next_handle += 1;
    let id = executor.session.next_handle;
    executor.session.prepared.insert(id, prepared);
    id
}

fn handle_of(parameter: &Parameter) -> i32 {
    match parameter.value {
        Value::Int(n) => i32::try_from(n).unwrap_or(0),
        _ => 0,
    }
}

fn no_handle(id: i32) -> SqlError {
    SqlError::new(
        8179,
        format!("Could not find prepared statement with handle {id}."),
    )
}

async fn tell_handle(executor: &mut Executor<'_, '_>, parameter: &Parameter, id: i32) -> Result<(), Stop> {
    let value = Value::Int(i64::from(id));
    let event = Event::Output {
        ordinal: 0,
        name: parameter.name.clone(),
        ty: SqlType::Int,
        value,
    };
    executor.sink.push(event).await?;
    Ok(())
}

/// Runs a statement with its parameters and sends back those that are OUTPUT.
async fn run_prepared(
    executor: &mut Executor<'_, '_>,
    parameters: &[(String, SqlType, bool)],
    batch: &Batch,
    arguments: &[Parameter],
) -> Result<(), Stop> {
    let list: Vec<Given> = arguments.iter().map(given).collect();
    let variables: HashMap<String, Variable> = bind_arguments(parameters, &list)?;
    let inner = executor.nested_batch(batch, variables).await?;
    for (at, parameter) in arguments.iter().enumerate().filter(|(_, p)| p.output) {
        let name = if parameter.name.is_empty() {
            parameters
                .get(at)
                .map(|(name, ..)| name.clone())
                .unwrap_or_default()
        } else {
            parameter.name.to_lowercase()
        };
        if let Some(variable) = inner.get(&name) {
            let ordinal = u16::try_from(at).unwrap_or(u16::MAX);
            let (ty, value) = (variable.ty, variable.value.clone());
            executor
                .sink
                .push(Event::Output {
                    ordinal,
                    name: parameter.name.clone(),
                    ty,
                    value,
                })
                .await?;
        }
    }
    Ok(())
}
