//! Which connections there are, and which one makes room for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The places for connections. When all are taken, one more takes that of the connection that has
/// been silent for longest; only when none is silent it gets none. So those who open connections
/// and say nothing keep nobody out.
#[derive(Debug)]
pub(super) struct Places {
    inner: Mutex<Inner>,
    max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    taken: usize,
    next: u64,
    /// What is silent, by since when; whoever is sent to goes.
    silent: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// Under what it is among the silent ones.
    silent_as: Mutex<Option<u64>>,
}

impl Places {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), max: max.max(1) })
    }

    /// Takes a place; the connection that had it is told to go.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut inner = lock(&self.inner);
        if inner.taken >= self.max {
            let (_, longest) = inner.silent.pop_first()?;
            // Its place is counted out when it has gone, which is soon; until then there is one
            // connection more. An error says that it is gone already.
            let _ = longest.send(());
        }
        inner.taken += 1;
        Some(Place { places: Arc::clone(self), silent_as: Mutex::new(None) })
    }
}

impl Place {
    /// Notes that the connection is silent from now on; what is returned says when it is to go.
    pub(super) fn silent(&self) -> oneshot::Receiver<()> {
        let (go, is_to_go) = oneshot::channel();
        let mut silent_as = lock(&self.silent_as);
        let mut inner = lock(&self.places.inner);
        if let Some(before) = silent_as.take() {
            inner.silent.remove(&before);
        }
        let now = inner.next;
        inner.next += 1;
        inner.silent.insert(now, go);
        *silent_as = Some(now);
        is_to_go
    }

    /// Notes that it has said something: a request is under way.
    pub(super) fn busy(&self) {
        if let Some(before) = lock(&self.silent_as).take() {
            lock(&self.places.inner).silent.remove(&before);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.busy();
        lock(&self.places.inner).taken -= 1;
    }
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_silent_for_longest_makes_room() {
        let places = Places::new(2);
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        let mut first_goes = first.silent();
        let mut second_goes = second.silent();
        // It has said something meanwhile, so it is not the one.
        first.busy();
        let mut first_goes_now = first.silent();
        let third = places.take().expect("a place");
        assert!(second_goes.try_recv().is_ok());
        assert!(first_goes_now.try_recv().is_err());
        assert!(first_goes.try_recv().is_err());
        drop(second);
        third.busy();
        first.busy();
        assert!(places.take().is_none(), "nobody is silent");
        drop(first);
        assert!(places.take().is_some());
    }
}
