//! What SQLite says in its own words. Times are text, as [`instant`](crate::instant) writes them.

use chrono::NaiveDateTime;
use sea_query::{
    Alias, BinOper, Expr, ExprTrait, Func, IntoTableRef, SelectStatement, SqliteQueryBuilder, TableRef,
};
use table_map::{Dialect, Query};

use crate::instant;

/// It keeps to functions that SQLite has had for long, since a view is read by other programs, too.
pub(crate) struct Sqlite;

const TO_THE_SECOND: &str = "%Y-%m-%d %H:%M:%S";

impl Dialect for Sqlite {
    fn table(&self, name: &str) -> TableRef {
        Alias::new(name).into_table_ref()
    }

    fn time(&self, time: NaiveDateTime) -> Expr {
        let mut text = String::new();
        instant::write_date_time(&mut text, time);
        Expr::val(text)
    }

    fn utc_now(&self) -> Expr {
        Func::cust("strftime").arg(TO_THE_SECOND).arg("now").into()
    }

    fn later(&self, time: Expr, seconds: Expr) -> Expr {
        let change = seconds.binary(BinOper::Custom("||"), " seconds");
        Func::cust("strftime")
            .arg(TO_THE_SECOND)
            .arg(time)
            .arg(change)
            .into()
    }

    fn seconds_between(&self, from: Expr, until: Expr) -> Expr {
        // Whole seconds since 1970 as text; `unixepoch` is younger than many clients.
        let seconds = |time: Expr| Expr::from(Func::cust("strftime").arg("%s").arg(time)).cast_as("INTEGER");
        seconds(until).sub(seconds(from))
    }

    fn day_of(&self, time: Expr) -> Expr {
        Func::cust("date").arg(time).into()
    }

    fn monday_of(&self, time: Expr) -> Expr {
        // To the Sunday that ends the week, and back.
        Func::cust("date")
            .arg(time)
            .arg("weekday 0")
            .arg("-6 days")
            .into()
    }
}

/// A question as one statement.
pub(crate) fn select(query: &Query) -> String {
    let select: SelectStatement = query.in_dialect(&Sqlite);
    select.to_string(SqliteQueryBuilder)
}
