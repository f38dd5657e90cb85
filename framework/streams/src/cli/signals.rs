//! Ctrl-C and SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};

use super::exit;
use crate::error::{Error, Result};
use crate::runtime::Stop;

/// Asks for a stop at the first Ctrl-C or SIGTERM; the second one ends the process at once.
///
/// # Errors
///
/// Where the process listens for them already.
pub fn heed_signals(stop: &Stop) -> Result<()> {
    let (stop, asked) = (stop.clone(), AtomicBool::new(false));
    let heed = move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        tracing::info!("a signal asks to stop; another one ends the process at once");
        stop.ask();
    };
    ctrlc::set_handler(heed)
        .map_err(|cause| Error::state("cannot listen for signals").with_source(cause))
}
