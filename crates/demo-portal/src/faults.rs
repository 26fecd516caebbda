//! Faults on request: which answer is spoilt, and how.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::error_answer::ApiError;
use crate::options::{FaultKinds, PortalOptions};

/// How an answer is spoilt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The portal's own error.
    Error(ApiError),
    /// A page of HTML with this status.
    Html(u16),
    /// The good answer, ending after this share of it.
    CutOff(f64),
    Empty,
    Reset,
    Delay,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    ServerError,
    Html,
    CutOff,
    Empty,
    Reset,
    Delay,
}

/// Draws faults by seed: the same portal spoils the same answers, counted from its start.
#[derive(Debug)]
pub(crate) struct Faults {
    rate: f64,
    kinds: Vec<Kind>,
    rng: Mutex<StdRng>,
}

impl Faults {
    pub(crate) fn new(options: &PortalOptions) -> Self {
        let FaultKinds {
            server_error,
            html,
            cut_off,
            empty,
            reset,
            delay,
        } = options.faults;
        let kinds = [
            (server_error, Kind::ServerError),
            (html, Kind::Html),
            (cut_off, Kind::CutOff),
            (empty, Kind::Empty),
            (reset, Kind::Reset),
            (delay, Kind::Delay),
        ];
        Self {
            rate: options.fault_rate,
            kinds: kinds
                .into_iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, kind)| kind)
                .collect(),
            rng: Mutex::new(StdRng::seed_from_u64(options.seed ^ 0xfa17)),
        }
    }

    /// The fault of the next answer, if it has one.
    pub(crate) fn draw(&self) -> Option<Fault> {
        if self.rate <= 0.0 {
            return None;
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        if rng.random::<f64>() >= self.rate {
            return None;
        }
        let kind = self.kinds.choose(&mut *rng)?;
        let which = rng.random_range(0..4);
        Some(match (kind, which) {
            (Kind::ServerError, 0) => Fault::Error(ApiError::unexpected_answer()),
            (Kind::ServerError, 1) => Fault::Error(ApiError::server_error(502)),
            (Kind::ServerError, 2) => Fault::Error(ApiError::server_error(503)),
            (Kind::ServerError, _) => Fault::Error(ApiError::server_error(500)),
            (Kind::Html, 0) => Fault::Html(200),
            (Kind::Html, 1) => Fault::Html(504),
            (Kind::Html, _) => Fault::Html(502),
            (Kind::CutOff, _) => Fault::CutOff(rng.random()),
            (Kind::Empty, _) => Fault::Empty,
            (Kind::Reset, _) => Fault::Reset,
            (Kind::Delay, _) => Fault::Delay,
        })
    }
}

/// The page a proxy shows for a status.
pub(crate) fn html_page(status: u16) -> String {
    let title = match status {
        200 => "Авторизация",
        404 => "404 Not Found",
        504 => "504 Gateway Time-out",
        _ => "502 Bad Gateway",
    };
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(options: &PortalOptions) -> Vec<Option<Fault>> {
        let faults = Faults::new(options);
        (0..2000).map(|_| faults.draw()).collect()
    }

    #[test]
    fn faults_come_at_their_rate_and_the_same_for_the_same_seed() {
        let options = PortalOptions {
            fault_rate: 0.05,
            ..PortalOptions::default()
        };
        let drawn = draws(&options);
        assert_eq!(drawn, draws(&options));
        let count = drawn.iter().flatten().count();
        assert!((60..140).contains(&count), "{count} of 2000 at 5%");
    }

    #[test]
    fn only_the_kinds_asked_for_come() {
        let faults = FaultKinds {
            empty: true,
            ..FaultKinds::NONE
        };
        let options = PortalOptions {
            fault_rate: 1.0,
            faults,
            ..PortalOptions::default()
        };
        assert!(draws(&options).iter().all(|fault| *fault == Some(Fault::Empty)));
        let none = PortalOptions {
            fault_rate: 1.0,
            faults: FaultKinds::NONE,
            ..PortalOptions::default()
        };
        assert!(draws(&none).iter().all(Option::is_none));
    }
}
