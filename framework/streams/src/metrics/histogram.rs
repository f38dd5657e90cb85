//! Durations in fixed buckets.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The upper bounds of the buckets, in seconds; one more holds what is longer.
pub const BOUNDS: [f64; 14] =
    [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// The number of buckets.
const BUCKETS: usize = BOUNDS.len() + 1;

/// How long something took, each time: count, sum, least, most, and how many there were up to each bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    sum: Duration,
    min: Option<Duration>,
    max: Duration,
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(duration);
        self.min = Some(self.min.map_or(duration, |min| min.min(duration)));
        self.max = self.max.max(duration);
    }

    /// Counts several that belong into one bucket, given their number, their sum, and the shortest and the
    /// longest of them.
    pub fn record_run(&mut self, count: u32, sum: Duration, range: RangeInclusive<Duration>) {
        let (shortest, longest) = range.into_inner();
        self.record(longest);
        let bucket = BOUNDS.partition_point(|bound| *bound < longest.as_secs_f64());
        if let Some(counted) = self.buckets.get_mut(bucket) {
            *counted += u64::from(count.saturating_sub(1));
        }
        self.sum = self.sum.saturating_add(sum.saturating_sub(longest));
        self.min = self.min.map(|min| min.min(shortest));
    }

    /// Returns how many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns how long they took together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the shortest, if there was one.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.min
    }

    /// Returns the longest, if there was one.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.min.map(|_| self.max)
    }

    /// Returns the number in each bucket, the last one being past all [`BOUNDS`].
    #[must_use]
    pub fn buckets(&self) -> &[u64] {
        &self.buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.min(), histogram.max()), (None, None));
        for millis in [1, 2, 5, 90_000] {
            histogram.record(Duration::from_millis(millis));
        }
        let counted: Vec<_> =
            histogram.buckets().iter().enumerate().filter(|(_, count)| **count > 0).collect();
        assert_eq!(counted, [(2, &1), (3, &2), (14, &1)]);
        assert_eq!(histogram.count(), 4);
        assert_eq!(histogram.sum(), Duration::from_millis(90_008));
        assert_eq!(histogram.min(), Some(Duration::from_millis(1)));
        assert_eq!(histogram.max(), Some(Duration::from_secs(90)));
    }
}
