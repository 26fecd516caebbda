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

/// Work gives what tells its result to whoever waits for it.
type Work = Box<dyn FnOnce(&mut Connection) -> Telling + Send>;
type Telling = Box<dyn FnOnce() + Send>;

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
            if result.is_closed() {
                return Box::new(|| ());
            }
            let worked = catch_unwind(AssertUnwindSafe(|| work(connection)));
            // Nobody may wait for it any more.
            Box::new(|| drop(result.send(worked)))
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
        let attendant = Attendant(Some(self.clone()));
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

/// Who takes what waits, on a thread of its own. `None` once it has begun.
struct Attendant(Option<Worker>);

impl Attendant {
    fn work(mut self) {
        let Some(worker) = self.0.take() else { return };
        let mut tell: Option<Telling> = None;
        while let Some(work) = worker.next() {
            if let Some(tell) = tell.take() {
                tell();
            }
            tell = Some(work(&mut worker.connection.blocking_lock()));
        }
        // Who has the last result may drop the store, and then the connection is to be closed.
        drop(worker);
        if let Some(tell) = tell {
            tell();
        }
    }
}

impl Drop for Attendant {
    /// A runtime that has ended drops what it has not begun: nobody is to wait for it.
    fn drop(&mut self) {
        let Some(worker) = self.0.take() else { return };
        while let Some(work) = worker.next() {
            drop(work);
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    fn worker() -> Worker {
        let connection = Connection::open_in_memory().unwrap();
        Worker::new(Arc::new(Mutex::new(connection)))
    }

    #[tokio::test]
    async fn work_is_done_in_the_order_in_which_it_was_asked_for_and_on_one_thread() {
        let worker = worker();
        let (order, done) = mpsc::channel();
        let pieces = (0..100).map(|piece| {
            let order = order.clone();
            worker.run(move |_| order.send((piece, std::thread::current().id())).unwrap())
        });
        // All are asked for before the first is begun: this thread does not wait meanwhile.
        let held = worker.connection().lock().await;
        let mut asked: Vec<_> = pieces.map(Box::pin).collect();
        for piece in &mut asked {
            assert!(futures::poll!(piece.as_mut()).is_pending());
        }
        drop(held);
        for piece in asked {
            piece.await.unwrap();
        }
        let (pieces, threads): (Vec<i32>, Vec<_>) = done.try_iter().unzip();
        assert_eq!(pieces, (0..100).collect::<Vec<_>>());
        assert!(threads.iter().all(|thread| *thread == threads[0]));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let worker = worker();
        let held = worker.connection().lock().await;
        let (begun, was_begun) = mpsc::channel();
        let mut first = Box::pin(worker.run(|_| ()));
        let mut second = Box::pin(worker.run(move |_| begun.send(()).unwrap()));
        assert!(futures::poll!(first.as_mut()).is_pending());
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(second);
        drop(held);
        first.await.unwrap();
        worker.run(|_| ()).await.unwrap();
        was_begun.try_recv().unwrap_err();
    }

    #[tokio::test]
    async fn who_has_the_last_result_has_the_connection_alone() {
        for _ in 0..200 {
            let worker = worker();
            tokio::join!(worker.run(|_| ()), worker.run(|_| ())).1.unwrap();
            assert_eq!(Arc::strong_count(worker.connection()), 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whoever_comes_when_a_thread_goes_is_not_passed_over() {
        let worker = worker();
        let callers = (0..8).map(|_| {
            let worker = worker.clone();
            tokio::spawn(async move {
                for _ in 0..500 {
                    worker.run(|_| ()).await.unwrap();
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
    }

    #[tokio::test]
    async fn work_that_panics_says_so_and_what_waits_behind_it_is_done() {
        let worker = worker();
        let (first, second) = tokio::join!(
            worker.run(|_| panic!("out of order")),
            worker.run(|connection| connection.is_autocommit())
        );
        let first: Result<(), Undone> = first;
        assert_eq!(first.unwrap_err().to_string(), "out of order");
        assert!(second.unwrap());
    }

    #[test]
    fn a_runtime_that_has_ended_leaves_nobody_waiting() {
        let worker = worker();
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ended = runtime();
        let handle = ended.handle().clone();
        ended.shutdown_background();
        {
            let _within = handle.enter();
            let done = worker.run(|_| ()).now_or_never();
            assert!(matches!(done, Some(Err(Undone::GivenUp))), "{done:?}");
        }
        // Whoever comes later finds somebody to do it.
        runtime().block_on(worker.run(|_| ())).unwrap();
    }
}
