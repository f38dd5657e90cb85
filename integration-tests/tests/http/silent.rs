//! Ten thousand connections that say nothing.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::process::Command;

use integration_tests::Deadline;
use integration_tests::waiting::eventually;

use crate::support::{Fake, connect};

const WANTED: usize = 10_000;
/// Descriptors that the test needs for other things.
const OTHERS: usize = 600;
const PLACES: usize = 256;

#[test]
fn silent_connections_make_way_and_probes_are_answered() {
    let allowed = raised_limit().saturating_sub(OTHERS).min(WANTED);
    if allowed < WANTED {
        eprintln!("this system allows {allowed} of {WANTED} connections");
    }
    assert!(allowed > 2 * PLACES / 3, "too few to say anything: {allowed}");
    let fake = Fake::start(&[("http.header.timeout.ms", "600000")]);
    let before = resident_kib();
    let mut silent = Vec::with_capacity(allowed);
    for round in 0..allowed {
        silent.push(connect(fake.address()));
        if round % 1_000 == 0 {
            assert_eq!(fake.get("/health/live").status, 200, "beside {round}");
        }
    }
    for path in ["/health/live", "/health/ready", "/health/startup", "/metrics"] {
        assert_eq!(fake.get(path).status, 200, "{path}");
    }
    eventually("the end of all that have no place", Deadline::seconds(60), || {
        (silent.iter().filter(|stream| is_open(stream)).count() <= PLACES).then_some(())
    });
    let grown = resident_kib().saturating_sub(before);
    // The ends of this process' own side are in it.
    assert!(grown < 64 << 10, "{grown} KiB for {allowed} connections");
}

#[test]
fn silent_connections_are_closed_in_time_even_where_there_is_room() {
    let fake = Fake::start(&[("http.header.timeout.ms", "200")]);
    let silent: Vec<TcpStream> = (0..50).map(|_| connect(fake.address())).collect();
    eventually("the end of fifty silent connections", Deadline::seconds(30), || {
        silent.iter().all(|stream| !is_open(stream)).then_some(())
    });
    assert_eq!(fake.get("/health/live").status, 200);
}

fn is_open(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.read(&mut [0; 256]) {
        Ok(0) => false,
        // What is said to those who are closed.
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// Raises the limit of open files of this process to its hard one; returns it.
fn raised_limit() -> usize {
    let hard = limit(4);
    let pid = std::process::id().to_string();
    let wanted = hard.min(WANTED + 2 * OTHERS);
    // Where the tool is missing the limit is what it was.
    let _ = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={wanted}:{hard}")])
        .status();
    limit(3)
}

/// Returns a column of the line about open files: 3 is the soft limit, 4 the hard one.
fn limit(column: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let value = line.split_whitespace().nth(column).unwrap();
    value.parse().unwrap_or(1 << 20)
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
