//! Makes what a portal's event asks for durable.
//!
//! A portal never sends an event again, so it may be answered only once it cannot be lost any more. [`EventIntake::accept`] is that
//! point: when it returns `Ok`, every piece of work that an exchange wants for the event is in the state, where no end of the
//! process can undo it. What fails half way is no harm: work is unique by name and key, so accepting the event again, or
//! finding the change by reading, ends in the same.
//!
//! It knows no HTTP and no concrete exchange.

use std::sync::Arc;

use agent::{Clock, Failure};
use agent_scheduler::StateFile;
use bitrix_client::OutgoingEvent;
use chrono::TimeDelta;
use exchange::{Exchange, PortalEvent};

/// Takes events into a state.
#[derive(Clone)]
pub struct EventIntake {
    exchanges: Vec<Arc<dyn Exchange>>,
    state: StateFile,
    clock: Arc<dyn Clock>,
}

impl EventIntake {
    /// An intake for these exchanges.
    pub fn new(exchanges: Vec<Arc<dyn Exchange>>, state: StateFile, clock: Arc<dyn Clock>) -> Self {
        Self {
            exchanges,
            state,
            clock,
        }
    }

    /// Makes durable what the event asks for, and tells how many pieces of work that are; 0 when it is nobody's business. May
    /// be called again with the same event, also after an error or a call that was dropped.
    ///
    /// # Errors
    /// Passing, when the state cannot be written. Some of the work may be durable then.
    pub async fn accept(&self, event: &OutgoingEvent) -> Result<usize, Failure> {
        let event = PortalEvent {
            code: event.event.clone(),
            object_id: event.object_id,
        };
        let mut queued = 0;
        for request in self
            .exchanges
            .iter()
            .flat_map(|exchange| exchange.on_event(&event))
        {
            let after = TimeDelta::from_std(request.after).unwrap_or_default();
            self.state
                .queue(
                    request.agent,
                    request.key,
                    request.input,
                    self.clock.now() + after,
                )
                .await
                .map_err(|error| Failure::passing("the event cannot be kept").with_source(error))?;
            queued += 1;
        }
        Ok(queued)
    }
}

impl std::fmt::Debug for EventIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.exchanges.iter().map(|exchange| exchange.name()).collect();
        f.debug_struct("EventIntake")
            .field("exchanges", &names)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
