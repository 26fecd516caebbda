//! EXEC: the system procedures a client needs. Others are error 2812.

use std::collections::HashMap;
use std::time::Duration;

use sqlparser::ast;
use tokio::time::Instant;

use super::binder::shown_name;
use super::locks::{Mode, Owner, Refused, Resource};
use super::run::{Executor, Flow, Stop};
use super::state::Variable;
use super::syntax::Execute;
use crate::errors::{self, SqlError};
use crate::value::{Conversion, Length, SqlType, Value, convert};

/// An argument of a procedure, evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// In lower case with the `@`; empty for a positional one.
    pub(crate) name: String,
    pub(crate) ty: SqlType,
    pub(crate) value: Value,
    /// The variable that takes the value of an OUTPUT parameter.
    pub(crate) output: Option<String>,
}

const TEXT: SqlType = SqlType::NVarChar(Length::Max);

impl Executor<'_, '_> {
    pub(super) async fn execute(&mut self, call: &Execute) -> Result<Flow, Stop> {
        let mut given = Vec::new();
        for argument in &call.arguments {
            let name = argument.name.clone().unwrap_or_default();
            // A bare word is a text.
            let (value, ty, output) = match &argument.value {
                ast::Expr::Identifier(word) if word.quote_style.is_none() && !word.value.starts_with('@') => {
                    (Value::text(word.value.as_str()), SqlType::nvarchar(128), None)
                }
                expr => {
                    let (value, ty) = self.value(expr, None).await?;
                    let variable = match expr {
                        ast::Expr::Identifier(word) if argument.output => Some(word.value.to_lowercase()),
                        _ => None,
                    };
                    (value, ty, variable)
                }
            };
            given.push(Given {
                name,
                ty,
                value,
                output,
            });
        }
        let name = shown_name(&call.procedure);
        let status = self.procedure(&name, &given).await?;
        if let Some(variable) = &call.status {
            let Some(known) = self.session.variables.get_mut(variable) else {
                return Err(errors::undeclared(variable).into());
            };
            known.value = convert(
                &Value::Int(i64::from(status)),
                SqlType::Int,
                known.ty,
                Conversion::Implicit,
            )?;
        }
        Ok(Flow::Next)
    }

    /// Runs a procedure and gives its return status.
    pub(crate) async fn procedure(&mut self, name: &str, given: &[Given]) -> Result<i32, Stop> {
        let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
        match last.as_str() {
            "sp_executesql" => {
                let outputs = self.execute_sql(given).await?;
                for (variable, value, ty) in outputs {
                    if let Some(known) = self.session.variables.get_mut(&variable) {
                        known.value = convert(&value, ty, known.ty, Conversion::Implicit)?;
                    }
                }
                Ok(0)
            }
            "sp_getapplock" => self.get_app_lock(given).await,
            "sp_releaseapplock" => self.release_app_lock(given),
            "sp_reset_connection" => Ok(0),
            _ => Err(
                SqlError::new(2812, format!("Could not find stored procedure '{name}'."))
                    .with_state(62)
                    .into(),
            ),
        }
    }

    /// sp_executesql; gives the values for OUTPUT variables of the caller.
    async fn execute_sql(&mut self, given: &[Given]) -> Result<Vec<(String, Value, SqlType)>, Stop> {
        let Some((statement, rest)) = given.split_first() else {
            return Err(SqlError::new(201, "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.").into());
        };
        if !statement.ty.is_unicode() {
            return Err(SqlError::new(
                214,
                "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.",
            )
            .with_state(2)
            .into());
        }
        let (declared, arguments) = match rest.split_first() {
            Some((declaration, arguments)) => (self.text_of(declaration)?, arguments),
            None => (String::new(), rest),
        };
        let parameters = super::parser::parse_parameters(&declared)?;
        let variables = bind_arguments(&parameters, arguments)?;
        let text = self.text_of(statement)?;
        let mut inner = self.nested(&text, variables).await?;
        let mut out = Vec::new();
        for (at, (name, ..)) in parameters.iter().enumerate() {
            let argument = arguments
                .iter()
                .find(|a| a.name == *name)
                .or_else(|| arguments.get(at).filter(|a| a.name.is_empty()));
            if let Some(variable) = argument.and_then(|a| a.output.clone())
                && let Some(value) = inner.remove(name)
            {
                out.push((variable, value.value, value.ty));
            }
        }
        Ok(out)
    }

    fn text_of(&self, given: &Given) -> Result<String, Stop> {
        match convert(&given.value, given.ty, TEXT, Conversion::Implicit)? {
            Value::Text(text) => Ok(text.to_string()),
            _ => Ok(String::new()),
        }
    }

    async fn get_app_lock(&mut self, given: &[Given]) -> Result<i32, Stop> {
        const NAMES: [&str; 5] = [
            "@resource",
            "@lockmode",
            "@lockowner",
            "@locktimeout",
            "@dbprincipal",
        ];
        let arguments = self.named(given, &NAMES)?;
        let Some(Value::Text(resource)) = arguments.get("@resource").cloned() else {
            return Ok(-999);
        };
        let mode = match arguments.get("@lockmode") {
            Some(Value::Text(mode)) => match mode.to_lowercase().as_str() {
                "shared" => Mode::Shared,
                "update" => Mode::Update,
                "exclusive" => Mode::Exclusive,
                "intentshared" | "intentexclusive" => return Err(errors::unsupported(format_args!("lock mode {mode}")).into()),
                _ => return Ok(-999),
            },
            _ => return Err(SqlError::new(201, "Procedure or function 'sp_getapplock' expects parameter '@LockMode', which was not supplied.").into()),
        };
        let Some(owner) = self.owner(&arguments) else {
            return Ok(-999);
        };
        let timeout = match arguments.get("@locktimeout") {
            Some(Value::Int(ms)) => *ms,
            _ => self.session.settings.lock_timeout,
        };
        let resource = Resource::Application(self.session.database.to_lowercase(), resource.to_string());
        let deadline = u64::try_from(timeout)
            .ok()
            .map(|ms| Instant::now() + Duration::from_millis(ms));
        let mut waited = false;
        loop {
            let released = self.world.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            let result = self
                .world
                .state()
                .locks
                .acquire(self.session.id, &resource, mode, owner);
            match result {
                Ok(()) => return Ok(i32::from(waited)),
                Err(Refused::Deadlock) => return Ok(-3),
                Err(Refused::Wait) => waited = true,
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
            let outcome = tokio::select! {
                () = released => continue,
                () = expired => Ok(-1),
                interrupt = interrupted => Err(Stop::Interrupted(interrupt)),
            };
            self.world.state().locks.stop_waiting(self.session.id);
            return outcome;
        }
    }

    fn release_app_lock(&mut self, given: &[Given]) -> Result<i32, Stop> {
        let arguments = self.named(given, &["@resource", "@lockowner", "@dbprincipal"])?;
        let Some(Value::Text(name)) = arguments.get("@resource").cloned() else {
            return Ok(-999);
        };
        let owner = self.owner(&arguments);
        let resource = Resource::Application(self.session.database.to_lowercase(), name.to_string());
        let released = owner.is_some_and(|owner| {
            self.world
                .state()
                .locks
                .release(self.session.id, &resource, owner)
        });
        self.world.released.notify_waiters();
        if !released {
            return Err(SqlError::new(
                1223,
                format!("Cannot release the application lock (Database Principal: 'public', Resource: '{name}') because it is not currently held."),
            )
            .into());
        }
        Ok(0)
    }

    /// The owner an application lock is asked for; a transaction owns none when none is open.
    fn owner(&self, arguments: &HashMap<&'static str, Value>) -> Option<Owner> {
        match arguments.get("@lockowner") {
            Some(Value::Text(owner)) if owner.eq_ignore_ascii_case("Session") => Some(Owner::Session),
            Some(Value::Text(owner)) if !owner.eq_ignore_ascii_case("Transaction") => None,
            _ => self.session.transaction.is_some().then_some(Owner::Transaction),
        }
    }

    /// Arguments by the names of the procedure's parameters; texts as nvarchar, numbers as they are.
    fn named(&self, given: &[Given], names: &[&'static str]) -> Result<HashMap<&'static str, Value>, Stop> {
        let mut out = HashMap::new();
        for (at, one) in given.iter().enumerate() {
            let name = if one.name.is_empty() {
                names.get(at).copied()
            } else {
                names.iter().copied().find(|n| *n == one.name)
            };
            let Some(name) = name else {
                return Err(
                    SqlError::new(8145, format!("{} is not a parameter for procedure.", one.name)).into(),
                );
            };
            let value = if one.ty.is_text() {
                convert(&one.value, one.ty, TEXT, Conversion::Implicit)?
            } else {
                one.value.clone()
            };
            out.insert(name, value);
        }
        Ok(out)
    }
}

/// The variables of a statement with parameters, out of the arguments given by name or by position.
pub(crate) fn bind_arguments(
    parameters: &[(String, SqlType, bool)],
    arguments: &[Given],
) -> Result<HashMap<String, Variable>, SqlError> {
    let mut out = HashMap::new();
    if arguments.len() > parameters.len() {
        return Err(
            SqlError::new(8144, "Procedure or function has too many arguments specified.").with_state(2),
        );
    }
    for (at, (name, ty, _)) in parameters.iter().enumerate() {
        let given = arguments
            .iter()
            .find(|a| a.name == *name)
            .or_else(|| arguments.get(at).filter(|a| a.name.is_empty()));
        let Some(given) = given else {
            return Err(SqlError::new(
                8178,
                format!("The parameterized query expects the parameter '{name}', which was not supplied."),
            ));
        };
        let value = convert(&given.value, given.ty, *ty, Conversion::Implicit)?;
        out.insert(name.clone(), Variable { ty: *ty, value });
    }
    if let Some(unknown) = arguments
        .iter()
        .find(|a| !a.name.is_empty() && !out.contains_key(&a.name))
    {
        return Err(SqlError::new(
            8145,
            format!("{} is not a parameter for procedure.", unknown.name),
        ));
    }
    Ok(out)
}
