//! One copy of what many have in common.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// So many different ones are known at a time. A portal has some hundreds; whoever makes up more costs memory only as long as they
/// are in use.
const MOST: usize = 10_000;

/// The one copy of each of some things.
#[derive(Debug)]
pub(crate) struct Shared<T>(HashSet<Arc<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + Hash> Shared<T> {
    /// The one copy of this.
    pub(crate) fn of(&mut self, thing: T) -> Arc<T> {
        if let Some(shared) = self.0.get(&thing) {
            return Arc::clone(shared);
        }
        if self.0.len() >= MOST {
            // Who has one keeps it.
            self.0.clear();
        }
        let shared = Arc::new(thing);
        self.0.insert(Arc::clone(&shared));
        shared
    }
}
