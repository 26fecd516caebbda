//! Expressions, where they are predicates: WHERE, HAVING, ON, CASE WHEN, CHECK.

use sea_query::{BinOper, Expr, Keyword, SqlWriter, SubQueryOper, UnOper, Value};

use super::unknown_operator;
use crate::error::{Error, Written};
use crate::writer::Writer;

/// Functions of T-SQL that are predicates by themselves.
const PREDICATE_FUNCTIONS: [&str; 3] = ["CONTAINS", "FREETEXT", "UPDATE"];

/// Is this a predicate in T-SQL, not a value?
pub(super) fn is_predicate(expr: &Expr) -> bool {
    match expr {
        Expr::Binary(_, oper, _) => is_logical(oper) || comparison(oper).is_some(),
        Expr::Unary(UnOper::Not, _) | Expr::SubQuery(Some(SubQueryOper::Exists), _) => true,
        Expr::FunctionCall(call) => match call.get_func() {
            sea_query::Func::Custom(name) => PREDICATE_FUNCTIONS
                .iter()
                .any(|known| name.inner().eq_ignore_ascii_case(known)),
            _ => false,
        },
        _ => false,
    }
}

fn is_logical(oper: &BinOper) -> bool {
    matches!(oper, BinOper::And | BinOper::Or)
}

/// The symbol of an operator that compares two values.
fn comparison(oper: &BinOper) -> Option<&'static str> {
    Some(match oper {
        BinOper::Equal => "=",
        BinOper::NotEqual => "<>",
        BinOper::SmallerThan => "<",
        BinOper::SmallerThanOrEqual => "<=",
        BinOper::GreaterThan => ">",
        BinOper::GreaterThanOrEqual => ">=",
        BinOper::Like => "LIKE",
        BinOper::NotLike => "NOT LIKE",
        BinOper::In => "IN",
        BinOper::NotIn => "NOT IN",
        BinOper::Between => "BETWEEN",
        BinOper::NotBetween => "NOT BETWEEN",
        BinOper::Is => "IS",
        BinOper::IsNot => "IS NOT",
        BinOper::Custom(text) => match text.trim() {
            "=" => "=",
            "<>" | "!=" => "<>",
            "<" => "<",
            "<=" | "!>" => "<=",
            ">" => ">",
            ">=" | "!<" => ">=",
            _ => return None,
        },
        _ => return None,
    })
}

/// Is this predicate true or false for every row, never unknown?
fn is_two_valued(expr: &Expr) -> bool {
    match expr {
        Expr::SubQuery(Some(SubQueryOper::Exists), _) | Expr::Binary(_, BinOper::Is | BinOper::IsNot, _) => {
            true
        }
        Expr::Unary(UnOper::Not, inner) => is_two_valued(inner),
        Expr::Binary(left, BinOper::And | BinOper::Or, right) => is_two_valued(left) && is_two_valued(right),
        _ => false,
    }
}

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes an expression where a predicate is wanted. A value is true when it is 1, as a `bit` is.
    pub(crate) fn predicate(&mut self, expr: &Expr) -> Written {
        match expr {
            Expr::Binary(left, oper, right) if is_logical(oper) => {
                self.logical_operand(left, oper, true)?;
                self.push(if *oper == BinOper::And { " AND " } else { " OR " })?;
                self.logical_operand(right, oper, false)
            }
            Expr::Binary(left, oper, right) => match comparison(oper) {
                Some(symbol) => self.comparison(left, symbol, right),
                None => self.equals_one(expr),
            },
            Expr::Unary(UnOper::Not, inner) => {
                self.push("NOT ")?;
                match inner.as_ref() {
                    Expr::SubQuery(Some(SubQueryOper::Exists), _) => self.predicate(inner),
                    _ => self.bracketed(|w| w.predicate(inner)),
                }
            }
            Expr::Unary(..) => Err(unknown_operator()),
            Expr::SubQuery(Some(SubQueryOper::Exists), statement) => {
                self.subquery(Some(SubQueryOper::Exists), statement)
            }
            Expr::Constant(Value::Bool(value)) | Expr::Value(Value::Bool(value)) => self.push(match value {
                Some(true) => "1 = 1",
                Some(false) => "1 = 0",
                None => "1 = NULL",
            }),
            Expr::Custom(text) => self.push(text),
            Expr::CustomWithExpr(text, exprs) => self.custom_with_exprs(text, exprs),
            Expr::FunctionCall(call) if is_predicate(expr) => self.function_call(call),
            _ => self.equals_one(expr),
        }
    }

    /// Writes a predicate as a `bit`. One that may be unknown is asked twice, so that it comes out as NULL then.
    pub(super) fn predicate_as_bit(&mut self, predicate: &Expr) -> Written {
        self.push("CAST(CASE WHEN ")?;
        self.predicate(predicate)?;
        if is_two_valued(predicate) {
            self.push(" THEN 1 ELSE 0 END AS bit)")
        } else {
            self.push(" THEN 1 WHEN NOT (")?;
            self.predicate(predicate)?;
            self.push(") THEN 0 END AS bit)")
        }
    }

    fn equals_one(&mut self, expr: &Expr) -> Written {
        self.operand(expr)?;
        self.push(" = 1")
    }

    /// Brackets go around whatever the reader would have to look up the precedence of: all but a comparison, and a
    /// chain of the same operator.
    fn logical_operand(&mut self, expr: &Expr, outer: &BinOper, is_left: bool) -> Written {
        let open = match expr {
            Expr::Binary(_, inner, _) if is_logical(inner) => is_left && inner == outer,
            Expr::Custom(_) | Expr::CustomWithExpr(..) | Expr::Unary(..) => false,
            _ => true,
        };
        if open {
            self.predicate(expr)
        } else {
            self.bracketed(|w| w.predicate(expr))
        }
    }

    fn comparison(&mut self, left: &Expr, symbol: &'static str, right: &Expr) -> Written {
        match symbol {
            "IN" | "NOT IN" => return self.membership(left, symbol, right),
            "IS" | "IS NOT" => {
                if !is_null(right) {
                    return Err(Error::unsupported(
                        "IS with anything but NULL",
                        "compare with = and ask for IS NULL",
                    ));
                }
                self.compared(left)?;
                self.push(" ")?;
                self.push(symbol)?;
                return self.push(" NULL");
            }
            _ => {}
        }
        self.compared(left)?;
        self.push(" ")?;
        self.push(symbol)?;
        self.push(" ")?;
        match (symbol, right) {
            ("BETWEEN" | "NOT BETWEEN", Expr::Binary(low, BinOper::And, high)) => {
                self.compared(low)?;
                self.push(" AND ")?;
                self.compared(high)
            }
            ("BETWEEN" | "NOT BETWEEN", _) => Err(Error::incomplete("BETWEEN", "it needs two bounds")),
            ("LIKE" | "NOT LIKE", Expr::Binary(pattern, BinOper::Escape, escape)) => {
                self.compared(pattern)?;
                self.push(" ESCAPE ")?;
                self.compared(escape)
            }
            _ => self.compared(right),
        }
    }

    fn membership(&mut self, left: &Expr, symbol: &str, right: &Expr) -> Written {
        let empty = match right {
            Expr::Tuple(list) => list.is_empty(),
            Expr::Values(list) => list.is_empty(),
            _ => false,
        };
        if empty {
            // Nothing is in an empty list; T-SQL cannot write one.
            return self.push(if symbol == "IN" { "1 = 0" } else { "1 = 1" });
        }
        self.compared(left)?;
        self.push(" ")?;
        self.push(symbol)?;
        self.push(" ")?;
        match right {
            Expr::Tuple(list) => self.bracketed(|w| w.list(list, |w, item| w.value_expr(item))),
            Expr::Values(list) => self.bracketed(|w| w.list(list, |w, item| w.value(item))),
            Expr::SubQuery(None, statement) => self.subquery(None, statement),
            _ => self.bracketed(|w| w.value_expr(right)),
        }
    }
}

fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Keyword(Keyword::Null) => true,
        Expr::Value(value) | Expr::Constant(value) => *value == value.as_null(),
        _ => false,
    }
}
