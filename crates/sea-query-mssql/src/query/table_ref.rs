//! What stands in FROM: tables, derived tables, VALUES, functions, joins and APPLY.

use sea_query::{
    Condition, ConditionHolder, ConditionHolderContents, DynIden, Expr, JoinExpr, JoinOn, JoinType,
    LogicalChainOper, SqlWriter, TableRef, Value, ValueTuple,
};

use super::select::Place;
use crate::error::{Error, Written};
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn table_ref(&mut self, table: &TableRef) -> Written {
        match table {
            TableRef::Table(name, alias) => {
                self.table_name(name)?;
                if let Some(alias) = alias {
                    self.push(" AS ")?;
                    self.iden(alias)?;
                }
                self.table_hints(alias.as_ref().unwrap_or(&name.1))
            }
            TableRef::SubQuery(select, alias) => {
                self.push("(")?;
                self.select(select, Place::Nested)?;
                self.push(") AS ")?;
                self.iden(alias)
            }
            TableRef::ValuesList(rows, alias) => self.values_table(rows, alias),
            TableRef::FunctionCall(call, alias) => {
                self.function_call(call)?;
                self.push(" AS ")?;
                self.iden(alias)
            }
            _ => Err(Error::unsupported(
                "this kind of table reference",
                "use a table or a subquery",
            )),
        }
    }

    /// Writes ` WITH (UPDLOCK, …)` if hints were given for the table.
    pub(crate) fn table_hints(&mut self, exposed_name: &DynIden) -> Written {
        let hints = self.options.hints_of(exposed_name);
        if hints.is_empty() {
            return Ok(());
        }
        self.push(" WITH (")?;
        self.list(hints, |w, hint| w.push(hint.keyword()))?;
        self.push(")")
    }

    /// VALUES as a table. T-SQL wants names for its columns; they are `column1`, `column2`, … as in PostgreSQL and
    /// SQLite.
    fn values_table(&mut self, rows: &[ValueTuple], alias: &DynIden) -> Written {
        let rows: Vec<Vec<Value>> = rows.iter().map(|row| row.clone().into_iter().collect()).collect();
        let columns = rows.first().map_or(0, Vec::len);
        self.push("(")?;
        self.values_rows(&rows)?;
        self.push(") AS ")?;
        self.iden(alias)?;
        self.push(" (")?;
        self.list(1..=columns, |w, column| w.name(&format!("column{column}")))?;
        self.push(")")
    }

    /// Writes `VALUES (…), (…)`.
    pub(crate) fn values_rows(&mut self, rows: &[Vec<Value>]) -> Written {
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 || rows.iter().any(|row| row.len() != width) {
            return Err(Error::incomplete(
                "VALUES",
                "it needs rows, all with the same number of columns",
            ));
        }
        self.push("VALUES ")?;
        self.list(rows, |w, row| {
            w.push("(")?;
            w.list(row, |w, value| w.value(value))?;
            w.push(")")
        })
    }

    pub(crate) fn join(&mut self, join: &JoinExpr) -> Written {
        if join.lateral {
            return self.apply(join);
        }
        self.push(match join.join {
            JoinType::Join => " JOIN ",
            JoinType::InnerJoin => " INNER JOIN ",
            JoinType::LeftJoin => " LEFT JOIN ",
            JoinType::RightJoin => " RIGHT JOIN ",
            JoinType::FullOuterJoin => " FULL OUTER JOIN ",
            JoinType::CrossJoin => " CROSS JOIN ",
            JoinType::StraightJoin => {
                return Err(Error::unsupported("STRAIGHT_JOIN", "use an inner join"));
            }
        })?;
        self.table_ref(&join.table)?;
        match &join.on {
            on if join.join == JoinType::CrossJoin => {
                if is_trivial(on.as_ref()) {
                    Ok(())
                } else {
                    Err(Error::invalid(
                        "a condition on a cross join",
                        "a cross join has none; use an inner join",
                    ))
                }
            }
            Some(JoinOn::Condition(condition)) if condition.is_empty() => self.push(" ON 1 = 1"),
            Some(JoinOn::Condition(condition)) => self.condition(condition, " ON "),
            Some(_) => Err(Error::unsupported("JOIN … USING", "join on a condition")),
            None => Err(Error::incomplete("a join", "it has no condition")),
        }
    }

    /// A lateral join is an APPLY, which takes no condition: a condition belongs into the subquery.
    fn apply(&mut self, join: &JoinExpr) -> Written {
        self.push(match join.join {
            JoinType::Join | JoinType::InnerJoin | JoinType::CrossJoin => " CROSS APPLY ",
            JoinType::LeftJoin => " OUTER APPLY ",
            _ => {
                return Err(Error::unsupported(
                    "this kind of lateral join",
                    "T-SQL applies from the left only",
                ));
            }
        })?;
        if !is_trivial(join.on.as_ref()) {
            return Err(Error::unsupported(
                "a condition on a lateral join",
                "join on Condition::all() and put the condition into the subquery",
            ));
        }
        self.table_ref(&join.table)
    }
}

/// Does a join condition hold for every pair of rows?
fn is_trivial(on: Option<&JoinOn>) -> bool {
    match on {
        None => true,
        Some(JoinOn::Condition(condition)) => match &condition.contents {
            ConditionHolderContents::Empty => true,
            ConditionHolderContents::Chain(chain) => chain.iter().all(|link| match link {
                LogicalChainOper::And(expr) => is_true(expr),
                LogicalChainOper::Or(_) => false,
            }),
            ConditionHolderContents::Condition(condition) => is_true(&Expr::from(condition.clone())),
        },
        Some(_) => false,
    }
}

fn is_true(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Constant(Value::Bool(Some(true))) | Expr::Value(Value::Bool(Some(true)))
    )
}

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes a WHERE, HAVING or ON clause, if there is one.
    pub(crate) fn condition(&mut self, condition: &ConditionHolder, keyword: &str) -> Written {
        let predicate = match &condition.contents {
            ConditionHolderContents::Empty => return Ok(()),
            ConditionHolderContents::Condition(condition) => Expr::from(condition.clone()),
            ConditionHolderContents::Chain(chain) => match chained(chain) {
                Some(predicate) => predicate,
                None => return Ok(()),
            },
        };
        self.push(keyword)?;
        self.predicate(&predicate)
    }

    pub(crate) fn condition_expr(&mut self, condition: &Condition) -> Written {
        self.predicate(&Expr::from(condition.clone()))
    }
}

/// Joins a chain of ANDs and ORs as SQL reads it: AND binds first.
fn chained(chain: &[LogicalChainOper]) -> Option<Expr> {
    let mut any: Option<Expr> = None;
    let mut all: Option<Expr> = None;
    for link in chain {
        match link {
            LogicalChainOper::And(expr) => {
                all = Some(match all.take() {
                    Some(all) => sea_query::ExprTrait::and(all, expr.clone()),
                    None => expr.clone(),
                });
            }
            LogicalChainOper::Or(expr) => {
                if let Some(all) = all.replace(expr.clone()) {
                    any = Some(either(any.take(), all));
                }
            }
        }
    }
    all.map(|all| either(any, all))
}

fn either(left: Option<Expr>, right: Expr) -> Expr {
    match left {
        Some(left) => sea_query::ExprTrait::or(left, right),
        None => right,
    }
}
