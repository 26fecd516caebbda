//! Binding of expressions: operators, CASE, casts, subqueries. Conditions are in [`super::bind_predicate`], calls
//! in [`super::bind_call`].

use std::sync::Arc;

use sqlparser::ast::{self, BinaryOperator, CastKind, UnaryOperator};

use super::binder::{Binder, Strength, Typed};
use super::bound::{Arithmetic, Expr, Subquery};
use super::type_names::type_of;
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{
    Collation, Conversion, Decimal, Length, SqlType, Value, convert, decode_cp1252, encode_cp1252, unhex,
    utf16_len,
};

impl Binder<'_> {
    pub(crate) fn expr(&mut self, expr: &ast::Expr) -> SqlResult<Typed> {
        match expr {
            ast::Expr::Identifier(ident) => self.identifier(ident),
            ast::Expr::CompoundIdentifier(parts) => self.column(parts),
            ast::Expr::Value(value) => literal(&value.value),
            ast::Expr::Nested(inner) => self.expr(inner),
            ast::Expr::Prefixed { prefix, value } if prefix.value.eq_ignore_ascii_case("N") => {
                self.expr(value)
            }
            ast::Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            ast::Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            ast::Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            ast::Expr::Cast {
                kind,
                expr,
                data_type,
                ..
            } => {
                let ty = type_of(data_type, 30)?;
                let inner = self.expr(expr)?;
                cast(inner, ty, 0, *kind == CastKind::TryCast)
            }
            ast::Expr::Convert {
                is_try,
                expr,
                data_type: Some(data_type),
                styles,
                ..
            } => {
                let ty = type_of(data_type, 30)?;
                let inner = self.expr(expr)?;
                let style = match styles.first() {
                    None => 0,
                    Some(style) => match self.expr(style)?.expr {
                        Expr::Const(Value::Int(n)) => n,
                        _ => return Err(errors::unsupported("CONVERT with a style that is no number")),
                    },
                };
                cast(inner, ty, style, *is_try)
            }
            ast::Expr::Collate { expr, collation } => {
                let name = super::binder::shown_name(collation);
                let collation = Collation::named(&name)
                    .ok_or_else(|| SqlError::new(448, format!("Invalid collation '{name}'.")))?;
                let mut inner = self.expr(expr)?;
                if !inner.ty.is_text() {
                    return Err(SqlError::new(
                        447,
                        format!(
                            "Expression type {} is invalid for COLLATE clause.",
                            inner.ty.name()
                        ),
                    ));
                }
                inner.collation = collation;
                inner.strength = Strength::Explicit;
                Ok(inner)
            }
            ast::Expr::Subquery(query) => {
                let subquery = self.subquery(query)?;
                let [column] = subquery.query.columns.as_slice() else {
                    return Err(one_column_only());
                };
                let (ty, collation) = (column.ty, column.collation);
                let mut out = Typed::new(Expr::Scalar(Arc::new(subquery)), ty, true);
                out.collation = collation;
                Ok(out)
            }
            ast::Expr::Function(function) => self.call(function),
            ast::Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for: Some(length),
                ..
            } => self.builtin("SUBSTRING", &[expr.as_ref(), from, length]),
            ast::Expr::Trim {
                trim_where: None,
                trim_what: None,
                expr,
                trim_characters: None,
            } => self.builtin("TRIM", &[expr.as_ref()]),
            ast::Expr::Floor {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => self.builtin("FLOOR", &[expr.as_ref()]),
            ast::Expr::Ceil {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => self.builtin("CEILING", &[expr.as_ref()]),
            ast::Expr::IsNull(_)
            | ast::Expr::IsNotNull(_)
            | ast::Expr::In { .. }
            | ast::Expr::Between { .. }
            | ast::Expr::Like { .. }
            | ast::Expr::Exists { .. } => Err(SqlError::new(156, "Incorrect syntax near the keyword 'IS'.")),
            other => Err(errors::unsupported(first_words(&other.to_string()))),
        }
    }

    fn identifier(&mut self, ident: &ast::Ident) -> SqlResult<Typed> {
        if ident.quote_style.is_some() || !ident.value.starts_with('@') {
            if ident.quote_style.is_none()
                && matches!(
                    ident.value.to_ascii_uppercase().as_str(),
                    "CURRENT_USER" | "SYSTEM_USER" | "SESSION_USER"
                )
            {
                return self.builtin(&ident.value.to_ascii_uppercase(), &[]);
            }
            return self.column(std::slice::from_ref(ident));
        }
        if ident.value.starts_with("@@") {
            return self.builtin(&ident.value.to_ascii_uppercase(), &[]);
        }
        let name = ident.value.to_lowercase();
        match self.session.variables.get(&name) {
            Some(variable) => Ok(Typed::new(Expr::Variable(name), variable.ty, true)),
            None => Err(errors::undeclared(&ident.value)),
        }
    }

    fn unary(&mut self, op: UnaryOperator, inner: &ast::Expr) -> SqlResult<Typed> {
        let inner = self.expr(inner)?;
        match op {
            UnaryOperator::Plus => Ok(inner),
            UnaryOperator::Minus => {
                if let Expr::Const(value) = &inner.expr {
                    match value {
                        Value::Int(n) => return Ok(Typed::constant(Value::Int(-n), inner.ty)),
                        Value::Float(f) => return Ok(Typed::constant(Value::Float(-f), inner.ty)),
                        Value::Decimal(d) if d.mantissa == 2_147_483_648 && d.scale == 0 => {
                            // -2147483648 is an int, although its digits alone are not.
                            return Ok(Typed::constant(Value::Int(-2_147_483_648), SqlType::Int));
                        }
                        Value::Decimal(d) => {
                            return Ok(Typed::constant(Value::Decimal(d.negate()), inner.ty));
                        }
                        _ => {}
                    }
                }
                let zero = Typed::constant(Value::Int(0), SqlType::Int);
                binary_arithmetic(Arithmetic::Subtract, zero, inner)
            }
            UnaryOperator::BitwiseNot => {
                let minus_one = Typed::constant(Value::Int(-1), SqlType::Int);
                binary_arithmetic(Arithmetic::BitXor, inner, minus_one)
            }
            other => Err(errors::unsupported(other)),
        }
    }

    fn binary(&mut self, left: &ast::Expr, op: &BinaryOperator, right: &ast::Expr) -> SqlResult<Typed> {
        let operator = match op {
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Divide => Arithmetic::Divide,
            BinaryOperator::Modulo => Arithmetic::Modulo,
            BinaryOperator::BitwiseAnd => Arithmetic::BitAnd,
            BinaryOperator::BitwiseOr => Arithmetic::BitOr,
            BinaryOperator::BitwiseXor => Arithmetic::BitXor,
            // A condition stands where a value is wanted.
            other => return Err(errors::syntax(&other.to_string())),
        };
        let left = self.expr(left)?;
        let right = self.expr(right)?;
        binary_arithmetic(operator, left, right)
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> SqlResult<Typed> {
        let mut branches = Vec::new();
        let mut results = Vec::new();
        for when in conditions {
            branches.push(match operand {
                None => self.predicate(&when.condition)?,
                Some(operand) => {
                    let left = self.expr(operand)?;
                    let right = self.expr(&when.condition)?;
                    self.comparison(super::bound::Comparison::Equal, left, right)?
                }
            });
            results.push(self.expr(&when.result)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.expr(otherwise)?,
            None => untyped_null(),
        });
        let mut results = unify(results)?;
        let Some(otherwise) = results.list.pop() else {
            return Err(errors::syntax("CASE"));
        };
        let branches = branches.into_iter().zip(results.list).collect();
        Ok(results.shape.with(Expr::Case {
            branches,
            otherwise: Box::new(otherwise),
        }))
    }

    /// Binds a query inside an expression.
    pub(crate) fn subquery(&mut self, query: &ast::Query) -> SqlResult<Subquery> {
        let id = self.id();
        let saved = std::mem::replace(&mut self.reached, usize::MAX);
        let bound = self.query(query);
        let reached = std::mem::replace(&mut self.reached, saved);
        self.reached = self.reached.min(reached);
        Ok(Subquery {
            id,
            query: bound?,
            correlated: reached < self.scopes.len(),
        })
    }
}

pub(super) fn one_column_only() -> SqlError {
    SqlError::new(
        116,
        "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
    )
}

/// The first words of a construct, for an error message.
pub(super) fn first_words(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A bare NULL.
pub(super) fn untyped_null() -> Typed {
    Typed {
        untyped: true,
        ..Typed::constant(Value::Null, SqlType::Int)
    }
}

/// A literal and its type.
fn literal(value: &ast::Value) -> SqlResult<Typed> {
    Ok(match value {
        ast::Value::Null => untyped_null(),
        ast::Value::Number(text, _) => number(text)?,
        ast::Value::SingleQuotedString(text) => {
            // A literal without N is in the code page of the database.
            let bytes = encode_cp1252(text);
            let length = limited(bytes.len(), 8000);
            Typed::constant(Value::text(decode_cp1252(&bytes)), SqlType::VarChar(length))
        }
        ast::Value::NationalStringLiteral(text) => Typed::constant(
            Value::text(text.as_str()),
            SqlType::NVarChar(limited(utf16_len(text), 4000)),
        ),
        ast::Value::HexStringLiteral(digits) => {
            let digits = if digits.len() % 2 == 1 {
                format!("0{digits}")
            } else {
                digits.clone()
            };
            let bytes = unhex(&digits).ok_or_else(|| errors::syntax(&digits))?;
            let length = limited(bytes.len(), 8000);
            Typed::constant(Value::Bytes(bytes.into()), SqlType::VarBinary(length))
        }
        other => return Err(errors::unsupported(other)),
    })
}

fn limited(length: usize, most: usize) -> Length {
    if length > most {
        Length::Max
    } else {
        Length::Limited(u16::try_from(length.max(1)).unwrap_or(u16::MAX))
    }
}

fn number(text: &str) -> SqlResult<Typed> {
    if let Some(money) = text.strip_prefix('$') {
        let value = Decimal::parse(money)
            .and_then(|d| d.rescale(4))
            .ok_or_else(|| errors::syntax(text))?;
        return Ok(Typed::constant(Value::Decimal(value), SqlType::Money));
    }
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().map_err(|_| errors::syntax(text))?;
        return Ok(Typed::constant(Value::Float(value), SqlType::Float));
    }
    if let Ok(n) = text.parse::<i32>() {
        return Ok(Typed::constant(Value::Int(i64::from(n)), SqlType::Int));
    }
    let value = Decimal::parse(text).ok_or_else(|| {
        SqlError::new(
            1007,
            format!(
                "The number '{text}' is out of the range for numeric representation (maximum precision 38)."
            ),
        )
        .with_class(15)
    })?;
    let ty = SqlType::Decimal {
        precision: value.precision().max(1),
        scale: value.scale,
    };
    Ok(Typed::constant(Value::Decimal(value), ty))
}

fn cast(inner: Typed, ty: SqlType, style: i64, or_null: bool) -> SqlResult<Typed> {
    let how = Conversion::Explicit(style);
    if !inner.untyped {
        convert(&Value::Null, inner.ty, ty, how)?;
    }
    let mut out = Typed::new(
        Expr::Convert {
            inner: Box::new(inner.expr),
            from: inner.ty,
            to: ty,
            how,
            or_null,
        },
        ty,
        inner.nullable || or_null,
    );
    if inner.untyped {
        out.expr = Expr::Const(Value::Null);
    }
    if inner.ty.is_text() && ty.is_text() {
        out.collation = inner.collation;
        out.strength = inner.strength;
    }
    Ok(out)
}

/// Several expressions brought to one type.
pub(super) struct Unified {
    pub(super) list: Vec<Expr>,
    pub(super) shape: Shape,
}

/// Type and collation without an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) ty: SqlType,
    pub(super) collation: Collation,
    pub(super) strength: Strength,
    pub(super) nullable: bool,
}

impl Shape {
    pub(super) fn with(self, expr: Expr) -> Typed {
        Typed {
            collation: self.collation,
            strength: self.strength,
            ..Typed::new(expr, self.ty, self.nullable)
        }
    }
}

/// Brings expressions to their common type, as CASE, COALESCE and comparisons do.
pub(super) fn unify(list: Vec<Typed>) -> SqlResult<Unified> {
    let mut shape: Option<Shape> = None;
    let mut nullable = false;
    for one in &list {
        nullable |= one.nullable;
        if one.untyped {
            continue;
        }
        shape = Some(match shape {
            None => Shape {
                ty: one.ty,
                collation: one.collation,
                strength: one.strength,
                nullable: false,
            },
            Some(shape) => {
                let ty = shape.ty.common(one.ty);
                let (collation, strength) = if ty.is_text() {
                    combine_collations((shape.collation, shape.strength), (one.collation, one.strength))?
                } else {
                    (shape.collation, shape.strength)
                };
                Shape {
                    ty,
                    collation,
                    strength,
                    nullable: false,
                }
            }
        });
    }
    let shape = Shape {
        nullable,
        ..shape.unwrap_or(Shape {
            ty: SqlType::Int,
            collation: Collation::CaseInsensitive,
            strength: Strength::Default,
            nullable,
        })
    };
    let list = list
        .into_iter()
        .map(|one| one.to(shape.ty))
        .collect::<SqlResult<_>>()?;
    Ok(Unified { list, shape })
}

/// The collation of a text made of two (the documentation's "Collation precedence").
fn combine_collations(
    a: (Collation, Strength),
    b: (Collation, Strength),
) -> SqlResult<(Collation, Strength)> {
    if a.1 == b.1 && a.0 != b.0 {
        match a.1 {
            Strength::Explicit => return Err(collation_conflict(a.0, b.0)),
            Strength::Implicit => return Ok((a.0, Strength::Conflict)),
            Strength::Default | Strength::Conflict => {}
        }
    }
    Ok(if b.1 > a.1 { b } else { a })
}

fn collation_conflict(a: Collation, b: Collation) -> SqlError {
    SqlError::new(
        468,
        format!(
            "Cannot resolve the collation conflict between \"{}\" and \"{}\" in the equal to operation.",
            b.name(),
            a.name()
        ),
    )
    .with_state(9)
}

/// Brings operands of a comparison to one type; their collations must agree.
pub(super) fn unify_for_comparison(list: Vec<Typed>) -> SqlResult<Unified> {
    let collations: Vec<Collation> = list
        .iter()
        .filter(|t| t.ty.is_text() && t.strength >= Strength::Implicit)
        .map(|t| t.collation)
        .collect();
    let unified = unify(list)?;
    if unified.shape.ty.is_text() && unified.shape.strength == Strength::Conflict {
        let first = unified.shape.collation;
        let other = collations.into_iter().find(|c| *c != first).unwrap_or(first);
        return Err(collation_conflict(first, other));
    }
    Ok(unified)
}

/// A binary operator on two values: joins texts, computes numbers.
pub(super) fn binary_arithmetic(operator: Arithmetic, left: Typed, right: Typed) -> SqlResult<Typed> {
    let nullable = left.nullable || right.nullable;
    let joins = |t: SqlType| t.is_text() || t.is_binary();
    if operator == Arithmetic::Add
        && (joins(left.ty) || left.untyped)
        && (joins(right.ty) || right.untyped)
        && !(left.untyped && right.untyped)
    {
        return join(left, right, nullable);
    }
    let common = if left.untyped {
        right.ty
    } else if right.untyped {
        left.ty
    } else {
        left.ty.common(right.ty)
    };
    if !(common.is_number() || matches!(common, SqlType::DateTime | SqlType::SmallDateTime)) {
        return Err(SqlError::new(
            8117,
            format!(
                "Operand data type {} is invalid for {} operator.",
                common.name(),
                verb(operator)
            ),
        ));
    }
    let result = match common {
        SqlType::Decimal { .. } => decimal_result(operator, left.ty, right.ty),
        SqlType::Real => SqlType::Real,
        SqlType::Bit
            if matches!(
                operator,
                Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply | Arithmetic::Divide
            ) =>
        {
            return Err(SqlError::new(
                8117,
                format!(
                    "Operand data type bit is invalid for {} operator.",
                    verb(operator)
                ),
            ));
        }
        other => other,
    };
    // Operands of a decimal operation keep their own scale; the others are brought to the common type.
    let operand = |one: Typed| -> SqlResult<Expr> {
        match (common, one.ty) {
            (SqlType::Decimal { .. }, SqlType::Decimal { .. }) => Ok(one.expr),
            (SqlType::Decimal { .. }, ty) if ty.is_integer() => one.to(SqlType::Decimal {
                precision: 19,
                scale: 0,
            }),
            _ => one.to(common),
        }
    };
    let (left, right) = (operand(left)?, operand(right)?);
    Ok(Typed::new(
        Expr::Arithmetic {
            operator,
            left: Box::new(left),
            right: Box::new(right),
            ty: result,
        },
        result,
        nullable,
    ))
}

fn verb(operator: Arithmetic) -> &'static str {
    match operator {
        Arithmetic::Add => "add",
        Arithmetic::Subtract => "subtract",
        Arithmetic::Multiply => "multiply",
        Arithmetic::Divide => "divide",
        Arithmetic::Modulo => "modulo",
        Arithmetic::BitAnd => "'&'",
        Arithmetic::BitOr => "'|'",
        Arithmetic::BitXor => "'^'",
    }
}

fn join(left: Typed, right: Typed, nullable: bool) -> SqlResult<Typed> {
    let unified = unify(vec![left.clone(), right.clone()])?;
    let length = |t: &Typed| {
        if t.untyped {
            0
        } else {
            t.ty.length().map_or(0, Length::limit)
        }
    };
    let sum = length(&left) + length(&right);
    let both_limited = sum < usize::from(u16::MAX);
    let capped = |most: usize| {
        if both_limited {
            Length::Limited(u16::try_from(sum.clamp(1, most)).unwrap_or(u16::MAX))
        } else {
            Length::Max
        }
    };
    let ty = match unified.shape.ty {
        t if t.is_unicode() => SqlType::NVarChar(capped(4000)),
        t if t.is_text() => SqlType::VarChar(capped(8000)),
        _ => SqlType::VarBinary(capped(8000)),
    };
    let mut list = unified.list.into_iter();
    let (Some(a), Some(b)) = (list.next(), list.next()) else {
        return Err(errors::syntax("+"));
    };
    let shape = Shape {
        ty,
        nullable,
        ..unified.shape
    };
    Ok(shape.with(Expr::Join {
        left: Box::new(a),
        right: Box::new(b),
        ty,
    }))
}

/// Precision and scale of a decimal operation (the documentation's table "Precision, scale, and length").
fn decimal_result(operator: Arithmetic, left: SqlType, right: SqlType) -> SqlType {
    let dimensions = |ty: SqlType| -> (i64, i64) {
        let (_, precision, scale) = ty.dimensions();
        (precision.max(1), scale)
    };
    let ((p1, s1), (p2, s2)) = (dimensions(left), dimensions(right));
    let (precision, scale) = match operator {
        Arithmetic::Multiply => (p1 + p2 + 1, s1 + s2),
        Arithmetic::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        Arithmetic::Modulo => ((p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2)),
        _ => ((p1 - s1).max(p2 - s2) + s1.max(s2) + 1, s1.max(s2)),
    };
    let (precision, scale) = if precision > 38 {
        let whole = precision - scale;
        (38, scale.min((38 - whole).max(scale.min(6))))
    } else {
        (precision, scale)
    };
    SqlType::Decimal {
        precision: u8::try_from(precision).unwrap_or(38),
        scale: u8::try_from(scale).unwrap_or(0),
    }
}
