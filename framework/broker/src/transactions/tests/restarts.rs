//! Transactions when the broker starts again, wherever it was.

use super::*;
use crate::changes::{Change, Image, Step};
use crate::reply::Replies;

#[test]
fn an_open_transaction_goes_on_and_its_time_begins_anew() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    add(&mut driver, "id", producer, 0);
    write(&mut driver, producer, 0, 0);
    driver.advance(900);
    driver.restart();
    assert_eq!(ends(&mut driver, 0), (1, 0));
    driver.advance(900);
    assert_eq!(write(&mut driver, producer, 0, 1), None);
    driver.advance(100);
    assert_eq!(ends(&mut driver, 0), (3, 3), "aborted");
    assert_eq!(finish(&mut driver, producer, true), Some(ResponseError::InvalidProducerEpoch));
}

/// Whatever part of an end is written down, all partitions and groups see the same end.
#[test]
fn an_end_that_is_cut_off_anywhere_is_finished() {
    for is_commit in [true, false] {
        let mut driver = driver();
        let producer = start(&mut driver, "id");
        for index in [0, 1] {
            add(&mut driver, "id", producer, index);
            write(&mut driver, producer, index, 0);
        }
        driver.ask(0, &add_offsets("id", producer, "g"));
        driver.ask(3, &commit("id", producer, "g", &[("t", 0, 5)]));
        let before = driver.image.clone();
        let changes = changes_of(&mut driver, &end("id", producer, is_commit));
        assert!(matches!(&changes[0].0, Step::Set(Fact::Transaction(it))
            if matches!(it.phase, Phase::Ending(_))));
        assert!(matches!(&changes.last().unwrap().0, Step::Set(Fact::Transaction(it))
            if matches!(it.phase, Phase::Ended(_))));
        assert!(changes.len() >= 5, "decided, two markers, offset, ended");
        for kept in 1..=changes.len() {
            driver.image = image(&before, &changes[..kept]);
            driver.restart();
            for index in [0, 1] {
                let (end, stable) = ends(&mut driver, index);
                assert_eq!(end, stable, "{kept} kept");
                let outcome = if is_commit { Outcome::Commit } else { Outcome::Abort };
                assert_eq!(markers(&driver, index)[0], (0, outcome), "{kept} kept");
            }
            let request = fetch_offsets("g", Some(&[("t", &[0])])).with_require_stable(true);
            let found = driver.ask(7, &request).topics[0].partitions[0].committed_offset;
            assert_eq!(found, if is_commit { 5 } else { -1 }, "{kept} kept");
            assert_eq!(finish(&mut driver, producer, is_commit), None);
        }
    }
}

fn image(before: &Image, changes: &[Change]) -> Image {
    let mut image = before.clone();
    changes.iter().for_each(|change| image.apply(change.clone()));
    image
}

/// Returns the changes of a request, which are not applied.
fn changes_of<Q: kafka_protocol::protocol::Request>(
    driver: &mut Driver,
    request: &Q,
) -> Vec<Change> {
    let (frame, mut replies) = (driver.frame(1, request), Replies::new());
    let (now, connection) = (Millis::new(driver.now), ConnectionId(99));
    driver.broker.handle(now, connection, frame, &mut replies);
    replies.drain_changes().collect()
}

#[test]
fn what_nobody_knows_of_is_aborted() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    add(&mut driver, "id", producer, 0);
    write(&mut driver, producer, 0, 0);
    driver.image.apply(Change(Step::Unset(Key::Transaction("id".to_owned()))));
    driver.restart();
    assert_eq!(ends(&mut driver, 0), (2, 2));
    assert_eq!(markers(&driver, 0), [(0, Outcome::Abort)]);
}
