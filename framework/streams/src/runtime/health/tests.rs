//! Every state of a client and of its threads, and what probes are answered in it.

use super::*;
use crate::ids::SubtopologyId;

const LIMITS: HealthLimits = HealthLimits {
    silence_max: Duration::from_secs(600),
    restore_records_max: 1_000,
    restore_deadline: Duration::from_secs(300),
};

const STATES: [ClientState; 7] = [
    ClientState::Created,
    ClientState::Rebalancing,
    ClientState::Running,
    ClientState::PendingShutdown,
    ClientState::NotRunning,
    ClientState::PendingError,
    ClientState::Error,
];

fn thread(number: usize, state: ThreadState) -> ThreadVitals {
    ThreadVitals {
        number,
        state,
        state_for: Duration::from_secs(1),
        tasks: BTreeSet::from([TaskId::new(SubtopologyId(0), 0)]),
        silent_for: Duration::from_millis(5),
        to_restore: None,
        waiting: Vec::new(),
    }
}

fn restoring(to_restore: Option<u64>) -> ThreadVitals {
    ThreadVitals { to_restore, ..thread(1, ThreadState::PartitionsAssigned) }
}

fn vitals(state: ClientState, threads: Vec<ThreadVitals>) -> Vitals {
    Vitals {
        stage: StartStage::Done,
        state,
        is_stopping: false,
        threads,
        progress: BTreeMap::new(),
    }
}

fn ask(vitals: &Vitals, probe: Probe) -> (bool, String) {
    let answer = vitals.answer(probe, &LIMITS);
    (answer.is_yes, answer.reasons.join("; "))
}

fn yes(answer: &(bool, String)) -> bool {
    answer.0
}

#[test]
fn a_start_is_told_by_its_stage() {
    let stages = [
        (StartStage::Created, "not started yet"),
        (StartStage::Kafka, "waiting for Kafka"),
        (StartStage::Topics, "checking and making topics"),
        (StartStage::Registry, "waiting for the schema registry"),
        (StartStage::GlobalTables, "reading global tables"),
        (StartStage::Threads, "starting threads"),
    ];
    for (stage, words) in stages {
        let starting = Vitals { stage, ..vitals(ClientState::Rebalancing, Vec::new()) };
        // What may take as long as it needs is past what the startup probe waits for.
        let has_started = stage > StartStage::Topics;
        assert_eq!(ask(&starting, Probe::Startup), (has_started, words.to_owned()));
        assert_eq!(ask(&starting, Probe::Ready), (false, words.to_owned()));
        assert!(yes(&ask(&starting, Probe::Live)), "whoever waits for Kafka lives");
        let cell = StageCell::default();
        cell.set(stage);
        assert_eq!(cell.get(), stage);
    }
    let failed = Vitals { stage: StartStage::Topics, ..vitals(ClientState::Error, Vec::new()) };
    let (started, why) = ask(&failed, Probe::Startup);
    assert!(!started && why.contains("failed while checking"), "{why}");
}

#[test]
fn a_large_global_table_keeps_readiness_back_and_has_nobody_restarted() {
    let stage = StartStage::GlobalTables;
    let reading = Vitals { stage, ..vitals(ClientState::Rebalancing, Vec::new()) };
    let answers =
        [Probe::Startup, Probe::Ready, Probe::Live].map(|probe| yes(&ask(&reading, probe)));
    assert_eq!(answers, [true, false, true]);
}

#[test]
fn once_started_it_stays_started_in_every_state() {
    for state in STATES {
        assert!(yes(&ask(&vitals(state, Vec::new()), Probe::Startup)), "{state}");
    }
}

#[test]
fn only_a_client_that_runs_is_ready_and_none_that_ends() {
    for state in STATES {
        let one = vitals(state, vec![thread(1, ThreadState::Running)]);
        let (ready, why) = ask(&one, Probe::Ready);
        let ends = !state.is_open() && state != ClientState::Created;
        assert_eq!(ready, !ends, "{state}: {why}");
        assert_eq!(why.is_empty(), ready, "{state}: a no has its reason: {why}");
        let stopping = Vitals { is_stopping: true, ..one };
        assert!(!yes(&ask(&stopping, Probe::Ready)), "{state}");
        let live = state != ClientState::Error;
        assert_eq!(yes(&ask(&stopping, Probe::Live)), live, "{state}");
    }
}

#[test]
fn a_task_that_waits_makes_nobody_unready_but_is_told() {
    let waiting = vec![WaitingTask {
        task: TaskId::new(SubtopologyId(0), 1),
        reason: "schema 7 of http://registry is asked for".to_owned(),
        waited: Duration::from_millis(12_345),
    }];
    let told = "task 0_1 has waited for 12 s: schema 7 of http://registry is asked for";
    let running = ThreadVitals { waiting, ..thread(1, ThreadState::Running) };
    for state in [ClientState::Running, ClientState::Rebalancing] {
        let answer = ask(&vitals(state, vec![running.clone()]), Probe::Ready);
        assert_eq!(answer, (true, told.to_owned()), "{state}");
    }
    let ended = ThreadVitals { state: ThreadState::Dead, ..running };
    let (ready, why) = ask(&vitals(ClientState::Running, vec![ended]), Probe::Ready);
    assert!(ready && why.is_empty(), "{why}");
}

#[test]
fn a_thread_that_joins_or_has_lost_its_tasks_is_not_ready() {
    for (state, why) in [
        (ThreadState::Starting, "thread 2 is STARTING: joining the group"),
        (ThreadState::PartitionsRevoked, "thread 2 is PARTITIONS_REVOKED: it has no tasks now"),
    ] {
        let threads = vec![thread(1, ThreadState::Running), thread(2, state)];
        let rebalancing = vitals(ClientState::Rebalancing, threads);
        assert_eq!(ask(&rebalancing, Probe::Ready), (false, why.to_owned()));
        assert!(yes(&ask(&rebalancing, Probe::Live)));
    }
    assert!(!yes(&ask(&vitals(ClientState::Rebalancing, Vec::new()), Probe::Ready)));
}

#[test]
fn a_restore_holds_readiness_back_until_it_is_near_its_end_or_its_deadline() {
    let ready = |thread, limits| {
        vitals(ClientState::Rebalancing, vec![thread]).answer(Probe::Ready, limits)
    };
    let far = ready(restoring(Some(12_345)), &LIMITS);
    assert!(!far.is_yes);
    assert_eq!(far.reasons, ["thread 1 is PARTITIONS_ASSIGNED: restoring, 12,345 records to go"]);
    assert!(!ready(restoring(None), &LIMITS).is_yes, "nobody knows how far it is");
    assert!(ready(restoring(Some(1_000)), &LIMITS).is_yes);
    assert!(!ready(restoring(Some(1_001)), &LIMITS).is_yes);
    let strict = HealthLimits { restore_records_max: 0, ..LIMITS };
    assert!(!ready(restoring(Some(0)), &strict).is_yes, "RUNNING only");

    let late = ThreadVitals { state_for: LIMITS.restore_deadline, ..restoring(Some(12_345)) };
    let late = ready(late, &LIMITS);
    assert!(late.is_yes, "a rollout does not wait for ever");
    assert!(late.reasons.join("").contains("for longer than the deadline of 300 s"), "{late:?}");
}

#[test]
fn a_thread_that_does_not_come_round_is_not_live_in_any_state_but_dead() {
    use ThreadState::{
        Dead, PartitionsAssigned, PartitionsRevoked, PendingShutdown, Running, Starting,
    };
    for state in [Starting, PartitionsRevoked, PartitionsAssigned, Running, PendingShutdown] {
        let at_limit = ThreadVitals { silent_for: LIMITS.silence_max, ..thread(1, state) };
        assert!(yes(&ask(&vitals(ClientState::Running, vec![at_limit]), Probe::Live)));
        let silent_for = LIMITS.silence_max + Duration::from_secs(1);
        let beyond = ThreadVitals { silent_for, ..thread(3, state) };
        let (live, why) = ask(&vitals(ClientState::Running, vec![beyond]), Probe::Live);
        assert!(!live && why.contains("thread 3") && why.contains("601 s"), "{why}");
    }
    let dead = |state| ask(&vitals(state, vec![thread(1, Dead)]), Probe::Live);
    assert_eq!(dead(ClientState::Running), (false, "thread 1 is DEAD".to_owned()));
    assert!(yes(&dead(ClientState::PendingError)), "the process ends by itself");
    assert!(yes(&dead(ClientState::PendingShutdown)));
}

#[test]
fn thousands_are_set_apart() {
    let numbers = [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345")];
    for (number, text) in numbers {
        assert_eq!(grouped(number), text);
    }
    assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
}
