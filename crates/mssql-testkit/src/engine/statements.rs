//! Statements that touch tables, and those that raise errors or wait.

use std::time::Duration;

use sqlparser::ast::{self, SetExpr};

use super::binder::Binder;
use super::bound::Body;
use super::catalog::Row;
use super::ddl::{Definer, ids_needed};
use super::ddl_databases::change_databases;
use super::dml::Effect;
use super::eval::Env;
use super::query;
use super::run::{Attempt, Executor, Stop, acquire};
use super::sink::Event;
use super::state::{Session, State, Variable, put_table};
use super::syntax::{CreateTable, Located, Statement, TableElement};
use super::transaction::{self, remember};
use crate::codec::token::{Column, EnvChange};
use crate::errors::{self, SqlError, SqlResult};
use crate::options::Permission;
use crate::value::{Conversion, SqlType, Value, convert};

/// Numbers that DONE tokens carry for kinds of statements.
mod command {
    pub(super) const SELECT: u16 = 0xc1;
    pub(super) const INSERT: u16 = 0xc3;
    pub(super) const DELETE: u16 = 0xc4;
    pub(super) const UPDATE: u16 = 0xc5;
}

/// What a query gives.
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Row>,
    /// Variables that `SELECT @a = …` sets.
    assign: Option<Vec<(String, SqlType)>>,
}

impl Executor<'_, '_> {
    /// A statement on data or definitions.
    pub(super) async fn data(&mut self, located: &Located) -> Result<(), Stop> {
        if self.session.settings.format_only && !matches!(located.statement, Statement::Query(_)) {
            return Ok(());
        }
        let writes = !matches!(located.statement, Statement::Query(_) | Statement::Use(_));
        if writes && self.session.transaction.as_ref().is_some_and(|t| t.doomed) {
            return Err(errors::doomed().into());
        }
        if self.session.settings.implicit_transactions && self.session.transaction.is_none() {
            let change = transaction::begin(&mut self.world.state(), self.session);
            self.env(change).await?;
        }
        match &located.statement {
            Statement::Query(query) => self.select(query).await,
            Statement::Insert(insert) => self.change(command::INSERT, |b| b.insert(insert)).await,
            Statement::Update(update) => self.change(command::UPDATE, |b| b.update(update)).await,
            Statement::Delete(delete) => self.change(command::DELETE, |b| b.delete(delete)).await,
            Statement::Use(name) => self.use_database(&name.value).await,
            Statement::InsertBulk(target) => {
                self.locked(|_, state, session| {
                    let binder = Binder::new(state, session);
                    let key = binder.table_key(&target.table)?;
                    let table = binder.table(&key, &target.table)?;
                    binder.require(&key, Permission::Insert, "INSERT")?;
                    match target.columns.iter().find(|c| table.column(&c.value).is_none()) {
                        Some(column) => Err(errors::invalid_column(&column.value)),
                        None => Ok(Attempt::Done(())),
                    }
                })
                .await?;
                self.bulk = Some(target.clone());
                Ok(())
            }
            Statement::CreateSchema(_) | Statement::CreateDatabase(_) | Statement::DropDatabase { .. } => {
                change_databases(&mut self.world.state(), self.session, &located.statement)?;
                Ok(())
            }
            _ => self.define(&located.statement).await,
        }
    }

    async fn use_database(&mut self, name: &str) -> Result<(), Stop> {
        let found = self.world.state().database(name).map(|d| d.name.clone());
        let Some(new) = found else {
            return Err(SqlError::new(
                911,
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
            )
            .into());
        };
        let old = std::mem::replace(&mut self.session.database, new.clone());
        self.sink
            .push(Event::Env(EnvChange::Database {
                new: new.clone(),
                old,
            }))
            .await?;
        let changed = SqlError::new(5701, format!("Changed database context to '{new}'."))
            .with_class(0)
            .with_state(2);
        self.report(changed).await
    }

    async fn select(&mut self, query: &ast::Query) -> Result<(), Stop> {
        let into = first_select(&query.body).and_then(|select| select.into.clone());
        if let Some(into) = into {
            return self.select_into(query, &into).await;
        }
        let answer = self
            .locked(|world, state, session| {
                let mut binder = Binder::new(state, session);
                let bound = binder.query(query)?;
                let accesses = binder.accesses;
                if !acquire(state, session, &accesses)? {
                    return Ok(Attempt::Wait);
                }
                let env = Env::new(state, session, &world.options, world.now());
                let format_only = session.settings.format_only;
                let rows = if format_only {
                    Vec::new()
                } else {
                    query::run(&env, &bound, None)?
                };
                let assign = match bound.body {
                    Body::Select(select) if !select.assign.is_empty() => Some(select.assign),
                    _ => None,
                };
                Ok(Attempt::Done(Answer {
                    columns: bound.columns,
                    rows,
                    assign,
                }))
            })
            .await?;
        let count = answer.rows.len();
        self.session.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        match answer.assign {
            // The last row wins; without a row the variables stay as they are.
            Some(assign) => {
                if let Some(row) = answer.rows.last() {
                    for ((name, ty), value) in assign.into_iter().zip(row.iter()) {
                        self.session.variables.insert(
                            name,
                            Variable {
                                ty,
                                value: value.clone(),
                            },
                        );
                    }
                }
                Ok(())
            }
            None => {
                self.sink.push(Event::Columns(answer.columns)).await?;
                self.sink.push(Event::Rows(answer.rows)).await?;
                self.done(command::SELECT, count).await
            }
        }
    }

    /// SELECT … INTO: makes a table out of the result.
    async fn select_into(&mut self, query: &ast::Query, into: &ast::SelectInto) -> Result<(), Stop> {
        let target = match into.targets.as_slice() {
            [ast::Expr::Identifier(name)] => ast::ObjectName::from(vec![name.clone()]),
            [ast::Expr::CompoundIdentifier(parts)] => ast::ObjectName::from(parts.clone()),
            _ => return Err(errors::syntax("INTO").into()),
        };
        let mut plain = query.clone();
        if let Some(select) = first_select_mut(&mut plain.body) {
            select.into = None;
        }
        let count = self
            .locked(|world, state, session| {
                let mut binder = Binder::new(state, session);
                let bound = binder.query(&plain)?;
                let accesses = binder.accesses;
                if !acquire(state, session, &accesses)? {
                    return Ok(Attempt::Wait);
                }
                let ids = fresh_ids(state, bound.columns.len() + 1);
                let env = Env::new(state, session, &world.options, world.now());
                let rows = query::run(&env, &bound, None)?;
                let mut definer = Definer {
                    state,
                    session,
                    options: &world.options,
                    now: world.now(),
                    ids,
                };
                let (key, table) = definer.table_of(&target, &bound.columns, &rows)?;
                apply(state, session, vec![(key, table)]);
                Ok(Attempt::Done(rows.len()))
            })
            .await?;
        self.session.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        self.done(command::SELECT, count).await
    }

    async fn change(
        &mut self,
        command: u16,
        mut bind: impl FnMut(&mut Binder<'_>) -> SqlResult<super::dml::Change>,
    ) -> Result<(), Stop> {
        let effect = self
            .locked(|world, state, session| {
                let mut binder = Binder::new(state, session);
                let change = bind(&mut binder)?;
                let accesses = binder.accesses;
                if !acquire(state, session, &accesses)? {
                    return Ok(Attempt::Wait);
                }
                let env = Env::new(state, session, &world.options, world.now());
                let mut effect = change.effect(&env)?;
                let mut changes = vec![(effect.key.clone(), Some(effect.table.clone()))];
                changes.extend(effect.into.take().map(|(key, table)| (key, Some(table))));
                apply(state, session, changes);
                Ok(Attempt::Done(effect))
            })
            .await?;
        let Effect {
            affected,
            output,
            identity,
            ..
        } = effect;
        self.session.row_count = i64::try_from(affected).unwrap_or(i64::MAX);
        if identity.is_some() {
            self.session.identity = identity;
        }
        if let Some((columns, rows)) = output {
            self.sink.push(Event::Columns(columns)).await?;
            self.sink.push(Event::Rows(rows)).await?;
        }
        self.done(command, affected).await
    }

    async fn define(&mut self, statement: &Statement) -> Result<(), Stop> {
        self.locked(|world, state, session| {
            let ids = fresh_ids(state, ids_needed(statement));
            let mut definer = Definer {
                state,
                session,
                options: &world.options,
                now: world.now(),
                ids,
            };
            let (accesses, changes) = definer.plan(statement)?;
            if !acquire(state, session, &accesses)? {
                return Ok(Attempt::Wait);
            }
            apply(state, session, changes);
            Ok(Attempt::Done(()))
        })
        .await
    }

    pub(super) async fn declare_table(&mut self, name: &str, elements: &[TableElement]) -> Result<(), Stop> {
        let name = ast::ObjectName::from(vec![ast::Ident::new(name)]);
        self.define(&Statement::CreateTable(CreateTable {
            name,
            elements: elements.to_vec(),
        }))
        .await
    }

    pub(super) async fn done(&mut self, command: u16, count: usize) -> Result<(), Stop> {
        let count = (!self.session.settings.no_count).then_some(count as u64);
        self.sink.push(Event::Done { command, count }).await?;
        Ok(())
    }

    pub(super) async fn raise_error(&mut self, arguments: &[ast::Expr]) -> Result<(), Stop> {
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.value(argument, None).await?);
        }
        let [(message, _), (severity, _), (state, _), rest @ ..] = values.as_slice() else {
            return Err(errors::syntax(")").into());
        };
        let number = |value: &Value| match value {
            Value::Int(n) => u8::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        let mut error = match message {
            Value::Text(text) => {
                let arguments: Vec<&Value> = rest.iter().map(|(v, _)| v).collect();
                SqlError::new(50000, formatted(text, &arguments))
            }
            _ => return Err(errors::unsupported("RAISERROR with a message number").into()),
        };
        error = error
            .with_class(number(severity))
            .with_state(number(state).max(1));
        if error.class <= 10 {
            return self.report(error).await;
        }
        Err(error.into())
    }

    /// The error a THROW raises.
    pub(super) async fn thrown(
        &mut self,
        arguments: Option<&(ast::Expr, ast::Expr, ast::Expr)>,
    ) -> Result<SqlError, Stop> {
        let Some((number, message, state)) = arguments else {
            return match self.session.caught.last() {
                Some(error) => Ok(error.clone()),
                None => Err(SqlError::new(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW statement inside a CATCH block, or add error parameters to the THROW statement.").into()),
            };
        };
        let number = self.value(number, Some(SqlType::Int)).await?.0;
        let message = self.value(message, Some(SqlType::nvarchar(2048))).await?.0;
        let state = self.value(state, Some(SqlType::TinyInt)).await?.0;
        match (number, message, state) {
            (Value::Int(number @ 50_000..), Value::Text(message), Value::Int(state)) => {
                let number = i32::try_from(number).unwrap_or(50_000);
                Ok(SqlError::new(number, message.to_string()).with_state(u8::try_from(state).unwrap_or(1)))
            }
            (Value::Int(number), ..) => Err(SqlError::new(35100, format!("Error number {number} in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647.")).into()),
            _ => Err(errors::syntax("THROW").into()),
        }
    }

    pub(super) async fn wait_for(&mut self, delay: &ast::Expr) -> Result<(), Stop> {
        let (value, ty) = self.value(delay, None).await?;
        let delay = match convert(&value, ty, SqlType::Time(7), Conversion::Implicit)? {
            Value::Time(time) => time
                .signed_duration_since(chrono::NaiveTime::MIN)
                .to_std()
                .unwrap_or(Duration::ZERO),
            _ => Duration::ZERO,
        };
        let Some(attention) = self.sink.attention() else {
            tokio::time::sleep(delay).await;
            return Ok(());
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            interrupt = attention.interrupted() => Err(Stop::Interrupted(interrupt)),
        }
    }
}

/// The SELECT that may hold an INTO: the first one of a UNION.
fn first_select(body: &SetExpr) -> Option<&ast::Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

fn first_select_mut(body: &mut SetExpr) -> Option<&mut ast::Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select_mut(left),
        _ => None,
    }
}

fn fresh_ids(state: &mut State, count: usize) -> Vec<i32> {
    (0..count).map(|_| state.next_object_id()).collect()
}

/// Puts changed tables in their places, and what they were before into the transaction's undo.
pub(super) fn apply(state: &mut State, session: &mut Session, changes: Vec<super::ddl::TableChange>) {
    for (key, table) in changes {
        remember(state, session, &key);
        put_table(state, session, &key, table);
    }
}

/// RAISERROR's printf: %s, %d, %i, %u, %x, %%.
fn formatted(text: &str, arguments: &[&Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') | None => out.push('%'),
            Some(_) => match arguments.next() {
                Some(Value::Text(text)) => out.push_str(text),
                Some(Value::Int(n)) => out.push_str(&n.to_string()),
                _ => out.push_str("(null)"),
            },
        }
    }
    out
}
