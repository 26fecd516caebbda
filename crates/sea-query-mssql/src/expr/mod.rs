//! Expressions, where they are values.
//!
//! T-SQL keeps predicates and values apart: `a = b` stands in WHERE but not in a SELECT list, and a `bit` column
//! stands in a SELECT list but not in WHERE. sea-query does not, so this crate looks at each expression and turns the
//! one into the other where it has to. A text of the caller (`Expr::cust`) is taken to be right where it stands.

mod custom;
mod function;
mod predicate;

use sea_query::{BinOper, CaseStatement, Expr, Keyword, SqlWriter, SubQueryOper, SubQueryStatement, TypeRef};

use crate::error::{Error, Written};
use crate::parts::CaseParts;
use crate::query::Place;
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes an expression where a value is wanted. A predicate becomes a `bit`: 1, 0, or NULL when it is unknown.
    pub(crate) fn value_expr(&mut self, expr: &Expr) -> Written {
        if predicate::is_predicate(expr) {
            return self.predicate_as_bit(expr);
        }
        match expr {
            Expr::Column(column) => self.column_ref(column),
            Expr::Value(value) => self.value(value),
            Expr::Constant(value) => self.literal(value),
            Expr::Keyword(keyword) => self.keyword(keyword),
            Expr::FunctionCall(call) => self.function_call(call),
            Expr::Case(case) => self.case(case),
            Expr::SubQuery(oper, statement) => self.subquery(*oper, statement),
            Expr::Custom(text) => self.push(text),
            Expr::CustomWithExpr(text, exprs) => self.custom_with_exprs(text, exprs),
            Expr::TypeName(name) => self.type_name(name),
            Expr::Binary(left, oper, right) => self.value_binary(left, oper, right),
            Expr::Tuple(exprs) => match exprs.as_slice() {
                [expr] => self.bracketed(|w| w.value_expr(expr)),
                _ => Err(no_row_values()),
            },
            Expr::Values(_) => Err(no_row_values()),
            Expr::AsEnum(..) => Err(Error::unsupported(
                "a cast to an enum type",
                "store the name as text",
            )),
            _ => Err(Error::unsupported(
                "this kind of expression",
                "write it with Expr::cust",
            )),
        }
    }

    /// Writes an expression as an operand: in brackets unless it cannot be misread.
    pub(crate) fn operand(&mut self, expr: &Expr) -> Written {
        if is_closed(expr) {
            self.value_expr(expr)
        } else {
            self.bracketed(|w| w.value_expr(expr))
        }
    }

    /// Writes an expression as an operand of an operator that binds less than arithmetic.
    pub(crate) fn compared(&mut self, expr: &Expr) -> Written {
        match expr {
            Expr::Binary(_, oper, _) if is_arithmetic(oper) => self.value_expr(expr),
            _ => self.operand(expr),
        }
    }

    pub(crate) fn bracketed(&mut self, write: impl FnOnce(&mut Self) -> Written) -> Written {
        self.push("(")?;
        write(self)?;
        self.push(")")
    }

    fn value_binary(&mut self, left: &Expr, oper: &BinOper, right: &Expr) -> Written {
        let symbol = match oper {
            BinOper::Add => "+",
            BinOper::Sub => "-",
            BinOper::Mul => "*",
            BinOper::Div => "/",
            BinOper::Mod => "%",
            BinOper::BitAnd => "&",
            BinOper::BitOr => "|",
            BinOper::LShift | BinOper::RShift => {
                return Err(Error::unsupported(
                    "<< and >>",
                    "multiply or divide by a power of two",
                ));
            }
            BinOper::As => return Err(Error::unsupported("AS outside of CAST", "use Func::cast_as")),
            BinOper::Escape => return Err(Error::unsupported("ESCAPE outside of LIKE", "use LikeExpr")),
            BinOper::Custom(text) => match text.trim().to_ascii_uppercase().as_str() {
                "||" => return self.concat(left, right),
                "+" => "+",
                "-" => "-",
                "*" => "*",
                "/" => "/",
                "%" => "%",
                "&" => "&",
                "|" => "|",
                "^" => "^",
                "COLLATE" => "COLLATE",
                "AT TIME ZONE" => "AT TIME ZONE",
                _ => return Err(unknown_operator()),
            },
            _ => return Err(unknown_operator()),
        };
        // A chain such as a + b + c reads from the left anyway.
        match left {
            Expr::Binary(_, inner, _) if inner == oper && is_chaining(oper) => self.value_expr(left)?,
            _ => self.operand(left)?,
        }
        self.push(" ")?;
        self.push(symbol)?;
        self.push(" ")?;
        match right {
            // The name of a collation stands bare.
            Expr::Custom(text) if symbol == "COLLATE" => self.push(text),
            _ => self.operand(right),
        }
    }

    /// `||` joins text whatever its operands are and gives NULL when one is; `+` would add numbers, and `CONCAT` would
    /// take NULL for empty.
    fn concat(&mut self, left: &Expr, right: &Expr) -> Written {
        for (side, expr) in [left, right].into_iter().enumerate() {
            self.push(if side == 0 { "CAST(" } else { " + CAST(" })?;
            self.value_expr(expr)?;
            self.push(" AS nvarchar(max))")?;
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: &Keyword) -> Written {
        match keyword {
            Keyword::Null => self.push("NULL"),
            Keyword::Default => self.push("DEFAULT"),
            // CURRENT_TIMESTAMP is an old datetime of 3.33 ms steps.
            Keyword::CurrentTimestamp => self.push("SYSDATETIME()"),
            Keyword::CurrentDate => self.push("CAST(SYSDATETIME() AS date)"),
            Keyword::CurrentTime => self.push("CAST(SYSDATETIME() AS time)"),
            Keyword::Custom(text) => self.push(&text.inner()),
            _ => Err(Error::unsupported("this keyword", "write it with Expr::cust")),
        }
    }

    fn case(&mut self, case: &CaseStatement) -> Written {
        let parts = CaseParts::of(case);
        if parts.branches.is_empty() {
            return Err(Error::incomplete("CASE", "it has no WHEN"));
        }
        self.push("CASE")?;
        for (condition, result) in &parts.branches {
            self.push(" WHEN ")?;
            self.condition_expr(condition)?;
            self.push(" THEN ")?;
            self.value_expr(result)?;
        }
        if let Some(otherwise) = &parts.otherwise {
            self.push(" ELSE ")?;
            self.value_expr(otherwise)?;
        }
        self.push(" END")
    }

    pub(crate) fn subquery(&mut self, oper: Option<SubQueryOper>, statement: &SubQueryStatement) -> Written {
        if self.row_image.is_some() {
            return Err(Error::unsupported(
                "a subquery in OUTPUT",
                "select it in a statement of its own",
            ));
        }
        self.push(match oper {
            None => "(",
            Some(SubQueryOper::Exists) => "EXISTS (",
            Some(SubQueryOper::Any) => "ANY (",
            Some(SubQueryOper::Some) => "SOME (",
            Some(SubQueryOper::All) => "ALL (",
            Some(_) => {
                return Err(Error::unsupported(
                    "this subquery operator",
                    "use EXISTS, ANY, SOME or ALL",
                ));
            }
        })?;
        match statement {
            SubQueryStatement::SelectStatement(select) => self.select(select, Place::Nested)?,
            SubQueryStatement::WithStatement(_) => {
                return Err(Error::unsupported(
                    "WITH inside of a statement",
                    "put the WITH clause before the whole statement",
                ));
            }
            _ => {
                return Err(Error::unsupported(
                    "INSERT, UPDATE or DELETE as a subquery",
                    "use OUTPUT … INTO",
                ));
            }
        }
        self.push(")")
    }

    pub(crate) fn type_name(&mut self, name: &TypeRef) -> Written {
        let TypeRef(schema, name) = name;
        if name.inner().ends_with("[]") {
            return Err(Error::unsupported(
                "arrays",
                "use a table, or JSON text with OPENJSON",
            ));
        }
        self.table_name(&sea_query::TableName(schema.clone(), name.clone()))
    }
}

/// Can this stand beside any operator as it is?
fn is_closed(expr: &Expr) -> bool {
    predicate::is_predicate(expr)
        || matches!(
            expr,
            Expr::Column(_)
                | Expr::Value(_)
                | Expr::Constant(_)
                | Expr::Keyword(_)
                | Expr::FunctionCall(_)
                | Expr::SubQuery(..)
                | Expr::TypeName(_)
                | Expr::Tuple(_)
        )
}

fn is_arithmetic(oper: &BinOper) -> bool {
    matches!(
        oper,
        BinOper::Add | BinOper::Sub | BinOper::Mul | BinOper::Div | BinOper::Mod
    )
}

fn is_chaining(oper: &BinOper) -> bool {
    matches!(
        oper,
        BinOper::Add | BinOper::Mul | BinOper::BitAnd | BinOper::BitOr
    )
}

fn no_row_values() -> Error {
    Error::unsupported(
        "a row of values as one value",
        "compare the columns one by one, or use EXISTS",
    )
}

fn unknown_operator() -> Error {
    Error::unsupported(
        "this operator",
        "use an operator of T-SQL, or write the expression with Expr::cust",
    )
}
