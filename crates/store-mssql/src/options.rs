//! What can be tuned.

use std::time::Duration;

/// How an [`MssqlStore`](crate::MssqlStore) works. The defaults are right for one Stage Exchange and one server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MssqlOptions {
    /// Connections at the same time, at least 1. Default 4.
    pub connections: usize,
    /// How long a connection is used before a new one takes its place, so that a change of the server's address, a failover or an
    /// expired token is noticed. Default 30 minutes.
    pub connection_life_time: Duration,
    /// How long one statement of a migration may take; `None` for as long as it needs. An index on a big table takes
    /// hours. Default 12 hours.
    pub migration_timeout: Option<Duration>,
    /// How long to wait for another runner that migrates the same table. Default 1 minute.
    pub migration_lock_timeout: Duration,
    /// How long the server may think about one question for sums; `None` for as long as it needs. Default 5 minutes.
    pub question_timeout: Option<Duration>,
    /// Steps of at most this many rows go as parameters of one statement, bigger ones by bulk load. Default 20.
    pub small_step: usize,
}

impl Default for MssqlOptions {
    fn default() -> Self {
        Self {
            connections: 4,
            connection_life_time: Duration::from_secs(30 * 60),
            migration_timeout: Some(Duration::from_secs(12 * 3600)),
            migration_lock_timeout: Duration::from_secs(60),
            question_timeout: Some(Duration::from_secs(5 * 60)),
            small_step: 20,
        }
    }
}
