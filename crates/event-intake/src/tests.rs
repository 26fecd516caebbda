//! What an event leaves in the state.

use std::time::Duration;

use agent::{AgentRequest, AgentSpec, SystemClock};
use exchange::{BulkCommand, Comparison, Switch, Verification};
use table_map::TableMap;

use super::*;

/// An exchange that wants two pieces of work for each event about a deal.
struct Deals;

#[async_trait::async_trait]
impl Exchange for Deals {
    fn name(&self) -> &'static str {
        "deals"
    }
    fn subject(&self) -> &'static str {
        "deals"
    }
    fn tables(&self) -> Vec<TableMap> {
        Vec::new()
    }
    fn agents(&self) -> Vec<AgentSpec> {
        Vec::new()
    }
    fn bulk(&self) -> BulkCommand {
        BulkCommand {
            name: "deals",
            aliases: &[],
            agent: "deals",
        }
    }
    fn on_event(&self, event: &PortalEvent) -> Vec<AgentRequest> {
        match event.object_id {
            Some(deal) if event.code.starts_with("ONCRMDEAL") => vec![
                AgentRequest::keyed("deal", deal.to_string()),
                AgentRequest::now("follow").after(Duration::from_secs(2)),
            ],
            _ => Vec::new(),
        }
    }
    fn switches(&self) -> Vec<Switch> {
        Vec::new()
    }
    async fn compare(&self, _: &Comparison<'_>) -> Result<Verification, Failure> {
        Ok(Verification::of("deals"))
    }
}

#[tokio::test]
async fn all_that_an_event_asks_for_is_in_the_state_and_once_however_often_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFile::in_memory(folder.path().join("state.db")).unwrap();
    let intake = EventIntake::new(vec![Arc::new(Deals)], state.clone(), Arc::new(SystemClock));
    let event = OutgoingEvent::parse(b"event=ONCRMDEALUPDATE&data[FIELDS][ID]=759").unwrap();
    for _ in 0..3 {
        assert_eq!(intake.accept(&event).await.unwrap(), 2);
    }
    let kept = state.list(agent_scheduler::AgentFilter::all()).await.unwrap();
    let kept: Vec<_> = kept
        .iter()
        .map(|record| (record.name.as_str(), record.key.as_str()))
        .collect();
    assert_eq!(kept, [("deal", "759"), ("follow", "")]);
}

#[tokio::test]
async fn an_event_that_is_nobodys_business_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFile::in_memory(folder.path().join("state.db")).unwrap();
    let intake = EventIntake::new(vec![Arc::new(Deals)], state.clone(), Arc::new(SystemClock));
    let event = OutgoingEvent::parse(b"event=ONIMBOTMESSAGEADD").unwrap();
    assert_eq!(intake.accept(&event).await.unwrap(), 0);
    assert!(state.counts().await.unwrap().is_empty());
}
