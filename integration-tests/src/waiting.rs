//! Waiting with a bound: every wait in a test ends, and says what did not come.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// A point in time by which something must have happened.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    bound: Duration,
}

impl Deadline {
    /// Makes a deadline so much later than now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tests wait for real clients in real time")]
    pub fn after(bound: Duration) -> Self {
        Self { at: Instant::now() + bound, bound }
    }

    /// Makes a deadline so many seconds later than now.
    #[must_use]
    pub fn seconds(seconds: u64) -> Self {
        Self::after(Duration::from_secs(seconds))
    }

    /// Returns whether there is time left.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.left().is_zero()
    }

    /// Returns the time that is left.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tests wait for real clients in real time")]
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Fails the test if no time is left.
    ///
    /// # Panics
    ///
    /// With what did not happen.
    pub fn check(&self, what: &str) {
        assert!(self.is_open(), "{what} did not happen within {:?}", self.bound);
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
///
/// If there is none in time.
pub fn eventually<T>(what: &str, deadline: Deadline, mut ask: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        deadline.check(what);
        // Whoever is asked does not say when to ask again.
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Measures how long something takes.
#[expect(clippy::disallowed_methods, reason = "a measurement of real time")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread: rdkafka's admin client has nothing else.
///
/// # Panics
///
/// If it takes longer than a minute.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let deadline = Deadline::seconds(60);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        deadline.check("the end of a future");
        thread::park_timeout(deadline.left());
    }
}
