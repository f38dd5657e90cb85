//! What a thread tells by OpenTelemetry's conventions for messaging, which know nothing of streams.
//!
//! Beside their attributes are the thread and the task: another thread that takes a task over begins a
//! series of its own.

use std::sync::Arc;

use super::thread::{Own, Phase};
use crate::metrics::{Attributes, Collection, Metric, with};
use crate::task::TaskFigures;

const SYSTEM: &str = "messaging.system";
const OPERATION: &str = "messaging.operation.name";
const DESTINATION: &str = "messaging.destination.name";
const PARTITION: &str = "messaging.destination.partition.id";
const GROUP: &str = "messaging.consumer.group.name";

fn operation(of: &Attributes, name: &str) -> Attributes {
    with(&with(of, SYSTEM, "kafka"), OPERATION, name)
}

pub(super) fn of_thread(
    thread: &Attributes,
    group: &Arc<str>,
    own: &Own,
    into: &mut Collection<'_>,
) {
    for (name, phase) in [("poll", Phase::Poll), ("commit", Phase::Commit)] {
        let at = with(&operation(thread, name), GROUP, group.clone());
        into.durations(Metric::MessagingOperationDuration, &at, &own.took(phase));
    }
    let at = with(&operation(thread, "process"), GROUP, group.clone());
    into.durations(Metric::MessagingProcessDuration, &at, &own.took(Phase::Process));
}

pub(super) fn of_task(
    task: &Attributes,
    group: &Arc<str>,
    figures: &TaskFigures,
    into: &mut Collection<'_>,
) {
    for input in &figures.inputs {
        let at = with(&operation(task, "poll"), DESTINATION, input.partition.topic.clone());
        let at = with(&at, PARTITION, input.partition.partition.to_string());
        let at = with(&at, GROUP, group.clone());
        into.count(Metric::MessagingConsumed, &at, input.consumed.0);
    }
    for (topic, records, _) in &figures.produced {
        let at = with(&operation(task, "send"), DESTINATION, topic.clone());
        into.count(Metric::MessagingSent, &at, *records);
    }
}
