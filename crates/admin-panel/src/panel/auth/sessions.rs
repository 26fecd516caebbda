//! Sessions of people who have signed in. They live in memory: a restart signs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::{random_token, same};

/// The most sessions at once; the one that was idle longest gives way.
const MOST: usize = 256;

/// Of an id, this many digits find the session and the others prove it: the proof is compared in constant time, which looking
/// something up in a map does not promise.
const FINDS: usize = 32;

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    /// Without a page being opened.
    pub(crate) idle: Duration,
    /// In all.
    pub(crate) whole: Duration,
}

struct Session {
    proof: String,
    csrf: String,
    /// The hash that the password was checked against: another password ends the session.
    password: SecretString,
    begun: Instant,
    used: Instant,
}

/// The sessions.
pub(crate) struct Sessions {
    lifetimes: Lifetimes,
    sessions: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    pub(crate) fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            sessions: Mutex::new(HashMap::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        // Nothing in here is left half done by a panic.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session and gives its id.
    pub(crate) fn begin(&self, password: SecretString, now: Instant) -> String {
        let id = random_token();
        let (finds, proof) = id.split_at(FINDS);
        let mut sessions = self.lock();
        sessions.retain(|_, session| self.lives(session, now));
        while sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used);
            let Some(oldest) = oldest.map(|(finds, _)| finds.clone()) else {
                break;
            };
            sessions.remove(&oldest);
        }
        sessions.insert(
            finds.to_owned(),
            Session {
                proof: proof.to_owned(),
                csrf: random_token(),
                password,
                begun: now,
                used: now,
            },
        );
        id
    }

    /// The form token of the session with this id, when it lives and the password is still the one it began with. `active` tells
    /// whether a person did something: what a page asks by itself does not keep a session alive.
    pub(crate) fn find(
        &self,
        id: &str,
        password: &SecretString,
        now: Instant,
        active: bool,
    ) -> Option<String> {
        let (finds, proof) = id.split_at_checked(FINDS)?;
        let mut sessions = self.lock();
        let session = sessions.get_mut(finds)?;
        if !same(&session.proof, proof) {
            return None;
        }
        let same_password = session.password.expose_secret() == password.expose_secret();
        if !same_password || !self.lives(session, now) {
            sessions.remove(finds);
            return None;
        }
        if active {
            session.used = now;
        }
        Some(session.csrf.clone())
    }

    /// Ends the session with this id.
    pub(crate) fn end(&self, id: &str) {
        if let Some((finds, proof)) = id.split_at_checked(FINDS) {
            let mut sessions = self.lock();
            if sessions
                .get(finds)
                .is_some_and(|session| same(&session.proof, proof))
            {
                sessions.remove(finds);
            }
        }
    }

    fn lives(&self, session: &Session, now: Instant) -> bool {
        now.saturating_duration_since(session.used) < self.lifetimes.idle
            && now.saturating_duration_since(session.begun) < self.lifetimes.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(100);
    const WHOLE: Duration = Duration::from_secs(250);

    fn sessions() -> Sessions {
        Sessions::new(Lifetimes {
            idle: IDLE,
            whole: WHOLE,
        })
    }

    fn password() -> SecretString {
        SecretString::from("a hash")
    }

    #[tokio::test(start_paused = true)]
    #[allow(clippy::string_slice, reason = "an ID is of hexadecimal digits")]
    async fn a_session_is_found_by_its_whole_id_alone() {
        let (sessions, now) = (sessions(), Instant::now());
        let id = sessions.begin(password(), now);
        let other = sessions.begin(password(), now);
        assert_ne!(id, other);
        assert!(sessions.find(&id, &password(), now, true).is_some());
        let mixed = format!("{}{}", id.split_at(FINDS).0, other.split_at(FINDS).1);
        for wrong in [
            "",
            "x",
            id.split_at(FINDS).0,
            id.split_at(63).0,
            &mixed,
            "жжжжжжжжжжжжжжжжж",
            &format!("{id}0"),
        ] {
            assert_eq!(sessions.find(wrong, &password(), now, true), None, "{wrong}");
        }
        sessions.end(&mixed);
        assert!(sessions.find(&id, &password(), now, true).is_some());
        sessions.end(&id);
        assert_eq!(sessions.find(&id, &password(), now, true), None);
        assert!(sessions.find(&other, &password(), now, true).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        let (sessions, begun) = (sessions(), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let found = |id: &str, seconds, active| sessions.find(id, &password(), at(seconds), active).is_some();
        // Pages that refresh themselves keep nothing alive.
        let id = sessions.begin(password(), begun);
        assert!(found(&id, 99, false));
        assert!(!found(&id, 100, false));
        // People do, but not for ever.
        let id = sessions.begin(password(), begun);
        assert!(found(&id, 90, true) && found(&id, 180, true) && found(&id, 249, true));
        assert!(!found(&id, 250, true));
    }

    #[tokio::test(start_paused = true)]
    async fn another_password_ends_every_session_of_the_old_one() {
        let (sessions, now) = (sessions(), Instant::now());
        let id = sessions.begin(password(), now);
        assert_eq!(
            sessions.find(&id, &SecretString::from("another"), now, true),
            None
        );
        assert_eq!(sessions.find(&id, &password(), now, true), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_sessions_is_bounded() {
        let (sessions, begun) = (sessions(), Instant::now());
        let first = sessions.begin(password(), begun);
        for second in 0..MOST {
            sessions.begin(password(), begun + Duration::from_millis(second as u64 + 1));
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert_eq!(sessions.find(&first, &password(), begun, true), None);
    }
}
