//! What a panic says.

use std::any::Any;

use crate::error::{Error, ErrorKind};
use crate::task::Task;

/// Makes an error of a panic in user code, naming the record that was being processed.
#[cold]
pub(super) fn error(panic: &(dyn Any + Send), task: Option<&Task>) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let at = task.and_then(Task::position).unwrap_or_else(|| "no record".to_owned());
    let message = format!("panicked while processing {at}: {message}");
    let error = Error::new(ErrorKind::Processing, message);
    match task {
        Some(task) => task.located(error).in_task(task.id()),
        None => error,
    }
}
