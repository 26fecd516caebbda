//! Functions about the session and the server: `@@` values, login, errors, SERVERPROPERTY.

use super::super::locks::{Mode, Resource};
use super::{Builtin, Call, bigint, builtin, int, name128};
use crate::errors::SqlResult;
use crate::options::{Edition, Permission};
use crate::value::{Decimal, SqlType, Value};

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("@@ROWCOUNT", 0, 0, int, |c| {
        Ok(Value::Int(c.env.session.row_count))
    }),
    builtin("ROWCOUNT_BIG", 0, 0, bigint, |c| {
        Ok(Value::Int(c.env.session.row_count))
    }),
    builtin("@@TRANCOUNT", 0, 0, int, |c| {
        Ok(Value::Int(i64::from(c.env.session.depth())))
    }),
    builtin(
        "@@SPID",
        0,
        0,
        |_| Ok(SqlType::SmallInt),
        |c| Ok(Value::Int(i64::from(c.env.session.id))),
    ),
    builtin("@@ERROR", 0, 0, int, |c| {
        Ok(Value::Int(i64::from(c.env.session.last_error)))
    }),
    builtin("@@IDENTITY", 0, 0, identity_type, identity),
    builtin("SCOPE_IDENTITY", 0, 0, identity_type, identity),
    builtin(
        "@@VERSION",
        0,
        0,
        |_| Ok(SqlType::nvarchar(300)),
        |c| Ok(Value::text(version_text(c))),
    ),
    builtin("@@SERVERNAME", 0, 0, name128, |_| Ok(Value::text("TESTKIT"))),
    builtin("@@SERVICENAME", 0, 0, name128, |_| Ok(Value::text("MSSQLSERVER"))),
    builtin("@@LOCK_TIMEOUT", 0, 0, int, |c| {
        Ok(Value::Int(c.env.session.settings.lock_timeout))
    }),
    builtin("@@NESTLEVEL", 0, 0, int, |c| {
        Ok(Value::Int(i64::from(c.env.session.nesting)))
    }),
    builtin(
        "@@DATEFIRST",
        0,
        0,
        |_| Ok(SqlType::TinyInt),
        |_| Ok(Value::Int(7)),
    ),
    builtin("@@LANGUAGE", 0, 0, name128, |_| Ok(Value::text("us_english"))),
    builtin(
        "@@MAX_PRECISION",
        0,
        0,
        |_| Ok(SqlType::TinyInt),
        |_| Ok(Value::Int(38)),
    ),
    builtin("@@MICROSOFTVERSION", 0, 0, int, microsoft_version),
    builtin("XACT_STATE", 0, 0, |_| Ok(SqlType::SmallInt), xact_state),
    builtin("SUSER_SNAME", 0, 1, name128, login),
    builtin("SUSER_NAME", 0, 1, name128, login),
    builtin("ORIGINAL_LOGIN", 0, 0, name128, login),
    builtin("SYSTEM_USER", 0, 0, name128, login),
    builtin("USER_NAME", 0, 1, name128, user),
    builtin("CURRENT_USER", 0, 0, name128, user),
    builtin("SESSION_USER", 0, 0, name128, user),
    builtin("HOST_NAME", 0, 0, name128, |c| {
        Ok(Value::text(c.env.session.host.as_str()))
    }),
    builtin("APP_NAME", 0, 0, name128, |c| {
        Ok(Value::text(c.env.session.application.as_str()))
    }),
    builtin("SERVERPROPERTY", 1, 1, |_| Ok(SqlType::Variant), server_property),
    builtin("HAS_PERMS_BY_NAME", 3, 5, int, has_permission),
    builtin("HAS_DBACCESS", 1, 1, int, |c| {
        Ok(c.text(0)?.map_or(Value::Null, |n| {
            Value::Int(i64::from(c.env.state.database(&n).is_some()))
        }))
    }),
    builtin("IS_SRVROLEMEMBER", 1, 2, int, |c| {
        Ok(Value::Int(i64::from(c.env.session.denied.is_empty())))
    }),
    builtin("IS_MEMBER", 1, 1, int, |c| {
        Ok(Value::Int(i64::from(c.env.session.denied.is_empty())))
    }),
    builtin("IS_ROLEMEMBER", 1, 2, int, |c| {
        Ok(Value::Int(i64::from(c.env.session.denied.is_empty())))
    }),
    builtin("ERROR_NUMBER", 0, 0, int, |c| {
        Ok(caught(c, |e| Value::Int(i64::from(e.number))))
    }),
    builtin(
        "ERROR_MESSAGE",
        0,
        0,
        |_| Ok(SqlType::nvarchar(4000)),
        |c| Ok(caught(c, |e| Value::text(e.message.as_str()))),
    ),
    builtin("ERROR_SEVERITY", 0, 0, int, |c| {
        Ok(caught(c, |e| Value::Int(i64::from(e.class))))
    }),
    builtin("ERROR_STATE", 0, 0, int, |c| {
        Ok(caught(c, |e| Value::Int(i64::from(e.state))))
    }),
    builtin("ERROR_LINE", 0, 0, int, |c| {
        Ok(caught(c, |e| Value::Int(i64::from(e.line))))
    }),
    builtin("ERROR_PROCEDURE", 0, 0, name128, |_| Ok(Value::Null)),
    builtin("APPLOCK_MODE", 3, 3, name128, app_lock_mode),
    builtin(
        "NEWID",
        0,
        0,
        |_| Ok(SqlType::UniqueIdentifier),
        |_| Ok(Value::Guid(random_guid())),
    ),
    builtin(
        "NEWSEQUENTIALID",
        0,
        0,
        |_| Ok(SqlType::UniqueIdentifier),
        |_| Ok(Value::Guid(random_guid())),
    ),
];

fn identity_type(_: &[super::super::binder::Typed]) -> SqlResult<SqlType> {
    Ok(SqlType::Decimal {
        precision: 38,
        scale: 0,
    })
}

fn identity(call: &Call<'_>) -> SqlResult<Value> {
    Ok(call
        .env
        .session
        .identity
        .map_or(Value::Null, |n| Value::Decimal(Decimal::from(n))))
}

fn product_version(call: &Call<'_>) -> String {
    let (major, minor, build) = call.env.options.version;
    format!("{major}.{minor}.{build}.0")
}

fn version_text(call: &Call<'_>) -> String {
    let year = match call.env.options.version.0 {
        13 => "2016",
        14 => "2017",
        15 => "2019",
        16 => "2022",
        _ => "",
    };
    if call.env.options.edition == Edition::Azure {
        return format!(
            "Microsoft SQL Azure (RTM) - {} (test server)",
            product_version(call)
        );
    }
    format!(
        "Microsoft SQL Server {year} - {} (X64) (test server)\n\t{} on memory",
        product_version(call),
        call.env.options.edition.name()
    )
}

fn microsoft_version(call: &Call<'_>) -> SqlResult<Value> {
    let (major, minor, build) = call.env.options.version;
    Ok(Value::Int(
        i64::from(major) << 24 | i64::from(minor) << 16 | i64::from(build),
    ))
}

fn xact_state(call: &Call<'_>) -> SqlResult<Value> {
    Ok(Value::Int(match &call.env.session.transaction {
        None => 0,
        Some(open) if open.doomed => -1,
        Some(_) => 1,
    }))
}

fn login(call: &Call<'_>) -> SqlResult<Value> {
    Ok(Value::text(call.env.session.login.as_str()))
}

fn user(_: &Call<'_>) -> SqlResult<Value> {
    Ok(Value::text("dbo"))
}

fn server_property(call: &Call<'_>) -> SqlResult<Value> {
    let options = call.env.options;
    let (major, minor, build) = options.version;
    let Some(name) = call.text(0)? else {
        return Ok(Value::Null);
    };
    Ok(match name.to_ascii_uppercase().as_str() {
        "ENGINEEDITION" => Value::Int(options.edition.engine_edition()),
        "EDITION" => Value::text(options.edition.name()),
        "EDITIONID" => Value::Int(i64::from(match options.edition {
            Edition::Standard => -1_534_726_760,
            Edition::Enterprise => 1_804_890_536,
            Edition::Express => -1_592_396_055,
            Edition::Azure => 1_674_378_470,
        })),
        "PRODUCTVERSION" => Value::text(product_version(call)),
        "PRODUCTMAJORVERSION" => Value::text(major.to_string()),
        "PRODUCTMINORVERSION" => Value::text(minor.to_string()),
        "PRODUCTBUILD" => Value::text(build.to_string()),
        "PRODUCTLEVEL" => Value::text("RTM"),
        "SERVERNAME" | "MACHINENAME" => Value::text("TESTKIT"),
        "INSTANCENAME" => Value::Null,
        "COLLATION" => Value::text("SQL_Latin1_General_CP1_CI_AS"),
        "ISCLUSTERED" | "ISHADRENABLED" | "ISINTEGRATEDSECURITYONLY" | "ISFULLTEXTINSTALLED" => Value::Int(0),
        // Unknown properties are NULL, as on the real server.
        _ => Value::Null,
    })
}

fn has_permission(call: &Call<'_>) -> SqlResult<Value> {
    let Some(permission) = call.text(2)? else {
        return Ok(Value::Null);
    };
    let session = call.env.session;
    let granted = match permission.to_ascii_uppercase().as_str() {
        "CREATE TABLE" => session.may(Permission::CreateTable),
        "CREATE VIEW" => session.may(Permission::CreateView),
        "ALTER" | "CONTROL" => session.may(Permission::Alter),
        "SELECT" => session.may(Permission::Select),
        "INSERT" => session.may(Permission::Insert),
        "UPDATE" => session.may(Permission::Update),
        "DELETE" => session.may(Permission::Delete),
        "CONNECT" | "CONNECT SQL" | "VIEW DEFINITION" | "REFERENCES" | "VIEW DATABASE STATE" | "EXECUTE" => {
            true
        }
        "ANY" => true,
        // An unknown permission is NULL, which tells a caller that its question is wrong.
        _ => return Ok(Value::Null),
    };
    let class = call.text(1)?.unwrap_or_default().to_ascii_uppercase();
    if class == "OBJECT"
        && let Some(object) = call.text(0)?
        && super::metadata::object(call, &object).is_none()
    {
        return Ok(Value::Null);
    }
    if class == "DATABASE"
        && let Some(database) = call.text(0)?
        && call
            .env
            .state
            .database(database.trim_matches(['[', ']']))
            .is_none()
    {
        return Ok(Value::Null);
    }
    Ok(Value::Int(i64::from(granted)))
}

fn caught(call: &Call<'_>, f: impl Fn(&crate::errors::SqlError) -> Value) -> Value {
    call.env.session.caught.last().map_or(Value::Null, f)
}

fn app_lock_mode(call: &Call<'_>) -> SqlResult<Value> {
    let name = call.text(1)?.unwrap_or_default();
    let resource = Resource::Application(call.env.session.database.to_lowercase(), name);
    Ok(Value::text(
        match call.env.state.locks.mode_of(call.env.session.id, &resource) {
            None => "NoLock",
            Some(Mode::Shared) => "Shared",
            Some(Mode::Update) => "Update",
            Some(Mode::Exclusive) => "Exclusive",
        },
    ))
}

/// Random bytes from the hasher's keys, which the standard library takes from the operating system.
fn random_guid() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = |seed: u8| RandomState::new().hash_one(seed).to_le_bytes();
    let mut out = [0; 16];
    out[..8].copy_from_slice(&half(1));
    out[8..].copy_from_slice(&half(2));
    // Version 4, in the wire's byte order.
    out[7] = out[7] & 0x0f | 0x40;
    out[8] = out[8] & 0x3f | 0x80;
    out
}
