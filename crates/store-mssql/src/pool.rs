//! A few connections, kept for the next call.
//!
//! A connection is taken out of the pool for a call and comes back only when the call says that it ended well. A call that
//! fails, runs out of time or is dropped drops its connection with it, so nobody ever meets another call's half-read answer,
//! open transaction or leftover temp table.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Opens connections.
#[async_trait]
pub(crate) trait Connect: Send + Sync {
    /// The connection.
    type Connection: Send;
    /// Why there is none.
    type Error;

    /// Opens one.
    async fn connect(&self) -> Result<Self::Connection, Self::Error>;

    /// Whether one that lay idle is still usable, as far as can be told without asking the server.
    fn is_usable(&self, connection: &Self::Connection) -> bool;
}

/// The pool.
pub(crate) struct Pool<C: Connect> {
    connect: C,
    idle: Mutex<VecDeque<Idle<C::Connection>>>,
    places: Semaphore,
    life_time: Duration,
}

struct Idle<T> {
    connection: T,
    born: Instant,
}

impl<C: Connect> Pool<C> {
    /// A pool of at most `size` connections, each used for at most `life_time`. Opens none.
    pub(crate) fn new(connect: C, size: usize, life_time: Duration) -> Self {
        Self {
            connect,
            idle: Mutex::default(),
            places: Semaphore::new(size.max(1)),
            life_time,
        }
    }

    /// What opens the connections.
    pub(crate) fn opener(&self) -> &C {
        &self.connect
    }

    /// A connection: one that was used last, or a new one. Waits, first come, first served, while all are in use.
    pub(crate) async fn take(&self) -> Result<Taken<'_, C>, C::Error> {
        // Nobody closes the semaphore; were it closed, a connection without a place would do no harm.
        let place = self.places.acquire().await.ok();
        let (connection, born) = match self.take_idle() {
            Some(Idle { connection, born }) => (connection, born),
            None => (self.connect.connect().await?, Instant::now()),
        };
        Ok(Taken {
            connection,
            born,
            pool: self,
            _place: place,
        })
    }

    fn take_idle(&self) -> Option<Idle<C::Connection>> {
        loop {
            let idle = self.lock().pop_back()?;
            if self.is_young(idle.born) && self.connect.is_usable(&idle.connection) {
                return Some(idle);
            }
        }
    }

    fn is_young(&self, born: Instant) -> bool {
        born.elapsed() < self.life_time
    }

    /// A panic while the list was locked cannot have left it half changed.
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Idle<C::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connect> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.lock().len())
            .field("free_places", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}

/// A connection in use. Dropped, it is closed.
pub(crate) struct Taken<'a, C: Connect> {
    /// The connection.
    pub(crate) connection: C::Connection,
    born: Instant,
    pool: &'a Pool<C>,
    _place: Option<SemaphorePermit<'a>>,
}

impl<C: Connect> Taken<'_, C> {
    /// Gives the connection back for the next call. Only for a call that ended well and left it clean.
    pub(crate) fn give_back(self) {
        let Self {
            connection,
            born,
            pool,
            ..
        } = self;
        if pool.is_young(born) {
            pool.lock().push_back(Idle { connection, born });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Numbers {
        opened: AtomicUsize,
        broken: AtomicBool,
    }

    #[async_trait]
    impl Connect for Numbers {
        type Connection = usize;
        type Error = &'static str;

        async fn connect(&self) -> Result<usize, &'static str> {
            Ok(self.opened.fetch_add(1, Ordering::SeqCst))
        }

        fn is_usable(&self, _: &usize) -> bool {
            !self.broken.load(Ordering::SeqCst)
        }
    }

    const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

    #[tokio::test]
    async fn a_connection_that_was_given_back_is_used_again() {
        let pool = Pool::new(Numbers::default(), 2, HALF_AN_HOUR);
        pool.take().await.unwrap().give_back();
        assert_eq!(pool.take().await.unwrap().connection, 0);
    }

    #[tokio::test]
    async fn a_connection_whose_call_did_not_end_well_is_never_used_again() {
        let pool = Pool::new(Numbers::default(), 1, HALF_AN_HOUR);
        drop(pool.take().await.unwrap());
        assert_eq!(pool.take().await.unwrap().connection, 1);
    }

    #[tokio::test]
    async fn a_connection_that_died_while_idle_is_replaced() {
        let pool = Pool::new(Numbers::default(), 1, HALF_AN_HOUR);
        pool.take().await.unwrap().give_back();
        pool.connect.broken.store(true, Ordering::SeqCst);
        assert_eq!(pool.take().await.unwrap().connection, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_closed_at_the_end_of_its_life_time() {
        let pool = Pool::new(Numbers::default(), 1, HALF_AN_HOUR);
        pool.take().await.unwrap().give_back();
        tokio::time::advance(HALF_AN_HOUR / 2).await;
        let taken = pool.take().await.unwrap();
        assert_eq!(taken.connection, 0);
        tokio::time::advance(HALF_AN_HOUR / 2).await;
        taken.give_back();
        assert_eq!(pool.take().await.unwrap().connection, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_waits_while_all_connections_are_in_use() {
        let pool = Pool::new(Numbers::default(), 1, HALF_AN_HOUR);
        let taken = pool.take().await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_secs(1), pool.take()).await;
        assert!(waiting.is_err());
        taken.give_back();
        assert_eq!(pool.take().await.unwrap().connection, 0);
    }
}
