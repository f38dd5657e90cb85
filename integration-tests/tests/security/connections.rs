//! What a client is told that is not let in: each time which setting is wrong, within seconds, once.

use std::time::Duration;

use integration_tests::waiting::timed;

use crate::secured::{self, User, told};

/// What a start may take that fails.
const SECONDS: Duration = Duration::from_secs(20);

/// Runs a service that fails, and returns what it says.
#[track_caller]
fn refused(settings: &[(&str, String)], status: i32) -> String {
    let state = tempfile::tempdir().unwrap();
    let run = || secured::run("airport-hours", &["run"], settings, state.path());
    let (outcome, elapsed) = timed(run);
    assert_eq!(outcome.status, Some(status), "{outcome:?}");
    assert!(elapsed < SECONDS, "{elapsed:?}: {outcome:?}");
    let said =
        outcome.stderr.lines().filter(|line| line.contains("error") || line.contains("WARN"));
    let said: Vec<&str> = said.collect();
    assert!(said.len() <= 4, "each once: {said:#?}");
    outcome.stderr
}

/// Replaces a setting, or adds it.
fn with<'a>(
    mut settings: Vec<(&'a str, String)>,
    name: &'a str,
    value: &str,
) -> Vec<(&'a str, String)> {
    settings.retain(|(known, _)| *known != name);
    settings.push((name, value.to_owned()));
    settings
}

#[test]
fn a_wrong_password_is_named() {
    let user = User::create("forgetful", "the-right-one");
    std::fs::write(user.password_file(), "the-wrong-one").unwrap();
    let said = refused(&user.settings(), 64);
    assert!(said.contains("does not accept `sasl.username` and `sasl.password`"), "{said}");
    assert!(!said.contains("the-wrong-one"), "{said}");
}

#[test]
fn an_unknown_user_is_named_alike() {
    let user = User::create("known", "password-of-known");
    let said = refused(&with(user.settings(), "sasl.username", "nobody"), 64);
    assert!(said.contains("does not accept `sasl.username` and `sasl.password`"), "{said}");
}

#[test]
fn a_mechanism_that_is_not_served_is_named() {
    let user = User::create("mechanic", "password-of-mechanic");
    let said = refused(&with(user.settings(), "sasl.mechanism", "SCRAM-SHA-256"), 64);
    assert!(said.contains("does not serve the `sasl.mechanism` that is set"), "{said}");
    assert!(said.contains("SCRAM-SHA-512"), "what is served: {said}");
}

#[test]
fn another_authority_is_named() {
    let user = User::create("misled", "password-of-misled");
    let said = refused(&with(user.settings(), "ssl.ca.location", &told("OTHER_CA")), 64);
    assert!(said.contains("cannot be verified"), "{said}");
    assert!(said.contains("`ssl.ca.location`"), "{said}");
}

#[test]
fn a_certificate_that_has_expired_is_named() {
    let user = User::create("late", "password-of-late");
    let said = refused(&with(user.settings(), "bootstrap.servers", &told("EXPIRED")), 64);
    assert!(said.contains("cannot be verified") && said.contains("expired"), "{said}");
}

/// A connection that just ends may be a broker that is starting: so it is tried again, as long as set.
#[test]
fn a_client_without_tls_is_told_of_it() {
    let settings =
        vec![("bootstrap.servers", told("BOOTSTRAP")), ("task.timeout.ms", "5000".to_owned())];
    let said = refused(&settings, 75);
    assert!(said.contains("it may ask for another `security.protocol`"), "{said}");
}

#[test]
fn tls_to_a_port_without_it_is_told() {
    let user = User::create("careful", "password-of-careful");
    let settings = with(user.settings(), "bootstrap.servers", &told("ADMIN"));
    let said = refused(&with(settings, "task.timeout.ms", "5000"), 75);
    assert!(said.contains("it may ask for another `security.protocol`"), "{said}");
}

#[test]
fn a_file_of_an_authority_that_is_missing_is_named() {
    let user = User::create("untidy", "password-of-untidy");
    let said = refused(&with(user.settings(), "ssl.ca.location", "/absent/ca.pem"), 64);
    assert!(said.contains("ssl.ca.location") && said.contains("/absent/ca.pem"), "{said}");
}

#[test]
fn plain_passwords_are_sent_over_tls() {
    let files = tempfile::tempdir().unwrap();
    let password = files.path().join("password");
    std::fs::write(&password, told("PLAIN_PASSWORD")).unwrap();
    let settings = [
        ("bootstrap.servers", told("BOOTSTRAP")),
        ("security.protocol", "SASL_SSL".to_owned()),
        ("ssl.ca.location", told("CA")),
        ("sasl.mechanism", "PLAIN".to_owned()),
        ("sasl.username", told("PLAIN_USER")),
        ("sasl.password.file", password.display().to_string()),
    ];
    // It is let in, and then may not see anything.
    let state = tempfile::tempdir().unwrap();
    let outcome = secured::run("airport-hours", &["run"], &settings, state.path());
    assert_eq!(outcome.status, Some(70), "{outcome:?}");
    let missing = "do not give the user `Describe` on topic flights.departed";
    assert!(outcome.stderr.contains(missing), "{outcome:?}");
}
