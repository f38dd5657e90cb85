//! Asks for schemas in the background: one thread, each id once, again where that may help.
//!
//! Readers never wait for it, unless they say so. What is being asked for, what is kept, and how long a
//! refusal is believed are limited.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cache::Lru;
use super::{RegistryError, RegistryErrorKind, Transport, WriterSchema, references};
use crate::schemas::wire_format::SchemaId;
use crate::time::Clock;

/// How many ids may be asked for at a time.
const PENDING_MAX: usize = 256;

/// How long things take and last.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// The first pause before an id is asked for again; it doubles each time.
    pub(super) pause_min: Duration,
    /// The longest pause.
    pub(super) pause_max: Duration,
    /// How long a refusal is believed: what is missing may be registered later.
    pub(super) refusal: Duration,
    /// How long an id that nobody asks for any more is still asked for.
    pub(super) interest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pause_min: Duration::from_millis(100),
            pause_max: Duration::from_secs(10),
            refusal: Duration::from_secs(30),
            interest: Duration::from_secs(60),
        }
    }
}

/// What is known of an id.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// Its schema.
    Known(Arc<WriterSchema>),
    /// That it has none that can be used.
    Refused(RegistryError),
    /// Nothing yet; perhaps what went wrong at the last try.
    Pending(Option<String>),
}

pub(super) struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    patience: Patience,
    state: Mutex<State>,
    /// Something is to be asked for, or the thread is to end.
    work: Condvar,
    /// Something was answered.
    answered: Condvar,
}

struct State {
    answers: Lru<SchemaId, Kept>,
    pending: HashMap<SchemaId, Pending>,
    has_thread: bool,
    is_closed: bool,
}

enum Kept {
    Known(Arc<WriterSchema>),
    Refused(RegistryError, Duration),
}

struct Pending {
    tries: u32,
    /// When it is asked for next.
    due: Duration,
    /// When somebody wanted it last.
    wanted: Duration,
    error: Option<String>,
}

impl Fetcher {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        patience: Patience,
        schemas_max: usize,
    ) -> Self {
        let state = State {
            answers: Lru::new(schemas_max),
            pending: HashMap::new(),
            has_thread: false,
            is_closed: false,
        };
        let state = Mutex::new(state);
        let (work, answered) = (Condvar::new(), Condvar::new());
        Self { shared: Arc::new(Shared { transport, clock, patience, state, work, answered }) }
    }

    /// Returns what is known of an id, and has it asked for where nothing is.
    pub(super) fn ask(&self, id: SchemaId) -> Answer {
        self.ask_locked(&mut self.shared.lock(), id)
    }

    /// Returns what is known of an id, after waiting for it at most so long.
    pub(super) fn wait(&self, id: SchemaId, limit: Duration) -> Answer {
        let deadline = self.shared.clock.monotonic() + limit;
        let mut state = self.shared.lock();
        loop {
            let answer = self.ask_locked(&mut state, id);
            let left = deadline.saturating_sub(self.shared.clock.monotonic());
            if !matches!(answer, Answer::Pending(_)) || left.is_zero() {
                return answer;
            }
            let waited = self.shared.answered.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ask_locked(&self, state: &mut State, id: SchemaId) -> Answer {
        let now = self.shared.clock.monotonic();
        match state.answers.get(&id) {
            Some(Kept::Known(schema)) => return Answer::Known(schema.clone()),
            Some(Kept::Refused(error, until)) if now < *until => {
                return Answer::Refused(error.clone());
            }
            Some(Kept::Refused(..)) => state.answers.remove(&id),
            None => {}
        }
        if let Some(pending) = state.pending.get_mut(&id) {
            pending.wanted = now;
            // A clock turned by hand wakes nobody.
            self.shared.work.notify_one();
            return Answer::Pending(pending.error.clone());
        }
        if state.pending.len() >= PENDING_MAX {
            let message = format!("{PENDING_MAX} other schemas are being asked for");
            return Answer::Pending(Some(message));
        }
        if let Err(error) = self.start(state) {
            return Answer::Pending(Some(format!("cannot start a thread that asks: {error}")));
        }
        state.pending.insert(id, Pending { tries: 0, due: now, wanted: now, error: None });
        self.shared.work.notify_one();
        Answer::Pending(None)
    }

    fn start(&self, state: &mut State) -> std::io::Result<()> {
        if !state.has_thread {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("kappa-schemas".to_owned());
            thread.spawn(move || shared.run())?;
            state.has_thread = true;
        }
        Ok(())
    }
}

/// The thread ends by itself, at the latest when the registry has answered or its time is over.
impl Drop for Fetcher {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.work.notify_one();
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("pending", &self.shared.lock().pending.len()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some(id) = self.next() {
            self.keep(id, self.load(id));
            self.answered.notify_all();
        }
    }

    /// Asks for a schema. A transport is a user's, and may panic: that is an answer too, or the thread would be
    /// gone and all would wait for nobody.
    fn load(&self, id: SchemaId) -> Result<WriterSchema, RegistryError> {
        // Nothing of ours is changed by it.
        let load = AssertUnwindSafe(|| references::load(&*self.transport, id));
        catch_unwind(load).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said =
                said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            let message = format!("{} has panicked: {said}", self.transport.address());
            Err(RegistryError::new(RegistryErrorKind::Unexpected, message))
        })
    }

    /// Waits for something to ask for; returns nothing at the end.
    fn next(&self) -> Option<SchemaId> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            let now = self.clock.monotonic();
            let interest = self.patience.interest;
            state.pending.retain(|_, pending| now.saturating_sub(pending.wanted) <= interest);
            let first = state.pending.iter().min_by_key(|(_, pending)| pending.due);
            let (id, due) = match first {
                Some((id, pending)) => (Some(*id), pending.due),
                None => (None, now + interest),
            };
            if let Some(id) = id.filter(|_| due <= now) {
                return Some(id);
            }
            let waited = self.work.wait_timeout(state, due.saturating_sub(now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn keep(&self, id: SchemaId, answer: Result<WriterSchema, RegistryError>) {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        let error = match answer {
            Ok(schema) => {
                tracing::debug!(
                    "schema {id} is {} of {}",
                    schema.schema.format,
                    self.transport.address()
                );
                state.pending.remove(&id);
                state.answers.insert(id, Kept::Known(Arc::new(schema)));
                return;
            }
            Err(error) => error,
        };
        if error.is_final() {
            // Whoever asked for it tells of it, with the record that has it.
            tracing::debug!("schema {id} cannot be used: {error}");
            state.pending.remove(&id);
            state.answers.insert(id, Kept::Refused(error, now + self.patience.refusal));
            return;
        }
        let Some(pending) = state.pending.get_mut(&id) else { return };
        if pending.tries == 0 {
            tracing::debug!("schema {id} is not to be had yet, and is asked for again: {error}");
        }
        pending.due = now + pause(&self.patience, pending.tries);
        pending.tries += 1;
        pending.error = Some(error.to_string());
    }
}

/// Returns how long to pause after so many tries: twice as long each time, less a random part, so that not
/// all that lost a registry come back to it at once.
pub(super) fn pause(patience: &Patience, tries: u32) -> Duration {
    let full = patience.pause_min.saturating_mul(1 << tries.min(20)).min(patience.pause_max);
    // Each of these has a seed of its own, which is random enough here.
    let random = RandomState::new().build_hasher().finish();
    let per_mille = u32::try_from(random % 500).unwrap_or(0);
    full.saturating_sub(full.saturating_mul(per_mille) / 1000)
}

#[cfg(test)]
mod tests;
