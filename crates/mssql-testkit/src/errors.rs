//! SQL Server's errors, by number, with its texts (sys.messages, us_english).

use std::fmt;

/// An error as SQL Server sends it to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlError {
    /// Number in `sys.messages`.
    pub number: i32,
    /// Where in the server it was raised; told apart by support only.
    pub state: u8,
    /// Severity: 16 is the user's mistake, 13 a deadlock, 20 and more end the connection.
    pub class: u8,
    /// The text.
    pub message: String,
    /// Line in the batch, counted from 1.
    pub line: u32,
    /// The procedure, when one raised it.
    pub procedure: String,
    /// It comes out of a text that ran inside another one, where it is no error of compilation any more.
    inside: bool,
}

impl SqlError {
    /// An error with severity 16 and state 1.
    pub fn new(number: i32, message: impl Into<String>) -> Self {
        let class = match number {
            102 | 105 | 156 | 319 => 15,
            229 | 262 => 14,
            2601 | 2627 => 14,
            1205 => 13,
            9002 => 17,
            1105 => 17,
            3998 => 16,
            40613 | 596 | 6005 => 20,
            18456 => 14,
            4060 => 11,
            3701 => 11,
            _ => 16,
        };
        Self {
            number,
            state: 1,
            class,
            message: message.into(),
            line: 1,
            procedure: String::new(),
            inside: false,
        }
    }

    /// The same error with another state.
    #[must_use]
    pub(crate) fn with_state(mut self, state: u8) -> Self {
        self.state = state;
        self
    }

    /// The same error with another severity.
    #[must_use]
    pub(crate) fn with_class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }

    /// The error as the text around sees it.
    #[must_use]
    pub(crate) fn seen_from_outside(mut self) -> Self {
        self.inside = true;
        self
    }

    /// Whether the error ends the batch even when XACT_ABORT is off. Others end only their statement.
    pub(crate) fn ends_batch(&self) -> bool {
        matches!(
            self.number,
            102 | 105
                | 137
                | 156
                | 207
                | 208
                | 209
                | 213
                | 241
                | 242
                | 244
                | 245
                | 248
                | 257
                | 206
                | 529
                | 535
                | 911
                | 1087
                | 1205
                | 3930
                | 3931
                | 8114
                | 8120
                | 8169
                | 40510
                | 195
                | 4104
                | 2812
                | 8144
                | 8178
                | 9002
        ) || self.class >= 17
    }

    /// Whether the error belongs to compilation, so that a TRY on the same level cannot catch it.
    pub(crate) fn is_compile_error(&self) -> bool {
        !self.inside
            && matches!(
                self.number,
                102 | 105 | 137 | 156 | 195 | 207 | 208 | 209 | 213 | 4104 | 8120 | 40510
            )
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Msg {}, Level {}, State {}: {}",
            self.number, self.class, self.state, self.message
        )
    }
}

impl std::error::Error for SqlError {}

/// Result of everything the engine does.
pub(crate) type SqlResult<T> = Result<T, SqlError>;

/// 40510, as Azure SQL words it: a construct the real server may know and this one does not.
pub(crate) fn unsupported(construct: impl fmt::Display) -> SqlError {
    SqlError::new(
        40510,
        format!("Statement '{construct}' is not supported in this version of SQL Server."),
    )
}

pub(crate) fn syntax(near: &str) -> SqlError {
    SqlError::new(102, format!("Incorrect syntax near '{near}'."))
}

pub(crate) fn invalid_object(name: &str) -> SqlError {
    SqlError::new(208, format!("Invalid object name '{name}'."))
}

pub(crate) fn invalid_column(name: &str) -> SqlError {
    SqlError::new(207, format!("Invalid column name '{name}'."))
}

pub(crate) fn conversion(from: impl fmt::Display, value: &str, to: &str) -> SqlError {
    SqlError::new(
        245,
        format!("Conversion failed when converting the {from} value '{value}' to data type {to}."),
    )
}

pub(crate) fn conversion_of_type(from: &str, to: &str) -> SqlError {
    SqlError::new(8114, format!("Error converting data type {from} to {to}.")).with_state(5)
}

pub(crate) fn date_conversion() -> SqlError {
    SqlError::new(
        241,
        "Conversion failed when converting date and/or time from character string.",
    )
}

pub(crate) fn date_range(from: &str, to: &str) -> SqlError {
    SqlError::new(
        242,
        format!(
            "The conversion of a {from} data type to a {to} data type resulted in an out-of-range value."
        ),
    )
    .with_state(3)
}

pub(crate) fn overflow(from: &str, to: &str) -> SqlError {
    SqlError::new(
        8115,
        format!("Arithmetic overflow error converting {from} to data type {to}."),
    )
    .with_state(2)
}

pub(crate) fn no_implicit(from: &str, to: &str) -> SqlError {
    SqlError::new(
        257,
        format!(
            "Implicit conversion from data type {from} to {to} is not allowed. Use the CONVERT function to run \
             this query."
        ),
    )
    .with_state(3)
}

pub(crate) fn clash(from: &str, to: &str) -> SqlError {
    SqlError::new(
        206,
        format!("Operand type clash: {from} is incompatible with {to}"),
    )
    .with_state(2)
}

pub(crate) fn undeclared(variable: &str) -> SqlError {
    SqlError::new(137, format!("Must declare the scalar variable \"{variable}\"."))
        .with_class(15)
        .with_state(2)
}

pub(crate) fn denied(action: &str, object: &str, database: &str) -> SqlError {
    SqlError::new(
        229,
        format!(
            "The {action} permission was denied on the object '{object}', database '{database}', schema 'dbo'."
        ),
    )
    .with_state(5)
}

pub(crate) fn denied_in_database(action: &str, database: &str) -> SqlError {
    SqlError::new(
        262,
        format!("{action} permission denied in database '{database}'."),
    )
}

pub(crate) fn deadlock(session: u16) -> SqlError {
    SqlError::new(
        1205,
        format!(
            "Transaction (Process ID {session}) was deadlocked on lock resources with another process and has \
             been chosen as the deadlock victim. Rerun the transaction."
        ),
    )
    .with_state(51)
}

pub(crate) fn lock_timeout() -> SqlError {
    SqlError::new(1222, "Lock request time out period exceeded.").with_state(51)
}

pub(crate) fn doomed() -> SqlError {
    SqlError::new(
        3930,
        "The current transaction cannot be committed and cannot support operations that write to the log file. \
         Roll back the transaction.",
    )
}

pub(crate) fn exists_already(name: &str) -> SqlError {
    SqlError::new(
        2714,
        format!("There is already an object named '{name}' in the database."),
    )
    .with_state(6)
}
