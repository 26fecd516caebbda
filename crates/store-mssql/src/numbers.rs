//! What SQL Server's error numbers mean: the one table by which errors are sorted.
//!
//! Sources, named in the table by their letters:
//! * **E**: the list of transient errors in Entity Framework Core's SQL Server provider;
//! * **C**: the default transient errors of `Microsoft.Data.SqlClient`'s retry logic, and the driver's own network errors;
//! * **A**: "Troubleshoot transient connection errors" and "Resource management" in the documentation of Azure SQL Database;
//! * **D**: "Database Engine events and errors" in the documentation of SQL Server, which has the text of every number.
//!
//! A number that is not in the table is judged by its severity ("Database Engine error severities"), and by its words where a
//! server has numbers of its own, as Babelfish does.

use std::time::Duration;

use store::ErrorKind;

/// What an error of the server means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The connection or the server passes away; a new connection may do.
    Lost,
    /// The server asks to come later.
    Throttled,
    /// Others hold what we need: a lock, a version of a row.
    Contention,
    /// The server is short of memory or workers for now.
    Shortage,
    /// A disk, a log or a quota is full.
    Full,
    /// We may not log in.
    Login,
    /// The database is not there, or not for us.
    Database,
    /// A right is missing.
    Rights,
    /// A table or a column is not as it was thought to be.
    Schema,
    /// Something else has the name of what is to be made.
    NameTaken,
    /// A unique index refuses a key that is there already.
    Duplicate,
    /// A value does not fit its column.
    Value,
    /// The statement is wrong.
    Bug,
}

impl Meaning {
    /// What a caller should make of it.
    pub(crate) fn kind(self) -> ErrorKind {
        let passing = |seconds| ErrorKind::Passing {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        match self {
            Self::Lost | Self::Contention => ErrorKind::Passing { retry_after: None },
            // The text of 40501 asks for 10 seconds.
            Self::Throttled => passing(10),
            Self::Shortage => passing(30),
            Self::Full | Self::Login | Self::Database | Self::Rights | Self::NameTaken => ErrorKind::Operator,
            Self::Schema => ErrorKind::Schema,
            Self::Duplicate | Self::Value => ErrorKind::Data,
            Self::Bug => ErrorKind::Bug,
        }
    }
}

/// The table: numbers, what they mean, where that is written.
const TABLE: &[(&[u32], Meaning, &str)] = &[
    // The driver's own network errors, and errors of a server or a replica that goes down, comes up or moves.
    (
        &[20, 64, 121, 233, 997, 10053, 10054, 10060, 17197],
        Meaning::Lost,
        "E C",
    ),
    (&[596, 976, 983, 6005], Meaning::Lost, "D"),
    (
        &[601, 617, 669, 921, 1203, 1221, 1807, 4221, 8628, 10922],
        Meaning::Lost,
        "E",
    ),
    (
        &[988, 3906, 3908, 17142],
        Meaning::Lost,
        "D: not yet accessible; a replica that is no longer primary; paused",
    ),
    (&[40143, 40197, 40540, 40613, 42108, 42109], Meaning::Lost, "A C"),
    // Limits of a service tier.
    (
        &[10928, 10929, 10936, 40501, 49918, 49919, 49920],
        Meaning::Throttled,
        "A E C",
    ),
    (
        &[40549, 40550, 40551, 40552, 40553],
        Meaning::Shortage,
        "A: sessions ended for the resources they took",
    ),
    // Others were there first.
    (&[1204, 1205, 1222], Meaning::Contention, "E C D"),
    (
        &[3960, 3966, 41301, 41302, 41305, 41325, 41839],
        Meaning::Contention,
        "E",
    ),
    (&[701, 802, 8645, 8651], Meaning::Shortage, "D E"),
    (&[1101, 1105, 9002, 40544], Meaning::Full, "D A"),
    // A person must act.
    (&[18452, 18456, 18470, 18486, 18487, 18488], Meaning::Login, "D"),
    (
        &[40532, 40615],
        Meaning::Login,
        "A: the server's firewall or name",
    ),
    (
        &[911, 916, 4060],
        Meaning::Database,
        "D; on Azure 4060 may pass by itself (A)",
    ),
    (
        &[229, 230, 262, 297, 300, 1088, 2760, 4701, 15247],
        Meaning::Rights,
        "D",
    ),
    // The tables are not what we thought, or not ours to make.
    (&[207, 208, 3701, 4902, 4924], Meaning::Schema, "D"),
    (&[1913, 2705, 2714], Meaning::NameTaken, "D"),
    // The rows.
    (&[1505, 2601, 2627], Meaning::Duplicate, "D"),
    (
        &[220, 241, 242, 244, 245, 248, 515, 547, 2628, 8115, 8152],
        Meaning::Value,
        "D",
    ),
];

/// What the error of this number, severity and text means.
pub(crate) fn meaning(number: u32, severity: u8, words: &str) -> Meaning {
    if let Some((_, meaning, _)) = TABLE.iter().find(|(numbers, ..)| numbers.contains(&number)) {
        return *meaning;
    }
    // Severity 20 and above ends the connection.
    if severity >= 20 {
        return Meaning::Lost;
    }
    if let Some(meaning) = by_words(words) {
        return meaning;
    }
    match severity {
        13 => Meaning::Contention,
        14 => Meaning::Rights,
        17..=19 => Meaning::Shortage,
        _ => Meaning::Bug,
    }
}

/// For servers that speak TDS but number their errors otherwise. PostgreSQL's phrases, which Babelfish passes on.
fn by_words(words: &str) -> Option<Meaning> {
    const PHRASES: &[(&str, Meaning)] = &[
        ("deadlock detected", Meaning::Contention),
        ("due to lock timeout", Meaning::Contention),
        ("could not serialize access", Meaning::Contention),
        ("could not obtain lock", Meaning::Contention),
        ("terminating connection", Meaning::Lost),
        ("the database system is", Meaning::Lost),
        ("too many clients", Meaning::Shortage),
        ("out of memory", Meaning::Shortage),
        ("no space left on device", Meaning::Full),
        ("permission denied", Meaning::Rights),
        ("must be owner of", Meaning::Rights),
        ("could not create unique index", Meaning::Duplicate),
        ("duplicate key value", Meaning::Duplicate),
        ("value too long for type", Meaning::Value),
        ("out of range", Meaning::Value),
        ("violates not-null constraint", Meaning::Value),
        ("violates check constraint", Meaning::Value),
        ("already exists", Meaning::NameTaken),
        ("does not exist", Meaning::Schema),
    ];
    let words = words.to_lowercase();
    PHRASES
        .iter()
        .find(|(phrase, _)| words.contains(phrase))
        .map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_in_the_table_once_and_with_a_source() {
        let mut seen = std::collections::BTreeSet::new();
        for (numbers, _, source) in TABLE {
            assert!(!source.is_empty());
            for number in *numbers {
                assert!(seen.insert(*number), "{number} is there twice");
            }
        }
    }

    #[test]
    fn numbers_are_sorted_into_what_a_caller_should_do() {
        let kind = |number| meaning(number, 16, "").kind();
        for number in [1205, 1222, 596, 10054, 40613, 4221, 17197] {
            assert_eq!(kind(number), ErrorKind::Passing { retry_after: None }, "{number}");
        }
        assert_eq!(
            kind(40501),
            ErrorKind::Passing {
                retry_after: Some(Duration::from_secs(10))
            }
        );
        for number in [18456, 4060, 229, 262, 9002, 1105, 2714, 40615] {
            assert_eq!(kind(number), ErrorKind::Operator, "{number}");
        }
        for number in [207, 208] {
            assert_eq!(kind(number), ErrorKind::Schema, "{number}");
        }
        for number in [515, 547, 245, 220, 8152, 2628, 2601, 2627, 1505] {
            assert_eq!(kind(number), ErrorKind::Data, "{number}");
        }
    }

    #[test]
    fn an_unknown_number_is_judged_by_its_severity() {
        for (severity, expected) in [
            (11, Meaning::Bug),
            (13, Meaning::Contention),
            (14, Meaning::Rights),
            (15, Meaning::Bug),
            (16, Meaning::Bug),
            (17, Meaning::Shortage),
            (20, Meaning::Lost),
            (24, Meaning::Lost),
        ] {
            assert_eq!(
                meaning(99_999, severity, "something"),
                expected,
                "severity {severity}"
            );
        }
    }

    #[test]
    fn a_known_number_is_not_judged_by_its_words() {
        assert_eq!(meaning(1205, 13, "relation does not exist"), Meaning::Contention);
    }

    #[test]
    fn a_foreign_number_is_judged_by_its_words() {
        let babelfish = |words| meaning(33_557_097, 16, words);
        assert_eq!(babelfish("relation \"dbo.x\" does not exist"), Meaning::Schema);
        assert_eq!(
            babelfish("canceling statement due to lock timeout"),
            Meaning::Contention
        );
        assert_eq!(babelfish("syntax error near 'x'"), Meaning::Bug);
    }
}
