//! The demo, step by step.

use std::fmt::Write as _;
use std::io::Write as _;

use kappa::runtime::Stop;
use kappa::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::programs::Programs;
use crate::registry::SchemaRegistry;
use crate::table::{self, Column};

/// The services, by the name of their program, group and main topic.
pub(crate) const SERVICES: [&str; 2] = ["airline-delays", "airport-hours"];

/// How many rows of a result table are shown.
const TOP: usize = 5;
/// What result tables are sorted by.
const SORT_BY: &str = "departures";

/// What is known of one service at the end.
#[derive(Debug, Default)]
struct Outcome {
    service: &'static str,
    departures: u64,
    live_seconds: f64,
    replay_seconds: f64,
    equal_keys: u64,
    different_keys: u64,
    is_equal: bool,
    differences: String,
}

/// Runs everything; returns whether all results are equal.
pub(crate) fn run(
    (kafka, fresh): (Option<&str>, bool),
    registry: Option<&str>,
    stop: &Stop,
) -> Result<bool> {
    let cluster = match kafka {
        None => Cluster::embedded()?,
        Some(bootstrap) => Cluster::existing(bootstrap, fresh, stop)?,
    };
    let bootstrap = cluster.bootstrap.as_str();
    match kafka {
        None => say(&format!("broker   embedded, on {bootstrap} (in memory, for development)")),
        Some(_) => say(&format!("broker   {bootstrap}")),
    }
    let registry = SchemaRegistry::at(registry)?;
    say(&format!("schemas  {registry}"));
    let programs = Programs { registry: registry.url(), stop };
    let fed = programs.run("feeder", &["--bootstrap-servers", bootstrap])?;
    say(&format!("feeder   {}", fed.trim_end()));

    let state = tempfile::tempdir().map_err(|cause| {
        Error::new(ErrorKind::State, "cannot make a directory for state").with_source(cause)
    })?;
    let state = state.path().to_string_lossy();
    let common = ["--bootstrap-servers", bootstrap, "--state-dir", &*state, "--json"];
    let mut outcomes = SERVICES.map(|service| Outcome { service, ..Outcome::default() });
    for outcome in &mut outcomes {
        live(outcome, &common, programs)?;
    }
    for outcome in &mut outcomes {
        rerun(outcome, &common, programs)?;
    }
    Ok(verdict(&outcomes))
}

fn live(outcome: &mut Outcome, common: &[&str], programs: Programs<'_>) -> Result<()> {
    let service = outcome.service;
    let report = programs.run(service, &with(&["run", "--until-caught-up"], common))?;
    let report = json(service, &report)?;
    outcome.live_seconds = float(&report, "elapsed_seconds");
    let results = programs.run(service, &with(&["results"], common))?;
    let rows = table::rows(&results);
    say(&format!(
        "live     {service} has caught up in {:.1} s: {} rows, the busiest of them",
        outcome.live_seconds,
        rows.len()
    ));
    show(&table::top(&rows, SORT_BY, TOP, columns(service)));
    Ok(())
}

/// Returns the columns a service's rows are shown with.
fn columns(service: &str) -> &'static [Column] {
    match service {
        "airline-delays" => &[
            ("airline", "airline"),
            ("departures", "departures"),
            ("delayed", "delayed"),
            ("total_delay_minutes", "total delay (min)"),
            ("max_delay_minutes", "longest (min)"),
        ],
        _ => &[
            ("window_start", "hour (UTC)"),
            ("origin", "airport"),
            ("departures", "departures"),
            ("total_delay_minutes", "total delay (min)"),
            ("max_delay_minutes", "longest (min)"),
        ],
    }
}

fn rerun(outcome: &mut Outcome, common: &[&str], programs: Programs<'_>) -> Result<()> {
    let service = outcome.service;
    let report = programs.run(service, &with(&["replay"], common))?;
    let report = json(service, &report)?;
    outcome.departures = number(&report, "input_records");
    outcome.replay_seconds = float(&report, "elapsed_seconds");
    say(&format!(
        "replay   {service} read {} departures again from offset zero in {:.1} s, {:.0} a second",
        outcome.departures,
        outcome.replay_seconds,
        float(&report, "input_records_per_second"),
    ));
    let (compared, is_equal) = programs.ask(service, &with(&["verify"], common))?;
    let compared = json(service, &compared)?;
    outcome.is_equal = is_equal;
    for topic in compared.get("topics").and_then(Value::as_array).into_iter().flatten() {
        outcome.equal_keys += number(topic, "equal_keys");
        outcome.different_keys += number(topic, "different_keys");
        for difference in topic.get("first").and_then(Value::as_array).into_iter().flatten() {
            let text = |name| difference.get(name).and_then(Value::as_str).unwrap_or("nothing");
            let (key, live, rerun) = (text("key"), text("live"), text("rerun"));
            let _ = writeln!(outcome.differences, "  {key}\n    live  {live}\n    rerun {rerun}");
        }
    }
    Ok(())
}

fn verdict(outcomes: &[Outcome]) -> bool {
    say("verdict  live results against the rerun's, key by key");
    for outcome in outcomes {
        let Outcome { service, departures, equal_keys, different_keys, .. } = outcome;
        show(&format!(
            "  {service:<14} {equal_keys:>6} keys equal, {different_keys} different; {departures} \
             departures: live {:.1} s ({:.0}/s), replay {:.1} s ({:.0}/s)\n{}",
            outcome.live_seconds,
            rate(*departures, outcome.live_seconds),
            outcome.replay_seconds,
            rate(*departures, outcome.replay_seconds),
            outcome.differences,
        ));
    }
    let equal = outcomes.iter().all(|outcome| outcome.is_equal);
    say(if equal { "EQUAL" } else { "DIFFERENT" });
    equal
}

fn with<'a>(command: &[&'a str], common: &[&'a str]) -> Vec<&'a str> {
    [command, common].concat()
}

fn json(service: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text.trim()).map_err(|cause| {
        let message = format!("{service} printed something that is not its report: {text}");
        Error::new(ErrorKind::State, message).with_source(cause)
    })
}

fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

fn float(value: &Value, field: &str) -> f64 {
    value.get(field).and_then(Value::as_f64).unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(f64::MIN_POSITIVE)
}

fn say(line: &str) {
    show(&format!("{line}\n"));
}

fn show(text: &str) {
    // A demo that nobody watches any more still gives its verdict by its exit status.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
