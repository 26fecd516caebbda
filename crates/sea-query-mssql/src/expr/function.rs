//! Function calls. What sea-query names and T-SQL has under another name, or as an expression, is written as that.

use sea_query::{BinOper, Expr, Func, FunctionCall, SqlWriter};

use crate::error::{Error, Written};
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn function_call(&mut self, call: &FunctionCall) -> Written {
        if call.get_filter().is_some() {
            return Err(Error::unsupported(
                "FILTER on an aggregate",
                "aggregate a CASE without ELSE",
            ));
        }
        let args = call.get_args();
        match call.get_func() {
            Func::Max => self.call("MAX", call),
            Func::Min => self.call("MIN", call),
            Func::Sum => self.call("SUM", call),
            Func::Avg => self.call("AVG", call),
            Func::Abs => self.call("ABS", call),
            Func::Count => self.call("COUNT", call),
            Func::Lower => self.call("LOWER", call),
            Func::Upper => self.call("UPPER", call),
            // ISNULL would cut the second value to the type of the first.
            Func::Coalesce | Func::IfNull => self.coalesce(call),
            Func::Greatest => self.extreme("MAX", args),
            Func::Least => self.extreme("MIN", args),
            Func::CharLength => self.char_length(args),
            Func::Cast => self.cast(args),
            Func::Round => self.round(args),
            // RAND() alone is one number for all rows of a statement.
            Func::Random => self.push("RAND(CHECKSUM(NEWID()))"),
            Func::Custom(name) => {
                let name = name.inner();
                if name.eq_ignore_ascii_case("NOW") && args.is_empty() {
                    return self.push("SYSDATETIME()");
                }
                self.call(&name, call)
            }
            Func::BitAnd | Func::BitOr => Err(Error::unsupported(
                "BIT_AND and BIT_OR",
                "aggregate the bits one by one with MIN or MAX",
            )),
            Func::Md5 => Err(Error::unsupported(
                "MD5",
                "call HASHBYTES, whose result depends on how the text is encoded",
            )),
            _ => Err(Error::unsupported(
                "this function",
                "call a function of T-SQL with Func::cust",
            )),
        }
    }

    fn call(&mut self, name: &str, call: &FunctionCall) -> Written {
        self.push(name)?;
        self.push("(")?;
        self.list(
            call.get_args().iter().zip(call.get_mods()),
            |w, (arg, modifier)| {
                if modifier.distinct {
                    w.push("DISTINCT ")?;
                }
                w.value_expr(arg)
            },
        )?;
        self.push(")")
    }

    /// COALESCE takes two values at least.
    fn coalesce(&mut self, call: &FunctionCall) -> Written {
        match call.get_args() {
            [] => Err(Error::incomplete("COALESCE", "it has no values")),
            [only] => self.operand(only),
            _ => self.call("COALESCE", call),
        }
    }

    /// GREATEST and LEAST are younger than SQL Server 2016; as theirs, the result leaves nulls out.
    fn extreme(&mut self, aggregate: &str, args: &[Expr]) -> Written {
        if args.is_empty() {
            return Err(Error::incomplete("GREATEST or LEAST", "it has no values"));
        }
        self.push("(SELECT ")?;
        self.push(aggregate)?;
        self.push("([value]) FROM (VALUES ")?;
        self.list(args, |w, arg| w.bracketed(|w| w.value_expr(arg)))?;
        self.push(") AS [list] ([value]))")
    }

    /// LEN does not count the blanks at the end, so one more character is put there first.
    fn char_length(&mut self, args: &[Expr]) -> Written {
        let [text] = args else {
            return Err(Error::invalid("CHAR_LENGTH", "it takes one value"));
        };
        self.push("(LEN(CAST(")?;
        self.value_expr(text)?;
        self.push(" AS nvarchar(max)) + N'.') - 1)")
    }

    fn cast(&mut self, args: &[Expr]) -> Written {
        let [Expr::Binary(value, BinOper::As, target)] = args else {
            return Err(Error::incomplete("CAST", "it needs a value and a type"));
        };
        self.push("CAST(")?;
        self.value_expr(value)?;
        self.push(" AS ")?;
        match target.as_ref() {
            Expr::Custom(text) => self.push(text)?,
            Expr::TypeName(name) => self.type_name(name)?,
            _ => return Err(Error::invalid("CAST", "the target must be the name of a type")),
        }
        self.push(")")
    }

    /// ROUND takes a precision always.
    fn round(&mut self, args: &[Expr]) -> Written {
        self.push("ROUND(")?;
        self.list(args, |w, arg| w.value_expr(arg))?;
        self.push(match args.len() {
            1 => ", 0)",
            2 => ")",
            _ => return Err(Error::invalid("ROUND", "it takes a value and a precision")),
        })
    }
}
