//! The portal's events on their way: lost, doubled, late, out of order; and what the receiver answers.

use std::sync::Arc;
use std::time::Duration;

use bitrix_client::OutgoingEvent;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::process::House;
use crate::world::lock;

/// How long the receiver tries to make an event durable before it refuses it; see `admin-panel`.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// How often the portal sends what was raised.
const SENT_EVERY: Duration = Duration::from_millis(400);

/// Sends the portal's events for as long as there is a house.
pub(crate) async fn deliver(house: Arc<House>) {
    let dice = Arc::new(Dice::new(house.plan.seed, 6));
    let plan = &house.plan;
    loop {
        for body in house.line.portal.events() {
            let (lost, doubled, late) = (
                dice.hit(plan.events_lost),
                dice.hit(plan.events_doubled),
                dice.hit(plan.events_late),
            );
            house.world.count("events raised");
            if lost {
                house.world.count("events lost");
                continue;
            }
            for _ in 0..=u8::from(doubled) {
                let delay = if late {
                    Duration::from_millis(dice.of_any_size(100, 200_000))
                } else {
                    dice.millis(1, 300)
                };
                let (house, body) = (Arc::clone(&house), body.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    post(&house, &body).await;
                });
            }
        }
        tokio::time::sleep(SENT_EVERY).await;
    }
}

/// One event at the door.
async fn post(house: &House, body: &str) {
    let Some((life, intake)) = lock(&house.door).clone() else {
        house.world.count("events that found nobody");
        return;
    };
    let Ok(event) = OutgoingEvent::parse(body.as_bytes()) else {
        house.world.violate("an event of the portal cannot be read");
        return;
    };
    let deadline = Instant::now() + PATIENCE;
    let accepted = async {
        let mut delay = FIRST_DELAY;
        loop {
            match intake.accept(&event).await {
                Ok(work) => return work,
                Err(_) => tokio::time::sleep(delay).await,
            }
            delay = (delay * 2).min(LONGEST_DELAY);
        }
    };
    let answer = tokio::select! {
        biased;
        // The connection breaks with the process: whatever became of the event, nobody has told the portal so.
        () = life.over() => None,
        accepted = tokio::time::timeout_at(deadline, accepted) => accepted.ok(),
    };
    match answer {
        Some(work) => {
            house.world.count("events accepted");
            house
                .world
                .note(|| format!("event {} {:?} accepted", event.event, event.object_id));
            if let Some(deal) = event
                .object_id
                .filter(|_| work > 0 && event.event.starts_with("ONCRMDEAL"))
            {
                house.disk.watch.accepted(deal);
            }
        }
        None => house.world.count("events refused"),
    }
}
