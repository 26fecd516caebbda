//! Runs batches: control flow, errors and what they do to the batch and the transaction, waiting for locks.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use sqlparser::ast;
use tokio::time::Instant;

use super::binder::{Access, Binder, Scope, Typed};
use super::bound::Predicate;
use super::eval::{Env, Frame, eval, test};
use super::locks::{Owner, Refused};
use super::sink::{Event, Interrupt, Sink};
use super::state::{Session, State, Variable, World};
use super::syntax::{Batch, Declared, Located, Statement};
use super::transaction;
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{Conversion, SqlType, Value, convert};

/// Where the batch goes on after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
    Return(i32),
}

/// Why a batch does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// An error on its way to a CATCH, or to the end of the batch, that nobody was told of yet.
    Error(SqlError),
    /// The batch ended with an error the client was told of.
    Ended,
    /// The client gave up or went away.
    Interrupted(Interrupt),
    /// The server closes the connection (severity 20 and more).
    Fatal,
}

impl From<Interrupt> for Stop {
    fn from(interrupt: Interrupt) -> Self {
        Self::Interrupted(interrupt)
    }
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Error(error)
    }
}

/// Outcome of one attempt of a statement.
pub(crate) enum Attempt<T> {
    Done(T),
    /// A lock is held by somebody else.
    Wait,
}

type Running<'r, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'r>>;

/// One session running one request.
pub(crate) struct Executor<'a, 'w> {
    pub(crate) world: &'a World,
    pub(crate) session: &'a mut Session,
    pub(crate) sink: &'a mut Sink<'w>,
    /// How many TRY blocks are open.
    pub(crate) tries: u32,
    /// How many of them were open when the running text (a batch, or that of an EXEC) started.
    pub(crate) outer_tries: u32,
    /// Set when any error was told to the client.
    pub(crate) failed: bool,
    /// The target of an INSERT BULK whose data are awaited.
    pub(crate) bulk: Option<super::syntax::BulkTarget>,
}

impl<'a, 'w> Executor<'a, 'w> {
    pub(crate) fn new(world: &'a World, session: &'a mut Session, sink: &'a mut Sink<'w>) -> Self {
        Self {
            world,
            session,
            sink,
            tries: 0,
            outer_tries: 0,
            failed: false,
            bulk: None,
        }
    }
}

impl Executor<'_, '_> {
    /// Runs a batch of its own: variables end with it, and so does a doomed transaction.
    pub(crate) async fn batch(&mut self, batch: &Batch) -> Result<(), Stop> {
        let result = self.body(&batch.statements).await;
        self.session.temp.retain(|name, _| !name.starts_with('@'));
        let result = match result {
            Err(Stop::Error(error)) => self.report(error).await.and(Err(Stop::Ended)),
            other => other.map(drop),
        };
        if self.session.transaction.as_ref().is_some_and(|t| t.doomed)
            && !matches!(result, Err(Stop::Interrupted(_)))
        {
            self.roll_back_all().await?;
            let error = SqlError::new(
                3998,
                "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.",
            );
            self.report(error).await?;
        }
        match result {
            Err(Stop::Ended) => Ok(()),
            other => other,
        }
    }

    fn body<'r>(&'r mut self, statements: &'r [Located]) -> Running<'r, Flow> {
        Box::pin(async move {
            for located in statements {
                match self.one(located).await {
                    Ok(Flow::Next) => {}
                    other => return other,
                }
            }
            Ok(Flow::Next)
        })
    }

    /// Runs a statement and decides what its error means.
    async fn one(&mut self, located: &Located) -> Result<Flow, Stop> {
        let result = match self.injected(located) {
            Some(error) => Err(Stop::Error(error)),
            None => self.statement(located).await,
        };
        let mut error = match result {
            Err(Stop::Error(error)) => error,
            other => {
                if other.is_ok()
                    && !matches!(
                        located.statement,
                        Statement::If { .. }
                            | Statement::While { .. }
                            | Statement::Block(_)
                            | Statement::Try { .. }
                            | Statement::Throw(_)
                    )
                {
                    self.session.last_error = 0;
                }
                return other;
            }
        };
        if error.line <= 1 {
            error.line = located.line;
        }
        self.session.last_error = error.number;
        if error.class >= 20 {
            self.report(error).await?;
            return Err(Stop::Fatal);
        }
        if error.number == 1205 {
            self.roll_back_all().await?;
        }
        let raised = matches!(located.statement, Statement::RaiseError { .. });
        if self.tries > self.outer_tries && !error.is_compile_error() || self.outer_tries > 0 {
            if let Some(open) = &mut self.session.transaction {
                open.doomed |= (self.session.settings.xact_abort && !raised)
                    || (error.ends_batch() && error.number != 1205);
            }
            return Err(Stop::Error(error));
        }
        let thrown = matches!(located.statement, Statement::Throw(_));
        let ends = error.ends_batch() || thrown || (self.session.settings.xact_abort && !raised);
        let undoes = (self.session.settings.xact_abort && !raised)
            || (error.ends_batch() && !error.is_compile_error());
        if undoes {
            self.roll_back_all().await?;
        }
        self.report(error).await?;
        if ends { Err(Stop::Ended) } else { Ok(Flow::Next) }
    }

    fn injected(&self, located: &Located) -> Option<SqlError> {
        if matches!(
            located.statement,
            Statement::Block(_) | Statement::If { .. } | Statement::While { .. } | Statement::Try { .. }
        ) {
            return None;
        }
        self.world.take_injection(&located.text, self.session.id)
    }

    /// Tells the client of an error.
    pub(crate) async fn report(&mut self, error: SqlError) -> Result<(), Stop> {
        self.failed |= error.class > 10;
        self.sink.push(Event::Message(error)).await?;
        Ok(())
    }

    pub(crate) async fn roll_back_all(&mut self) -> Result<(), Stop> {
        let change = transaction::roll_back(&mut self.world.state(), self.session);
        self.world.released.notify_waiters();
        if let Some(change) = change {
            self.sink.push(Event::Env(change)).await?;
        }
        Ok(())
    }

    async fn statement(&mut self, located: &Located) -> Result<Flow, Stop> {
        match &located.statement {
            Statement::Block(body) => return self.body(body).await,
            Statement::If {
                condition,
                then,
                otherwise,
            } => {
                let branch = if self.condition(condition).await? {
                    Some(then)
                } else {
                    otherwise.as_ref()
                };
                return match branch {
                    Some(branch) => self.body(std::slice::from_ref(branch.as_ref())).await,
                    None => Ok(Flow::Next),
                };
            }
            Statement::While { condition, body } => {
                while self.condition(condition).await? {
                    if self.sink.attention().is_some_and(|a| a.pending()) {
                        return Err(Stop::Interrupted(Interrupt::Attention));
                    }
                    match self.body(std::slice::from_ref(body.as_ref())).await? {
                        Flow::Break => break,
                        Flow::Return(status) => return Ok(Flow::Return(status)),
                        Flow::Next | Flow::Continue => {}
                    }
                }
            }
            Statement::Try { body, handler } => {
                self.tries += 1;
                let result = self.body(body).await;
                self.tries -= 1;
                let error = match result {
                    // An error of compilation passes by the TRY of its own text.
                    Err(Stop::Error(error)) if !error.is_compile_error() => error,
                    other => return other,
                };
                self.session.caught.push(error);
                let result = self.body(handler).await;
                self.session.caught.pop();
                return result;
            }
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::Return(value) => {
                let status = match value {
                    Some(value) => match self.value(value, Some(SqlType::Int)).await?.0 {
                        Value::Int(n) => i32::try_from(n).unwrap_or(0),
                        _ => 0,
                    },
                    None => 0,
                };
                return Ok(Flow::Return(status));
            }
            Statement::Declare(list) => {
                for one in list {
                    match &one.kind {
                        Declared::Scalar(ty, value) => {
                            let value = match value {
                                Some(value) => self.value(value, Some(*ty)).await?.0,
                                None => Value::Null,
                            };
                            self.session
                                .variables
                                .insert(one.name.clone(), Variable { ty: *ty, value });
                        }
                        Declared::Table(elements) => self.declare_table(&one.name, elements).await?,
                    }
                }
            }
            Statement::SetVariable { name, value } => {
                let Some(ty) = self.session.variables.get(name).map(|v| v.ty) else {
                    return Err(errors::undeclared(name).into());
                };
                let value = self.value(value, Some(ty)).await?.0;
                self.session
                    .variables
                    .insert(name.clone(), Variable { ty, value });
            }
            Statement::Print(text) => {
                let (value, ty) = self.value(text, None).await?;
                let text = convert(&value, ty, SqlType::nvarchar(4000), Conversion::Explicit(0))?;
                if let Value::Text(text) = text {
                    self.report(SqlError::new(0, text.to_string()).with_class(0))
                        .await?;
                }
            }
            Statement::RaiseError { arguments } => self.raise_error(arguments).await?,
            Statement::Throw(arguments) => return Err(Stop::Error(self.thrown(arguments.as_deref()).await?)),
            Statement::WaitFor(delay) => self.wait_for(delay).await?,
            Statement::Begin => {
                let change = transaction::begin(&mut self.world.state(), self.session);
                self.env(change).await?;
            }
            Statement::Commit => {
                let change = transaction::commit(&mut self.world.state(), self.session)?;
                self.world.released.notify_waiters();
                self.env(change).await?;
            }
            Statement::Rollback(name) => {
                let change =
                    transaction::roll_back_to(&mut self.world.state(), self.session, name.as_deref())?;
                self.world.released.notify_waiters();
                self.env(change).await?;
            }
            Statement::Save(name) => transaction::save(self.session, name)?,
            Statement::SetOption { name, value } => super::settings::set(self.session, name, value)?,
            Statement::Execute(call) => return self.execute(call).await,
            Statement::ExecuteText(text) => {
                let (value, ty) = self.value(text, None).await?;
                if let Value::Text(text) = convert(
                    &value,
                    ty,
                    SqlType::NVarChar(crate::value::Length::Max),
                    Conversion::Implicit,
                )? {
                    self.nested(&text, HashMap::new()).await?;
                }
            }
            _ => self.data(located).await?,
        }
        Ok(Flow::Next)
    }

    pub(crate) async fn env(&mut self, change: Option<crate::codec::token::EnvChange>) -> Result<(), Stop> {
        if let Some(change) = change {
            self.sink.push(Event::Env(change)).await?;
        }
        Ok(())
    }

    /// Runs a text with variables of its own, as EXEC (…) and sp_executesql do. Gives back its variables.
    pub(crate) fn nested<'r>(
        &'r mut self,
        text: &'r str,
        variables: HashMap<String, Variable>,
    ) -> Running<'r, HashMap<String, Variable>> {
        Box::pin(async move {
            if self.session.nesting >= 32 {
                return Err(SqlError::new(
                    217,
                    "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).",
                )
                .into());
            }
            let batch = super::parser::parse(text).map_err(SqlError::seen_from_outside)?;
            self.nested_batch(&batch, variables).await
        })
    }

    pub(crate) async fn nested_batch(
        &mut self,
        batch: &Batch,
        variables: HashMap<String, Variable>,
    ) -> Result<HashMap<String, Variable>, Stop> {
        let outer = std::mem::replace(&mut self.session.variables, variables);
        let temp: Vec<String> = self.session.temp.keys().cloned().collect();
        let outer_tries = std::mem::replace(&mut self.outer_tries, self.tries);
        self.session.nesting += 1;
        let result = self.body(&batch.statements).await;
        self.session.nesting -= 1;
        self.outer_tries = outer_tries;
        // Temporary tables made inside go with the procedure.
        self.session.temp.retain(|name, _| temp.contains(name));
        let inner = std::mem::replace(&mut self.session.variables, outer);
        match result {
            // What is a compile error inside is an ordinary error to the caller.
            Err(Stop::Error(error)) => Err(Stop::Error(error.seen_from_outside())),
            Err(other) => Err(other),
            Ok(_) => Ok(inner),
        }
    }

    // Values and conditions.

    /// The value of an expression, converted to a type if one is given.
    pub(crate) async fn value(
        &mut self,
        expr: &ast::Expr,
        ty: Option<SqlType>,
    ) -> Result<(Value, SqlType), Stop> {
        self.locked(|world, state, session| {
            let mut binder = Binder::new(state, session);
            let (typed, _) = binder.scoped(Scope::default(), |b| b.expr(expr))?;
            let accesses = binder.accesses;
            let ty = ty.unwrap_or(typed.ty);
            let bound = Typed::to(typed, ty)?;
            if !acquire(state, session, &accesses)? {
                return Ok(Attempt::Wait);
            }
            let env = Env::new(state, session, &world.options, world.now());
            Ok(Attempt::Done((eval(Some(&env), &bound, &Frame::EMPTY)?, ty)))
        })
        .await
    }

    async fn condition(&mut self, expr: &ast::Expr) -> Result<bool, Stop> {
        self.locked(|world, state, session| {
            let mut binder = Binder::new(state, session);
            let (bound, _): (Predicate, _) = binder.scoped(Scope::default(), |b| b.predicate(expr))?;
            let accesses = binder.accesses;
            if !acquire(state, session, &accesses)? {
                return Ok(Attempt::Wait);
            }
            let env = Env::new(state, session, &world.options, world.now());
            Ok(Attempt::Done(
                test(Some(&env), &bound, &Frame::EMPTY)? == Some(true),
            ))
        })
        .await
    }

    /// Runs `work` on the shared state, again and again while a lock it needs is held by another session.
    /// `work` must change nothing before it has all its locks.
    pub(crate) async fn locked<T>(
        &mut self,
        mut work: impl FnMut(&World, &mut State, &mut Session) -> SqlResult<Attempt<T>>,
    ) -> Result<T, Stop> {
        let timeout = self.session.settings.lock_timeout;
        let deadline = u64::try_from(timeout)
            .ok()
            .map(|ms| Instant::now() + Duration::from_millis(ms));
        loop {
            let released = self.world.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            let result = {
                let mut state = self.world.state();
                let result = work(self.world, &mut state, self.session);
                let waits = matches!(result, Ok(Attempt::Wait));
                if !waits && self.session.transaction.is_none() {
                    state.locks.end_transaction(self.session.id);
                }
                result
            };
            match result {
                Ok(Attempt::Done(value)) => {
                    self.world.released.notify_waiters();
                    return Ok(value);
                }
                Err(error) => {
                    self.world.released.notify_waiters();
                    return Err(Stop::Error(error));
                }
                Ok(Attempt::Wait) => {}
            }
            let expired = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let interrupted = async {
                match self.sink.attention() {
                    Some(attention) => attention.interrupted().await,
                    None => std::future::pending().await,
                }
            };
            let stop = tokio::select! {
                () = released => continue,
                () = expired => Stop::Error(errors::lock_timeout()),
                interrupt = interrupted => Stop::Interrupted(interrupt),
            };
            let mut state = self.world.state();
            state.locks.stop_waiting(self.session.id);
            if self.session.transaction.is_none() {
                state.locks.end_transaction(self.session.id);
            }
            drop(state);
            self.world.released.notify_waiters();
            return Err(stop);
        }
    }
}

/// Takes all locks a statement needs; `false` when one is held by somebody else.
pub(crate) fn acquire(state: &mut State, session: &Session, accesses: &[Access]) -> SqlResult<bool> {
    for access in accesses {
        let result = if access.keep {
            state
                .locks
                .acquire(session.id, &access.resource, access.mode, Owner::Transaction)
        } else {
            state.locks.check(session.id, &access.resource, access.mode)
        };
        match result {
            Ok(()) => {}
            Err(Refused::Wait) => return Ok(false),
            Err(Refused::Deadlock) => return Err(errors::deadlock(session.id)),
        }
    }
    Ok(true)
}
