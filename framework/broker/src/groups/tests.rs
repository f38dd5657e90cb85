use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    DeleteGroupsRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, ListGroupsRequest, SyncGroupRequest, SyncGroupResponse,
};

use crate::config::{BrokerConfig, GroupConfig};
use crate::reply::ConnectionId;
use crate::testing::samples::{
    commit, delete_topics, describe_groups, fetch_offsets, heartbeat, join, join_with, leave, sync,
};
use crate::testing::{Driver, text};

mod commits;
mod fuzz;
mod limits;
mod membership;
mod statics;

const GROUP: &str = "g";

/// A member as its client sees it, with a connection of its own.
#[derive(Debug, Clone)]
struct Client {
    connection: ConnectionId,
    id: String,
    generation: i32,
}

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

fn driver() -> Driver {
    with(GroupConfig::default())
}

fn with(groups: GroupConfig) -> Driver {
    Driver::with(BrokerConfig { groups, ..BrokerConfig::default() })
}

/// Gets an id and sends the join that has it; its answer may come later.
fn start(driver: &mut Driver) -> Client {
    let connection = driver.connect();
    let asked = driver.call(connection, 5, &join(GROUP, "", None));
    assert_eq!(error(asked.error_code), Some(ResponseError::MemberIdRequired));
    let client = Client { connection, id: asked.member_id.to_string(), generation: -1 };
    rejoin(driver, &client);
    client
}

fn rejoin(driver: &mut Driver, client: &Client) {
    driver.send(client.connection, 5, &join(GROUP, &client.id, None));
}

/// Returns the answer to a join, if it has come.
fn joined(driver: &mut Driver, client: &mut Client) -> Option<JoinGroupResponse> {
    let response = driver.answer::<JoinGroupRequest>(client.connection, 5)?;
    client.generation = response.generation_id;
    Some(response)
}

fn send_sync(driver: &mut Driver, client: &Client, parts: &[(&str, &str)]) {
    driver.send(client.connection, 3, &sync(GROUP, &client.id, client.generation, parts));
}

fn synced(driver: &mut Driver, client: &Client) -> Option<SyncGroupResponse> {
    driver.answer::<SyncGroupRequest>(client.connection, 3)
}

/// Returns the assignment or the error of a sync that has been answered.
fn assignment(driver: &mut Driver, client: &Client) -> Result<String, ResponseError> {
    let response = synced(driver, client).expect("the sync is answered");
    match error(response.error_code) {
        None => Ok(String::from_utf8(response.assignment.to_vec()).unwrap()),
        Some(error) => Err(error),
    }
}

/// Makes a stable group of so many members, the first of which leads.
fn stable(driver: &mut Driver, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| start(driver)).collect();
    driver.advance(1_000);
    for client in &mut clients {
        let response = joined(driver, client).expect("the initial delay is over");
        assert_eq!(error(response.error_code), None);
    }
    finish(driver, &clients);
    clients
}

/// Syncs all members that have joined; each gets its number as assignment.
fn finish(driver: &mut Driver, clients: &[Client]) {
    let parts: Vec<_> =
        clients.iter().zip(0..).map(|(it, i)| (it.id.clone(), format!("part {i}"))).collect();
    let parts: Vec<_> = parts.iter().map(|(id, part)| (id.as_str(), part.as_str())).collect();
    for client in clients {
        send_sync(driver, client, &parts);
    }
    for (client, i) in clients.iter().zip(0..) {
        assert_eq!(assignment(driver, client), Ok(format!("part {i}")));
    }
    assert_eq!(state(driver), ("Stable".to_owned(), clients.len()));
}

fn beat(driver: &mut Driver, client: &Client) -> Option<ResponseError> {
    error(driver.ask(3, &heartbeat(GROUP, &client.id, client.generation)).error_code)
}

fn leave_now(driver: &mut Driver, client: &Client) -> Option<ResponseError> {
    let left = driver.ask(3, &leave(GROUP, &[(&client.id, None)]));
    error(left.members[0].error_code)
}

/// Returns the group's state and how many members it has.
fn state(driver: &mut Driver) -> (String, usize) {
    let group = driver.ask(4, &describe_groups(&[GROUP])).groups.remove(0);
    (group.group_state.to_string(), group.members.len())
}
