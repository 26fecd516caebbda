//! What SQL Server says in its own words.

use chrono::NaiveDateTime;
use sea_query::{Alias, Expr, ExprTrait, Func, IntoTableRef, TableRef};
use sea_query_mssql::MssqlStatement;
use table_map::{Dialect, Query};

/// The dialect for tables in one schema.
pub(crate) struct Mssql<'a> {
    pub(crate) schema: &'a str,
}

/// The unit of all differences of times. A keyword, not a value.
fn second() -> Expr {
    Expr::cust("second")
}

impl Dialect for Mssql<'_> {
    fn table(&self, name: &str) -> TableRef {
        (Alias::new(self.schema), Alias::new(name)).into_table_ref()
    }

    fn time(&self, time: NaiveDateTime) -> Expr {
        Expr::val(time)
    }

    fn utc_now(&self) -> Expr {
        Func::cust("SYSUTCDATETIME").into()
    }

    fn later(&self, time: Expr, seconds: Expr) -> Expr {
        Func::cust("DATEADD").args([second(), seconds, time]).into()
    }

    fn seconds_between(&self, from: Expr, until: Expr) -> Expr {
        // Its younger brother without `_BIG` fails beyond 68 years.
        Func::cust("DATEDIFF_BIG").args([second(), from, until]).into()
    }

    fn day_of(&self, time: Expr) -> Expr {
        time.cast_as("date")
    }

    fn monday_of(&self, time: Expr) -> Expr {
        // Whole weeks since a Monday, the first day of 1900; no setting of the session has a say in that. Numbers that are
        // divided here are whole, and so is what comes out.
        let monday = || Expr::val("19000101").cast_as("date");
        let day = || Expr::cust("day");
        let days = Expr::from(Func::cust("DATEDIFF").args([day(), monday(), time]));
        Func::cust("DATEADD")
            .args([day(), days.div(7).mul(7), monday()])
            .into()
    }
}

/// A question as one statement, without a semicolon.
pub(crate) fn select(schema: &str, query: &Query) -> Result<String, sea_query_mssql::Error> {
    query.in_dialect(&Mssql { schema }).to_mssql()
}
