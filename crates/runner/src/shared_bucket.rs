//! How full the portal's bucket of requests is, from one process to the next: it is the same bucket for all behind one address.
//!
//! A process that begins right after another would take it for empty, and be refused. So each leaves in the state how full it is at
//! most when it ends. While one is at work, or when one was killed, there is a note without a number: then it counts as full.

use agent::{Clock, SystemClock};
use agent_scheduler::StateFile;
use bitrix_client::{Client, ClientConfig};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::wiring;

/// The setting that it is kept in.
const KEY: &str = "portal.bucket";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The webhook, without its secret.
    portal: String,
    /// Requests in the bucket; none while a process is at work.
    requests: Option<f64>,
}

/// For a process that works on the state alone: tells the client what an earlier one has left, and notes that one is at work. What cannot be
/// read or kept is told to nobody: whoever works with the state tells it.
pub(crate) async fn take(state: &StateFile, client: &Client) {
    if client.config().requests_per_second > 0.0 {
        assume(state, client).await;
        keep(state, client, None).await;
    }
}

/// For a process that may work beside another: tells the client what is known. The state is given where something may be
/// [left](leave) in it, which is not so while another is at work. Looking makes no state.
pub(crate) async fn visit(config: &Config, client: &Client) -> Option<StateFile> {
    if client.config().requests_per_second == 0.0 || !config.state.path.exists() {
        return None;
    }
    let state = wiring::state(config).ok()?;
    assume(&state, client).await.then_some(state)
}

/// Whether no other process is at work, or was killed at it.
async fn assume(state: &StateFile, client: &Client) -> bool {
    let Ok(Some(setting)) = state.setting(KEY).await else {
        return true;
    };
    // A note that cannot be read tells nothing, and another portal has a bucket of its own.
    let kept = serde_json::from_value::<Kept>(setting.value).ok();
    let Some(kept) = kept.filter(|kept| kept.portal == client.config().webhook.to_string()) else {
        return true;
    };
    let passed = SystemClock.now() - setting.updated_at;
    client.assume_in_bucket(left(kept.requests, passed, client.config()));
    kept.requests.is_some()
}

/// Leaves how full it is for the next process.
pub(crate) async fn leave(state: &StateFile, client: &Client) {
    if client.config().requests_per_second > 0.0 {
        keep(state, client, Some(client.requests_in_bucket())).await;
    }
}

async fn keep(state: &StateFile, client: &Client, requests: Option<f64>) {
    let kept = Kept {
        portal: client.config().webhook.to_string(),
        requests,
    };
    let kept = serde_json::to_value(kept).map_err(anyhow::Error::from);
    let done = match kept {
        Ok(kept) => state.set_setting(KEY, kept).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::debug!(%error, "the next process will not know how full the portal's bucket is");
    }
}

/// What is left after so much time of what was in the bucket.
fn left(requests: Option<f64>, passed: TimeDelta, config: &ClientConfig) -> f64 {
    let burst = f64::from(config.burst);
    // A clock that was set back drains nothing.
    let drained = passed.as_seconds_f64().max(0.0) * config.requests_per_second;
    requests.map_or(burst, |requests| (requests - drained).clamp(0.0, burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        let webhook = "https://one.example/rest/1/secret/".parse().unwrap();
        Client::new(ClientConfig::new(webhook)).unwrap()
    }

    fn state() -> StateFile {
        StateFile::in_memory("state.sqlite").unwrap()
    }

    #[tokio::test]
    async fn what_one_process_leaves_the_next_one_counts() {
        let (state, first, second) = (state(), client(), client());
        take(&state, &first).await;
        assert_eq!(first.requests_in_bucket(), 0.0);
        first.assume_in_bucket(20.0);
        leave(&state, &first).await;
        take(&state, &second).await;
        let held = second.requests_in_bucket();
        assert!((1.0..=20.0).contains(&held), "{held}");
    }

    #[tokio::test]
    async fn after_a_process_that_was_killed_the_bucket_counts_as_full() {
        let (state, killed, next) = (state(), client(), client());
        take(&state, &killed).await;
        take(&state, &next).await;
        assert!(next.requests_in_bucket() > 40.0);
        assert_eq!(next.budget().tokens, Some(0));
    }

    #[tokio::test]
    async fn the_secret_is_not_kept() {
        let (state, client) = (state(), client());
        take(&state, &client).await;
        leave(&state, &client).await;
        let kept = state.setting(KEY).await.unwrap().unwrap().value.to_string();
        assert!(kept.contains("one.example") && !kept.contains("secret"), "{kept}");
    }

    #[tokio::test]
    async fn the_bucket_of_another_portal_is_another() {
        let (state, first) = (state(), client());
        first.assume_in_bucket(20.0);
        leave(&state, &first).await;
        let webhook = "https://two.example/rest/1/secret/".parse().unwrap();
        let second = Client::new(ClientConfig::new(webhook)).unwrap();
        take(&state, &second).await;
        assert_eq!(second.requests_in_bucket(), 0.0);
    }

    #[test]
    fn it_drains_while_nobody_works() {
        let client = client();
        let after = |seconds| left(Some(30.0), TimeDelta::seconds(seconds), client.config());
        assert_eq!((after(0), after(10), after(60)), (30.0, 10.0, 0.0));
        assert_eq!(after(-60), 30.0);
        assert_eq!(left(None, TimeDelta::seconds(60), client.config()), 50.0);
    }
}
