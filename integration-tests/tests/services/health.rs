//! Probes through the life of a process: waiting for Kafka, running, without Kafka, stopping.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use integration_tests::waiting::eventually;
use integration_tests::{BrokerProcess, Deadline};

use crate::process::{self, Running, Service};

#[test]
fn probes_tell_what_a_process_does_from_its_start_to_its_end() {
    let data = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut broker = BrokerProcess::start(data.path());
    process::feeder(broker.bootstrap(), "2013-01-01", "2013-01-02", "2");
    broker.kill();
    let bootstrap = broker.bootstrap().to_owned();
    let service = Service::new("airport-hours", &bootstrap, state.path());
    let running =
        service.start(&["run", "--http", "127.0.0.1:0", "--set", "auto.register.schemas=true"]);
    let address = address(&running);
    let probe = |name: &str| get(&address, &format!("/health/{name}"));

    // Nobody answers: it waits, which is no illness.
    eventually("the wait for Kafka", Deadline::seconds(60), || {
        probe("startup").contains("waiting for Kafka").then_some(())
    });
    expect(&probe("startup"), 503, "waiting for Kafka");
    expect(&probe("ready"), 503, "waiting for Kafka");
    expect(&probe("live"), 200, "live");

    broker.kill_and_restart(data.path());
    eventually("readiness", Deadline::seconds(60), || {
        probe("ready").contains(" 200 ").then_some(())
    });
    expect(&probe("startup"), 200, "started");
    running.wait_for("-> RUNNING");
    expect(&get(&address, "/metrics"), 200, "kafka_stream_client_state{");
    expect(&get(&address, "/topology"), 200, "Sub-topology: 0");
    expect(&get(&address, "/"), 200, "airport-hours");

    broker.kill();
    running.wait_for("Connection refused");
    for _ in 0..20 {
        expect(&probe("live"), 200, "live");
    }
    broker.kill_and_restart(data.path());

    let watched = address.clone();
    let watcher = std::thread::spawn(move || {
        // Until it says no, or says nothing any more.
        while get(&watched, "/health/ready").contains(" 200 ") {}
        get(&watched, "/health/ready")
    });
    let ended = running.terminate();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let last = watcher.join().unwrap();
    assert!(last.is_empty() || last.contains(" 503 "), "{last}");
    assert_eq!(get(&address, "/health/live"), "", "nobody is there");
}

#[test]
fn a_registry_that_is_away_keeps_a_service_from_being_ready_and_has_nobody_restart_it() {
    let data = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let broker = BrokerProcess::start(data.path());
    process::feeder(broker.bootstrap(), "2013-01-01", "2013-01-02", "2");
    let service = Service::new("airport-hours", broker.bootstrap(), state.path());
    // Nobody is there.
    let registry = "schema.registry.url=http://127.0.0.1:1";
    let running = service.start(&["run", "--http", "127.0.0.1:0", "--set", registry]);
    let address = address(&running);
    let probe = |name: &str| get(&address, &format!("/health/{name}"));
    eventually("the wait for the registry", Deadline::seconds(60), || {
        probe("ready").contains("waiting for the schema registry").then_some(())
    });
    expect(&probe("startup"), 200, "started");
    expect(&probe("ready"), 503, "waiting for the schema registry");
    expect(&probe("live"), 200, "live");
    let ended = running.terminate();
    assert_ne!(ended.status, Some(0), "it never came to run: {ended:?}");
}

#[test]
fn a_port_that_is_taken_is_named_and_off_is_off() {
    let state = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let service = Service::new("airport-hours", "127.0.0.1:1", state.path());
    let refused = service.run(&["run", "--http", &address]);
    assert_eq!(refused.status, Some(64), "{refused:?}");
    assert!(refused.stderr.contains(&format!("cannot listen on {address}")), "{refused:?}");
    assert!(refused.stderr.contains("http.listen"), "{refused:?}");
    let off = ["run", "--http", "off", "--set", "task.timeout.ms=100"];
    let off = service.run(&off);
    assert_eq!(off.status, Some(75), "{off:?}");
    assert!(!off.stderr.contains("http://"), "{off:?}");
}

#[track_caller]
fn expect(answer: &str, status: u16, text: &str) {
    assert!(answer.contains(&format!(" {status} ")) && answer.contains(text), "{answer}");
}

/// Returns where the process says it listens.
fn address(running: &Running) -> String {
    running.wait_for("metrics and topology: http://");
    let said = running.said();
    let (_, rest) = said.split_once("metrics and topology: http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// Returns the whole answer, or nothing where nobody answers.
fn get(address: &str, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_string(&mut answer);
    answer
}
