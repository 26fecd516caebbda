//! Binding of function calls: aggregates, window functions, and the built-in ones.

use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, WindowType};

use super::bind_expr::{first_words, unify};
use super::binder::{Binder, Typed, name_parts};
use super::bound::{Aggregate, AggregateKind, Expr, OrderKey, Window, WindowKind};
use super::functions;
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{Collation, Length, SqlType, Value};

impl Binder<'_> {
    pub(super) fn call(&mut self, function: &ast::Function) -> SqlResult<Typed> {
        let parts = name_parts(&function.name)?;
        let [name] = parts.as_slice() else {
            return Err(errors::unsupported(format_args!("function {}", function.name)));
        };
        let upper = name.value.to_ascii_uppercase();
        if function.filter.is_some() || function.null_treatment.is_some() || function.uses_odbc_syntax {
            return Err(errors::unsupported(first_words(&function.to_string())));
        }
        let (arguments, distinct) = arguments(function)?;
        if let Some(over) = &function.over {
            return self.window(&upper, &arguments, over);
        }
        if let Some(kind) = aggregate_kind(&upper, &arguments) {
            return self.aggregate(&upper, kind, &arguments, distinct, &function.within_group);
        }
        if distinct || !function.within_group.is_empty() {
            return Err(errors::unsupported(first_words(&function.to_string())));
        }
        let mut plain = Vec::new();
        for argument in &arguments {
            match argument {
                Some(expr) => plain.push(*expr),
                None => return Err(errors::syntax("*")),
            }
        }
        match upper.as_str() {
            "COALESCE" | "ISNULL" | "NULLIF" | "IIF" | "CHOOSE" => self.conditional(&upper, &plain),
            "DATEADD" | "DATEDIFF" | "DATEDIFF_BIG" | "DATEPART" | "DATENAME" => {
                self.with_date_part(&upper, &plain)
            }
            _ => self.builtin(&upper, &plain),
        }
    }

    /// A call of a built-in function.
    pub(super) fn builtin(&mut self, name: &str, arguments: &[&ast::Expr]) -> SqlResult<Typed> {
        let mut bound = Vec::with_capacity(arguments.len());
        for argument in arguments {
            bound.push(self.expr(argument)?);
        }
        build_call(name, bound)
    }

    fn conditional(&mut self, name: &str, arguments: &[&ast::Expr]) -> SqlResult<Typed> {
        match (name, arguments) {
            ("COALESCE", [_, _, ..]) => {
                let list = arguments
                    .iter()
                    .map(|a| self.expr(a))
                    .collect::<SqlResult<Vec<_>>>()?;
                let nullable = list.iter().all(|t| t.nullable);
                let unified = unify(list)?;
                let mut out = unified.shape.with(Expr::Coalesce(unified.list));
                out.nullable = nullable;
                Ok(out)
            }
            ("ISNULL", [first, second]) => {
                // The type of the first one counts, unlike in COALESCE.
                let first = self.expr(first)?;
                let second = self.expr(second)?;
                let ty = if first.untyped { second.ty } else { first.ty };
                let nullable = first.nullable && second.nullable;
                let mut out = Typed {
                    nullable,
                    untyped: false,
                    ty,
                    ..first.clone()
                };
                out.expr = Expr::Coalesce(vec![first.expr, second.to(ty)?]);
                out.of_table = false;
                out.identity = false;
                Ok(out)
            }
            ("NULLIF", [first, second]) => {
                let value = self.expr(first)?;
                let other = self.expr(second)?;
                let equal = self.comparison(super::bound::Comparison::Equal, value.clone(), other)?;
                let mut out = Typed {
                    nullable: true,
                    of_table: false,
                    identity: false,
                    ..value.clone()
                };
                out.expr = Expr::Case {
                    branches: vec![(equal, Expr::Const(Value::Null))],
                    otherwise: Box::new(value.expr),
                };
                Ok(out)
            }
            ("IIF", [condition, yes, no]) => {
                let condition = self.predicate(condition)?;
                let unified = unify(vec![self.expr(yes)?, self.expr(no)?])?;
                let mut list = unified.list.into_iter();
                let (Some(yes), Some(no)) = (list.next(), list.next()) else {
                    return Err(errors::syntax("IIF"));
                };
                Ok(unified.shape.with(Expr::Case {
                    branches: vec![(condition, yes)],
                    otherwise: Box::new(no),
                }))
            }
            ("CHOOSE", _) => Err(errors::unsupported("CHOOSE")),
            _ => Err(wrong_arity(name)),
        }
    }

    /// Date functions, whose first argument is a word.
    fn with_date_part(&mut self, name: &str, arguments: &[&ast::Expr]) -> SqlResult<Typed> {
        let Some((ast::Expr::Identifier(part), rest)) = arguments.split_first().map(|(a, b)| (*a, b)) else {
            return Err(SqlError::new(
                1023,
                format!("Invalid parameter 1 specified for {}.", name.to_lowercase()),
            )
            .with_class(15));
        };
        let mut bound = vec![Typed::constant(
            Value::text(part.value.to_lowercase()),
            SqlType::varchar(30),
        )];
        for argument in rest {
            bound.push(self.expr(argument)?);
        }
        build_call(name, bound)
    }

    fn aggregate(
        &mut self,
        name: &str,
        kind: AggregateKind,
        arguments: &[Option<&ast::Expr>],
        distinct: bool,
        within: &[ast::OrderByExpr],
    ) -> SqlResult<Typed> {
        if !within.is_empty() {
            return Err(errors::unsupported("WITHIN GROUP"));
        }
        let scope_at = self.scopes.len().checked_sub(1);
        let allowed = scope_at.is_some_and(|at| self.scopes[at].aggregates.is_some());
        if !allowed {
            return Err(SqlError::new(
                147,
                "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING \
                 clause or a select list, and the column being aggregated is an outer reference.",
            ));
        }
        // Aggregates do not nest.
        let saved = self
            .scopes
            .last_mut()
            .and_then(|s| s.aggregates.take())
            .unwrap_or_default();
        let bound = self.aggregate_argument(kind, arguments);
        let list = self.scopes.last_mut().map(|s| s.aggregates.insert(saved));
        let (argument, separator) = bound?;
        let (argument, ty, nullable) = aggregate_type(name, kind, argument)?;
        let aggregate = Aggregate {
            kind,
            collation: argument.collation,
            argument: argument.expr,
            separator,
            distinct,
            ty,
        };
        let Some(list) = list else {
            return Err(errors::syntax(name));
        };
        let at = list.iter().position(|a| *a == aggregate).unwrap_or_else(|| {
            list.push(aggregate);
            list.len() - 1
        });
        let mut out = Typed::new(Expr::Aggregate(at), ty, nullable);
        out.collation = argument.collation;
        Ok(out)
    }

    fn aggregate_argument(
        &mut self,
        kind: AggregateKind,
        arguments: &[Option<&ast::Expr>],
    ) -> SqlResult<(Typed, Option<Expr>)> {
        match (kind, arguments) {
            (AggregateKind::CountRows, _) => Ok((Typed::constant(Value::Int(1), SqlType::Int), None)),
            (AggregateKind::StringAgg, [Some(text), Some(separator)]) => {
                let text = self.expr(text)?;
                Ok((text, Some(self.expr(separator)?.expr)))
            }
            (_, [Some(argument)]) => Ok((self.expr(argument)?, None)),
            _ => Err(errors::syntax("(")),
        }
    }

    fn window(
        &mut self,
        name: &str,
        arguments: &[Option<&ast::Expr>],
        over: &WindowType,
    ) -> SqlResult<Typed> {
        let WindowType::WindowSpec(spec) = over else {
            return Err(errors::unsupported("named window"));
        };
        if spec.window_name.is_some() {
            return Err(errors::unsupported("named window"));
        }
        let rows = spec.window_frame.as_ref().map(rows_up_to_here).transpose()?;
        if self.scopes.last().is_none_or(|s| s.windows.is_none()) {
            return Err(SqlError::new(
                4108,
                "Windowed functions can only appear in the SELECT or ORDER BY clauses.",
            )
            .with_class(15));
        }
        let kind = match name {
            "ROW_NUMBER" => WindowKind::RowNumber,
            "RANK" => WindowKind::Rank,
            "DENSE_RANK" => WindowKind::DenseRank,
            "LAG" => WindowKind::Lag,
            "LEAD" => WindowKind::Lead,
            "FIRST_VALUE" => WindowKind::FirstValue,
            _ => match aggregate_kind(name, arguments) {
                Some(kind) if kind != AggregateKind::StringAgg => WindowKind::Aggregate(kind),
                _ => return Err(errors::unsupported(format_args!("{name} OVER"))),
            },
        };
        if !matches!(kind, WindowKind::Aggregate(_)) && spec.order_by.is_empty() {
            return Err(SqlError::new(
                4112,
                format!("The function '{name}' must have an OVER clause with ORDER BY."),
            )
            .with_class(15));
        }
        if rows.is_some() && !matches!(kind, WindowKind::Aggregate(_) | WindowKind::FirstValue) {
            return Err(SqlError::new(
                10752,
                format!("The function '{name}' may not have a window frame."),
            )
            .with_class(15));
        }
        if rows.is_some() && spec.order_by.is_empty() {
            return Err(SqlError::new(
                10756,
                "Window frame with ROWS or RANGE must have an ORDER BY clause.",
            )
            .with_class(15));
        }
        let mut bound = Vec::new();
        for argument in arguments.iter().flatten() {
            bound.push(self.expr(argument)?);
        }
        let (ty, bound) = match (kind, bound) {
            (WindowKind::RowNumber | WindowKind::Rank | WindowKind::DenseRank, _) => {
                (SqlType::BigInt, Vec::new())
            }
            (WindowKind::Aggregate(AggregateKind::CountRows), _) => (aggregate_count_type(name), Vec::new()),
            (WindowKind::Aggregate(kind), mut list) if list.len() == 1 => {
                let (argument, ty, _) = aggregate_type(name, kind, list.remove(0))?;
                (ty, vec![argument.expr])
            }
            (_, list) if !list.is_empty() => {
                let ty = list[0].ty;
                let mut out = Vec::new();
                for (at, one) in list.into_iter().enumerate() {
                    out.push(if at == 1 {
                        one.to(SqlType::BigInt)?
                    } else {
                        one.to(ty)?
                    });
                }
                (ty, out)
            }
            _ => return Err(wrong_arity(name)),
        };
        let mut partition = Vec::new();
        for expr in &spec.partition_by {
            let one = self.expr(expr)?;
            partition.push((one.expr, one.collation));
        }
        let order = spec
            .order_by
            .iter()
            .map(|by| self.order_key(by))
            .collect::<SqlResult<Vec<_>>>()?;
        let window = Window {
            kind,
            arguments: bound,
            partition,
            order,
            rows: rows.is_some(),
            ty,
        };
        let Some(list) = self.scopes.last_mut().and_then(|s| s.windows.as_mut()) else {
            return Err(errors::syntax("OVER"));
        };
        list.push(window);
        Ok(Typed::new(Expr::Window(list.len() - 1), ty, true))
    }

    pub(super) fn order_key(&mut self, by: &ast::OrderByExpr) -> SqlResult<OrderKey> {
        let descending = descending(by)?;
        let one = self.expr(&by.expr)?;
        Ok(OrderKey {
            expr: one.expr,
            descending,
            collation: one.collation,
        })
    }
}

/// The one frame this server knows: ROWS from the first row to the current one.
fn rows_up_to_here(frame: &ast::WindowFrame) -> SqlResult<()> {
    let here = matches!(frame.end_bound, None | Some(ast::WindowFrameBound::CurrentRow));
    let first = matches!(frame.start_bound, ast::WindowFrameBound::Preceding(None));
    if here && first && frame.units == ast::WindowFrameUnits::Rows {
        Ok(())
    } else {
        Err(errors::unsupported(
            "a window frame other than ROWS from the first row to the current one",
        ))
    }
}

/// Whether an ORDER BY item descends; T-SQL knows no NULLS FIRST.
pub(super) fn descending(by: &ast::OrderByExpr) -> SqlResult<bool> {
    if by.options.nulls_first.is_some() || by.with_fill.is_some() {
        return Err(errors::syntax("NULLS"));
    }
    match &by.options.sort {
        None | Some(ast::OrderBySort::Asc) => Ok(false),
        Some(ast::OrderBySort::Desc) => Ok(true),
        Some(ast::OrderBySort::Using(_)) => Err(errors::syntax("USING")),
    }
}

/// Arguments of a call; `None` is the `*` of COUNT(*).
fn arguments(function: &ast::Function) -> SqlResult<(Vec<Option<&ast::Expr>>, bool)> {
    match &function.args {
        FunctionArguments::None => Ok((Vec::new(), false)),
        FunctionArguments::Subquery(_) => Err(errors::syntax("SELECT")),
        FunctionArguments::List(list) => {
            if !list.clauses.is_empty() {
                return Err(errors::unsupported(first_words(&function.to_string())));
            }
            let arguments = list
                .args
                .iter()
                .map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(Some(expr)),
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => Ok(None),
                    other => Err(errors::unsupported(first_words(&other.to_string()))),
                })
                .collect::<SqlResult<Vec<_>>>()?;
            Ok((
                arguments,
                list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct),
            ))
        }
    }
}

fn aggregate_kind(name: &str, arguments: &[Option<&ast::Expr>]) -> Option<AggregateKind> {
    Some(match name {
        "COUNT" | "COUNT_BIG" if matches!(arguments, [None]) => AggregateKind::CountRows,
        "COUNT" | "COUNT_BIG" => AggregateKind::Count,
        "MIN" => AggregateKind::Min,
        "MAX" => AggregateKind::Max,
        "SUM" => AggregateKind::Sum,
        "AVG" => AggregateKind::Avg,
        "STRING_AGG" => AggregateKind::StringAgg,
        _ => return None,
    })
}

fn aggregate_count_type(name: &str) -> SqlType {
    if name == "COUNT_BIG" {
        SqlType::BigInt
    } else {
        SqlType::Int
    }
}

/// The argument in the type it is added up in, the type of the result, and whether that can be NULL.
fn aggregate_type(name: &str, kind: AggregateKind, argument: Typed) -> SqlResult<(Typed, SqlType, bool)> {
    let ty = match (kind, argument.ty) {
        (AggregateKind::CountRows | AggregateKind::Count, _) => {
            return Ok((argument, aggregate_count_type(name), false));
        }
        (AggregateKind::Min | AggregateKind::Max, SqlType::Bit) => {
            return Err(SqlError::new(
                8117,
                format!(
                    "Operand data type bit is invalid for {} operator.",
                    name.to_lowercase()
                ),
            ));
        }
        (AggregateKind::Min | AggregateKind::Max, ty) => ty,
        (AggregateKind::StringAgg, ty) if ty.is_unicode() => SqlType::NVarChar(match ty.length() {
            Some(Length::Max) => Length::Max,
            _ => Length::Limited(4000),
        }),
        (AggregateKind::StringAgg, _) => SqlType::VarChar(Length::Limited(8000)),
        (_, SqlType::TinyInt | SqlType::SmallInt | SqlType::Int) => SqlType::Int,
        (_, SqlType::BigInt) => SqlType::BigInt,
        (_, SqlType::Real | SqlType::Float) => SqlType::Float,
        (_, SqlType::Money | SqlType::SmallMoney) => SqlType::Money,
        (AggregateKind::Sum, SqlType::Decimal { scale, .. }) => SqlType::Decimal { precision: 38, scale },
        (_, SqlType::Decimal { scale, .. }) => SqlType::Decimal {
            precision: 38,
            scale: scale.max(6),
        },
        (_, other) => {
            return Err(SqlError::new(
                8117,
                format!(
                    "Operand data type {} is invalid for {} operator.",
                    other.name(),
                    name.to_lowercase()
                ),
            ));
        }
    };
    let collation = argument.collation;
    let expr = argument.to(ty)?;
    let mut argument = Typed::new(expr, ty, true);
    argument.collation = collation;
    Ok((argument, ty, true))
}

fn wrong_arity(name: &str) -> SqlError {
    SqlError::new(
        174,
        format!(
            "The {} function requires another number of arguments.",
            name.to_lowercase()
        ),
    )
    .with_class(15)
}

fn build_call(name: &str, arguments: Vec<Typed>) -> SqlResult<Typed> {
    let Some(builtin) = functions::find(name) else {
        return Err(if name.starts_with("@@") {
            errors::undeclared(name)
        } else {
            SqlError::new(
                195,
                format!("'{name}' is not a recognized built-in function name."),
            )
            .with_class(15)
            .with_state(10)
        });
    };
    if !(builtin.least..=builtin.most).contains(&arguments.len()) {
        return Err(wrong_arity(name));
    }
    let ty = (builtin.returns)(&arguments)?;
    let collation = arguments
        .iter()
        .find(|a| a.ty.is_text())
        .map_or(Collation::CaseInsensitive, |a| a.collation);
    let types = arguments.iter().map(|a| a.ty).collect();
    let arguments = arguments.into_iter().map(|a| a.expr).collect();
    let mut out = Typed::new(
        Expr::Call {
            builtin,
            arguments,
            types,
            ty,
        },
        ty,
        true,
    );
    out.collation = collation;
    Ok(out)
}
