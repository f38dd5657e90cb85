//! What a stream thread tells of itself and of its tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::client::seconds;
use super::{Published, messaging, of_task, of_thread};
use crate::ids::{Offset, TaskId};
use crate::kafka::Consumer;
use crate::metrics::{Attributes, Collect, Collection, Histogram, Metric, Metrics, Value, with};
use crate::runtime::application::Application;
use crate::runtime::kafka_streams::thread_name;
use crate::runtime::waiting_tasks::WaitingTasks;
use crate::task::{InputFigures, StoreFigures, Task, TaskFigures};
use crate::time::Timestamp;

/// What a thread spends its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Taking what was fetched.
    Poll,
    /// Processing.
    Process,
    /// Committing.
    Commit,
    /// Waiting for something to come.
    Wait,
    /// Answering the group, which gives tasks.
    Assigned,
    /// Answering the group, which takes tasks.
    Revoked,
    /// Answering the group, which has taken tasks.
    Lost,
    /// Being without what the group takes and gives: from the one to the other.
    Joined,
}

const PHASES: usize = 8;
/// How often figures are published.
const INTERVAL: Duration = Duration::from_millis(250);
/// How often the databases are asked, at most.
const DISK_INTERVAL: Duration = Duration::from_secs(15);
/// Over which time ratios are taken.
const WINDOW: Duration = Duration::from_secs(10);

/// Records for one stream thread.
#[derive(Debug)]
pub(crate) struct ThreadRecorder {
    metrics: Metrics,
    name: Arc<str>,
    published: Arc<Thread>,
    own: Own,
    /// The turns of each task.
    turns: BTreeMap<TaskId, Histogram>,
    /// Since when the group has taken tasks and not given others.
    joining_since: Option<Duration>,
    /// The tasks that ran when the last look was taken, and since when: one that left and came back between
    /// two looks is another.
    running: BTreeSet<(TaskId, Timestamp)>,
    next: Duration,
    window: Window,
    disk: BTreeMap<TaskId, DiskFigures>,
    /// When the databases were asked last, and how often samples had been collected by then.
    disk_asked: Option<(Duration, u64)>,
}

/// The thread's own fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    since: Timestamp,
    spent: [Duration; PHASES],
    took: [Histogram; PHASES],
    ratios: [f64; PHASES],
    polled: u64,
    processed: u64,
    last_commit: Duration,
    postponed: u64,
    created: u64,
    closed: u64,
    restoring: usize,
    cache_bytes: usize,
}

/// Where the last window began.
#[derive(Debug, Default)]
struct Window {
    since: Duration,
    spent: [Duration; PHASES],
    busy: BTreeMap<TaskId, Duration>,
    ratios: BTreeMap<TaskId, f64>,
}

/// By store, or of all together.
type DiskFigures = Vec<(Option<Arc<str>>, Metric, Value)>;

#[derive(Debug)]
struct Thread {
    attributes: Attributes,
    group: Arc<str>,
    figures: Published<(Own, Vec<Told>)>,
}

/// What was told of a task.
#[derive(Debug)]
struct Told {
    attributes: Attributes,
    since: Timestamp,
    turns: Histogram,
    ratio: f64,
    /// How long its next record has waited for something that was asked for.
    waited: Duration,
    figures: TaskFigures,
    /// The inputs' ends, as far as they are known.
    ends: Vec<Option<Offset>>,
    disk: DiskFigures,
}

/// What a recorder looks at, between two turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) running: &'a BTreeMap<TaskId, Task>,
    pub(crate) restoring: usize,
    pub(crate) waiting: &'a WaitingTasks,
    pub(crate) cache_bytes: usize,
}

impl ThreadRecorder {
    /// Begins to record for the thread of this number; nothing where metrics are off.
    pub(crate) fn start(app: &Application, index: usize) -> Option<Box<Self>> {
        let metrics = app.metrics.clone();
        if metrics.is_off() {
            return None;
        }
        let name: Arc<str> = thread_name(app, index).into();
        let now = app.clock.monotonic();
        let own = Own { since: app.clock.wall_clock(), last_commit: now, ..Own::default() };
        let figures = Published::default();
        *figures.lock() = (own.clone(), Vec::new());
        let group = app.settings.application_id.as_str().into();
        let published = Arc::new(Thread { attributes: of_thread(&name), group, figures });
        metrics.add(name.clone(), published.clone());
        Some(Box::new(Self {
            metrics,
            name,
            published,
            own,
            turns: BTreeMap::new(),
            joining_since: Some(now),
            running: BTreeSet::new(),
            next: now,
            window: Window { since: now, ..Window::default() },
            disk: BTreeMap::new(),
            disk_asked: None,
        }))
    }

    /// Notes how long something took, and how much came of it; what brought nothing is only time spent.
    #[expect(clippy::indexing_slicing, reason = "there is a slot for each phase")]
    pub(crate) fn note(&mut self, phase: Phase, took: Duration, amount: usize) {
        let at = phase as usize;
        self.own.spent[at] += took;
        if amount > 0 {
            self.own.took[at].record(took);
        }
        let amount = u64::try_from(amount).unwrap_or(0);
        match phase {
            Phase::Poll => self.own.polled += amount,
            Phase::Process => self.own.processed += amount,
            Phase::Commit
            | Phase::Wait
            | Phase::Assigned
            | Phase::Revoked
            | Phase::Lost
            | Phase::Joined => {}
        }
    }

    /// Notes a turn of a task in which it has processed.
    pub(crate) fn task_took(&mut self, task: TaskId, took: Duration) {
        self.turns.entry(task).or_default().record(took);
    }

    /// Notes that the group has taken tasks, or has given some.
    pub(crate) fn note_group(&mut self, now: Duration, given: bool) {
        if !given {
            self.joining_since.get_or_insert(now);
        } else if let Some(since) = self.joining_since.take() {
            self.note(Phase::Joined, now.saturating_sub(since), 1);
        }
    }

    /// Notes that a commit was taken, or is to be tried again.
    pub(crate) fn committed(&mut self, now: Duration, taken: bool) {
        if taken {
            self.own.last_commit = now;
        } else {
            self.own.postponed += 1;
        }
        self.next = now;
    }

    /// Publishes all figures, if it is time.
    pub(crate) fn publish(&mut self, now: Duration, view: View<'_>, consumer: &dyn Consumer) {
        if now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        self.note_tasks(view.running);
        self.own.restoring = view.restoring;
        self.own.cache_bytes = view.cache_bytes;
        self.ask_disks(now, view.running);
        if now.saturating_sub(self.window.since) >= WINDOW {
            self.end_window(now);
        }
        let told = view.running.iter().map(|(&id, task)| {
            let waited = view.waiting.waited(id, now);
            self.tell(id, (task, waited), consumer)
        });
        let told = told.collect();
        *self.published.figures.lock() = (self.own.clone(), told);
    }

    /// Counts the tasks that have come and gone.
    fn note_tasks(&mut self, running: &BTreeMap<TaskId, Task>) {
        let now = running.iter().map(|(&id, task)| (id, task.since()));
        if now.clone().eq(self.running.iter().copied()) {
            return;
        }
        let now: BTreeSet<(TaskId, Timestamp)> = now.collect();
        let gone: BTreeSet<TaskId> = self.running.difference(&now).map(|(id, _)| *id).collect();
        self.own.created += to_u64(now.difference(&self.running).count());
        self.own.closed += to_u64(gone.len());
        let stays = |task: &TaskId| running.contains_key(task) && !gone.contains(task);
        self.turns.retain(|task, _| stays(task));
        self.disk.retain(|task, _| stays(task));
        // New ones are asked at once.
        self.disk_asked = self.disk_asked.filter(|_| now.is_subset(&self.running));
        self.running = now;
    }

    /// Asks the databases, if somebody has read what they told last, and that is a while ago.
    fn ask_disks(&mut self, now: Duration, running: &BTreeMap<TaskId, Task>) {
        let snapshots = self.metrics.snapshots();
        let is_due = self
            .disk_asked
            .is_none_or(|(at, seen)| now.saturating_sub(at) >= DISK_INTERVAL && snapshots > seen);
        if !is_due {
            return;
        }
        self.disk_asked = Some((now, snapshots));
        for (&id, task) in running {
            let mut figures = DiskFigures::new();
            task.disk_figures(|store, metric, value| {
                figures.push((store.cloned(), metric, value));
            });
            self.disk.insert(id, figures);
        }
    }

    fn end_window(&mut self, now: Duration) {
        let length = now.saturating_sub(self.window.since).as_secs_f64();
        let since = |spent: Duration, before: Duration| spent.saturating_sub(before).as_secs_f64();
        let spent = self.own.spent.iter().zip(self.window.spent);
        for (ratio, (spent, before)) in self.own.ratios.iter_mut().zip(spent) {
            *ratio = since(*spent, before) / length;
        }
        let before = |task: &TaskId| self.window.busy.get(task).copied().unwrap_or_default();
        let busy = self.turns.iter();
        let busy = busy.map(|(task, turns)| (*task, since(turns.sum(), before(task))));
        let busy: Vec<(TaskId, f64)> = busy.collect();
        let all: f64 = busy.iter().map(|(_, busy)| busy).sum();
        let ratios = busy.into_iter().map(|(task, busy)| (task, busy / all.max(f64::MIN_POSITIVE)));
        let ratios = ratios.collect();
        let busy = self.turns.iter().map(|(task, turns)| (*task, turns.sum())).collect();
        self.window = Window { since: now, spent: self.own.spent, busy, ratios };
    }

    fn tell(&self, id: TaskId, (task, waited): (&Task, Duration), consumer: &dyn Consumer) -> Told {
        let figures = task.figures();
        let ends = figures.inputs.iter().map(|input| consumer.last_known_end(&input.partition));
        Told {
            attributes: of_task(&self.published.attributes, id),
            since: task.since(),
            turns: self.turns.get(&id).copied().unwrap_or_default(),
            ratio: self.window.ratios.get(&id).copied().unwrap_or_default(),
            waited,
            ends: ends.collect(),
            disk: self.disk.get(&id).cloned().unwrap_or_default(),
            figures,
        }
    }
}

impl Drop for ThreadRecorder {
    fn drop(&mut self) {
        self.metrics.end(&self.name);
    }
}

impl Collect for Thread {
    fn collect(&self, into: &mut Collection<'_>) {
        let figures = self.figures.lock();
        let (own, tasks) = &*figures;
        own.collect(&self.attributes, tasks.len(), into);
        messaging::of_thread(&self.attributes, &self.group, own, into);
        for task in tasks {
            task.collect(into);
            messaging::of_task(&task.attributes, &self.group, &task.figures, into);
        }
    }
}

impl Own {
    pub(super) fn took(&self, phase: Phase) -> Histogram {
        self.took.get(phase as usize).copied().unwrap_or_default()
    }

    fn collect(&self, thread: &Attributes, running: usize, into: &mut Collection<'_>) {
        let took = |phase| self.took(phase);
        let ratio = |phase: Phase| self.ratios.get(phase as usize).copied().unwrap_or_default();
        let spent = |phase: Phase| self.spent.get(phase as usize).copied().unwrap_or_default();
        into.gauge(Metric::ThreadStartTime, thread, seconds(self.since));
        into.durations(Metric::ThreadPollDuration, thread, &took(Phase::Poll));
        into.durations(Metric::ThreadProcessDuration, thread, &took(Phase::Process));
        into.durations(Metric::ThreadCommitDuration, thread, &took(Phase::Commit));
        into.gauge(Metric::ThreadPollRatio, thread, ratio(Phase::Poll));
        into.gauge(Metric::ThreadProcessRatio, thread, ratio(Phase::Process));
        into.gauge(Metric::ThreadCommitRatio, thread, ratio(Phase::Commit));
        into.count(Metric::ThreadPollRecords, thread, self.polled);
        into.count(Metric::ThreadProcessRecords, thread, self.processed);
        into.seconds(Metric::ThreadBlockedTime, thread, spent(Phase::Wait));
        let age = into.now.monotonic.saturating_sub(self.last_commit);
        into.gauge(Metric::ThreadCommitAge, thread, age.as_secs_f64());
        into.count(Metric::ThreadCommitPostponed, thread, self.postponed);
        let events = [
            (Phase::Assigned, "assigned"),
            (Phase::Revoked, "revoked"),
            (Phase::Lost, "lost"),
            (Phase::Joined, "joined"),
        ];
        for (phase, event) in events {
            let event = with(thread, "event", event);
            into.durations(Metric::ThreadRebalanceDuration, &event, &took(phase));
        }
        into.amount(Metric::ThreadTasksRunning, thread, to_u64(running));
        into.amount(Metric::ThreadTasksRestoring, thread, to_u64(self.restoring));
        into.count(Metric::ThreadTaskCreated, thread, self.created);
        into.count(Metric::ThreadTaskClosed, thread, self.closed);
        into.amount(Metric::ThreadCacheBytes, thread, to_u64(self.cache_bytes));
    }
}

impl Told {
    fn collect(&self, into: &mut Collection<'_>) {
        let (task, figures) = (&self.attributes, &self.figures);
        into.began(self.since);
        into.count(Metric::TaskProcessRecords, task, figures.processed);
        into.durations(Metric::TaskProcessDuration, task, &self.turns);
        into.gauge(Metric::TaskActiveProcessRatio, task, self.ratio);
        into.gauge(Metric::TaskWaitingTime, task, self.waited.as_secs_f64());
        for (reason, count) in figures.dropped.all() {
            let reason = with(task, "reason", reason.word());
            into.count(Metric::TaskDroppedRecords, &reason, count);
        }
        into.count(Metric::TaskEnforcedProcessing, task, figures.enforced);
        let records = figures.inputs.iter().map(|input| input.buffered.0).sum();
        let bytes = figures.inputs.iter().map(|input| input.buffered.1).sum();
        into.amount(Metric::TaskBufferedRecords, task, to_u64(records));
        into.amount(Metric::TaskBufferedBytes, task, to_u64(bytes));
        if figures.stream_time > Timestamp::UNKNOWN {
            into.gauge(Metric::TaskStreamTime, task, seconds(figures.stream_time));
        }
        if let Some(ages) = &figures.ages {
            into.durations(Metric::TaskRecordAge, task, ages);
        }
        if let Some(lateness) = &figures.lateness {
            into.durations(Metric::TaskRecordLateness, task, lateness);
        }
        for (store, count) in &figures.finals {
            into.count(Metric::WindowFinalEmits, &with(task, "state-id", store.clone()), *count);
        }
        for (input, end) in figures.inputs.iter().zip(&self.ends) {
            collect_input(input, *end, task, into);
        }
        for (topic, records, bytes) in &figures.produced {
            let topic = with(task, "topic", topic.clone());
            into.count(Metric::TopicRecordsProduced, &topic, *records);
            into.count(Metric::TopicBytesProduced, &topic, *bytes);
        }
        for store in &figures.stores {
            collect_store(store, task, into);
        }
        for (store, metric, value) in &self.disk {
            match store {
                Some(store) => into.value(*metric, &with(task, "state-id", store.clone()), value),
                None => into.value(*metric, task, value),
            }
        }
    }
}

fn collect_input(
    input: &InputFigures,
    end: Option<Offset>,
    task: &Attributes,
    into: &mut Collection<'_>,
) {
    let at = with(task, "topic", input.partition.topic.clone());
    let at = with(&at, "partition", input.partition.partition.to_string());
    into.count(Metric::TopicRecordsConsumed, &at, input.consumed.0);
    into.count(Metric::TopicBytesConsumed, &at, input.consumed.1);
    // What is done up to its end lags nothing, whatever the broker has said before or since.
    let lag = match (end, input.position) {
        _ if input.is_done => Some(0),
        (Some(end), Some(position)) => Some(u64::try_from(end.0 - position.0).unwrap_or(0)),
        _ => None,
    };
    if let Some(lag) = lag {
        into.amount(Metric::TopicLagRecords, &at, lag);
    }
    let age = input.next_time.map(|next| (seconds(into.now.wall) - seconds(next)).max(0.0));
    if let Some(age) = age.or(input.is_done.then_some(0.0)) {
        into.gauge(Metric::TopicLagTime, &at, age);
    }
}

fn collect_store(store: &StoreFigures, task: &Attributes, into: &mut Collection<'_>) {
    let at = with(task, "state-id", store.name.clone());
    into.amount(Metric::StoreUncommittedBytes, &at, to_u64(store.uncommitted_bytes));
    into.count(Metric::CacheHits, &at, store.reads.0);
    into.count(Metric::CacheMisses, &at, store.reads.1);
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
