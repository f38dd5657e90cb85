//! From bytes to handlers: reading a request's header, checking its shape, and naming who answers.

use bytes::{Buf, Bytes};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, RequestHeader};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::api::{Api, shape};
use crate::broker::Broker;
use crate::groups::consumer::heartbeat::Sender;
use crate::reply::{Call, ConnectionId, Replies};
use crate::time::Millis;

/// A request whose header has been read and whose shape is right.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) call: Call,
    pub(crate) client_id: StrBytes,
    /// The whole frame.
    pub(crate) frame: Bytes,
    /// Where the body begins.
    pub(crate) body_start: usize,
}

impl Request {
    /// Decodes the body. It may share the frame's bytes.
    pub(crate) fn body<T: Decodable>(&self) -> Result<T, String> {
        let mut body = self.frame.slice(self.body_start..);
        T::decode(&mut body, self.call.version)
            .map_err(|e| format!("cannot decode the {:?} request: {e:#}", self.call.key))
    }
}

/// What reading the front of a frame gave.
enum Head {
    Request(Request),
    /// A version of `ApiVersions` that is not served, which is told rather than punished.
    NewerClient(Call),
}

impl Broker {
    pub(super) fn dispatch(
        &mut self,
        now: Millis,
        connection: ConnectionId,
        frame: Bytes,
        replies: &mut Replies,
    ) {
        let handled = match read_head(connection, frame) {
            Ok(Head::Request(request)) => match self.faults.take(&request) {
                None => self.route(now, request, replies),
                Some(fault) => self.suffer(now, request, fault, replies),
            },
            Ok(Head::NewerClient(call)) => {
                replies.respond(&call, &unsupported_version());
                Ok(())
            }
            Err(reason) => Err(reason),
        };
        if let Err(reason) = handled {
            replies.close(connection, reason);
        }
    }

    pub(crate) fn route(
        &mut self,
        now: Millis,
        it: Request,
        replies: &mut Replies,
    ) -> Result<(), String> {
        match it.call.key {
            ApiKey::Produce => self.produce(now, it, replies),
            ApiKey::Fetch => self.fetch(now, &it, replies),
            ApiKey::ListOffsets => respond(replies, &it, |body| self.list_offsets(&it, body)),
            ApiKey::Metadata => respond(replies, &it, |body| self.metadata(body)),
            ApiKey::FindCoordinator => respond(replies, &it, |body| self.find_coordinator(body)),
            ApiKey::ApiVersions => respond(replies, &it, |body| self.api_versions(&it, body)),
            ApiKey::OffsetForLeaderEpoch => {
                respond(replies, &it, |body| self.offset_for_leader_epoch(body))
            }
            ApiKey::CreateTopics => respond(replies, &it, |body| self.create_topics(body)),
            ApiKey::DeleteTopics => self.delete_topics(&it, replies),
            ApiKey::DeleteRecords => respond(replies, &it, |body| self.delete_records(body)),
            ApiKey::CreatePartitions => respond(replies, &it, |body| self.create_partitions(body)),
            ApiKey::DescribeConfigs => respond(replies, &it, |body| self.describe_configs(body)),
            ApiKey::AlterConfigs => respond(replies, &it, |body| self.alter_configs(body)),
            ApiKey::IncrementalAlterConfigs => {
                respond(replies, &it, |body| self.incremental_alter_configs(body))
            }
            ApiKey::InitProducerId | ApiKey::AddPartitionsToTxn | ApiKey::AddOffsetsToTxn => {
                self.route_transaction(now, &it, replies)
            }
            ApiKey::EndTxn | ApiKey::TxnOffsetCommit => self.route_transaction(now, &it, replies),
            _ => self.route_group(now, &it, replies),
        }
    }

    fn route_transaction(
        &mut self,
        now: Millis,
        it: &Request,
        replies: &mut Replies,
    ) -> Result<(), String> {
        match it.call.key {
            ApiKey::InitProducerId => {
                let response = self.init_producer_id(now, it.call.version, &it.body()?, replies);
                replies.respond(&it.call, &response);
                Ok(())
            }
            ApiKey::AddPartitionsToTxn => {
                respond(replies, it, |body| self.add_partitions_to_txn(now, body))
            }
            ApiKey::AddOffsetsToTxn => {
                respond(replies, it, |body| self.add_offsets_to_txn(now, &body))
            }
            ApiKey::TxnOffsetCommit => {
                let (topics, transactions) = (&self.topics, &self.transactions);
                let groups = &mut self.groups;
                respond(replies, it, |body| {
                    groups.commit_offsets_of_transaction(now, topics, transactions, body)
                })
            }
            _ => {
                let response = self.end_txn(now, &it.body()?, replies);
                replies.respond(&it.call, &response);
                Ok(())
            }
        }
    }

    fn route_group(
        &mut self,
        now: Millis,
        it: &Request,
        replies: &mut Replies,
    ) -> Result<(), String> {
        let groups = &mut self.groups;
        match it.call.key {
            ApiKey::JoinGroup => {
                let (host, client) = (self.peers.get(&it.call.connection), it.client_id.clone());
                let host = host.cloned().unwrap_or_default();
                groups.join(now, it.call, client, host, it.body()?, replies);
                Ok(())
            }
            ApiKey::SyncGroup => {
                groups.sync(now, it.call, it.body()?, replies);
                Ok(())
            }
            ApiKey::LeaveGroup => {
                groups.leave(now, it.call, it.body()?, replies);
                Ok(())
            }
            ApiKey::Heartbeat => respond(replies, it, |body| groups.heartbeat(now, body)),
            ApiKey::OffsetCommit => {
                let topics = &self.topics;
                let version = it.call.version;
                respond(replies, it, |body| groups.commit_offsets(now, topics, version, body))
            }
            ApiKey::OffsetFetch => {
                respond(replies, it, |body| groups.fetch_offsets(it.call.version, body))
            }
            ApiKey::ConsumerGroupHeartbeat => {
                let (topics, client_host) = (&self.topics, self.peers.get(&it.call.connection));
                let sender = Sender {
                    client_id: it.client_id.clone(),
                    client_host: client_host.cloned().unwrap_or_default(),
                    version: it.call.version,
                };
                respond(replies, it, |body| groups.consumer_heartbeat(now, topics, sender, body))
            }
            ApiKey::ConsumerGroupDescribe => {
                let topics = &self.topics;
                respond(replies, it, |body| groups.describe_consumer_groups(topics, body))
            }
            ApiKey::DescribeGroups => respond(replies, it, |body| groups.describe(body)),
            ApiKey::ListGroups => respond(replies, it, |body| groups.list(body)),
            ApiKey::DeleteGroups => respond(replies, it, |body| groups.delete(body)),
            // Not in the table of APIs, so refused before.
            other => Err(format!("{other:?} is not served")),
        }
    }
}

/// Answers at once, from the decoded body.
fn respond<Q: Decodable, A: Encodable>(
    replies: &mut Replies,
    request: &Request,
    answer: impl FnOnce(Q) -> A,
) -> Result<(), String> {
    let body = request.body()?;
    replies.respond(&request.call, &answer(body));
    Ok(())
}

fn read_head(connection: ConnectionId, frame: Bytes) -> Result<Head, String> {
    let mut rest = frame.clone();
    let (key, version) = match (rest.try_get_i16(), rest.try_get_i16()) {
        (Ok(key), Ok(version)) => (key, version),
        _ => return Err(format!("a request of {} bytes is too short", frame.len())),
    };
    let api = Api::find(key).ok_or_else(|| format!("API {key} is not served"))?;
    if !api.serves(version) {
        let correlation = rest.try_get_i32().map_err(|_short| "a request is too short")?;
        if api.key == ApiKey::ApiVersions {
            let call = Call { connection, correlation, key: api.key, version: 0 };
            return Ok(Head::NewerClient(call));
        }
        return Err(format!("version {version} of {api} is not served"));
    }
    let mut rest = frame.clone();
    let header = RequestHeader::decode(&mut rest, api.key.request_header_version(version))
        .map_err(|e| format!("cannot decode a request's header: {e:#}"))?;
    shape::check(api.shape, version, api.is_flexible(version), &rest)
        .map_err(|e| format!("the {api} request is malformed: {e}"))?;
    let call = Call { connection, correlation: header.correlation_id, key: api.key, version };
    // A copy, since a slice would keep the frame from being taken over as it is.
    let client_id = header.client_id.map_or_else(String::new, |id| id.to_string());
    let client_id = StrBytes::from_string(client_id);
    let body_start = frame.len() - rest.len();
    Ok(Head::Request(Request { call, client_id, frame, body_start }))
}

fn unsupported_version() -> ApiVersionsResponse {
    ApiVersionsResponse::default()
        .with_error_code(ResponseError::UnsupportedVersion.code())
        .with_api_keys(crate::cluster::served(|api| api.key == ApiKey::ApiVersions))
}
