//! Functions about databases, schemas, tables, columns and types.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::super::binder::Binder;
use super::super::catalog::{Table, same_name};
use super::super::state::table;
use super::super::views::schema_id;
use super::{Builtin, Call, builtin, int, name128};
use crate::errors::SqlResult;
use crate::value::{SqlType, Value};

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("OBJECT_ID", 1, 2, int, object_id),
    builtin("OBJECT_NAME", 1, 2, name128, object_name),
    builtin("OBJECT_SCHEMA_NAME", 1, 2, name128, object_schema_name),
    builtin("OBJECTPROPERTY", 2, 2, int, object_property),
    builtin("DB_NAME", 0, 1, name128, db_name),
    builtin("DB_ID", 0, 1, |_| Ok(SqlType::SmallInt), db_id),
    builtin("SCHEMA_NAME", 0, 1, name128, schema_name),
    builtin("SCHEMA_ID", 0, 1, int, schema_id_of),
    builtin("COL_LENGTH", 2, 2, |_| Ok(SqlType::SmallInt), col_length),
    builtin("COL_NAME", 2, 2, name128, col_name),
    builtin("COLUMNPROPERTY", 3, 3, int, column_property),
    builtin("TYPE_NAME", 1, 1, name128, type_name),
    builtin("TYPE_ID", 1, 1, int, type_id),
    builtin(
        "IDENT_CURRENT",
        1,
        1,
        |_| {
            Ok(SqlType::Decimal {
                precision: 38,
                scale: 0,
            })
        },
        ident_current,
    ),
    builtin(
        "DATABASEPROPERTYEX",
        2,
        2,
        |_| Ok(SqlType::Variant),
        database_property,
    ),
];

/// The table a text names, as OBJECT_ID reads it.
pub(super) fn object<'a>(call: &'a Call<'_>, text: &str) -> Option<&'a Table> {
    let parts: Vec<ObjectNamePart> = split(text)
        .into_iter()
        .map(|part| ObjectNamePart::Identifier(Ident::new(part)))
        .collect();
    let mut parts = parts;
    // tempdb..#t means the session's own table.
    if parts.len() == 3 && text.contains('#') {
        parts.drain(..2);
    }
    let binder = Binder::new(call.env.state, call.env.session);
    let key = binder.table_key(&ObjectName(parts)).ok()?;
    table(call.env.state, call.env.session, &key)
}

/// The parts of a dotted name, without their brackets or quotes.
fn split(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut close = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match close {
            Some(end) if c == end => {
                if chars.peek() == Some(&end) {
                    chars.next();
                    out.last_mut().into_iter().for_each(|s: &mut String| s.push(c));
                } else {
                    close = None;
                }
            }
            None if c == '[' => close = Some(']'),
            None if c == '"' => close = Some('"'),
            None if c == '.' => out.push(String::new()),
            _ => out.last_mut().into_iter().for_each(|s: &mut String| s.push(c)),
        }
    }
    out
}

fn by_id<'a>(call: &'a Call<'_>, id: i64) -> Option<&'a Table> {
    let database = call.env.state.database(&call.env.session.database)?;
    let mut all = database.tables.values().chain(call.env.session.temp.values());
    all.find(|t| i64::from(t.id) == id)
}

fn object_id(call: &Call<'_>) -> SqlResult<Value> {
    let Some(name) = call.text(0)? else {
        return Ok(Value::Null);
    };
    let kind = call.text(1)?.map(|kind| kind.trim().to_ascii_uppercase());
    let wants_view = match kind.as_deref() {
        None | Some("") => None,
        Some("U") => Some(false),
        Some("V") => Some(true),
        Some(_) => {
            let constraint = constraint_id(call, &name);
            return Ok(constraint.map_or(Value::Null, |id| Value::Int(i64::from(id))));
        }
    };
    let found = object(call, &name).filter(|t| wants_view.is_none_or(|view| view == t.view.is_some()));
    Ok(found.map_or(Value::Null, |t| Value::Int(i64::from(t.id))))
}

/// The id of a default constraint, the only constraints with objects of their own here.
fn constraint_id(call: &Call<'_>, name: &str) -> Option<i32> {
    let wanted = split(name).pop()?;
    let database = call.env.state.database(&call.env.session.database)?;
    database
        .tables
        .values()
        .flat_map(|t| t.columns.iter())
        .filter_map(|c| c.default.as_ref())
        .find(|d| same_name(&d.constraint, &wanted))
        .map(|d| d.object_id)
}

fn object_name(call: &Call<'_>) -> SqlResult<Value> {
    let table = call.int(0)?.and_then(|id| by_id(call, id));
    Ok(table.map_or(Value::Null, |t| Value::text(t.name.as_str())))
}

fn object_schema_name(call: &Call<'_>) -> SqlResult<Value> {
    let table = call.int(0)?.and_then(|id| by_id(call, id));
    Ok(table.map_or(Value::Null, |t| Value::text(t.schema.as_str())))
}

fn object_property(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(table), Some(property)) = (call.int(0)?.and_then(|id| by_id(call, id)), call.text(1)?) else {
        return Ok(Value::Null);
    };
    Ok(match property.to_ascii_uppercase().as_str() {
        "ISUSERTABLE" | "ISTABLE" => Value::Int(i64::from(table.view.is_none())),
        "ISVIEW" => Value::Int(i64::from(table.view.is_some())),
        "ISPROCEDURE" | "ISMSSHIPPED" => Value::Int(0),
        "TABLEHASIDENTITY" => Value::Int(i64::from(table.columns.iter().any(|c| c.identity.is_some()))),
        _ => Value::Null,
    })
}

fn db_name(call: &Call<'_>) -> SqlResult<Value> {
    if call.values.is_empty() {
        return Ok(Value::text(call.env.session.database.as_str()));
    }
    let wanted = call.int(0)?;
    let found = call
        .env
        .state
        .databases
        .values()
        .find(|d| Some(i64::from(d.id)) == wanted);
    Ok(found.map_or(Value::Null, |d| Value::text(d.name.as_str())))
}

fn db_id(call: &Call<'_>) -> SqlResult<Value> {
    let name = if call.values.is_empty() {
        Some(call.env.session.database.clone())
    } else {
        call.text(0)?
    };
    Ok(name
        .and_then(|n| call.env.state.database(&n))
        .map_or(Value::Null, |d| Value::Int(i64::from(d.id))))
}

fn schema_name(call: &Call<'_>) -> SqlResult<Value> {
    if call.values.is_empty() {
        return Ok(Value::text("dbo"));
    }
    let wanted = call.int(0)?;
    let database = call.env.state.database(&call.env.session.database);
    let found = database.and_then(|d| d.schemas.iter().find(|s| Some(schema_id(d, s)) == wanted));
    Ok(found.map_or(Value::Null, |s| Value::text(s.as_str())))
}

fn schema_id_of(call: &Call<'_>) -> SqlResult<Value> {
    let name = if call.values.is_empty() {
        Some("dbo".to_owned())
    } else {
        call.text(0)?
    };
    let database = call.env.state.database(&call.env.session.database);
    let found = database.zip(name).and_then(|(d, n)| {
        d.schemas
            .iter()
            .find(|s| same_name(s, &n))
            .map(|s| schema_id(d, s))
    });
    Ok(found.map_or(Value::Null, Value::Int))
}

fn col_length(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(name), Some(column)) = (call.text(0)?, call.text(1)?) else {
        return Ok(Value::Null);
    };
    let found = object(call, &name).and_then(|t| t.column(&column).map(|at| t.columns[at].ty.dimensions().0));
    Ok(found.map_or(Value::Null, Value::Int))
}

fn col_name(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(id), Some(at)) = (call.int(0)?, call.int(1)?) else {
        return Ok(Value::Null);
    };
    let at = usize::try_from(at - 1).unwrap_or(usize::MAX);
    let found = by_id(call, id).and_then(|t| t.columns.get(at));
    Ok(found.map_or(Value::Null, |c| Value::text(c.name.as_str())))
}

fn column_property(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(id), Some(column), Some(property)) = (call.int(0)?, call.text(1)?, call.text(2)?) else {
        return Ok(Value::Null);
    };
    let Some(column) = by_id(call, id).and_then(|t| t.column(&column).map(|at| &t.columns[at])) else {
        return Ok(Value::Null);
    };
    Ok(Value::Int(match property.to_ascii_uppercase().as_str() {
        "ISIDENTITY" => i64::from(column.identity.is_some()),
        "ALLOWSNULL" => i64::from(column.nullable),
        "ISCOMPUTED" => 0,
        "PRECISION" => column.ty.length().map_or(column.ty.dimensions().1, |l| {
            i64::try_from(l.limit()).unwrap_or(-1)
        }),
        "SCALE" => column.ty.dimensions().2,
        _ => return Ok(Value::Null),
    }))
}

fn type_name(call: &Call<'_>) -> SqlResult<Value> {
    let wanted = call.int(0)?;
    let found = super::super::views::ALL_TYPES
        .iter()
        .find(|t| Some(i64::from(t.system_id())) == wanted);
    Ok(found.map_or(Value::Null, |t| Value::text(t.name())))
}

fn type_id(call: &Call<'_>) -> SqlResult<Value> {
    let wanted = call.text(0)?.unwrap_or_default();
    let found = super::super::views::ALL_TYPES
        .iter()
        .find(|t| same_name(t.name(), &wanted));
    Ok(found.map_or(Value::Null, |t| Value::Int(i64::from(t.system_id()))))
}

fn ident_current(call: &Call<'_>) -> SqlResult<Value> {
    let Some(name) = call.text(0)? else {
        return Ok(Value::Null);
    };
    let table = object(call, &name);
    let identity = table.and_then(|t| t.columns.iter().find_map(|c| c.identity));
    Ok(match (table, identity) {
        (Some(table), Some(identity)) => Value::Decimal(crate::value::Decimal::from(
            table.last_identity.unwrap_or(identity.seed),
        )),
        _ => Value::Null,
    })
}

fn database_property(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(name), Some(property)) = (call.text(0)?, call.text(1)?) else {
        return Ok(Value::Null);
    };
    if call.env.state.database(&name).is_none() {
        return Ok(Value::Null);
    }
    Ok(match property.to_ascii_uppercase().as_str() {
        "COLLATION" => Value::text("SQL_Latin1_General_CP1_CI_AS"),
        "STATUS" => Value::text("ONLINE"),
        "UPDATEABILITY" => Value::text("READ_WRITE"),
        "RECOVERY" => Value::text("SIMPLE"),
        _ => Value::Null,
    })
}
