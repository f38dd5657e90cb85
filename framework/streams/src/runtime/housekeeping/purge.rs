//! Deleting what was processed of repartition topics (row ST11): nobody else reads them.

use std::sync::PoisonError;

use crate::kafka::{Admin, Offsets};
use crate::runtime::application::Application;

/// What was deleted already.
#[derive(Debug, Default)]
pub(super) struct Purge(Offsets);

impl Purge {
    pub(super) fn run(&mut self, app: &Application, admin: &dyn Admin) {
        let committed = app.purgeable.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let moved: Offsets = committed
            .into_iter()
            .filter(|(partition, offset)| self.0.get(partition) != Some(offset))
            .collect();
        match admin.delete_records(&moved) {
            Ok(()) => self.0.extend(moved),
            // They only take room; the next round tries again.
            Err(error) => tracing::warn!("{}", error.report()),
        }
    }
}
