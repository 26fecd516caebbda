//! One connection that writes, shared by all tasks: what they ask for at the same time is made durable with one commit.
//!
//! A commit costs a flush of the disk, milliseconds; the operations themselves cost microseconds. So whoever finds nobody
//! at work becomes the one who works: it takes everything that waits, runs each operation in a savepoint of one transaction,
//! commits, and answers all of them. Thousands of events a second then need only hundreds of flushes.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

/// At most so many operations share a commit, so that the first does not wait long.
const GROUP: usize = 256;

/// Why an operation has no effect.
#[derive(Debug)]
pub(super) enum WriteError<E> {
    /// It failed by itself.
    Operation(E),
    /// The transaction around it failed.
    Commit(Arc<rusqlite::Error>),
    /// It panicked, or nobody works any more.
    BrokenOff,
}

type CommitResult = Result<(), Arc<rusqlite::Error>>;
type Answer = Box<dyn FnOnce(CommitResult) + Send>;
/// Runs an operation (without a connection: does not run it); tells whether to keep its effects, and how to answer once
/// that is settled.
type Job = Box<dyn FnOnce(Option<&Connection>) -> (bool, Answer) + Send>;

/// The writing side of a state file.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Whoever asks does the work, in its own task.
    in_place: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    connection: Mutex<Connection>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    somebody_works: bool,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            shared: Arc::new(Shared {
                waiting: Mutex::default(),
                connection: Mutex::new(connection),
            }),
            in_place: false,
        }
    }

    /// The same without other threads: each operation is a commit of its own, and done before the first await of its future
    /// ends.
    pub(super) fn in_place(connection: Connection) -> Self {
        Self {
            in_place: true,
            ..Self::new(connection)
        }
    }

    /// Reads through the connection that writes.
    pub(super) fn read_in_place<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        work(&lock(&self.shared.connection))
    }

    /// Runs `operation` and returns once its effects are on the disk. When it fails, it has none.
    pub(super) async fn write<T, E>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (job, receiver) = job(operation);
        if self.shared.enqueue(job) {
            let work = Work {
                shared: Arc::clone(&self.shared),
                finished: false,
            };
            if self.in_place {
                work.run();
            } else {
                tokio::task::spawn_blocking(move || work.run());
            }
        }
        receiver.await.unwrap_or(Err(WriteError::BrokenOff))
    }
}

/// An operation as a job, and where its answer comes.
fn job<T, E>(
    operation: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, WriteError<E>>>)
where
    T: Send + 'static,
    E: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move |connection: Option<&Connection>| {
        // A bug in an operation costs that operation, not its neighbours and not those who come after.
        let run = |connection| std::panic::catch_unwind(AssertUnwindSafe(|| operation(connection))).ok();
        let result = connection.and_then(run);
        let keep = matches!(result, Some(Ok(_)));
        let answer: Answer = Box::new(move |committed| {
            let result = match (result, committed) {
                (Some(Err(error)), _) => Err(WriteError::Operation(error)),
                (_, Err(error)) => Err(WriteError::Commit(error)),
                (Some(Ok(value)), Ok(())) => Ok(value),
                (None, Ok(())) => Err(WriteError::BrokenOff),
            };
            // Whoever asked may have gone; the effects stay.
            drop(sender.send(result));
        });
        (keep, answer)
    });
    (job, receiver)
}

impl Shared {
    /// Adds a job. Tells whether the caller has to see to it that somebody works.
    fn enqueue(&self, job: Job) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.jobs.push_back(job);
        !std::mem::replace(&mut waiting.somebody_works, true)
    }

    /// The next group; none ends the work.
    fn next(&self) -> Option<VecDeque<Job>> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.jobs.len().min(GROUP);
        let group: VecDeque<Job> = waiting.jobs.drain(..count).collect();
        if group.is_empty() {
            waiting.somebody_works = false;
            return None;
        }
        Some(group)
    }
}

/// The duty to work off what waits. When it ends early (the runtime goes down before it begins), those who wait are told,
/// and the next one to come takes over.
struct Work {
    shared: Arc<Shared>,
    finished: bool,
}

impl Work {
    fn run(mut self) {
        while let Some(mut group) = self.shared.next() {
            let connection = lock(&self.shared.connection);
            while !group.is_empty() {
                run_group(&connection, &mut group);
            }
        }
        self.finished = true;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.finished {
            let mut waiting = lock(&self.shared.waiting);
            waiting.jobs.clear();
            waiting.somebody_works = false;
        }
    }
}

/// Runs as much of the group as one transaction carries, commits it, and answers. SQLite gives up a whole transaction after
/// some failures (a full disk); then what was done in it is answered with that failure, and the rest stays in the group.
fn run_group(connection: &Connection, group: &mut VecDeque<Job>) {
    let mut answers: Vec<Answer> = Vec::with_capacity(group.len());
    let committed = match begin(connection) {
        Ok(()) => fill(connection, group, &mut answers).and_then(|()| connection.execute_batch("COMMIT")),
        Err(error) => {
            answers.extend(group.drain(..).map(|job| job(None).1));
            Err(error)
        }
    }
    .map_err(Arc::new);
    if committed.is_err() {
        roll_back(connection);
    }
    for answer in answers {
        answer(committed.clone());
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")
}

fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::warn!(%error, "cannot roll back a transaction of the state");
    }
}

/// Runs operations in the open transaction, each in a savepoint, until the group is empty or the transaction is lost.
fn fill(
    connection: &Connection,
    group: &mut VecDeque<Job>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    while let Some(job) = group.pop_front() {
        if let Err(error) = connection.execute_batch("SAVEPOINT operation") {
            answers.push(job(None).1);
            return Err(error);
        }
        let (keep, answer) = job(Some(connection));
        answers.push(answer);
        connection.execute_batch(if keep {
            "RELEASE operation"
        } else {
            "ROLLBACK TO operation; RELEASE operation"
        })?;
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is complete at each point where a panic can come from.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
