//! A life of the process: it can end at every point at which it awaits.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::Poll;

use agent::{Activation, Agent, AgentSpec, Failure, Outcome};
use async_trait::async_trait;
use tokio::sync::Notify;

/// A life of the process. Whatever could leave a trace outside of the process passes [`Life::point`] before and after; after
/// the end nothing passes any more.
#[derive(Debug)]
pub(crate) struct Life {
    /// Points that are left until the end.
    left: AtomicI64,
    over: AtomicBool,
    ended: Notify,
}

impl Life {
    /// A life that ends at its `points`-th point, or not by itself.
    pub(crate) fn new(points: Option<u64>) -> Arc<Self> {
        let left = points.map_or(i64::MAX, |points| i64::try_from(points).unwrap_or(i64::MAX));
        Arc::new(Self {
            left: AtomicI64::new(left),
            over: AtomicBool::new(false),
            ended: Notify::new(),
        })
    }

    /// Counts a point; tells whether the process lives on.
    fn passes(&self) -> bool {
        if self.is_over() {
            return false;
        }
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 1 {
            self.end();
            return false;
        }
        true
    }

    /// A point at which the process may end. Then this never returns.
    pub(crate) async fn point(&self) {
        if !self.passes() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.ended.notify_waiters();
    }

    /// It does not end by itself any more.
    pub(crate) fn spare(&self) {
        self.left.store(i64::MAX, Ordering::Relaxed);
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits for its end.
    pub(crate) async fn over(&self) {
        let ended = self.ended.notified();
        if !self.is_over() {
            ended.await;
        }
    }
}

/// An agent of a process that can end at each of the agent's own await points.
struct Mortal {
    agent: Arc<dyn Agent>,
    life: Arc<Life>,
}

#[async_trait]
impl Agent for Mortal {
    fn name(&self) -> &str {
        self.agent.name()
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        let mut work = self.agent.activate(activation);
        poll_fn(|context| {
            if self.life.passes() {
                work.as_mut().poll(context)
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

/// The same agent as a part of this life.
pub(crate) fn mortal(spec: AgentSpec, life: &Arc<Life>) -> AgentSpec {
    AgentSpec {
        agent: Arc::new(Mortal {
            agent: Arc::clone(&spec.agent),
            life: Arc::clone(life),
        }),
        ..spec
    }
}
