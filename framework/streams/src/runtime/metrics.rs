//! What the threads have to tell, for metrics.
//!
//! A thread keeps plain fields, which only it touches, and a few times a second copies them where samples
//! are collected from. So nothing per record is shared, a thread that is busy keeps no scrape waiting, and
//! what is told is a moment old. Where metrics are off there is no recorder, and no clock is read for it.

mod client;
mod global;
mod messaging;
mod replay;
mod restore;
mod thread;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use client::{ClientSource, ThreadsSource};
pub(super) use global::GlobalRecorder;
pub(super) use replay::ReplayRecorder;
pub(super) use restore::RestoreRecorder;
pub(super) use thread::{Phase, ThreadRecorder, View};

use crate::ids::TaskId;
use crate::metrics::{Attributes, with};

/// What a recorder has published last.
#[derive(Debug, Default)]
struct Published<T>(Mutex<T>);

impl<T> Published<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_thread(name: &Arc<str>) -> Attributes {
    vec![("thread-id", name.clone())]
}

fn of_task(thread: &Attributes, task: TaskId) -> Attributes {
    with(thread, "task-id", task.to_string())
}
