//! Stream threads that come and go while the client runs.

use super::{KafkaStreams, thread_name};
use crate::error::{Error, Result};

impl KafkaStreams {
    /// Starts one more stream thread and returns its name; tasks move to it as the group decides (row R2).
    ///
    /// Memory that threads share is divided anew, but for what the clients of running threads hold ready:
    /// a new thread's share of that comes on top.
    ///
    /// # Errors
    ///
    /// Where the client is not running, or the thread cannot be started.
    pub fn add_stream_thread(&self) -> Result<String> {
        let mut started = self.started();
        let app = started.app.clone().filter(|_| self.state.get().is_open());
        let app = app.ok_or_else(|| {
            let state = self.state.get();
            Error::state(format!("a client in state {state} cannot be given a thread"))
        })?;
        self.launch_stream_thread(&app, &mut started)
    }

    /// Ends the stream thread with the highest number and returns its name, or nothing if there is none;
    /// its tasks go to others, and its member leaves the group (row R2).
    ///
    /// # Errors
    ///
    /// Where the client is not running, or the thread fails while it closes.
    pub fn remove_stream_thread(&self) -> Result<Option<String>> {
        let mut started = self.started();
        let app = started.app.clone().filter(|_| self.state.get().is_open());
        let app = app.ok_or_else(|| {
            let state = self.state.get();
            Error::state(format!("a client in state {state} has no thread to remove"))
        })?;
        let Some((index, stop)) = started.stops.pop_last() else { return Ok(None) };
        drop(started);
        stop.ask();
        app.threads.wait_for_end(index, || self.state.get().is_open());
        app.threads.remove(index);
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(Some(thread_name(&app, index))),
        }
    }
}
