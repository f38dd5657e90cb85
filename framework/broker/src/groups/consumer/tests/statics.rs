//! Static members: away for a while, back under another id.

use super::*;

#[test]
fn a_static_member_returns_without_a_rebalance() {
    let mut driver = driver(4);
    let mut clients = [Client::named("a1", "a"), Client::named("b1", "b")];
    settle(&mut driver, &mut clients);
    let (epoch, share) = (clients[1].epoch, clients[0].owned.clone());
    assert_eq!(clients[0].leave(&mut driver, -2), Ok(-2));
    driver.advance(30_000);
    clients[1].beat(&mut driver).unwrap();
    assert_eq!(describe(&mut driver).group_state.as_str(), "Stable");
    let mut back = Client::named("a2", "a");
    back.beat(&mut driver).unwrap();
    assert_eq!((back.epoch, &back.owned), (epoch, &share));
    clients[1].beat(&mut driver).unwrap();
    assert_eq!((clients[1].epoch, clients[1].owned.len()), (epoch, 2));
    assert_eq!(clients[0].beat(&mut driver), Err(ResponseError::FencedInstanceId));
}

#[test]
fn a_static_member_that_stays_away_is_replaced() {
    let mut driver = driver(4);
    let mut clients = [Client::named("a1", "a"), Client::named("b1", "b")];
    settle(&mut driver, &mut clients);
    clients[0].leave(&mut driver, -2).unwrap();
    driver.advance(44_999);
    clients[1].beat(&mut driver).unwrap();
    assert_eq!(clients[1].owned.len(), 2);
    driver.advance(1);
    clients[1].beat(&mut driver).unwrap();
    assert_eq!(clients[1].owned.len(), 4);
}

#[test]
fn a_name_belongs_to_one_member() {
    let mut driver = driver(2);
    let mut first = Client::named("a1", "a");
    first.beat(&mut driver).unwrap();
    let unreleased = Err(ResponseError::UnreleasedInstanceId);
    assert_eq!(Client::named("a2", "a").beat(&mut driver), unreleased);
    first.beat(&mut driver).unwrap();
    let fenced = Err(ResponseError::FencedInstanceId);
    assert_eq!(Client { epoch: 1, ..Client::named("a2", "a") }.beat(&mut driver), fenced);
    assert_eq!(Client::named("a2", "a").leave(&mut driver, -1), fenced.map(|()| 0));
    let unknown = Err(ResponseError::UnknownMemberId);
    assert_eq!(Client { epoch: 1, ..Client::named("c", "c") }.beat(&mut driver), unknown);
    // Leaving for good gives the name away.
    first.leave(&mut driver, -1).unwrap();
    Client::named("a2", "a").beat(&mut driver).unwrap();
}
