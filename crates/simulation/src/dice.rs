//! Chance, decided by the seed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

/// A stream of random numbers. Every part of the simulation has its own, so that one part's draws do not shift another's.
#[derive(Debug)]
pub(crate) struct Dice(Mutex<Xoshiro256PlusPlus>);

impl Dice {
    /// The stream of this name.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mixed = seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self(Mutex::new(Xoshiro256PlusPlus::seed_from_u64(mixed)))
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        self.rng().random_range(low..=high)
    }

    /// From `low` to `high`, small numbers as likely as large ones of each size.
    pub(crate) fn of_any_size(&self, low: u64, high: u64) -> u64 {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a draw, clamped right after"
        )]
        let drawn = {
            let (from, to) = ((low.max(1) as f64).ln(), (high.max(1) as f64).ln());
            self.rng().random_range(from..=to).exp() as u64
        };
        drawn.clamp(low, high)
    }

    /// Whether something of this probability happens.
    pub(crate) fn hit(&self, probability: f64) -> bool {
        // Drawn in any case, so that a probability of 0 does not shift what follows.
        self.rng().random::<f64>() < probability
    }

    /// One of these, which must not be none.
    pub(crate) fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        let place = self.rng().random_range(0..from.len());
        &from[place]
    }

    /// One of these, if there is one.
    pub(crate) fn some<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| self.pick(from))
    }

    /// A time from `low` to `high` milliseconds.
    pub(crate) fn millis(&self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// Any number: a seed for something else.
    pub(crate) fn seed(&self) -> u64 {
        self.rng().random()
    }

    fn rng(&self) -> std::sync::MutexGuard<'_, Xoshiro256PlusPlus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
