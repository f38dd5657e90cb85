//! The connections there are: a bounded number, the most silent of which makes way for a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Counts connections and requests: who was heard of last.
    events: u64,
    by_id: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    /// Nothing while it has not asked for anything.
    asked: Option<u64>,
    /// What ends it; nothing until it runs.
    abort: Option<AbortHandle>,
}

/// A connection's place, given back when it goes.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Self { max, open: Mutex::default() }
    }

    /// Gives a new connection a place, that of the one that was silent for longest if all are taken.
    pub(super) fn admit(self: &Arc<Self>) -> Place {
        let mut open = self.lock();
        while open.by_id.len() >= self.max {
            open.close_most_silent();
        }
        open.events += 1;
        let id = open.events;
        open.by_id.insert(id, Connection { asked: None, abort: None });
        Place { id, connections: self.clone() }
    }

    /// Closes the one that was silent for longest, where the system has no room for more.
    pub(super) fn make_room(&self) {
        self.lock().close_most_silent();
    }

    /// Notes what ends a connection, if it has not ended yet.
    pub(super) fn note_task(&self, id: u64, abort: AbortHandle) {
        if let Some(connection) = self.lock().by_id.get_mut(&id) {
            connection.abort = Some(abort);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// First those that have never asked, then those whose last request is longest ago.
    fn close_most_silent(&mut self) {
        let silent = self.by_id.iter().min_by_key(|(id, connection)| (connection.asked, **id));
        let Some(id) = silent.map(|(id, _)| *id) else { return };
        if let Some(abort) = self.by_id.remove(&id).and_then(|connection| connection.abort) {
            abort.abort();
        }
    }
}

impl Place {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Notes that the connection has asked for something.
    pub(super) fn has_asked(&self) {
        let mut open = self.connections.lock();
        open.events += 1;
        let now = open.events;
        if let Some(connection) = open.by_id.get_mut(&self.id) {
            connection.asked = Some(now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().by_id.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(connections: &Connections) -> Vec<u64> {
        connections.lock().by_id.keys().copied().collect()
    }

    #[test]
    fn the_most_silent_one_makes_way() {
        let connections = Arc::new(Connections::new(3));
        let [first, second, third] = [(); 3].map(|()| connections.admit());
        first.has_asked();
        let fourth = connections.admit();
        assert_eq!(open(&connections), [first.id(), third.id(), fourth.id()]);
        third.has_asked();
        fourth.has_asked();
        let fifth = connections.admit();
        assert_eq!(open(&connections), [third.id(), fourth.id(), fifth.id()], "it asked first");
        drop(fourth);
        let sixth = connections.admit();
        assert_eq!(open(&connections), [third.id(), fifth.id(), sixth.id()]);
        drop((second, first));
        assert_eq!(open(&connections).len(), 3, "their places were others' already");
    }
}
