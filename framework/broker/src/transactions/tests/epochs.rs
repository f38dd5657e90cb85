//! Who has a transactional id: epochs, fencing, and how many ids there may be.

use super::*;
use crate::config::{BrokerConfig, TransactionConfig};

fn ask(driver: &mut Driver, known: Option<Producer>) -> Result<Producer, ResponseError> {
    let given = driver.ask(4, &init("id", TIMEOUT_MS, known));
    match error(given.error_code) {
        Some(error) => Err(error),
        None => Ok((given.producer_id.0, given.producer_epoch)),
    }
}

#[test]
fn a_newer_producer_fences_the_older_one() {
    let mut driver = driver();
    let older = start(&mut driver, "id");
    let newer = start(&mut driver, "id");
    assert_eq!(newer, (older.0, 1));
    let fenced = Some(ResponseError::InvalidProducerEpoch);
    assert_eq!(add(&mut driver, "id", older, 0), fenced);
    assert_eq!(add(&mut driver, "id", newer, 0), None);
    assert_eq!(write(&mut driver, older, 0, 0), fenced);
    assert_eq!(finish(&mut driver, older, true), fenced);
    let strange = Some(ResponseError::InvalidProducerIdMapping);
    assert_eq!(add(&mut driver, "id", (newer.0 + 1, 1), 0), strange);
    assert_eq!(add(&mut driver, "other", newer, 0), strange);
    assert_eq!(add(&mut driver, "", newer, 0), Some(ResponseError::InvalidRequest));
}

#[test]
fn a_newer_producer_aborts_what_the_older_one_left_open() {
    let mut driver = driver();
    let older = start(&mut driver, "id");
    add(&mut driver, "id", older, 0);
    write(&mut driver, older, 0, 0);
    assert_eq!(ask(&mut driver, None), Err(ResponseError::ConcurrentTransactions));
    assert_eq!(markers(&driver, 0), [(1, Outcome::Abort)]);
    assert_eq!(ask(&mut driver, None), Ok((older.0, 2)));
    let fenced = Some(ResponseError::InvalidProducerEpoch);
    assert_eq!(write(&mut driver, older, 0, 1), fenced);
    add(&mut driver, "id", (older.0, 2), 0);
    assert_eq!(write(&mut driver, older, 0, 1), fenced);
    assert_eq!(write(&mut driver, (older.0, 2), 0, 0), None, "numbers begin anew");
}

#[test]
fn a_producer_that_says_who_it_was_goes_on() {
    let mut driver = driver();
    let first = start(&mut driver, "id");
    let second = (first.0, 1);
    assert_eq!(ask(&mut driver, Some(first)), Ok(second));
    assert_eq!(ask(&mut driver, Some(first)), Ok(second), "it has not heard the answer");
    assert_eq!(ask(&mut driver, Some(second)), Ok((first.0, 2)));
    assert_eq!(ask(&mut driver, Some(first)), Err(ResponseError::ProducerFenced));
    let strange = (first.0 + 9, 2);
    assert_eq!(ask(&mut driver, Some(strange)), Err(ResponseError::ProducerFenced));
    // Clients of before do not know that code.
    let old = driver.ask(3, &init("id", TIMEOUT_MS, Some(first)));
    assert_eq!(error(old.error_code), Some(ResponseError::InvalidProducerEpoch));
}

#[test]
fn behind_the_last_epoch_comes_another_producer_id() {
    let mut transaction = Transaction::new("id", 7, 1);
    transaction.epoch = i16::MAX - 2;
    transaction.bump(None, || 8).unwrap();
    assert_eq!((transaction.producer_id, transaction.epoch), (7, i16::MAX - 1));
    let last = (7, i16::MAX - 1);
    transaction.bump(Some(last.1), || 8).unwrap();
    assert_eq!((transaction.producer_id, transaction.epoch), (8, 0));
    // It has not heard the answer.
    assert!(transaction.may_go_on(last.0, last.1));
    transaction.bump(Some(last.1), || 9).unwrap();
    assert_eq!((transaction.producer_id, transaction.epoch), (8, 0));
    assert!(!transaction.may_go_on(7, 3));
}

#[test]
fn the_time_out_has_bounds() {
    let mut driver = driver();
    for (timeout_ms, expected) in [(0, false), (-1, false), (900_000, true), (900_001, false)] {
        let given = driver.ask(4, &init("id", timeout_ms, None));
        let invalid = Some(ResponseError::InvalidTransactionTimeout);
        assert_eq!(error(given.error_code), invalid.filter(|_| !expected), "{timeout_ms}");
    }
}

#[test]
fn ids_are_bounded_and_forgotten() {
    let transactions =
        TransactionConfig { ids_max: 2, id_expiration_ms: 5_000, ..Default::default() };
    let mut driver = Driver::kept(BrokerConfig { transactions, ..Default::default() });
    driver.create_topic("t", 1, &[]);
    let a = start(&mut driver, "a");
    driver.advance(1);
    let b = start(&mut driver, "b");
    assert_eq!(add(&mut driver, "a", a, 0), None);
    driver.advance(1);
    // The one without a transaction makes room.
    let c = start(&mut driver, "c");
    assert_eq!(add(&mut driver, "b", b, 0), Some(ResponseError::InvalidProducerIdMapping));
    assert_eq!(add(&mut driver, "c", c, 0), None);
    let full = driver.ask(4, &init("d", TIMEOUT_MS, None));
    assert_eq!(error(full.error_code), Some(ResponseError::PolicyViolation));
    driver.restart();
    assert_eq!(driver.broker.transactions.count(), 2);
    driver.advance(10_000);
    assert_eq!(driver.broker.transactions.count(), 0);
    driver.restart();
    assert_eq!(driver.broker.transactions.count(), 0);
}
