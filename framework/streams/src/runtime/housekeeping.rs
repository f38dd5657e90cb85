//! What a client does now and then beside its stream threads: one thread, no hurry.

mod inputs;
mod purge;

use std::sync::Arc;
use std::time::Duration;

use inputs::InputWatch;
use purge::Purge;

use super::application::Application;
use crate::error::Result;
use crate::kafka::Admin;

/// Deletes what was processed of repartition topics, and looks whether inputs are as they were, until a
/// stop is asked for.
///
/// # Errors
///
/// Where an input has changed so that going on would lose or misplace its records.
pub(super) fn run(app: &Arc<Application>, admin: &dyn Admin) -> Result<()> {
    let mut purge = Purge::default();
    let mut inputs = InputWatch::default();
    let now = app.clock.monotonic();
    let mut purge_at = now + app.settings.purge_interval;
    let mut look_at = now + app.settings.input_check_interval;
    while !app.stop.wait(purge_at.min(look_at).saturating_sub(app.clock.monotonic())) {
        let now = app.clock.monotonic();
        if is_due(now, &mut purge_at, app.settings.purge_interval) {
            purge.run(app, admin);
        }
        if is_due(now, &mut look_at, app.settings.input_check_interval) {
            inputs.look(app, admin)?;
        }
    }
    Ok(())
}

/// Returns whether something is due, and when it is again.
fn is_due(now: Duration, at: &mut Duration, interval: Duration) -> bool {
    let due = now >= *at;
    if due {
        *at = now + interval;
    }
    due
}
