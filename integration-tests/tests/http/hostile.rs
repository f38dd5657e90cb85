//! Input that no honest client sends.

use std::io::{Read, Write};

use integration_tests::Deadline;

use crate::support::{Fake, connect, reply, say};

/// A small generator of numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }
}

const REQUEST: &[u8] = b"GET /topology?format=json HTTP/1.1\r\nhost: a\r\naccept: text/html\r\n\
    authorization: Bearer 0123456789abcdef\r\nconnection: close\r\n\r\n";

#[test]
fn what_is_no_request_is_told_so() {
    let fake = Fake::start(&[]);
    let status = |bytes: &[u8]| reply(&say(fake.address(), bytes)).status;
    assert_eq!(status(b"hello\r\n\r\n"), 400);
    assert_eq!(status(b"GET / HTTP/9.9\r\n\r\n"), 400);
    assert_eq!(status(b"GET /\xff HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n"), 400);
    let huge = [b"GET / HTTP/1.1\r\nx: ", &[b'a'; 64 << 10][..], b"\r\n\r\n"].concat();
    assert_eq!(status(&huge), 431);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(100));
    assert_eq!(status(many.as_bytes()), 431);
    let body = b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(status(body), 413);
    let endless = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n";
    assert_eq!(status(endless), 413);
    assert_eq!(fake.get("/health/live").status, 200);
}

#[test]
fn whatever_bytes_come_it_goes_on() {
    let fake = Fake::start(&[
        ("http.header.timeout.ms", "200"),
        ("http.requests.per.second.max", "1000000"),
    ]);
    let mut random = Random(0x5eed_0005);
    for round in 0..400 {
        let bytes: Vec<u8> = if round % 2 == 0 {
            (0..random.below(600)).map(|_| random.next().to_le_bytes()[0]).collect()
        } else {
            let mut bytes = REQUEST.to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.next().to_le_bytes()[0],
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, random.next().to_le_bytes()[0]),
                }
            }
            bytes
        };
        let mut stream = connect(fake.address());
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let reply = reply(&answer);
        let known = [0, 200, 400, 401, 404, 405, 408, 413, 414, 431, 501, 505];
        assert!(known.contains(&reply.status), "round {round}: {bytes:?}: {answer}");
    }
    assert_eq!(fake.get("/health/ready").status, 200);
}

#[test]
fn whoever_says_a_head_too_slowly_is_closed() {
    let fake = Fake::start(&[("http.header.timeout.ms", "300")]);
    let mut slow = connect(fake.address());
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    slow.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
    let deadline = Deadline::seconds(30);
    let mut byte = [0];
    // A header that grows, a byte at a time, for as long as it is listened to.
    loop {
        deadline.check("the end of a slow connection");
        if slow.write_all(b"x").is_err() {
            break;
        }
        match slow.read(&mut byte) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            _ => {}
        }
    }
    assert_eq!(fake.get("/health/live").status, 200);
}
