//! SELECT, with TOP or OFFSET … FETCH for its limit.

use sea_query::{
    DynIden, OrderExpr, SelectDistinct, SelectExpr, SelectInto, SelectStatement, SqlWriter, UnionType,
    WindowSelectType,
};

use super::count_of;
use crate::error::{Error, Written};
use crate::parts::{OrderDirection, OrderParts, SelectParts};
use crate::writer::Writer;

/// Where a SELECT stands; T-SQL lets it do less in some places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A statement of its own, or what an INSERT inserts: an ORDER BY is allowed as it is.
    Statement,
    /// As [`Place::Statement`], but the WITH clause belongs before the INSERT.
    Inserted,
    /// A subquery, derived table or common table expression: an ORDER BY only decides which rows TOP or FETCH takes.
    Nested,
    /// A side of a UNION, EXCEPT or INTERSECT: no ORDER BY at all.
    Branch,
}

/// How T-SQL says a limit and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    All,
    Top(u64),
    Offset { skip: u64, take: Option<u64> },
}

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn select_statement(&mut self, select: &SelectStatement) -> Written {
        self.select(select, Place::Statement)
    }

    pub(crate) fn select(&mut self, select: &SelectStatement, place: Place) -> Written {
        let parts = SelectParts::of(select);
        let paging = plan_paging(&parts, place)?;
        check_select(&parts, place)?;
        if let Some(with) = &parts.with {
            self.with_clause(with)?;
        }
        let outer = std::mem::replace(&mut self.window, parts.window.clone());
        let written = self.select_body(&parts, paging);
        self.window = outer;
        written
    }

    fn select_body(&mut self, parts: &SelectParts, paging: Paging) -> Written {
        self.push("SELECT ")?;
        match &parts.distinct {
            None => {}
            Some(SelectDistinct::All) => self.push("ALL ")?,
            Some(SelectDistinct::Distinct) => self.push("DISTINCT ")?,
            Some(SelectDistinct::DistinctOn(_)) => {
                return Err(Error::unsupported(
                    "DISTINCT ON",
                    "number the rows with ROW_NUMBER() and keep the first",
                ));
            }
            Some(_) => return Err(Error::unsupported("this kind of DISTINCT", "use DISTINCT")),
        }
        if let Paging::Top(rows) = paging {
            self.top(rows)?;
        }
        self.list(&parts.columns, |w, column| w.select_column(column))?;
        if let Some(into) = &parts.into {
            self.select_into(into)?;
        }
        if !parts.from.is_empty() {
            self.push(" FROM ")?;
            self.list(&parts.from, |w, table| w.table_ref(table))?;
        }
        for join in &parts.joins {
            self.join(join)?;
        }
        self.condition(&parts.filter, " WHERE ")?;
        if !parts.groups.is_empty() {
            self.push(" GROUP BY ")?;
            self.list(&parts.groups, |w, group| w.value_expr(group))?;
        }
        self.condition(&parts.having, " HAVING ")?;
        for (union, branch) in &parts.unions {
            self.union(*union, branch)?;
        }
        self.order_by(&parts.orders)?;
        if let Paging::Offset { skip, take } = paging {
            self.push(" OFFSET ")?;
            self.row_count(skip)?;
            self.push(" ROWS")?;
            if let Some(take) = take {
                self.push(" FETCH NEXT ")?;
                self.row_count(take)?;
                self.push(" ROWS ONLY")?;
            }
        }
        Ok(())
    }

    pub(crate) fn select_column(&mut self, column: &SelectExpr) -> Written {
        self.value_expr(&column.expr)?;
        match &column.window {
            None => {}
            Some(WindowSelectType::Query(window)) => self.over(window)?,
            Some(WindowSelectType::Name(name)) => self.over_named(name)?,
            Some(_) => {
                return Err(Error::unsupported(
                    "this kind of OVER clause",
                    "write the window out",
                ));
            }
        }
        if let Some(alias) = &column.alias {
            self.push(" AS ")?;
            self.iden(alias)?;
        }
        Ok(())
    }

    /// The WINDOW clause is younger than SQL Server 2016, so a named window is written out where it is used.
    fn over_named(&mut self, name: &DynIden) -> Written {
        match self.window.clone() {
            Some((known, window)) if known == *name => self.over(&window),
            _ => Err(Error::incomplete("OVER", "the SELECT has no window of that name")),
        }
    }

    pub(crate) fn select_into(&mut self, into: &SelectInto) -> Written {
        if into.target_table_modifier.is_some() {
            return Err(Error::unsupported(
                "SELECT INTO with TEMPORARY or UNLOGGED",
                "give the table a name that starts with # to make it temporary",
            ));
        }
        self.push(" INTO ")?;
        self.table_name(&into.target_table.clone().into())
    }

    fn union(&mut self, union: UnionType, branch: &SelectStatement) -> Written {
        self.push(match union {
            UnionType::Distinct => " UNION ",
            UnionType::All => " UNION ALL ",
            UnionType::Except => " EXCEPT ",
            UnionType::Intersect => " INTERSECT ",
            _ => {
                return Err(Error::unsupported(
                    "this set operation",
                    "use UNION, EXCEPT or INTERSECT",
                ));
            }
        })?;
        let compound = !SelectParts::of(branch).unions.is_empty();
        if compound {
            self.push("(")?;
        }
        self.select(branch, Place::Branch)?;
        if compound {
            self.push(")")?;
        }
        Ok(())
    }

    pub(crate) fn order_by(&mut self, orders: &[OrderExpr]) -> Written {
        if orders.is_empty() {
            return Ok(());
        }
        self.push(" ORDER BY ")?;
        self.list(orders, |w, order| w.order_term(order))
    }

    pub(crate) fn order_term(&mut self, order: &OrderExpr) -> Written {
        let parts = OrderParts::of(order);
        let Some(expr) = &parts.expr else {
            return Err(Error::incomplete(
                "ORDER BY",
                "the list of values to sort by is empty",
            ));
        };
        if parts.nulls {
            return Err(Error::unsupported(
                "NULLS FIRST or NULLS LAST",
                "SQL Server sorts NULL as the lowest value; sort by a CASE that tells nulls apart before",
            ));
        }
        match &parts.direction {
            OrderDirection::Listed(values) => {
                self.push("CASE")?;
                for (position, value) in values.iter().enumerate() {
                    self.push(" WHEN ")?;
                    self.operand(expr)?;
                    self.push(" = ")?;
                    self.literal(value)?;
                    self.push(&format!(" THEN {position}"))?;
                }
                self.push(&format!(" ELSE {} END", values.len()))
            }
            direction => {
                if matches!(expr, sea_query::Expr::Value(_) | sea_query::Expr::Constant(_)) {
                    return Err(Error::unsupported(
                        "ORDER BY a constant",
                        "sort by a column or an expression",
                    ));
                }
                self.value_expr(expr)?;
                self.push(if *direction == OrderDirection::Descending {
                    " DESC"
                } else {
                    " ASC"
                })
            }
        }
    }
}

fn check_select(parts: &SelectParts, place: Place) -> Written {
    if parts.columns.is_empty() {
        return Err(Error::incomplete("SELECT", "it has no columns"));
    }
    if parts.locked {
        return Err(Error::unsupported(
            "FOR UPDATE and FOR SHARE",
            "use table hints such as UPDLOCK and HOLDLOCK",
        ));
    }
    if place != Place::Statement {
        if parts.with.is_some() {
            return Err(Error::unsupported(
                "WITH inside of a statement",
                "put the WITH clause before the whole statement",
            ));
        }
        if parts.into.is_some() {
            return Err(Error::unsupported(
                "SELECT INTO inside of a statement",
                "make it a statement of its own",
            ));
        }
    }
    Ok(())
}

fn plan_paging(parts: &SelectParts, place: Place) -> Result<Paging, Error> {
    let ordered = !parts.orders.is_empty();
    let compound = !parts.unions.is_empty();
    let take = parts.limit.as_ref().map(count_of).transpose()?;
    let skip = parts.offset.as_ref().map(count_of).transpose()?.unwrap_or(0);
    let paging = match (skip, take) {
        (0, None) => Paging::All,
        (0, Some(take)) if !compound => Paging::Top(take),
        // Rows that nobody wants need not be skipped first; FETCH NEXT 0 would be refused.
        (_, Some(0)) if !compound => Paging::Top(0),
        (_, Some(0)) => {
            return Err(Error::unsupported(
                "a limit of 0 on a UNION",
                "FETCH takes at least one row",
            ));
        }
        (skip, take) => Paging::Offset { skip, take },
    };
    if matches!(paging, Paging::Offset { .. }) && !ordered {
        return Err(Error::incomplete(
            if compound {
                "a limit or offset on a UNION"
            } else {
                "an offset"
            },
            "T-SQL pages through rows in the order of an ORDER BY only",
        ));
    }
    match place {
        Place::Branch if ordered => Err(Error::unsupported(
            "ORDER BY in a side of a UNION, EXCEPT or INTERSECT",
            "wrap that side into a derived table",
        )),
        Place::Nested if ordered && paging == Paging::All => Err(Error::unsupported(
            "ORDER BY in a subquery without a limit or offset",
            "sort the outermost statement",
        )),
        _ => Ok(paging),
    }
}
