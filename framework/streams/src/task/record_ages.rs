//! How old records are when they are processed, and how late: for metrics.

use std::time::Duration;

use crate::metrics::{BOUNDS, Histogram};
use crate::time::Timestamp;

/// How many records a run may have: the sum of so many ages, each at most the time since 1970, is a number.
const RUN_MAX: u32 = 1 << 20;

/// Counts the ages of one task's records.
///
/// Records in a row are of much the same age: as long as their timestamps stay within one bucket of the
/// histogram, two comparisons are all that one costs.
#[derive(Debug)]
pub(super) struct RecordAges {
    now_ms: i64,
    run: Run,
    ages: Histogram,
    lateness: Option<Histogram>,
}

/// Records whose ages fall into one bucket.
#[derive(Debug, Default)]
struct Run {
    /// The timestamps of the bucket: from this one, up to the other.
    from_ms: i64,
    until_ms: i64,
    count: u32,
    /// Of their ages.
    sum_ms: i64,
    oldest_ms: i64,
    newest_ms: i64,
}

impl RecordAges {
    pub(super) fn new(with_lateness: bool) -> Self {
        let lateness = with_lateness.then(Histogram::default);
        Self { now_ms: 0, run: Run::default(), ages: Histogram::default(), lateness }
    }

    /// Begins a turn.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.now_ms = now.as_millis();
        self.run = Run::default();
    }

    /// Counts a record.
    #[inline]
    pub(super) fn note(&mut self, at: Timestamp, stream_time: Timestamp) {
        let at_ms = at.as_millis();
        if !(self.run.from_ms..self.run.until_ms).contains(&at_ms) || self.run.count == RUN_MAX {
            self.end();
            self.run = run(self.now_ms, at_ms);
        }
        self.run.count += 1;
        // Timestamps ahead of the clock are of no age at all.
        self.run.sum_ms += self.now_ms.saturating_sub(at_ms).max(0);
        self.run.oldest_ms = self.run.oldest_ms.min(at_ms);
        self.run.newest_ms = self.run.newest_ms.max(at_ms);
        if let Some(lateness) = &mut self.lateness {
            lateness.record(millis(stream_time.as_millis().saturating_sub(at_ms)));
        }
    }

    /// Ends a turn.
    pub(super) fn end(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run.count == 0 {
            return;
        }
        let age = |at_ms: i64| millis(self.now_ms.saturating_sub(at_ms));
        let sum = millis(run.sum_ms);
        self.ages.record_run(run.count, sum, age(run.newest_ms)..=age(run.oldest_ms));
    }

    pub(super) fn ages(&self) -> &Histogram {
        &self.ages
    }

    pub(super) fn lateness(&self) -> Option<&Histogram> {
        self.lateness.as_ref()
    }
}

/// Begins the run of a record.
fn run(now_ms: i64, at_ms: i64) -> Run {
    let age = millis(now_ms.saturating_sub(at_ms)).as_secs_f64();
    let bucket = BOUNDS.partition_point(|bound| *bound < age);
    let at_bound = |bound: &f64| {
        let bound = i64::try_from(Duration::from_secs_f64(*bound).as_millis()).unwrap_or(i64::MAX);
        now_ms.saturating_sub(bound)
    };
    let younger = bucket.checked_sub(1).and_then(|younger| BOUNDS.get(younger));
    Run {
        from_ms: BOUNDS.get(bucket).map_or(i64::MIN, at_bound),
        until_ms: younger.map_or(i64::MAX, at_bound),
        count: 0,
        sum_ms: 0,
        oldest_ms: at_ms,
        newest_ms: at_ms,
    }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a histogram that is given each age by itself.
    #[test]
    fn runs_count_as_each_record_would() {
        let now_ms = 1_700_000_000_000;
        let ages_ms = [0, 1, 2, 4, 5, 6, 5, 0, -3, 61_000, 59_999, 60_000, 60_001, 999, 1_000, 7];
        let mut ages = RecordAges::new(true);
        let (mut each, mut late) = (Histogram::default(), Histogram::default());
        let stream_time = Timestamp::from_millis(now_ms);
        for turn in 0..3 {
            ages.begin(Timestamp::from_millis(now_ms + turn));
            for age_ms in ages_ms {
                let at_ms = now_ms + turn - age_ms;
                ages.note(Timestamp::from_millis(at_ms), stream_time);
                each.record(millis(age_ms));
                late.record(millis(now_ms - at_ms));
            }
            ages.end();
        }
        assert_eq!(*ages.ages(), each);
        assert_eq!(ages.lateness(), Some(&late));
        assert_eq!(RecordAges::new(false).lateness(), None);
    }
}
