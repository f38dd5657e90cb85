//! The flight services as their users run them: processes, arguments, signals, exit statuses.
//!
//! Their topics have fixed names, so everything here is one test, and what was on the broker is deleted
//! first. The expected results are computed from the records on the input topic, without the engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check fails by panicking"
)]

mod disk_full;
mod elastic;
mod expected;
mod health;
mod otlp;
mod process;
mod registry;
mod traced;
mod usage;

use integration_tests::Cluster;

use crate::process::{Outcome, Service};

const SERVICES: [&str; 2] = ["airline-delays", "airport-hours"];

#[test]
fn both_services_live_again_and_after_every_mishap() {
    let cluster = Cluster::start();
    let bootstrap = cluster.bootstrap();
    delete_leftovers(bootstrap);
    let state = tempfile::tempdir().unwrap();
    let service = |name| Service::new(name, bootstrap, state.path());

    process::feeder(bootstrap, "2013-01-01", "2013-01-03", "1");
    for name in SERVICES {
        registry::registers_what_it_writes(&service(name), name);
        service(name).run(&["run", "--until-caught-up"]).succeeds();
        assert_eq!(service(name).results(name), expected::of(name, bootstrap), "{name} live");
        let replay = service(name).run(&["replay"]).succeeds();
        assert!(replay.contains("records/s") && replay.contains("report"), "{replay}");
        assert!(service(name).run(&["verify"]).succeeds().ends_with("EQUAL\n"), "{name}");
    }

    // State is lost half way, and more data comes, in another version of its schema: what was counted is restored from the changelog.
    for name in SERVICES {
        std::fs::remove_dir_all(state.path().join(name)).unwrap();
    }
    process::feeder(bootstrap, "2013-01-03", "2013-01-05", "2");
    for name in SERVICES {
        nobody_has_read_the_new_data(&service(name).run(&["verify"]), name);
        service(name).run(&["run", "--until-caught-up"]).succeeds();
        assert_eq!(service(name).results(name), expected::of(name, bootstrap), "{name} restored");
        let ahead = service(name).run(&["verify"]);
        assert_eq!(ahead.status, Some(2), "{ahead:?}");
        assert!(ahead.stdout.contains("flights.departed-0: live"), "{ahead:?}");
    }

    killed_and_terminated(&cluster, state.path());
    elastic::instances_come_and_go(bootstrap);
    service("airport-hours").run(&["run", "--until-caught-up"]).succeeds();
    started_over(bootstrap, state.path());
    traced::from_the_feeder_to_a_result(bootstrap, state.path());
    traced::an_error_is_told_once(state.path());
    service("airport-hours").run(&["run", "--until-caught-up"]).succeeds();

    for name in SERVICES {
        service(name).run(&["replay"]).succeeds();
        let verdict = service(name).run(&["verify", "--json"]).succeeds();
        assert!(verdict.contains(r#""verdict":"equal""#), "{verdict}");
        process::tamper(bootstrap, &format!("{name}--replay"));
        let different = service(name).run(&["verify"]);
        assert_eq!(different.status, Some(1), "{different:?}");
        assert!(different.stdout.contains("DIFFERENT"), "{different:?}");
    }
}

/// The cut is where both have read to, so new records change nothing; but the global table's topic, which has
/// no committed offset, was written again, and then the two may have seen different rows.
fn nobody_has_read_the_new_data(verdict: &Outcome, name: &str) {
    if name == "airline-delays" {
        assert_eq!(verdict.status, Some(2), "{verdict:?}");
        assert!(verdict.stdout.contains("airlines-0: "), "{verdict:?}");
        assert!(verdict.stdout.contains("global table"), "{verdict:?}");
    } else {
        assert_eq!(verdict.status, Some(0), "{verdict:?}");
    }
}

/// A run that is killed when it has nothing to do loses nothing; one that is asked to end commits.
fn killed_and_terminated(cluster: &Cluster, state: &std::path::Path) {
    let bootstrap = cluster.bootstrap();
    let name = "airport-hours";
    let service = || Service::new(name, bootstrap, state);
    let running = service().start(&["run"]);
    running.wait_for("-> RUNNING");
    running.kill();
    process::feeder(bootstrap, "2013-01-05", "2013-01-06", "1");
    // The group waits out the dead member's session; then the new one has it all.
    let running = service().start(&["run"]);
    let expected = expected::of(name, bootstrap);
    integration_tests::waiting::eventually(
        "all of the fifth day",
        integration_tests::Deadline::seconds(60),
        || (service().results(name) == expected).then_some(()),
    );
    let Outcome { status, stderr, .. } = running.terminate();
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("PENDING_SHUTDOWN -> NOT_RUNNING"), "{stderr}");
    let again = service().run(&["run", "--until-caught-up", "--json"]).succeeds();
    assert!(again.contains(r#""processed_records":0"#), "it had committed everything: {again}");
    Service::new("airline-delays", bootstrap, state).run(&["run", "--until-caught-up"]).succeeds();
}

/// A reset shows what it would do, does it when told to, and the next run gives the same results.
fn started_over(bootstrap: &str, state: &std::path::Path) {
    let name = "airport-hours";
    let service = || Service::new(name, bootstrap, state);
    let results = service().results(name);
    let shown = service().run(&["reset"]).succeeds();
    assert!(shown.contains("flights.departed-0") && shown.contains("add --yes"), "{shown}");
    let again = service().run(&["run", "--until-caught-up", "--json"]).succeeds();
    assert!(again.contains(r#""processed_records":0"#), "nothing was changed: {again}");

    let running = service().start(&["run"]);
    running.wait_for("-> RUNNING");
    let refused = service().run(&["reset", "--yes"]);
    assert_eq!(refused.status, Some(70), "{refused:?}");
    assert!(refused.stderr.contains("airport-hours is running"), "{refused:?}");
    assert_eq!(running.terminate().status, Some(0));

    let done = service().run(&["reset", "--yes", "--local-state", "--json"]).succeeds();
    assert!(done.contains(r#""executed":true"#), "{done}");
    let again = service().run(&["run", "--until-caught-up", "--json"]).succeeds();
    assert!(!again.contains(r#""processed_records":0"#), "{again}");
    assert_eq!(service().results(name), results);
}

/// Deletes what an earlier run on the same broker has left.
fn delete_leftovers(bootstrap: &str) {
    use integration_tests::admin::{client, options};
    use integration_tests::waiting::{Deadline, block_on, eventually};
    use rdkafka::consumer::Consumer;
    use std::time::Duration;

    let consumer = integration_tests::clients::consumer(bootstrap, None, &[]);
    let ours = || -> Vec<String> {
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).unwrap();
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        let fed = ["airlines", "airports", "planes", "weather"];
        let is_ours = |name: &String| {
            name.starts_with("flights.")
                || fed.contains(&name.as_str())
                || SERVICES.iter().any(|service| name.starts_with(service))
        };
        names.filter(is_ours).collect()
    };
    let admin = client(bootstrap);
    let names = ours();
    if names.is_empty() {
        return;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    block_on(admin.delete_topics(&names, &options())).unwrap();
    eventually("deleted topics", Deadline::seconds(60), || ours().is_empty().then_some(()));
    let groups = SERVICES.map(|name| [name.to_owned(), format!("{name}--replay")]).concat();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let _ = block_on(admin.delete_groups(&groups, &options()));
}
