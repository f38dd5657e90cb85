//! Looking whether inputs are as they were at the start.
//!
//! Partitions that come to an input while an application runs are nobody's: there are no tasks for them,
//! and the keys of new records go elsewhere than those of old ones, whose state is where it was. An
//! input that is deleted would only fall silent. The group tells neither of topics that it does not
//! know.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kafka::Admin;
use crate::runtime::application::Application;

/// What the last look found.
#[derive(Debug, Default)]
pub(super) struct InputWatch {
    missing: Option<Arc<str>>,
}

impl InputWatch {
    /// Compares the inputs' partition counts with those at the start.
    ///
    /// # Errors
    ///
    /// Where a count has changed, or an input was missing twice running: a broker that has just started
    /// may not know a topic yet.
    pub(super) fn look(&mut self, app: &Application, admin: &dyn Admin) -> Result<()> {
        let topics: Vec<Arc<str>> = app.external.keys().cloned().collect();
        let counts = match admin.partition_counts(&topics) {
            Ok(counts) => counts,
            Err(error) => {
                tracing::debug!("cannot look at the inputs now: {}", error.report());
                return Ok(());
            }
        };
        let mut missing = None;
        for (topic, &before) in &app.external {
            match counts.get(topic) {
                Some(&now) if now == before => {}
                Some(now) => {
                    return Err(Error::topology(format!(
                        "input topic {topic} had {before} partitions at the start and has {now} now: \
                         stop all instances; an application without stores and repartition topics \
                         can be started again as it is, any other must be reset first, since keys \
                         have moved between partitions"
                    )));
                }
                None if self.missing.as_ref() == Some(topic) => {
                    return Err(Error::topology(format!(
                        "input topic {topic} does not exist any more: create it again and reset the \
                         application, or stop it"
                    )));
                }
                None => missing = missing.or(Some(topic.clone())),
            }
        }
        self.missing = missing;
        Ok(())
    }
}
