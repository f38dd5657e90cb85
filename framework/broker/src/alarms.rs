//! When each of many things next has something to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Millis;

/// The alarms by time and by whose they are: the same facts twice, to find the earliest and to find
/// a thing's own.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    by_time: BTreeSet<(Millis, String)>,
    of: BTreeMap<String, Millis>,
}

impl Alarms {
    /// Sets the alarm of a thing, which has one at most.
    pub(crate) fn set(&mut self, id: &str, alarm: Option<Millis>) {
        if self.of.get(id).copied() == alarm {
            return;
        }
        if let Some(old) = self.of.remove(id) {
            self.by_time.remove(&(old, id.to_owned()));
        }
        if let Some(at) = alarm {
            self.by_time.insert((at, id.to_owned()));
            self.of.insert(id.to_owned(), at);
        }
    }

    /// Returns the first whose alarm is due by now; it stays set.
    pub(crate) fn due(&self, now: Millis) -> Option<String> {
        self.by_time.first().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    /// Returns when the next one is due.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Returns when a thing's alarm is due.
    pub(crate) fn of(&self, id: &str) -> Option<Millis> {
        self.of.get(id).copied()
    }
}
