//! One value of one metric.

use std::sync::Arc;

use super::{Histogram, Metric};
use crate::time::Timestamp;

/// What a sample is about, in a stable order: names as in the JVM library, such as `task-id`.
pub type Attributes = Vec<(&'static str, Arc<str>)>;

/// A metric's value now, for one set of attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric.
    pub metric: Metric,
    /// What it is about.
    pub attributes: Attributes,
    /// The value.
    pub value: Value,
    /// Since when it is counted: what begins anew, as a task does that comes back to a thread, begins at zero.
    pub since: Timestamp,
}

impl Sample {
    /// Returns an attribute's value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| &**value)
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A sum that is no whole number: seconds.
    Sum(f64),
    /// What is so now.
    Gauge(f64),
    /// Durations.
    Histogram(Box<Histogram>),
}

impl Value {
    /// Returns the value as one number; of a histogram, its count.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a value of a metric needs no more than 52 bits"
    )]
    pub fn number(&self) -> f64 {
        match self {
            Self::Count(count) => *count as f64,
            Self::Sum(number) | Self::Gauge(number) => *number,
            Self::Histogram(histogram) => histogram.count() as f64,
        }
    }
}
