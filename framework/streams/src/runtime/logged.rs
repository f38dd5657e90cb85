//! What the log is told of errors: each once, with its task, its record and its trace.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::Error;
use crate::task::Task;

/// Writes an event about an error, with the fields that it knows.
macro_rules! about {
    ($level:ident, $error:expr, $($text:tt)+) => {{
        let error: &Error = $error;
        let place = error.record();
        tracing::$level!(
            task = error.task().map(display),
            topic = place.map(|place| &*place.partition.topic),
            partition = place.map(|place| place.partition.partition),
            offset = place.map(|place| place.offset.0),
            trace_id = place.and_then(|place| place.trace).map(display),
            $($text)+
        );
    }};
}

/// Tells of an error that ends a thread; whoever is given it need not tell of it again.
pub(super) fn fatal(error: &mut Error) {
    about!(error, error, "{}", error.report());
    error.note_logged();
}

/// Tells of an error that something is done about.
pub(super) fn warning(error: &Error, then: &str) {
    about!(warn, error, "{}; {then}", error.report());
}

/// Tells of an error that will pass, and of who waits for that.
pub(super) fn waits(who: &str, error: &Error) {
    about!(warn, error, "{who} waits: {}", error.report());
}

/// Tells of the records that a task has skipped.
pub(crate) fn skipped(task: &mut Task) {
    let id = task.id();
    for error in task.take_skipped() {
        let error = error.in_task(id);
        about!(warn, &error, "skipped a record: {}", error.report());
    }
}

/// Tells of what fails again and again only now and then.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    /// When each was told last, and how often it came since.
    told: BTreeMap<String, (Duration, u64)>,
}

/// How often the same is told.
const INTERVAL: Duration = Duration::from_secs(30);
/// How many are remembered.
const KEPT: usize = 64;

impl Repeated {
    /// Tells of an error, unless it was told of just before.
    pub(super) fn warning(&mut self, now: Duration, error: &Error, then: &str) {
        if let Some(others) = self.is_due(now, error.report()) {
            match others {
                0 => warning(error, then),
                others => {
                    warning(error, &format!("{then} ({others} times more since it was told)"))
                }
            }
        }
    }

    /// Returns how often something came untold, if it is to be told now.
    fn is_due(&mut self, now: Duration, what: String) -> Option<u64> {
        if self.told.len() >= KEPT {
            self.told.retain(|_, (told, _)| now.saturating_sub(*told) < INTERVAL);
        }
        let has_room = self.told.len() < KEPT;
        match self.told.get_mut(&what) {
            Some((told, others)) if now.saturating_sub(*told) < INTERVAL => {
                *others += 1;
                None
            }
            Some(known) => {
                let (_, others) = std::mem::replace(known, (now, 0));
                Some(others)
            }
            None if has_room => {
                self.told.insert(what, (now, 0));
                Some(0)
            }
            // So many at once are told of by others of them.
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_told_now_and_then() {
        let mut repeated = Repeated::default();
        let mut due =
            |seconds, what: &str| repeated.is_due(Duration::from_secs(seconds), what.to_owned());
        assert_eq!(due(0, "no answer"), Some(0));
        assert_eq!(due(1, "no answer"), None);
        assert_eq!(due(2, "another"), Some(0));
        assert_eq!(due(29, "no answer"), None);
        assert_eq!(due(30, "no answer"), Some(2));
        assert_eq!(due(61, "no answer"), Some(0));
        for number in 0..1_000 {
            due(62, &number.to_string());
        }
        assert!(repeated.told.len() <= KEPT);
    }
}
