use super::locks::{Locks, Mode, Owner, Refused, Resource};
use super::parser::{parse, parse_parameters};
use super::syntax::Statement;
use crate::value::SqlType;

fn resource(name: &str) -> Resource {
    Resource::Application("db".into(), name.into())
}

#[test]
fn readers_share_and_writers_wait() {
    let mut locks = Locks::default();
    let a = resource("a");
    assert_eq!(locks.acquire(1, &a, Mode::Shared, Owner::Session), Ok(()));
    assert_eq!(locks.acquire(2, &a, Mode::Update, Owner::Session), Ok(()));
    assert_eq!(locks.acquire(3, &a, Mode::Shared, Owner::Session), Ok(()));
    assert_eq!(
        locks.acquire(3, &a, Mode::Update, Owner::Session),
        Err(Refused::Wait)
    );
    assert_eq!(
        locks.acquire(3, &a, Mode::Exclusive, Owner::Session),
        Err(Refused::Wait)
    );
}

#[test]
fn a_lock_is_released_as_often_as_it_was_taken() {
    let mut locks = Locks::default();
    let a = resource("a");
    for _ in 0..2 {
        locks
            .acquire(1, &a, Mode::Exclusive, Owner::Session)
            .expect("it is free");
    }
    assert!(locks.release(1, &a, Owner::Session));
    assert_eq!(
        locks.acquire(2, &a, Mode::Shared, Owner::Session),
        Err(Refused::Wait)
    );
    assert!(locks.release(1, &a, Owner::Session));
    assert_eq!(locks.acquire(2, &a, Mode::Shared, Owner::Session), Ok(()));
    assert!(!locks.release(1, &a, Owner::Session));
}

#[test]
fn a_circle_of_three_is_seen() {
    let mut locks = Locks::default();
    let names = [resource("a"), resource("b"), resource("c")];
    for (session, name) in (1..).zip(&names) {
        locks
            .acquire(session, name, Mode::Exclusive, Owner::Transaction)
            .expect("it is free");
    }
    assert_eq!(
        locks.acquire(1, &names[1], Mode::Exclusive, Owner::Transaction),
        Err(Refused::Wait)
    );
    assert_eq!(
        locks.acquire(2, &names[2], Mode::Exclusive, Owner::Transaction),
        Err(Refused::Wait)
    );
    assert_eq!(
        locks.acquire(3, &names[0], Mode::Exclusive, Owner::Transaction),
        Err(Refused::Deadlock)
    );
}

#[test]
fn the_end_of_a_transaction_keeps_the_locks_of_the_session() {
    let mut locks = Locks::default();
    let (a, b) = (resource("a"), resource("b"));
    locks
        .acquire(1, &a, Mode::Exclusive, Owner::Session)
        .expect("it is free");
    locks
        .acquire(1, &b, Mode::Exclusive, Owner::Transaction)
        .expect("it is free");
    locks.end_transaction(1);
    assert_eq!(locks.mode_of(1, &a), Some(Mode::Exclusive));
    assert_eq!(locks.mode_of(1, &b), None);
}

/// The number and line of the error a batch does not get past.
fn refused(sql: &str) -> (i32, u32) {
    match parse(sql) {
        Ok(batch) => panic!("{sql} was read as {batch:?}"),
        Err(error) => (error.number, error.line),
    }
}

#[test]
fn what_is_no_t_sql_is_refused_where_it_stands() {
    for (sql, expected) in [
        ("SELECT 1\nSELEC 2", (102, 2)),
        ("SELECT 1 +", (102, 1)),
        ("BEGIN SELECT 1", (102, 1)),
        ("SELECT 1;\n\nSELECT FROM", (156, 3)),
        ("IF 1 = 1", (102, 1)),
        ("SELECT 'open", (105, 1)),
        ("MERGE t USING s ON 1 = 1", (40510, 1)),
        ("CREATE PROCEDURE p AS SELECT 1", (40510, 1)),
        ("SELECT 1; CREATE VIEW v AS SELECT 1 AS a", (111, 1)),
        ("IF 1 = 1 CREATE VIEW v AS SELECT 1 AS a", (111, 1)),
        ("CREATE VIEW v AS SELECT 1 AS a; SELECT 2", (156, 1)),
        ("CREATE VIEW v (a) AS SELECT 1", (40510, 1)),
        ("CREATE VIEW v WITH SCHEMABINDING AS SELECT 1 AS a", (40510, 1)),
        ("DECLARE c CURSOR FOR SELECT 1", (40510, 1)),
    ] {
        assert_eq!(refused(sql), expected, "{sql}");
    }
}

#[test]
fn statements_end_where_the_next_one_starts() {
    let batch =
        parse("DELETE t COMMIT UPDATE t SET a = 1 SELECT 1 AS x INSERT t DEFAULT VALUES ROLLBACK TRAN s")
            .expect("it is read");
    let kinds: Vec<&str> = batch
        .statements
        .iter()
        .map(|located| match &located.statement {
            Statement::Delete(_) => "delete",
            Statement::Commit => "commit",
            Statement::Update(_) => "update",
            Statement::Query(_) => "query",
            Statement::Insert(_) => "insert",
            Statement::Rollback(Some(_)) => "rollback to",
            _ => "other",
        })
        .collect();
    assert_eq!(
        kinds,
        ["delete", "commit", "update", "query", "insert", "rollback to"]
    );
    assert_eq!(batch.statements[2].text.trim(), "UPDATE t SET a = 1");
}

#[test]
fn parameters_are_declared_with_types_and_directions() {
    let parameters = parse_parameters("@P1 nvarchar(4000),@p2 decimal(10,2) OUTPUT, @p3 datetime2")
        .expect("they are read");
    assert_eq!(
        parameters,
        [
            ("@p1".to_owned(), SqlType::nvarchar(4000), false),
            (
                "@p2".to_owned(),
                SqlType::Decimal {
                    precision: 10,
                    scale: 2
                },
                true
            ),
            ("@p3".to_owned(), SqlType::DateTime2(7), false),
        ]
    );
    assert!(parse_parameters("P1 int").is_err());
}
