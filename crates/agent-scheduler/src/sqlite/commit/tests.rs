//! What shares a commit, and what does not.

use super::*;

fn table() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        .unwrap();
    connection
}

fn insert(n: i64) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static {
    move |connection| connection.execute("INSERT INTO t VALUES (?1)", [n])
}

fn rows(connection: &Connection) -> Vec<i64> {
    let mut statement = connection.prepare("SELECT n FROM t ORDER BY n").unwrap();
    statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn an_operation_that_fails_leaves_its_neighbours_alone() {
    let connection = table();
    let (first, mut first_answer) = job(insert(1));
    let (fails, mut failing_answer) = job(|connection: &Connection| {
        connection.execute("INSERT INTO t VALUES (2)", [])?;
        connection.execute("INSERT INTO t VALUES (1)", [])
    });
    let (last, mut last_answer) = job(insert(3));
    let mut group = VecDeque::from([first, fails, last]);

    run_group(&connection, &mut group);

    assert_eq!(rows(&connection), [1, 3]);
    assert!(matches!(first_answer.try_recv(), Ok(Ok(1))));
    assert!(matches!(
        failing_answer.try_recv(),
        Ok(Err(WriteError::Operation(_)))
    ));
    assert!(matches!(last_answer.try_recv(), Ok(Ok(1))));
}

#[test]
fn when_the_transaction_is_lost_everybody_in_it_is_told_and_the_others_go_on() {
    let connection = table();
    let (first, mut first_answer) = job(insert(1));
    // As SQLite itself does when the disk is full.
    let (loses, mut losing_answer) = job(|connection: &Connection| {
        connection.execute_batch("ROLLBACK")?;
        connection.execute("not SQL", [])
    });
    let (last, mut last_answer) = job(insert(3));
    let mut group = VecDeque::from([first, loses, last]);

    run_group(&connection, &mut group);
    assert!(matches!(first_answer.try_recv(), Ok(Err(WriteError::Commit(_)))));
    assert!(matches!(
        losing_answer.try_recv(),
        Ok(Err(WriteError::Operation(_)))
    ));
    assert_eq!(group.len(), 1);

    run_group(&connection, &mut group);
    assert!(matches!(last_answer.try_recv(), Ok(Ok(1))));
    assert_eq!(rows(&connection), [3]);
}

#[test]
fn when_no_transaction_can_begin_everybody_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY); BEGIN IMMEDIATE")
        .unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let (first, mut first_answer) = job(insert(1));
    let (second, mut second_answer) = job(insert(2));
    let mut group = VecDeque::from([first, second]);

    run_group(&connection, &mut group);

    assert!(group.is_empty());
    for answer in [&mut first_answer, &mut second_answer] {
        assert!(matches!(answer.try_recv(), Ok(Err(WriteError::Commit(_)))));
    }
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(rows(&other), [] as [i64; 0]);
}

#[tokio::test]
async fn after_an_operation_that_panics_the_next_one_works() {
    let writer = Writer::new(table());
    let lost = writer
        .write(|connection| -> rusqlite::Result<()> {
            connection.execute("INSERT INTO t VALUES (1)", [])?;
            panic!("a bug");
        })
        .await;
    assert!(matches!(lost, Err(WriteError::BrokenOff)));
    writer.write(insert(2)).await.unwrap();
    let left = writer
        .write(|connection| Ok::<_, ()>(rows(connection)))
        .await
        .unwrap();
    assert_eq!(left, [2]);
}

#[tokio::test]
async fn many_tasks_are_all_answered() {
    let writer = Arc::new(Writer::new(table()));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..2_000 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move { writer.write(insert(n)).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.len(), 2_000);
    let count = writer
        .write(|connection| Ok::<_, ()>(rows(connection).len()))
        .await
        .unwrap();
    assert_eq!(count, 2_000);
}
