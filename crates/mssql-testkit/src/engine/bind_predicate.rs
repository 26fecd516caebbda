//! Binding of conditions.

use std::sync::Arc;

use sqlparser::ast::{self, BinaryOperator, InTarget, UnaryOperator};

use super::bind_expr::{one_column_only, unify_for_comparison};
use super::binder::{Binder, Typed};
use super::bound::{Comparison, Expr, Predicate};
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{Length, SqlType};

impl Binder<'_> {
    pub(crate) fn predicate(&mut self, expr: &ast::Expr) -> SqlResult<Predicate> {
        let negate = |yes: bool, predicate: Predicate| {
            if yes {
                Predicate::Not(Box::new(predicate))
            } else {
                predicate
            }
        };
        match expr {
            ast::Expr::Nested(inner) => self.predicate(inner),
            ast::Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => Ok(Predicate::Not(Box::new(self.predicate(expr)?))),
            ast::Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => Ok(Predicate::And(
                Box::new(self.predicate(left)?),
                Box::new(self.predicate(right)?),
            )),
            ast::Expr::BinaryOp {
                left,
                op: BinaryOperator::Or,
                right,
            } => Ok(Predicate::Or(
                Box::new(self.predicate(left)?),
                Box::new(self.predicate(right)?),
            )),
            ast::Expr::BinaryOp { left, op, right } => {
                let operator = match op {
                    BinaryOperator::Eq => Comparison::Equal,
                    BinaryOperator::NotEq => Comparison::NotEqual,
                    BinaryOperator::Lt => Comparison::Less,
                    BinaryOperator::LtEq => Comparison::LessOrEqual,
                    BinaryOperator::Gt => Comparison::Greater,
                    BinaryOperator::GtEq => Comparison::GreaterOrEqual,
                    _ => return Err(not_a_condition(expr)),
                };
                let left = self.expr(left)?;
                let right = self.expr(right)?;
                self.comparison(operator, left, right)
            }
            ast::Expr::IsNull(inner) => Ok(Predicate::IsNull(self.expr(inner)?.expr)),
            ast::Expr::IsNotNull(inner) => Ok(Predicate::Not(Box::new(Predicate::IsNull(
                self.expr(inner)?.expr,
            )))),
            ast::Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let value = self.expr(expr)?;
                let low = self.expr(low)?;
                let high = self.expr(high)?;
                let above = self.comparison(Comparison::GreaterOrEqual, value.clone(), low)?;
                let below = self.comparison(Comparison::LessOrEqual, value, high)?;
                Ok(negate(*negated, Predicate::And(Box::new(above), Box::new(below))))
            }
            ast::Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => {
                let text = self.expr(expr)?;
                let pattern = self.expr(pattern)?;
                let escape = match escape_char {
                    Some(escape) => Some(self.expr(escape)?.to(SqlType::nvarchar(1))?),
                    None => None,
                };
                let (text, pattern) = (as_text(text), as_text(pattern));
                let unified = unify_for_comparison(vec![text, pattern])?;
                let collation = unified.shape.collation;
                let [text, pattern] = two(unified.list)?;
                Ok(negate(
                    *negated,
                    Predicate::Like {
                        text,
                        pattern,
                        escape,
                        collation,
                    },
                ))
            }
            ast::Expr::In {
                expr,
                target: InTarget::List(list),
                negated,
                global: false,
            } => {
                let mut all = vec![self.expr(expr)?];
                for one in list {
                    all.push(self.expr(one)?);
                }
                let unified = unify_for_comparison(all)?;
                let collation = unified.shape.collation;
                let mut list = unified.list;
                let needle = list.remove(0);
                let constant = list.iter().all(is_constant);
                Ok(negate(
                    *negated,
                    Predicate::InList {
                        id: self.id(),
                        needle,
                        list,
                        constant,
                        collation,
                    },
                ))
            }
            ast::Expr::In {
                expr,
                target: InTarget::Subquery(query),
                negated,
                global: false,
            } => {
                let needle = self.expr(expr)?;
                let mut subquery = self.subquery(query)?;
                let [column] = subquery.query.columns.as_slice() else {
                    return Err(one_column_only());
                };
                let mut other = Typed::new(Expr::Const(crate::value::Value::Null), column.ty, true);
                other.collation = column.collation;
                other.strength = super::binder::Strength::Implicit;
                let unified = unify_for_comparison(vec![needle, other])?;
                let (ty, collation) = (unified.shape.ty, unified.shape.collation);
                super::bind_query::convert_columns(&mut subquery.query, &[ty])?;
                let [needle, _] = two(unified.list)?;
                Ok(negate(
                    *negated,
                    Predicate::InQuery {
                        needle,
                        query: Arc::new(subquery),
                        collation,
                    },
                ))
            }
            ast::Expr::Exists { subquery, negated } => {
                let subquery = self.subquery(subquery)?;
                Ok(negate(*negated, Predicate::Exists(Arc::new(subquery))))
            }
            other => Err(not_a_condition(other)),
        }
    }

    pub(crate) fn comparison(
        &mut self,
        operator: Comparison,
        left: Typed,
        right: Typed,
    ) -> SqlResult<Predicate> {
        let unified = unify_for_comparison(vec![left, right])?;
        let collation = unified.shape.collation;
        let [left, right] = two(unified.list)?;
        Ok(Predicate::Compare {
            operator,
            left,
            right,
            collation,
        })
    }
}

fn two(list: Vec<Expr>) -> SqlResult<[Expr; 2]> {
    list.try_into().map_err(|_| errors::syntax("="))
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Const(_) | Expr::Variable(_) => true,
        Expr::Convert { inner, .. } => is_constant(inner),
        _ => false,
    }
}

/// Numbers and dates are compared with a pattern as text.
fn as_text(one: Typed) -> Typed {
    if one.ty.is_text() || one.untyped {
        return one;
    }
    let ty = SqlType::VarChar(Length::Limited(8000));
    let expr = Expr::Convert {
        inner: Box::new(one.expr),
        from: one.ty,
        to: ty,
        how: crate::value::Conversion::Explicit(0),
        or_null: false,
    };
    Typed::new(expr, ty, one.nullable)
}

fn not_a_condition(expr: &ast::Expr) -> SqlError {
    match expr {
        ast::Expr::IsDistinctFrom(..)
        | ast::Expr::IsNotDistinctFrom(..)
        | ast::Expr::AnyOp { .. }
        | ast::Expr::AllOp { .. }
        | ast::Expr::In { .. }
        | ast::Expr::Like { .. } => errors::unsupported(super::bind_expr::first_words(&expr.to_string())),
        _ => SqlError::new(
            4145,
            format!(
                "An expression of non-boolean type specified in a context where a condition is expected, near '{}'.",
                super::bind_expr::first_words(&expr.to_string())
            ),
        )
        .with_class(15),
    }
}
