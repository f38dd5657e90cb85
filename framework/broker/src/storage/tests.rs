use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::changes::LogId;
use crate::changes::facts::{CommittedFact, Fact, Key};
use crate::log::batch;
use crate::testing::batches::Batch;
use crate::testing::logged;

const LOG: LogId = LogId { topic: 4, partition: 1 };

/// A directory that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kappa-broker-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn open(&self) -> (DataDir, Image) {
        DataDir::open(&self.0).unwrap()
    }

    fn error(&self) -> String {
        DataDir::open(&self.0).unwrap_err().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn topic() -> Fact {
    let overrides = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    Fact::Topic { name: "t".to_owned(), id: 4, partitions: 2, overrides }
}

fn offset(offset: i64) -> Fact {
    let committed = CommittedFact { offset, leader_epoch: 0, metadata: String::new() };
    Fact::Offset { group: "g".to_owned(), topic: "t".to_owned(), partition: 1, committed }
}

fn batch_at(base: i64) -> Bytes {
    let mut bytes = BytesMut::from(Batch::of(1).encode());
    batch::assign(&mut bytes, base, 0);
    bytes.freeze()
}

fn append(base: i64) -> Step {
    Step::Append { log: LOG, batch: batch_at(base) }
}

fn write(data: &mut DataDir, steps: Vec<Step>) -> io::Result<()> {
    data.write(steps.into_iter().map(Change))
}

fn facts(image: &Image) -> Vec<Fact> {
    image.facts().cloned().collect()
}

#[test]
fn what_was_written_is_found() {
    let place = Place::new("found");
    let (mut data, image) = place.open();
    assert_eq!(facts(&image), []);
    let steps = vec![Step::Set(topic()), append(0), Step::Set(offset(1)), append(1)];
    write(&mut data, steps).unwrap();
    write(&mut data, vec![Step::Set(offset(2))]).unwrap();
    drop(data);
    let (mut data, mut image) = place.open();
    assert_eq!(facts(&image), [topic(), offset(2)]);
    assert_eq!(image.take_log(LOG), [batch_at(0), batch_at(1)]);
    let step = Step::Rewrite { log: LOG, batches: vec![batch_at(1)] };
    write(&mut data, vec![step, append(5)]).unwrap();
    finish(&mut data);
    write(&mut data, vec![append(6)]).unwrap();
    drop(data);
    assert_eq!(place.open().1.take_log(LOG), [batch_at(1), batch_at(5), batch_at(6)]);
}

fn finish(data: &mut DataDir) -> usize {
    let mut steps = 0;
    while data.is_busy() {
        data.go_on().unwrap();
        steps += 1;
    }
    steps
}

#[test]
fn a_file_is_written_anew_in_steps_of_which_the_last_counts() {
    let place = Place::new("rewritten");
    let (mut data, _) = place.open();
    let large = |base: i64| {
        let batch = Batch { value_bytes: 700_000, ..Batch::default() };
        let mut bytes = BytesMut::from(batch.encode());
        batch::assign(&mut bytes, base, 0);
        bytes.freeze()
    };
    let all: Vec<_> = (0..6).map(large).collect();
    write(&mut data, vec![Step::Set(topic()), append(0)]).unwrap();
    let step = || Step::Rewrite { log: LOG, batches: all.clone() };
    write(&mut data, vec![step()]).unwrap();
    data.go_on().unwrap();
    write(&mut data, vec![append(6)]).unwrap();
    drop(data);
    // Killed in between: what was there before, and what came since.
    let (mut data, mut image) = place.open();
    assert_eq!(image.take_log(LOG), [batch_at(0), batch_at(6)]);
    write(&mut data, vec![step()]).unwrap();
    write(&mut data, vec![append(7)]).unwrap();
    assert_eq!(finish(&mut data), 4);
    drop(data);
    let (mut data, mut image) = place.open();
    assert_eq!(image.take_log(LOG), [&all[..], &[batch_at(7)]].concat());
    write(&mut data, vec![step()]).unwrap();
    write(&mut data, vec![Step::Unset(Key::Topic("t".to_owned()))]).unwrap();
    assert!(!data.is_busy());
    assert_eq!(fs::read_dir(place.file("logs")).unwrap().count(), 0);
}

#[test]
fn a_deleted_topic_leaves_nothing() {
    let place = Place::new("deleted");
    let (mut data, _) = place.open();
    write(&mut data, vec![Step::Set(topic()), append(0), Step::Set(offset(1))]).unwrap();
    let file = place.file("logs/4-1.log");
    assert!(file.exists());
    write(&mut data, vec![Step::Unset(Key::Topic("t".to_owned()))]).unwrap();
    assert!(!file.exists());
    drop(data);
    // Files of a broker that was killed before it could remove them.
    fs::write(&file, "rest").unwrap();
    fs::write(place.file("logs/4-1.log.new"), "rest").unwrap();
    assert_eq!(facts(&place.open().1), []);
    assert_eq!(fs::read_dir(place.file("logs")).unwrap().count(), 0);
}

#[test]
fn what_was_written_in_part_is_cut_off_wherever_it_ends() {
    let place = Place::new("torn");
    let (mut data, _) = place.open();
    write(&mut data, vec![Step::Set(topic()), append(0), Step::Set(offset(1))]).unwrap();
    drop(data);
    let (journal, log) = (place.file("journal"), place.file("logs/4-1.log"));
    let (whole, batch) = (fs::read(&journal).unwrap(), fs::read(&log).unwrap());
    let torn = |path: &Path, bytes: &[u8], expected: &[Fact], batches: usize| {
        fs::write(path, bytes).unwrap();
        let mut found = Vec::new();
        let said = logged(|| {
            let (data, mut image) = place.open();
            found = facts(&image);
            assert_eq!(image.take_log(LOG).len(), batches);
            drop(data);
        });
        assert_eq!(found, expected);
        said
    };
    let two = [topic(), offset(1)];
    for end in 1..batch.len() {
        let more = [&batch[..], &batch_at(1)[..end]].concat();
        let said = torn(&log, &more, &two, 1);
        assert!(said.contains(&format!("4-1.log: {end} bytes at its end")), "{said}");
        assert_eq!(fs::read(&log).unwrap(), batch);
    }
    fs::remove_file(&log).unwrap();
    let mut alone = Place::new("torn-head").open().0;
    write(&mut alone, vec![Step::Set(topic())]).unwrap();
    let head = usize::try_from(alone.journal.size()).unwrap();
    for end in head + 1..whole.len() {
        let said = torn(&journal, &whole[..end], &two[..1], 0);
        assert!(said.contains("journal: "), "{said}");
    }
    assert!(torn(&journal, &whole[..head], &two[..1], 0).is_empty());
}

#[test]
fn anything_else_that_is_malformed_keeps_it_from_starting() {
    let place = Place::new("malformed");
    let (mut data, _) = place.open();
    write(&mut data, vec![Step::Set(topic()), append(0), append(1), Step::Set(offset(1))]).unwrap();
    drop(data);
    let (journal, log) = (place.file("journal"), place.file("logs/4-1.log"));
    let spoil = |path: &Path, position: usize| {
        let whole = fs::read(path).unwrap();
        let mut spoilt = whole.clone();
        spoilt[position] ^= 0x40;
        fs::write(path, spoilt).unwrap();
        let error = place.error();
        fs::write(path, whole).unwrap();
        error
    };
    let size = batch_at(0).len();
    let error = spoil(&log, size + 70);
    let expected = format!("logs/4-1.log is malformed at byte {size}: the checksum of a batch");
    assert!(error.contains(&expected), "{error}");
    assert!(spoil(&log, size + 16).contains("this is no batch"));
    let first = 23;
    for (position, why) in [(first, "of a length"), (first + 9, "of a length"), (40, "of a change")]
    {
        let error = spoil(&journal, position);
        let expected = format!("journal is malformed at byte {first}: the checksum {why}");
        assert!(error.contains(&expected), "{error}");
    }
    assert!(spoil(&journal, 3).contains("at byte 0: this is no journal of kappa-broker"));
    place.open();
}

#[test]
fn two_brokers_cannot_share_a_directory() {
    let place = Place::new("locked");
    let first = place.open();
    let error = place.error();
    assert!(error.starts_with("another broker uses the data directory "), "{error}");
    drop(first);
    place.open();
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let place = Place::new("full");
    let (mut data, _) = place.open();
    write(&mut data, vec![Step::Set(topic())]).unwrap();
    // Whatever is written there, there is no room for it.
    std::os::unix::fs::symlink("/dev/full", place.file("logs/4-1.log")).unwrap();
    let error = write(&mut data, vec![append(0)]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("cannot write to "), "{error}");
    assert!(error.to_string().contains("logs/4-1.log"), "{error}");
}

#[test]
fn the_journal_does_not_grow_for_ever() {
    let place = Place::new("grown");
    let (mut data, _) = place.open();
    write(&mut data, vec![Step::Set(topic())]).unwrap();
    let metadata = "m".repeat(4_000);
    let mut largest = 0;
    for number in 0..6_000 {
        let committed =
            CommittedFact { offset: number, leader_epoch: 0, metadata: metadata.clone() };
        let (group, topic) = ("g".to_owned(), "t".to_owned());
        write(&mut data, vec![Step::Set(Fact::Offset { group, topic, partition: 1, committed })])
            .unwrap();
        largest = largest.max(fs::metadata(place.file("journal")).unwrap().len());
    }
    assert!((7 << 20..9 << 20).contains(&largest), "{largest}");
    drop(data);
    let (data, image) = place.open();
    let Some(Fact::Offset { committed, .. }) = image.facts().last() else { panic!("no offset") };
    assert_eq!(committed.offset, 5_999);
    assert!(
        fs::metadata(place.file("journal")).unwrap().len() < 5_000,
        "and is small at the start"
    );
    drop(data);
}

#[test]
fn more_files_than_may_be_open_can_be_written() {
    let place = Place::new("many");
    let (mut data, _) = place.open();
    let fact =
        Fact::Topic { name: "t".to_owned(), id: 4, partitions: 300, overrides: BTreeMap::new() };
    write(&mut data, vec![Step::Set(fact)]).unwrap();
    let logs = (0..300).map(|partition| LogId { topic: 4, partition });
    for base in 0..2 {
        let steps = logs.clone().map(|log| Step::Append { log, batch: batch_at(base) });
        write(&mut data, steps.collect()).unwrap();
    }
    drop(data);
    let (_data, mut image) = place.open();
    for log in logs {
        assert_eq!(image.take_log(log), [batch_at(0), batch_at(1)]);
    }
}
