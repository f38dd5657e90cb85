use bytes::Bytes;
use kafka_protocol::messages::MetadataRequest;
use kafka_protocol::protocol::Request;

use super::*;
use crate::api::shape::Malformed;
use crate::reply::Answer;
use crate::testing::Driver;
use crate::testing::samples::{self, Visit};

/// Calls a visitor with a sample of every API in every version.
fn visit_all(visitor: &mut impl Visit) {
    for api in APIS {
        for version in api.version_min..=api.version_max {
            samples::visit(api.key, version, visitor);
        }
    }
}

#[test]
fn the_table_is_sorted_and_within_what_the_codec_knows() {
    assert!(APIS.is_sorted_by_key(|api| api.key as i16));
    for api in APIS {
        let known = api.key.valid_versions();
        assert!(known.min <= api.version_min && api.version_max <= known.max, "{api}");
        assert!(api.version_min <= api.version_max, "{api}");
    }
}

#[test]
fn a_shape_covers_its_request_exactly() {
    struct Check(usize);
    impl Visit for Check {
        fn visit<Q: Request>(&mut self, version: i16, body: Bytes) {
            let api = Api::find(Q::KEY).unwrap();
            let check =
                |body: &[u8]| shape::check(api.shape, version, api.is_flexible(version), body);
            assert_eq!(check(&body), Ok(()), "{api} {version}");
            // Every cut is noticed, so the walk goes to the end and not past it.
            for end in 0..body.len() {
                assert!(check(&body[..end]).is_err(), "{api} {version} cut to {end}");
            }
            self.0 += 1;
        }
    }
    let mut check = Check(0);
    visit_all(&mut check);
    let versions =
        APIS.iter().map(|api| usize::from((api.version_max - api.version_min).unsigned_abs()) + 1);
    assert_eq!(check.0, versions.sum::<usize>());
}

#[test]
fn every_version_of_every_api_is_answered() {
    struct Call(Driver);
    impl Visit for Call {
        fn visit<Q: Request>(&mut self, version: i16, body: Bytes) {
            let connection = self.0.connect();
            self.0.send_body::<Q>(connection, version, &body);
            // A join waits for others, a fetch for records; both come to an end.
            self.0.advance(60_000);
            let answer = self.0.answer::<Q>(connection, version);
            assert!(answer.is_some(), "API {} version {version} is not answered", Q::KEY);
        }
    }
    let mut driver = Driver::new();
    driver.create_topic(samples::TOPIC, 1, &[]);
    visit_all(&mut Call(driver));
}

#[test]
fn counts_beyond_the_bytes_are_refused_before_anything_is_allocated() {
    let count = |count: i32| count.to_be_bytes();
    let check = |shape, flexible, body: &[u8]| shape::check(shape, 0, flexible, body);
    assert_eq!(check("[ s ]", false, &count(i32::MAX)), Err(Malformed::Length(2_147_483_647)));
    assert_eq!(check("<i>", false, &count(1)), Err(Malformed::Length(1)));
    assert_eq!(check("[ s ]", false, &count(-1)), Ok(()), "null");
    assert_eq!(check("[ s ]", false, &count(-2)), Err(Malformed::Length(-2)));
    assert_eq!(check("s", false, &[0, 5, b'a']), Err(Malformed::Length(5)));
    assert_eq!(check("y", false, &[0x7f, 0xff, 0xff, 0xff]), Err(Malformed::Length(2_147_483_647)));
    // The same with compact lengths: one more than the length, zero being null.
    let all_ones = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(check("[ s ]", true, &all_ones), Err(Malformed::Length(4_294_967_294)));
    assert_eq!(check("s", true, &[0, 0]), Ok(()), "null, and no tagged fields");
    assert_eq!(check("s", true, &[3, b'a', 0]), Err(Malformed::Truncated));
    assert_eq!(check("s", true, &[0x80; 6]), Err(Malformed::Varint));
    assert_eq!(check("", true, &[1, 0, 9]), Err(Malformed::Length(9)), "a tagged field");
}

#[test]
fn fields_exist_in_their_versions() {
    let check = |version, body: &[u8]| shape::check("h i3+ l-1 [2+ b ]", version, false, body);
    for (version, bytes) in [(0, 10), (1, 10), (2, 6), (3, 10)] {
        assert_eq!(check(version, &vec![0; bytes]), Ok(()), "version {version}");
        assert!(check(version, &vec![0; bytes - 1]).is_err(), "version {version}");
    }
}

/// Random numbers from a seed (xorshift): the same run after run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

/// Requests with a few bytes changed, cut or added: each is answered or closes its connection.
#[test]
fn spoilt_requests_never_harm_the_core() {
    struct Spoil {
        driver: Driver,
        random: Random,
        answered: usize,
        closed: usize,
    }
    impl Visit for Spoil {
        fn visit<Q: Request>(&mut self, version: i16, body: Bytes) {
            for _ in 0..150 {
                let mut body = body.to_vec();
                for _ in 0..=self.random.below(3) {
                    let at = self.random.below(body.len());
                    let byte = [0, 1, 0x7f, 0x80, 0xff, self.random.below(256) as u8];
                    let byte = byte[self.random.below(6)];
                    match self.random.below(5) {
                        0 => body.truncate(at),
                        1 => body.insert(at.min(body.len()), byte),
                        _ => body.get_mut(at).map_or((), |place| *place = byte),
                    }
                }
                let connection = self.driver.connect();
                self.driver.send_body::<Q>(connection, version, &body);
                if self.driver.broker.parked.next_deadline().is_some() || Q::KEY == 11 {
                    self.driver.advance(100);
                }
                match self.driver.raw_answer(connection) {
                    Some(Answer::Close(_)) => self.closed += 1,
                    Some(_) => self.answered += 1,
                    // It waits: for records or for a group, as long as it asked to.
                    None => {}
                }
                assert!(self.driver.raw_answer(connection).is_none(), "one answer is enough");
                self.driver.disconnect(connection);
            }
        }
    }
    let mut driver = Driver::new();
    driver.create_topic(samples::TOPIC, 1, &[]);
    let mut spoil = Spoil { driver, random: Random(0x5eed), answered: 0, closed: 0 };
    visit_all(&mut spoil);
    assert!(spoil.answered > 1_000 && spoil.closed > 1_000, "{} {}", spoil.answered, spoil.closed);
    spoil.driver.ask(9, &MetadataRequest::default().with_topics(None));
}

/// Frames of nothing but chance.
#[test]
fn random_frames_never_harm_the_core() {
    let (mut driver, mut random) = (Driver::new(), Random(0xbad5eed));
    for _ in 0..20_000 {
        let mut frame: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
        // Most keys are none: help half of the frames to a known one in a known version.
        if let (Some([a, b, c, d]), 0) = (frame.first_chunk_mut(), random.below(2)) {
            let api = APIS[random.below(APIS.len())];
            (*a, *b, *c) = (0, api.key as i16 as u8, 0);
            *d = random.below(api.version_max as usize + 1) as u8;
        }
        let connection = driver.connect();
        driver.send_frame(connection, Bytes::from(frame));
        driver.disconnect(connection);
    }
    driver.ask(9, &MetadataRequest::default().with_topics(None));
}
