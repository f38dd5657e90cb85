//! Members that do anything at any time: nobody is left without an answer, nothing breaks.

use std::collections::BTreeSet;

use bytes::Buf;

use super::*;
use crate::reply::Answer;
use crate::testing::Random;

const CLIENTS: usize = 5;

struct Member {
    connection: ConnectionId,
    name: Option<&'static str>,
    id: String,
    generation: i32,
    members: Vec<String>,
    /// The API of the request under way.
    waits_for: Option<i16>,
}

struct Chaos {
    driver: Driver,
    random: Random,
    members: Vec<Member>,
    stable_generations: BTreeSet<i32>,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let mut driver = driver();
        driver.create_topic("t", 1, &[]);
        let names = [None, None, None, Some("a"), Some("b")];
        let member = |name| Member {
            connection: driver.connect(),
            name,
            id: String::new(),
            generation: 0,
            members: Vec::new(),
            waits_for: None,
        };
        let members = names.map(member).into_iter().collect();
        Self { driver, random: Random(seed), members, stable_generations: BTreeSet::new() }
    }

    fn step(&mut self) {
        let index = self.random.below(CLIENTS as u64) as usize;
        if self.random.below(4) == 0 {
            let millis = [1, 20, 50, 50, 500, 500, 4_000, 25_000][self.random.below(8) as usize];
            self.driver.advance(millis);
        }
        self.receive();
        let action = self.random.below(20);
        if self.random.below(30) == 0 {
            self.remove_another();
        }
        let (driver, member) = (&mut self.driver, &mut self.members[index]);
        if member.waits_for.is_some() {
            if action == 0 {
                // It gives up and comes back by another connection, knowing what it knew.
                driver.disconnect(member.connection);
                member.connection = driver.connect();
                member.waits_for = None;
            }
            return;
        }
        let (id, connection) = (member.id.clone(), member.connection);
        let instance = member.name.map(text);
        match action {
            0 | 1 => {
                let request = leave(GROUP, &[(&id, member.name)]);
                driver.call(connection, 3, &request);
                member.id.clear();
            }
            2 => member.id.clear(),
            3..=9 => {
                driver.send(connection, 5, &join(GROUP, &id, member.name));
                member.waits_for = Some(11);
            }
            10..=14 => {
                let parts: Vec<_> = member.members.iter().map(|it| (it.as_str(), "x")).collect();
                let request = sync(GROUP, &id, member.generation, &parts);
                driver.send(connection, 3, &request.with_group_instance_id(instance));
                member.waits_for = Some(14);
            }
            15 | 16 => {
                let request = commit(GROUP, &id, member.generation, &[("t", 0, 1, "")]);
                driver.call(connection, 7, &request.with_group_instance_id(instance));
            }
            _ => {
                let request = heartbeat(GROUP, &id, member.generation);
                driver.call(connection, 3, &request.with_group_instance_id(instance));
            }
        }
        self.receive();
    }

    /// Somebody removes a member, by its id or by its name, whatever it is doing.
    fn remove_another(&mut self) {
        self.receive();
        let index = self.random.below(CLIENTS as u64) as usize;
        let other = &self.members[index];
        let by_name = other.name.is_some() && self.random.below(2) == 0;
        let id = if by_name { "" } else { other.id.as_str() };
        let left = self.driver.ask(3, &leave(GROUP, &[(id, other.name)]));
        self.receive();
        if left.members[0].error_code == 0 {
            assert_eq!(self.members[index].waits_for, None, "it is gone and does not hear of it");
        }
    }

    /// Takes in the answers that have come.
    fn receive(&mut self) {
        for member in &mut self.members {
            let connection = member.connection;
            match member.waits_for {
                Some(11) => {
                    let answer = self.driver.answer::<JoinGroupRequest>(connection, 5);
                    let Some(joined) = answer else { continue };
                    member.waits_for = None;
                    match error(joined.error_code) {
                        None => {
                            member.generation = joined.generation_id;
                            let ids = joined.members.iter();
                            member.members = ids.map(|it| it.member_id.to_string()).collect();
                            member.id = joined.member_id.to_string();
                        }
                        Some(ResponseError::MemberIdRequired) => {
                            member.id = joined.member_id.to_string();
                        }
                        Some(_) => member.id.clear(),
                    }
                }
                Some(_) => {
                    let answer = self.driver.answer::<SyncGroupRequest>(connection, 3);
                    let Some(synced) = answer else { continue };
                    member.waits_for = None;
                    if synced.error_code == 0 {
                        self.stable_generations.insert(member.generation);
                    }
                }
                None => assert!(self.driver.raw_answer(connection).is_none(), "not asked for"),
            }
        }
    }
}

#[test]
fn groups_survive_any_order_of_events() {
    let mut generations = 0;
    for seed in 1..=60 {
        let mut chaos = Chaos::new(seed * 0x9e37_79b9);
        for _ in 0..2_000 {
            chaos.step();
        }
        // With nobody acting any more, every wait ends and all members expire.
        chaos.driver.advance(1_000_000);
        chaos.receive();
        let waiting = chaos.members.iter().filter(|it| it.waits_for.is_some()).count();
        assert_eq!(waiting, 0, "seed {seed}");
        let (state, members) = state(&mut chaos.driver);
        assert!(matches!(state.as_str(), "Empty" | "Dead"), "seed {seed}: {state}");
        assert_eq!((members, chaos.driver.broker.next_deadline()), (0, None), "seed {seed}");
        generations += chaos.stable_generations.len();
    }
    assert!(generations > 500, "only {generations} generations got their assignment");
}

/// The same requests at the same times give the same answers, to the byte.
#[test]
fn a_run_can_be_repeated() {
    let run = || {
        let mut driver = driver();
        let mut bytes = Vec::new();
        let connections = [0, 1, 2].map(|_| driver.connect());
        for (connection, version) in connections.into_iter().zip([3, 2, 0]) {
            driver.send(connection, version, &join(GROUP, "", None));
            driver.advance(20);
        }
        driver.advance(1_000);
        for connection in connections {
            let Some(Answer::Frame(mut frame)) = driver.raw_answer(connection) else {
                panic!("no answer")
            };
            bytes.push(frame.copy_to_bytes(frame.remaining()));
        }
        bytes
    };
    let first = run();
    assert!(first.iter().all(|it| !it.is_empty()));
    assert_eq!(first, run());
}
