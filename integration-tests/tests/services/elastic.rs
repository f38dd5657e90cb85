//! Instances of one service that come and go while it works.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::expected;
use crate::process::{self, Running, Service};

const NAME: &str = "airline-delays";
const INSTANCES: usize = 3;
const STEPS: u32 = 12;
/// The first day to be fed, of January.
const FIRST_DAY: u32 = 6;

/// Starts and ends instances at random while flights come, then kills all but one: every departure counts
/// once. (One that is killed at work may count twice what it had not committed; these have nothing to do.)
pub(crate) fn instances_come_and_go(bootstrap: &str) {
    let seed = RandomState::new().hash_one(());
    let mut random = Random(seed);
    let states = tempfile::tempdir().unwrap();
    let mut running: BTreeMap<usize, Running> = BTreeMap::new();
    for step in 0..STEPS {
        feed_day(bootstrap, FIRST_DAY + step);
        let instance = random.below(INSTANCES);
        match running.remove(&instance) {
            Some(ending) if !running.is_empty() => {
                let outcome = ending.terminate();
                assert_eq!(outcome.status, Some(0), "seed {seed}: {outcome:?}");
            }
            Some(only) => _ = running.insert(instance, only),
            None => {
                let state = state_of(&states, instance);
                let started = Service::new(NAME, bootstrap, &state).start(&["run"]);
                // Sometimes the next one comes while this one is still joining.
                if random.below(2) == 0 {
                    started.wait_for("-> RUNNING");
                }
                running.insert(instance, started);
            }
        }
    }
    catch_up(bootstrap, &states);
    assert_same(bootstrap, seed, "after instances came and went");

    let survivor = running.pop_first();
    running.into_values().for_each(Running::kill);
    feed_day(bootstrap, FIRST_DAY + STEPS);
    catch_up(bootstrap, &states);
    assert_same(bootstrap, seed, "after instances were killed");
    if let Some((_, survivor)) = survivor {
        assert_eq!(survivor.terminate().status, Some(0), "seed {seed}");
    }
}

fn feed_day(bootstrap: &str, day: u32) {
    let (from, to) = (format!("2013-01-{day:02}"), format!("2013-01-{:02}", day + 1));
    process::feeder(bootstrap, &from, &to, "2");
}

/// Joins in until the group has read and committed everything.
fn catch_up(bootstrap: &str, states: &TempDir) {
    let state = state_of(states, INSTANCES);
    Service::new(NAME, bootstrap, &state).run(&["run", "--until-caught-up"]).succeeds();
}

fn assert_same(bootstrap: &str, seed: u64, when: &str) {
    let state = tempfile::tempdir().unwrap();
    let results = Service::new(NAME, bootstrap, state.path()).results(NAME);
    assert_eq!(results, expected::of(NAME, bootstrap), "seed {seed}: {when}");
}

fn state_of(states: &TempDir, instance: usize) -> PathBuf {
    states.path().join(instance.to_string())
}

/// A small generator of numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}
