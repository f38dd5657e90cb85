//! `InitProducerId`: an id for an idempotent producer, or one with transactions.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use crate::broker::Broker;
use crate::reply::Replies;
use crate::time::Millis;

const NONE: i64 = -1;
/// The first version whose clients know `PRODUCER_FENCED`.
const FENCED_VERSION_MIN: i16 = 4;

impl Broker {
    pub(crate) fn init_producer_id(
        &mut self,
        now: Millis,
        version: i16,
        body: &InitProducerIdRequest,
        replies: &mut Replies,
    ) -> InitProducerIdResponse {
        let refused = |error: ResponseError| {
            InitProducerIdResponse::default()
                .with_error_code(error.code())
                .with_producer_id(ProducerId(NONE))
                .with_producer_epoch(-1)
        };
        // A known producer gives both, a new one neither.
        if (body.producer_id.0 == NONE) != (body.producer_epoch == -1) {
            return refused(ResponseError::InvalidRequest);
        }
        match &body.transactional_id {
            Some(id) if id.is_empty() => refused(ResponseError::InvalidRequest),
            Some(id) => match self.init_transactions(now, id, body, replies) {
                Ok((id, epoch)) => InitProducerIdResponse::default()
                    .with_producer_id(ProducerId(id))
                    .with_producer_epoch(epoch),
                Err(ResponseError::ProducerFenced) if version < FENCED_VERSION_MIN => {
                    refused(ResponseError::InvalidProducerEpoch)
                }
                Err(error) => refused(error),
            },
            None => {
                // Without a transaction an old id is of no interest: the producer starts anew.
                let id = self.next_producer_id;
                self.next_producer_id += 1;
                InitProducerIdResponse::default().with_producer_id(ProducerId(id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::TransactionalId;
    use kafka_protocol::protocol::StrBytes;

    use super::*;
    use crate::testing::Driver;

    fn ask() -> InitProducerIdRequest {
        InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(ProducerId(NONE))
            .with_producer_epoch(-1)
    }

    #[test]
    fn every_producer_gets_an_id_of_its_own() {
        let mut driver = Driver::new();
        let first = driver.ask(4, &ask());
        let again = ask().with_producer_id(first.producer_id).with_producer_epoch(0);
        let second = driver.ask(4, &again);
        assert_eq!((first.error_code, first.producer_epoch), (0, 0));
        assert_eq!((second.error_code, second.producer_epoch), (0, 0));
        assert_ne!(first.producer_id, second.producer_id);
    }

    #[test]
    fn clients_of_all_versions_get_an_id() {
        let mut driver = Driver::new();
        for version in 0..=4 {
            let given = driver.ask(version, &ask());
            assert_eq!((given.error_code, given.producer_id.0), (0, i64::from(version)));
        }
    }

    #[test]
    fn half_a_producer_and_an_empty_id_are_refused() {
        let mut driver = Driver::new();
        let half = driver.ask(4, &ask().with_producer_id(ProducerId(7)));
        assert_eq!(half.error_code, ResponseError::InvalidRequest.code());
        let id = Some(TransactionalId(StrBytes::from_static_str("")));
        let empty = driver.ask(4, &ask().with_transactional_id(id));
        assert_eq!(empty.error_code, ResponseError::InvalidRequest.code());
        assert_eq!((empty.producer_id.0, empty.producer_epoch), (-1, -1));
    }
}
