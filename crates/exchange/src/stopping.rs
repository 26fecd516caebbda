//! Work that is given up when the program stops.

use agent::Activation;

/// What `work` gives, or `None` when the activation should end before: the portal may take long to answer, or be away, and
/// nobody who stops the program wants to wait for it.
///
/// Only for work that may be dropped half done: reading, and what is done again from the start the next time.
pub async fn unless_stopped<T>(activation: &Activation, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = activation.stopped() => None,
        result = work => Some(result),
    }
}
