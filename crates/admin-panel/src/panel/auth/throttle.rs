//! The slow-down after wrong passwords: for each address, and for all together.
//!
//! An address has a few tries free; after each further one it waits twice as long. All addresses together have a bucket of
//! tries, so that many of them get no further than a few. A try is counted when it begins, so that tries at once gain nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Wrong passwords of an address before it has to wait.
const FREE: u32 = 4;
/// The longest wait of an address.
const LONGEST: Duration = Duration::from_secs(300);
/// An address that has not tried for this long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// The most addresses that are remembered; the one whose last try is longest ago gives way.
const MOST: usize = 1024;
/// Tries that all addresses together have at once.
const TOGETHER: f64 = 40.0;
/// How many of them come back each second.
const BACK_PER_SECOND: f64 = 0.25;

struct Tries {
    wrong: u32,
    last: Instant,
}

/// Who tried how often.
pub(crate) struct Throttle {
    addresses: HashMap<IpAddr, Tries>,
    together: f64,
    counted: Option<Instant>,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            addresses: HashMap::new(),
            together: TOGETHER,
            counted: None,
        }
    }

    /// Lets an address try, and counts it as wrong until [`right`](Self::right) says otherwise.
    ///
    /// # Errors
    /// How long it has to wait.
    pub(crate) fn admit(&mut self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let from = network(from);
        if let Some(tries) = self.addresses.get(&from) {
            let waited = now.saturating_duration_since(tries.last);
            if waited >= FORGOTTEN {
                self.addresses.remove(&from);
            } else if let Some(left) = wait(tries.wrong)
                .checked_sub(waited)
                .filter(|left| !left.is_zero())
            {
                return Err(left);
            }
        }
        let gone = self
            .counted
            .map_or(Duration::ZERO, |counted| now.saturating_duration_since(counted));
        self.counted = Some(now);
        self.together = (self.together + gone.as_secs_f64() * BACK_PER_SECOND).min(TOGETHER);
        if self.together < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.together) / BACK_PER_SECOND));
        }
        self.together -= 1.0;
        if self.addresses.len() >= MOST && !self.addresses.contains_key(&from) {
            self.addresses
                .retain(|_, tries| now.saturating_duration_since(tries.last) < FORGOTTEN);
            let oldest = self.addresses.iter().min_by_key(|(_, tries)| tries.last);
            if self.addresses.len() >= MOST
                && let Some(oldest) = oldest.map(|(address, _)| *address)
            {
                self.addresses.remove(&oldest);
            }
        }
        let tries = self
            .addresses
            .entry(from)
            .or_insert(Tries { wrong: 0, last: now });
        tries.wrong = tries.wrong.saturating_add(1);
        tries.last = now;
        Ok(())
    }

    /// The password was right: the address starts anew, and its try is given back.
    pub(crate) fn right(&mut self, from: IpAddr) {
        self.addresses.remove(&network(from));
        self.together = (self.together + 1.0).min(TOGETHER);
    }
}

fn wait(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(beyond) => Duration::from_secs(1 << beyond.min(16)).min(LONGEST),
    }
}

/// Whoever has one IPv6 address mostly has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_waits_twice_as_long_after_each_further_wrong_password() {
        let mut throttle = Throttle::new();
        let mut now = Instant::now();
        for _ in 0..FREE {
            throttle.admit(address(1), now).unwrap();
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let left = throttle.admit(address(1), now).unwrap_err();
            assert_eq!(left, Duration::from_secs(seconds));
            // Others are not held up, and trying while one waits makes nothing worse.
            throttle.admit(address(2), now).unwrap();
            throttle.right(address(2));
            now += left;
            throttle.admit(address(1), now).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_password_and_an_hour_without_tries_make_up_for_wrong_ones() {
        let mut throttle = Throttle::new();
        let now = Instant::now();
        for _ in 0..FREE {
            throttle.admit(address(1), now).unwrap();
        }
        assert!(throttle.admit(address(1), now).is_err());
        let later = now + FORGOTTEN;
        for _ in 0..FREE {
            throttle.admit(address(1), later).unwrap();
        }
        throttle.right(address(1));
        throttle.admit(address(1), later).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_together_get_no_further_than_a_few_tries() {
        let mut throttle = Throttle::new();
        let now = Instant::now();
        let admitted = (0..5000)
            .filter(|number| throttle.admit(address(*number), now).is_ok())
            .count();
        assert_eq!(admitted, 40);
        let hour = now + Duration::from_secs(4);
        assert!(throttle.admit(address(9999), hour).is_ok());
        assert!(throttle.admit(address(9998), hour).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let mut throttle = Throttle::new();
        let mut now = Instant::now();
        for number in 0..3000 {
            now += Duration::from_secs(4);
            throttle.admit(address(number), now).ok();
        }
        assert!(throttle.addresses.len() <= MOST);
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let parse = |text: &str| network(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:2"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
        assert_ne!(parse("192.0.2.1"), parse("192.0.2.2"));
    }
}
