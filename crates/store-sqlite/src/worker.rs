//! The thread that works with a connection.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Mutex, oneshot};

/// A connection, and what is to be done with it, one piece of work after another.
///
/// While there is more to do, the thread that has the connection goes on with it. A thread that is woken for each piece waits for a processor
/// each time where all of them are busy: an eighth of the time of an upload.
#[derive(Clone)]
pub(crate) struct Worker {
    connection: Arc<Mutex<Connection>>,
    queue: Arc<Lock<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    /// Whether a thread takes what waits.
    attended: bool,
}

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// Why work has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undone {
    /// It panicked. What with is in the log.
    #[error("{0}")]
    Panicked(String),
    /// The program ends.
    #[error("there is no thread for it any more")]
    GivenUp,
}

impl Worker {
    pub(crate) fn new(connection: Arc<Mutex<Connection>>) -> Self {
        Self {
            connection,
            queue: Arc::default(),
        }
    }

    /// The connection, once nobody works with it.
    pub(crate) fn connection(&self) -> &Arc<Mutex<Connection>> {
        &self.connection
    }

    /// Does this on a thread for blocking work, after what was to be done before it. Should the caller stop waiting, it is never begun,
    /// or done to its end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let (result, done) = oneshot::channel();
        self.queue(Box::new(move |connection| {
            if !result.is_closed() {
                let worked = catch_unwind(AssertUnwindSafe(|| work(connection)));
                // Nobody may wait for it any more.
                result.send(worked).ok();
            }
        }));
        match done.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => Err(Undone::Panicked(words(panic.as_ref()))),
            Err(_) => Err(Undone::GivenUp),
        }
    }

    fn queue(&self, work: Work) {
        let mut queue = self.lock();
        queue.waiting.push_back(work);
        if std::mem::replace(&mut queue.attended, true) {
            return;
        }
        drop(queue);
        let attendant = Attendant(self.clone());
        tokio::task::spawn_blocking(move || attendant.work());
    }

    /// The next piece of work; with none left, nobody attends to it.
    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        let next = queue.waiting.pop_front();
        queue.attended = next.is_some();
        next
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that panics runs while it is locked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// Who takes what waits, on a thread of its own.
struct Attendant(Worker);

impl Attendant {
    fn work(self) {
        while let Some(work) = self.0.next() {
            work(&mut self.0.connection.blocking_lock());
        }
    }
}

impl Drop for Attendant {
    /// A runtime that shuts down drops what it has not begun: nobody is to wait for it.
    fn drop(&mut self) {
        while let Some(work) = self.0.next() {
            drop(work);
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
