//! Deleting what was processed of repartition topics (row ST11): nobody else reads them.

use std::sync::{Arc, PoisonError};

use super::application::Application;
use crate::kafka::{Admin, Offsets};

/// Deletes processed records every `repartition.purge.interval.ms` until a stop is asked for.
pub(super) fn run(app: &Arc<Application>, admin: &dyn Admin) {
    let mut purged = Offsets::new();
    while !app.stop.wait(app.settings.purge_interval) {
        let committed = app.purgeable.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let moved: Offsets = committed
            .into_iter()
            .filter(|(partition, offset)| purged.get(partition) != Some(offset))
            .collect();
        match admin.delete_records(&moved) {
            Ok(()) => purged.extend(moved),
            // They only take room; the next round tries again.
            Err(error) => tracing::warn!("{}", error.report()),
        }
    }
}
