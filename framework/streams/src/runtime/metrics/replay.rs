//! How far a rerun is.

use std::sync::Arc;

use super::Published;
use crate::metrics::{Attributes, Collect, Collection, Metric};
use crate::runtime::replay::ReplayProgress;

/// Keeps the last progress that a rerun has told.
#[derive(Debug)]
pub(crate) struct ReplayRecorder {
    attributes: Attributes,
    last: Published<Option<ReplayProgress>>,
}

impl ReplayRecorder {
    pub(crate) fn new(application_id: &str, version: &str) -> Arc<Self> {
        let attributes = vec![
            ("application-id", Arc::from(application_id)),
            ("replay-version", Arc::from(version)),
        ];
        Arc::new(Self { attributes, last: Published::default() })
    }

    pub(crate) fn note(&self, progress: &ReplayProgress) {
        *self.last.lock() = Some(*progress);
    }
}

impl Collect for ReplayRecorder {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn collect(&self, into: &mut Collection<'_>) {
        let Some(progress) = *self.last.lock() else { return };
        let ReplayProgress { stage, stages, records, records_total, elapsed } = progress;
        let remaining = records_total.saturating_sub(records);
        into.count(Metric::ReplayRecords, &self.attributes, records);
        into.amount(Metric::ReplayRemaining, &self.attributes, remaining);
        let eta = match (remaining, records) {
            (0, _) => 0.0,
            (_, 0) => -1.0,
            _ => elapsed.as_secs_f64() * remaining as f64 / records as f64,
        };
        into.gauge(Metric::ReplayEta, &self.attributes, eta);
        into.gauge(Metric::ReplayStage, &self.attributes, stage as f64);
        into.gauge(Metric::ReplayStages, &self.attributes, stages as f64);
    }
}
