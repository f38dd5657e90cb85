//! `InitProducerId`: an id for an idempotent producer.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use crate::broker::Broker;

const NONE: i64 = -1;

impl Broker {
    pub(crate) fn init_producer_id(
        &mut self,
        body: InitProducerIdRequest,
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
            Some(_) => refused(crate::cluster::no_transactions().error),
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
    use crate::config::BrokerConfig;
    use crate::testing::Driver;

    fn ask() -> InitProducerIdRequest {
        InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(ProducerId(NONE))
            .with_producer_epoch(-1)
    }

    #[test]
    fn every_producer_gets_an_id_of_its_own() {
        let mut broker = Broker::new(BrokerConfig::default());
        let first = broker.init_producer_id(ask());
        let again = ask().with_producer_id(first.producer_id).with_producer_epoch(0);
        let second = broker.init_producer_id(again);
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
    fn half_a_producer_and_transactions_are_refused() {
        let mut broker = Broker::new(BrokerConfig::default());
        let half = broker.init_producer_id(ask().with_producer_id(ProducerId(7)));
        assert_eq!(half.error_code, ResponseError::InvalidRequest.code());
        let id = |id| Some(TransactionalId(StrBytes::from_static_str(id)));
        let empty = broker.init_producer_id(ask().with_transactional_id(id("")));
        assert_eq!(empty.error_code, ResponseError::InvalidRequest.code());
        let named = broker.init_producer_id(ask().with_transactional_id(id("t")));
        let expected = ResponseError::TransactionalIdAuthorizationFailed.code();
        assert_eq!((named.error_code, named.producer_id.0), (expected, -1));
    }
}
