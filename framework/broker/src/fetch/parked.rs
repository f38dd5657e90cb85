//! Fetches that wait: found by partition when records come, by deadline when none do.

use std::collections::{BTreeMap, BTreeSet};

use crate::fetch::Fetch;
use crate::reply::ConnectionId;
use crate::time::Millis;

/// The name of a waiting fetch; earlier ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FetchId(u64);

/// All waiting fetches. There is one per connection at most, which bounds them.
#[derive(Debug, Default)]
pub(crate) struct ParkedFetches {
    fetches: BTreeMap<FetchId, Parked>,
    by_partition: BTreeMap<(String, i32), BTreeSet<FetchId>>,
    by_deadline: BTreeSet<(Millis, FetchId)>,
    next_id: u64,
}

#[derive(Debug)]
struct Parked {
    fetch: Fetch,
    deadline: Millis,
}

impl ParkedFetches {
    /// Keeps a fetch until someone takes it, at the latest at its deadline.
    pub(crate) fn park(&mut self, fetch: Fetch, deadline: Millis) {
        let id = FetchId(self.next_id);
        self.next_id += 1;
        for partition in keys(&fetch) {
            self.by_partition.entry(partition).or_default().insert(id);
        }
        self.by_deadline.insert((deadline, id));
        self.fetches.insert(id, Parked { fetch, deadline });
    }

    pub(crate) fn get(&self, id: FetchId) -> Option<&Fetch> {
        self.fetches.get(&id).map(|parked| &parked.fetch)
    }

    /// Returns those that wait for a partition.
    pub(crate) fn waiting_for(&self, topic: &str, index: i32) -> Vec<FetchId> {
        // Most appends find nobody waiting: then the key need not be built.
        if self.fetches.is_empty() {
            return Vec::new();
        }
        let waiting = self.by_partition.get(&(topic.to_owned(), index));
        waiting.map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// Returns one whose deadline is not after `now`.
    pub(crate) fn expired(&self, now: Millis) -> Option<FetchId> {
        self.by_deadline.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }

    /// Returns the next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Takes a fetch out, to answer it.
    pub(crate) fn take(&mut self, id: FetchId) -> Option<Fetch> {
        let Parked { fetch, deadline } = self.fetches.remove(&id)?;
        self.by_deadline.remove(&(deadline, id));
        for partition in keys(&fetch) {
            if let Some(waiting) = self.by_partition.get_mut(&partition) {
                waiting.remove(&id);
                if waiting.is_empty() {
                    self.by_partition.remove(&partition);
                }
            }
        }
        Some(fetch)
    }

    /// Returns whether nothing is kept, of fetches or about them.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.fetches.is_empty() && self.by_partition.is_empty() && self.by_deadline.is_empty()
    }

    /// Drops what a connection waits for.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        let is_its = |parked: &Parked| parked.fetch.call.connection == connection;
        let ids: Vec<_> =
            self.fetches.iter().filter(|(_, it)| is_its(it)).map(|(id, _)| *id).collect();
        for id in ids {
            self.take(id);
        }
    }
}

fn keys(fetch: &Fetch) -> impl Iterator<Item = (String, i32)> {
    fetch.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| (topic.name.to_string(), partition.index))
    })
}
