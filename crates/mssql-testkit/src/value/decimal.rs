//! Exact numbers: a mantissa of up to 38 digits and a scale.

use std::cmp::Ordering;
use std::fmt;

use super::SqlType;

/// The largest mantissa plus one: 10^38.
const LIMIT: i128 = 10i128.pow(38);

/// An exact number: `mantissa` × 10^-`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All digits, with the sign.
    pub mantissa: i128,
    /// How many of them stand after the point, 0 to 38.
    pub scale: u8,
}

impl Decimal {
    /// The number, when it has at most 38 digits.
    pub(crate) fn new(mantissa: i128, scale: u8) -> Option<Self> {
        (mantissa.abs() < LIMIT && scale <= 38).then_some(Self { mantissa, scale })
    }

    /// The number with another scale, rounded half away from zero; `None` when it has too many digits.
    pub(crate) fn rescale(self, scale: u8) -> Option<Self> {
        let mantissa = match scale.cmp(&self.scale) {
            Ordering::Equal => self.mantissa,
            Ordering::Greater => self.mantissa.checked_mul(power(scale - self.scale)?)?,
            Ordering::Less => divide_rounded(self.mantissa, power(self.scale - scale)?),
        };
        Self::new(mantissa, scale)
    }

    /// Number of digits before the point plus the scale.
    pub(crate) fn precision(self) -> u8 {
        let digits = self.mantissa.unsigned_abs().checked_ilog10().map_or(1, |n| n + 1);
        u8::try_from(digits).unwrap_or(38).max(self.scale)
    }

    /// The whole part, cut towards zero.
    pub(crate) fn truncate(self) -> i128 {
        power(self.scale).map_or(0, |p| self.mantissa / p)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a float has fewer digits than a decimal, as in SQL Server"
    )]
    pub(crate) fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10f64.powi(i32::from(self.scale))
    }

    /// Digits with an optional sign and point, as a T-SQL literal has them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut mantissa = 0i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        Self::new(
            if negative { -mantissa } else { mantissa },
            u8::try_from(fraction.len()).ok()?,
        )
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::new(
            self.rescale(scale)?
                .mantissa
                .checked_add(other.rescale(scale)?.mantissa)?,
            scale,
        )
    }

    pub(crate) fn negate(self) -> Self {
        Self {
            mantissa: -self.mantissa,
            ..self
        }
    }

    pub(crate) fn multiply(self, other: Self) -> Option<Self> {
        Self::new(
            self.mantissa.checked_mul(other.mantissa)?,
            self.scale + other.scale,
        )
    }

    /// The quotient with `scale` digits after the point; the divisor is not zero.
    pub(crate) fn divide(self, other: Self, scale: u8) -> Option<Self> {
        let shift = i32::from(scale) + i32::from(other.scale) - i32::from(self.scale);
        let (numerator, denominator) = match u8::try_from(shift) {
            Ok(up) => (self.mantissa.checked_mul(power(up)?)?, other.mantissa),
            Err(_) => (
                self.mantissa,
                other.mantissa.checked_mul(power(u8::try_from(-shift).ok()?)?)?,
            ),
        };
        Self::new(numerator / denominator, scale)
    }

    pub(crate) fn remainder(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::new(
            self.rescale(scale)?
                .mantissa
                .checked_rem(other.rescale(scale)?.mantissa)?,
            scale,
        )
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.rescale(scale), other.rescale(scale)) {
            (Some(a), Some(b)) => a.mantissa.cmp(&b.mantissa),
            // One of them is too large to be written with the other's scale: the whole parts differ.
            _ => self.truncate().cmp(&other.truncate()),
        }
    }

    /// The shortest form, equal for equal numbers: no zeros at the end of the fraction.
    pub(crate) fn normalized(self) -> Self {
        let mut out = self;
        while out.scale > 0 && out.mantissa % 10 == 0 {
            out = Self {
                mantissa: out.mantissa / 10,
                scale: out.scale - 1,
            };
        }
        out
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self {
            mantissa: i128::from(value),
            scale: 0,
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let width = usize::from(self.scale);
        let digits = format!("{:0>1$}", self.mantissa.unsigned_abs(), width + 1);
        let (whole, fraction) = digits.split_at(digits.len() - width);
        if width == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction}")
        }
    }
}

fn power(exponent: u8) -> Option<i128> {
    10i128.checked_pow(u32::from(exponent))
}

fn divide_rounded(value: i128, by: i128) -> i128 {
    let half = by / 2;
    if value >= 0 {
        (value + half) / by
    } else {
        (value - half) / by
    }
}

/// Bytes of the mantissa and the sign on the wire and on disk.
pub(super) fn wire_width(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// Digits an integer type can have.
pub(super) fn digits_of_integer(ty: SqlType) -> u8 {
    match ty {
        SqlType::Bit => 1,
        SqlType::TinyInt => 3,
        SqlType::SmallInt => 5,
        SqlType::Int => 10,
        _ => 19,
    }
}

/// The decimal type that holds both.
pub(super) fn wider(a: SqlType, b: SqlType) -> SqlType {
    let (
        SqlType::Decimal {
            precision: p1,
            scale: s1,
        },
        SqlType::Decimal {
            precision: p2,
            scale: s2,
        },
    ) = (a, b)
    else {
        return b;
    };
    let scale = s1.max(s2);
    SqlType::Decimal {
        precision: ((p1 - s1).max(p2 - s2) + scale).min(38),
        scale,
    }
}
