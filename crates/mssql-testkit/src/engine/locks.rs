//! Locks: whole tables, a database's catalog, and the named locks of `sp_getapplock`, with deadlock detection.
//!
//! Coarser than SQL Server's, and never more permissive towards readers of uncommitted data.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::TableKey;

/// What is locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    Table(TableKey),
    /// The definitions of a database's objects.
    Catalog(String),
    /// A name given to `sp_getapplock`, in a database.
    Application(String, String),
}

/// How it is locked, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Shared,
    /// Readers may go on, other writers wait: UPDLOCK, HOLDLOCK, SERIALIZABLE.
    Update,
    Exclusive,
}

impl Mode {
    fn goes_with(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Shared, Self::Shared | Self::Update) | (Self::Update, Self::Shared)
        )
    }
}

/// How long it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Until the transaction (or the statement, outside of one) ends.
    Transaction,
    /// Until it is released or the session ends.
    Session,
}

#[derive(Debug)]
struct Grant {
    session: u16,
    mode: Mode,
    owner: Owner,
    /// How often it was granted: an application lock is released as often.
    times: u32,
}

/// Why a lock was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another session holds it; wait and try again.
    Wait,
    /// Waiting would close a circle.
    Deadlock,
}

/// All locks of the server.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: BTreeMap<Resource, Vec<Grant>>,
    /// Whom a waiting session waits for.
    waits: BTreeMap<u16, BTreeSet<u16>>,
}

impl Locks {
    /// Grants the lock, or notes whom the session waits for.
    pub(crate) fn acquire(
        &mut self,
        session: u16,
        resource: &Resource,
        mode: Mode,
        owner: Owner,
    ) -> Result<(), Refused> {
        self.check(session, resource, mode)?;
        let grants = self.held.entry(resource.clone()).or_default();
        match grants
            .iter_mut()
            .find(|g| g.session == session && g.owner == owner)
        {
            Some(grant) => {
                grant.mode = grant.mode.max(mode);
                grant.times += 1;
            }
            None => grants.push(Grant {
                session,
                mode,
                owner,
                times: 1,
            }),
        }
        Ok(())
    }

    /// Whether the lock could be granted now; if not, notes whom the session waits for.
    pub(crate) fn check(&mut self, session: u16, resource: &Resource, mode: Mode) -> Result<(), Refused> {
        self.waits.remove(&session);
        let blockers: BTreeSet<u16> = self
            .held
            .get(resource)
            .into_iter()
            .flatten()
            .filter(|g| g.session != session && !mode.goes_with(g.mode))
            .map(|g| g.session)
            .collect();
        if blockers.is_empty() {
            return Ok(());
        }
        if blockers.iter().any(|blocker| self.waits_for(*blocker, session)) {
            return Err(Refused::Deadlock);
        }
        self.waits.insert(session, blockers);
        Err(Refused::Wait)
    }

    fn waits_for(&self, from: u16, target: u16) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(session) = next.pop() {
            if session == target {
                return true;
            }
            if seen.insert(session) {
                next.extend(self.waits.get(&session).into_iter().flatten());
            }
        }
        false
    }

    /// The session gave up waiting.
    pub(crate) fn stop_waiting(&mut self, session: u16) {
        self.waits.remove(&session);
    }

    /// Releases one grant of a lock; `false` when the session does not hold it.
    pub(crate) fn release(&mut self, session: u16, resource: &Resource, owner: Owner) -> bool {
        let Some(grants) = self.held.get_mut(resource) else {
            return false;
        };
        let Some(at) = grants
            .iter()
            .position(|g| g.session == session && g.owner == owner)
        else {
            return false;
        };
        grants[at].times -= 1;
        if grants[at].times == 0 {
            grants.remove(at);
        }
        true
    }

    /// Releases what a transaction held.
    pub(crate) fn end_transaction(&mut self, session: u16) {
        self.drop_grants(|g| g.session == session && g.owner == Owner::Transaction);
    }

    /// Releases everything a session held.
    pub(crate) fn end_session(&mut self, session: u16) {
        self.drop_grants(|g| g.session == session);
        self.waits.remove(&session);
    }

    fn drop_grants(&mut self, gone: impl Fn(&Grant) -> bool) {
        self.held.retain(|_, grants| {
            grants.retain(|g| !gone(g));
            !grants.is_empty()
        });
    }

    /// The mode in which a session holds an application lock.
    pub(crate) fn mode_of(&self, session: u16, resource: &Resource) -> Option<Mode> {
        self.held
            .get(resource)?
            .iter()
            .filter(|g| g.session == session)
            .map(|g| g.mode)
            .max()
    }
}
