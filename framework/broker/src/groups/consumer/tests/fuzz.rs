//! Members that come, stall, leave and die by chance, and topics that change: whatever happens, no
//! partition has two owners, and in the end each has one.

use super::*;
use crate::testing::Random;
use crate::testing::samples::create_partitions;

struct Run {
    driver: Driver,
    random: Random,
    clients: Vec<Client>,
    partitions: i32,
    next: u32,
}

impl Client {
    /// Sends a heartbeat; who is fenced gives everything up and comes back with nothing.
    fn beat_or_abandon(&mut self, driver: &mut Driver) {
        match self.beat(driver) {
            Err(ResponseError::FencedMemberEpoch) => *self = Self::new(&self.id, &[TOPIC]),
            other => other.unwrap(),
        }
    }
}

impl Run {
    fn step(&mut self) {
        let at = self.random.below(self.clients.len().max(1) as u64) as usize;
        match self.random.below(20) {
            0 if self.clients.len() < 6 => {
                self.next += 1;
                self.clients.push(Client::new(&format!("m{}", self.next), &[TOPIC]));
            }
            1 if self.clients.len() > 1 => {
                let gone = self.clients.remove(at);
                // Those that only vanish are silent until their sessions end.
                if self.random.below(2) == 0 && gone.epoch > 0 {
                    gone.leave(&mut self.driver, -1).unwrap();
                } else {
                    self.expire_others();
                }
            }
            2 if self.partitions < 20 => {
                self.partitions += 1;
                self.driver.ask(1, &create_partitions(TOPIC, self.partitions, None));
            }
            3 if !self.clients.is_empty() => {
                // An answer that is lost: the client asks again, in the epoch before.
                self.clients[at].clone().beat_or_abandon(&mut self.driver);
                self.clients[at].is_retrying = true;
            }
            _ if !self.clients.is_empty() => {
                self.clients[at].beat_or_abandon(&mut self.driver);
            }
            _ => {}
        }
        let owned: usize = self.clients.iter().map(|client| client.owned.len()).sum();
        let distinct: BTreeSet<_> = self.clients.iter().flat_map(|it| &it.owned).collect();
        assert_eq!(owned, distinct.len(), "{:?}", self.clients);
    }

    fn expire_others(&mut self) {
        for _ in 0..3 {
            self.driver.advance(19_000);
            for client in &mut self.clients {
                client.beat_or_abandon(&mut self.driver);
                client.beat_or_abandon(&mut self.driver);
            }
        }
    }

    fn check_settled(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        settle(&mut self.driver, &mut self.clients);
        let shares = shares(&self.clients);
        assert_eq!(shares.iter().sum::<usize>(), self.partitions as usize);
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
    }
}

#[test]
fn no_partition_ever_has_two_owners() {
    for seed in 1..=40 {
        let (random, clients) = (Random(seed), Vec::new());
        let mut run = Run { driver: driver(7), random, clients, partitions: 7, next: 0 };
        for _ in 0..10 {
            for _ in 0..40 {
                run.step();
            }
            // Those that have vanished are gone.
            run.expire_others();
            run.check_settled();
        }
    }
}

#[test]
fn what_can_stay_stays() {
    for seed in 1..=40 {
        let mut random = Random(seed);
        let count = 1 + random.below(30) as i32;
        let mut driver = driver(count);
        let members = 1 + random.below(8);
        let ids: Vec<String> = (0..members).map(|index| format!("m{index}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut clients = joined(&mut driver, &ids);
        let before = clients.clone();
        clients.insert(0, Client::new("another", &[TOPIC]));
        settle(&mut driver, &mut clients);
        let gained = clients[0].owned.len();
        let moved: usize = before
            .iter()
            .zip(&clients[1..])
            .map(|(was, is)| was.owned.difference(&is.owned).count())
            .sum();
        assert_eq!(moved, gained, "only what the new one gets has moved");
        clients.remove(0).leave(&mut driver, -1).unwrap();
        let before = clients.clone();
        settle(&mut driver, &mut clients);
        assert!(before.iter().zip(&clients).all(|(was, is)| was.owned.is_subset(&is.owned)));
    }
}
