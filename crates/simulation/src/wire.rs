//! The way to the portal, in process: what a client's request meets on it, and what the portal's limits make of it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bitrix_client::{Transport, TransportError, TransportErrorKind, TransportRequest, TransportResponse};
use demo_portal::InProcessPortal;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::life::Life;
use crate::plan::{Plan, PortalFault};
use crate::users::Users;
use crate::world::{World, lock};

/// How long the client's real transport waits for an answer: its default.
const TIME_OUT: Duration = Duration::from_secs(70);

/// The longest a request may run before the proxy before a portal gives up on it.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// The portal's window of run time, and one of its baskets.
const WINDOW: Duration = Duration::from_secs(660);

/// The methods whose run time is watched.
const METHODS: [&str; 4] = [
    "crm.stagehistory.list",
    "crm.item.list",
    "crm.status.list",
    "crm.category.list",
];

/// The portal and everything that stands before it. There is one for the whole simulation; each life reaches it by its own
/// [`Wire`].
pub(crate) struct Line {
    pub(crate) portal: InProcessPortal,
    pub(crate) users: Arc<Users>,
    pub(crate) world: Arc<World>,
    pub(crate) plan: Arc<Plan>,
    dice: Dice,
    /// The portal works on one request at a time: it books the run time of a whole batch at once, so that of two at once the
    /// sums in their answers would not be in the order of their times.
    working: tokio::sync::Mutex<()>,
}

impl Line {
    pub(crate) fn new(
        portal: InProcessPortal,
        users: Arc<Users>,
        world: Arc<World>,
        plan: Arc<Plan>,
    ) -> Self {
        let dice = Dice::new(plan.seed, 2);
        Self {
            portal,
            users,
            world,
            plan,
            dice,
            working: tokio::sync::Mutex::new(()),
        }
    }

    fn is_away(&self) -> bool {
        let now = self.world.elapsed();
        !self.world.is_calm()
            && self
                .plan
                .portal_away
                .iter()
                .any(|(from, until)| (*from..*until).contains(&now))
    }

    fn fault(&self) -> Option<PortalFault> {
        if self.world.is_calm() {
            return None;
        }
        let hit = self.dice.hit(self.plan.portal_rate);
        let fault = self.dice.some(&self.plan.portal_faults).copied();
        fault.filter(|_| hit)
    }

    /// Others behind the same address send requests, and others use the same webhook.
    pub(crate) async fn others(&self) {
        while !self.world.is_calm() {
            tokio::time::sleep(self.dice.millis(100, 20_000)).await;
            if self.plan.others_ask {
                let requests = self.dice.of_any_size(1, u64::from(self.plan.portal.burst));
                let taken = (0..requests).filter(|_| self.portal.admits()).count();
                self.world.note(|| format!("others send {taken} requests"));
            }
            if self.plan.others_run && self.dice.hit(0.2) {
                let method = *self.dice.pick(&METHODS);
                let seconds = self.plan.portal.operating_limit_seconds.unwrap_or(480.0)
                    * *self.dice.pick(&[0.05, 0.3, 1.2]);
                self.portal.book(method, seconds);
                self.world
                    .note(|| format!("others run {method} for {seconds:.1} s"));
            }
        }
    }
}

/// The way of one life of the process.
pub(crate) struct Wire {
    line: Arc<Line>,
    life: Arc<Life>,
    /// When the life began, unless it is the first: from then on for ten minutes nobody can know in which minutes earlier lives
    /// used their run time.
    heir_since: Option<Instant>,
    ours: Mutex<Ours>,
}

/// What this life has sent, held against the portal's limits as if nobody else were there.
struct Ours {
    level: f64,
    seen: Instant,
    /// Methods of which an answer arrived: until then nobody can know what earlier lives have left of their run time.
    answered: Vec<&'static str>,
}

impl Wire {
    pub(crate) fn new(line: Arc<Line>, life: Arc<Life>, first: bool) -> Self {
        Self {
            line,
            life,
            heir_since: (!first).then(Instant::now),
            ours: Mutex::new(Ours {
                level: 0.0,
                seen: Instant::now(),
                answered: Vec::new(),
            }),
        }
    }

    /// One of our requests arrives at the portal.
    fn count_ours(&self) {
        let Some(rate) = self.line.plan.portal.requests_per_second else {
            return;
        };
        let mut ours = lock(&self.ours);
        let now = Instant::now();
        let drained = now.duration_since(ours.seen).as_secs_f64() * rate;
        ours.level = (ours.level - drained).max(0.0) + 1.0;
        ours.seen = now;
        if ours.level > f64::from(self.line.plan.portal.burst) + 1e-6 {
            let level = ours.level;
            drop(ours);
            self.line.world.violate(format!(
                "we alone filled the bucket of {} requests to {level:.2}",
                self.line.plan.portal.burst
            ));
        }
    }

    /// Looks whether the portal had to enforce its limit on run time.
    fn check_run_time(&self, asked: &[u8], answer: &[u8]) {
        if !contains(answer, "OPERATION_TIME_LIMIT") {
            return;
        }
        self.line.world.count("refusals for run time");
        let answered = lock(&self.ours).answered.clone();
        let inherits = self.heir_since.is_some_and(|since| since.elapsed() <= WINDOW);
        let known = !inherits
            && METHODS
                .iter()
                .any(|method| contains(asked, method) && answered.contains(method));
        if known && !self.line.plan.others_run {
            self.line
                .world
                .violate("the portal had to refuse a method for its run time, and nobody but us used it");
        }
    }

    fn note_answered(&self, asked: &[u8], method: &str) {
        let mut ours = lock(&self.ours);
        for known in METHODS {
            let named = known == method || contains(asked, known);
            if named && !ours.answered.contains(&known) {
                ours.answered.push(known);
            }
        }
    }

    async fn carry(&self, request: &TransportRequest) -> Result<TransportResponse, TransportError> {
        let line = &*self.line;
        let (world, dice) = (&line.world, &line.dice);
        let broken = |kind| Err(TransportError::new(kind));
        let fault = line.fault();
        if line.is_away() {
            world.count("requests while the portal was away");
            tokio::time::sleep(dice.millis(1, 3000)).await;
            return broken(TransportErrorKind::Connect);
        }
        tokio::time::sleep(dice.millis(1, 60)).await;
        if let Some(fault) = fault {
            world.note(|| format!("portal: {fault:?}"));
            world.count(name_of(fault));
        }
        match fault {
            Some(PortalFault::NoConnection) => return broken(TransportErrorKind::Connect),
            Some(PortalFault::BrokenBefore) => return broken(TransportErrorKind::Broken),
            Some(PortalFault::ServerError) => return Ok(server_error(dice)),
            Some(PortalFault::HtmlError) => {
                let status = *dice.pick(&[502, 504, 503]);
                return Ok(TransportResponse::new(
                    status,
                    "<html>\r\n<center>nginx</center></html>",
                ));
            }
            Some(PortalFault::HtmlGood) => {
                return Ok(TransportResponse::new(200, "<html><title>Sign in</title></html>"));
            }
            Some(PortalFault::Overload) => {
                return Ok(refusal(
                    503,
                    "OVERLOAD_LIMIT",
                    "REST API is blocked due to overload",
                ));
            }
            Some(PortalFault::Unauthorized) => {
                return Ok(refusal(401, "NO_AUTH_FOUND", "Wrong authorization data"));
            }
            _ => {}
        }
        self.count_ours();
        if !line.portal.admits() {
            world.note(|| "portal: too many requests".to_owned());
            world.count("refusals for requests");
            let refusal = line.portal.refusal();
            return Ok(TransportResponse::new(refusal.status, refusal.body));
        }
        if fault == Some(PortalFault::Slow) {
            // An answer that is late, or so late that nobody waits any more. The request itself has arrived: it counts.
            tokio::time::sleep(dice.millis(500, 90_000)).await;
        }
        let working = line.working.lock().await;
        let between = if world.is_calm() { 0.0 } else { line.plan.between };
        let answer = line.portal.answer(&request.method, &request.body, &mut || {
            if between > 0.0 && dice.hit(between) && !world.is_calm() {
                line.users.change();
            }
        });
        tokio::time::sleep(answer.run_time.min(LONGEST_RUN)).await;
        drop(working);
        tokio::time::sleep(dice.millis(1, 60)).await;
        if answer.run_time > LONGEST_RUN {
            return Ok(TransportResponse::new(504, "<html><title>504</title></html>"));
        }
        self.check_run_time(&request.body, &answer.body);
        world.note_bytes(&answer.body);
        match fault {
            Some(PortalFault::BrokenAfter) => broken(TransportErrorKind::Broken),
            Some(PortalFault::Empty) => Ok(TransportResponse::new(200, "")),
            Some(PortalFault::CutOff) => {
                let length = u64::try_from(answer.body.len()).unwrap_or(1);
                let cut = usize::try_from(dice.between(0, length.saturating_sub(1))).unwrap_or(0);
                Ok(TransportResponse::new(answer.status, answer.body[..cut].to_vec()))
            }
            _ => {
                self.note_answered(&request.body, &request.method);
                Ok(TransportResponse::new(answer.status, answer.body))
            }
        }
    }
}

fn contains(text: &[u8], part: &str) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.contains(part))
}

fn times(text: &[u8], part: &str) -> u64 {
    let times = std::str::from_utf8(text).map_or(0, |text| text.matches(part).count());
    u64::try_from(times).unwrap_or(u64::MAX)
}

fn refusal(status: u16, code: &str, words: &str) -> TransportResponse {
    let body = format!(r#"{{"error":"{code}","error_description":"{words}"}}"#);
    TransportResponse::new(status, body)
}

fn server_error(dice: &Dice) -> TransportResponse {
    match dice.between(0, 3) {
        0 => refusal(
            500,
            "ERROR_UNEXPECTED_ANSWER",
            "Server returned an unexpected response",
        ),
        1 => TransportResponse::new(500, r#"{"error":0,"error_description":""}"#),
        _ => refusal(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    }
}

fn name_of(fault: PortalFault) -> &'static str {
    match fault {
        PortalFault::NoConnection => "portal: no connection",
        PortalFault::BrokenBefore => "portal: broken before it acted",
        PortalFault::BrokenAfter => "portal: broken after it acted",
        PortalFault::ServerError => "portal: server error",
        PortalFault::HtmlError => "portal: page with an error's status",
        PortalFault::HtmlGood => "portal: page with status 200",
        PortalFault::CutOff => "portal: answer cut off",
        PortalFault::Empty => "portal: empty answer",
        PortalFault::Slow => "portal: slow",
        PortalFault::Overload => "portal: blocked by the vendor",
        PortalFault::Unauthorized => "portal: credential refused",
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

#[async_trait]
impl Transport for Wire {
    async fn post(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        self.life.point().await;
        self.line.world.count("requests");
        // References stand in the commands of a batch, encoded as in a URL.
        let chained = times(&request.body, "%24result%5B");
        self.line.world.count_many("pages asked for in chains", chained);
        let answer = tokio::time::timeout(TIME_OUT, self.carry(&request)).await;
        let answer = answer.unwrap_or_else(|_| Err(TransportError::new(TransportErrorKind::Timeout)));
        self.line.world.note(|| match &answer {
            Ok(answer) => format!(
                "{} {} bytes: {}",
                request.method,
                request.body.len(),
                answer.status
            ),
            Err(error) => format!(
                "{} {} bytes: {:?}",
                request.method,
                request.body.len(),
                error.kind()
            ),
        });
        self.life.point().await;
        answer
    }
}
