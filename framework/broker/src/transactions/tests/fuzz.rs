//! Transactions in any order of events, restarts among them, beside a slow model of what is read.

use std::collections::BTreeMap;

use super::*;
use crate::log::records::Records;
use crate::testing::Random;

const IDS: [&str; 3] = ["a", "b", "c"];

/// A producer as it sees itself; the newest of its name or not.
#[derive(Clone)]
struct Client {
    id: &'static str,
    producer: Producer,
    sequences: [i32; 2],
    added: [bool; 2],
    /// What it wrote in its open transaction: partitions and offsets.
    open: Vec<(i32, i64)>,
}

struct Chaos {
    driver: Driver,
    random: Random,
    clients: Vec<Client>,
    /// What became of each record: whether it is committed, once that is known.
    fates: BTreeMap<(i32, i64), bool>,
    stable: [i64; 2],
    commits: usize,
    fenced: usize,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let (driver, random) = (driver(), Random(seed));
        let (clients, fates) = (Vec::new(), BTreeMap::new());
        Self { driver, random, clients, fates, stable: [0; 2], commits: 0, fenced: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    fn step(&mut self) {
        match self.below(40) {
            0 | 1 => self.start_another(),
            2 => self.driver.restart(),
            3 => {
                let millis = [1, 100, 400, 1_000][self.below(4)];
                self.driver.advance(millis);
            }
            action if !self.clients.is_empty() => {
                let place = self.below(self.clients.len());
                let mut client = self.clients[place].clone();
                match action {
                    4..=9 => self.end(&mut client, true),
                    10..=12 => self.end(&mut client, false),
                    _ => self.write(&mut client),
                }
                self.clients[place] = client;
            }
            _ => {}
        }
        self.check();
    }

    fn start_another(&mut self) {
        let id = IDS[self.below(IDS.len())];
        let producer = start(&mut self.driver, id);
        if self.clients.len() == 8 {
            self.clients.remove(0);
        }
        let client =
            Client { id, producer, sequences: [0; 2], added: [false; 2], open: Vec::new() };
        self.clients.push(client);
    }

    fn is_newest(&self, client: &Client) -> bool {
        let known = &self.driver.broker.transactions.by_id[client.id];
        (known.producer_id, known.epoch) == client.producer
    }

    fn write(&mut self, client: &mut Client) {
        let place = self.below(2);
        let index = place as i32;
        let may = self.is_newest(client);
        if !client.added[place] {
            let added = add(&mut self.driver, client.id, client.producer, index);
            assert_eq!(added.is_none(), may, "{added:?}");
            client.added[place] = may;
        }
        let records = batch(client.producer, client.sequences[place], 1);
        let response = self.driver.ask(8, &produce(client.id, "t", index, records));
        let result = &response.responses[0].partition_responses[0];
        let failed = error(result.error_code);
        assert_eq!(failed.is_none(), may, "fenced producers write nothing: {failed:?}");
        if may {
            client.open.push((index, result.base_offset));
            client.sequences[place] += 1;
        } else {
            self.fenced += 1;
        }
    }

    fn end(&mut self, client: &mut Client, is_commit: bool) {
        let may = self.is_newest(client);
        let has_open = client.added.contains(&true);
        let ended = self.driver.ask(1, &end(client.id, client.producer, is_commit));
        if may && has_open {
            assert_eq!(error(ended.error_code), None);
            self.commits += usize::from(is_commit);
            let open = std::mem::take(&mut client.open);
            self.fates.extend(open.into_iter().map(|record| (record, is_commit)));
        } else if !may {
            assert_eq!(error(ended.error_code), Some(ResponseError::InvalidProducerEpoch));
        }
        client.added = [false; 2];
    }

    /// Compares what readers of committed records see with what was committed.
    fn check(&mut self) {
        for index in [0, 1] {
            let request = fetch("t", &[(index, 0)]).with_isolation_level(1);
            let response = self.driver.ask(11, &request);
            let partition = &response.responses[0].partitions[0];
            let stable = partition.last_stable_offset;
            let place = index as usize;
            assert!(stable >= self.stable[place], "the last stable offset never goes back");
            self.stable[place] = stable;
            let seen = seen(partition);
            let all = self.fates.range((index, 0)..(index, stable));
            let expected: Vec<_> =
                all.filter(|(_, is_committed)| **is_committed).map(|((_, it), _)| *it).collect();
            assert_eq!(seen, expected);
            let behind = self.fates.range((index, stable)..(index + 1, 0)).count();
            let log = self.driver.broker.topics.partition("t", index).unwrap();
            assert!(behind == 0 || log.open_transactions().count() > 0);
        }
    }
}

/// Reads as a client does: leaves out markers and the records of aborted transactions.
fn seen(partition: &kafka_protocol::messages::fetch_response::PartitionData) -> Vec<i64> {
    let told = partition.aborted_transactions.as_ref().unwrap();
    let mut told: Vec<_> = told.iter().map(|it| (it.first_offset, it.producer_id.0)).collect();
    told.sort_unstable();
    let mut aborting = std::collections::BTreeSet::new();
    let mut rest = partition.records.clone().unwrap();
    let mut seen = Vec::new();
    while let Some(size) = crate::log::batch::size_of(&rest) {
        let bytes = rest.split_to(size);
        let header = BatchHeader::read(&bytes).unwrap();
        while told.first().is_some_and(|(first, _)| *first <= header.base_offset) {
            aborting.insert(told.remove(0).1);
        }
        if header.is_control() {
            aborting.remove(&header.producer_id);
        } else if !aborting.contains(&header.producer_id) {
            let records = Records::unpack(&bytes, &header).unwrap();
            let offset = |delta: i32| header.base_offset + i64::from(delta);
            seen.extend(records.entries().map(|entry| offset(entry.unwrap().head.offset_delta)));
        }
    }
    seen
}

#[test]
fn all_or_nothing_of_a_transaction_is_read_in_any_order_of_events() {
    let (mut commits, mut fenced) = (0, 0);
    for seed in 1..=40 {
        let mut chaos = Chaos::new(seed * 0x9e37_79b9);
        for _ in 0..300 {
            chaos.step();
        }
        // With nobody acting any more, whatever is open ends by its time-out.
        chaos.driver.advance(i64::from(TIMEOUT_MS));
        chaos.check();
        for index in [0, 1] {
            let (end, stable) = ends(&mut chaos.driver, index);
            assert_eq!(end, stable, "seed {seed}");
        }
        commits += chaos.commits;
        fenced += chaos.fenced;
    }
    assert!(commits > 500 && fenced > 500, "{commits} commits, {fenced} times fenced");
}
