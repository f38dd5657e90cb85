//! Arguments and settings that are wrong, and help: nothing here needs a broker.

use integration_tests::program;

use crate::process::{Outcome, Running};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut command = program("airline-delays");
    command.args(arguments).envs(environment.iter().copied());
    Running::start(command).finish()
}

#[test]
fn help_teaches_the_commands_settings_and_exit_statuses() {
    let help = run(&["--help"], &[]).succeeds();
    for word in [
        "run",
        "replay",
        "verify",
        "reset",
        "topology",
        "results",
        "config",
        "completion",
        "KAPPA_BOOTSTRAP_SERVERS",
        "64",
    ] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    let replay = run(&["replay", "--help"], &[]).succeeds();
    assert!(
        replay.contains("--version <NAME>") && replay.contains("[default: replay]"),
        "{replay}"
    );
}

#[test]
fn a_topology_can_be_shown_without_a_broker() {
    let text = run(&["topology"], &[]).succeeds();
    assert!(text.starts_with("Topologies:\n   Sub-topology: 0"), "{text}");
    let chart = run(&["topology", "--format", "mermaid"], &[]).succeeds();
    assert!(chart.starts_with("flowchart TD"), "{chart}");
}

#[test]
fn a_topology_as_json_is_for_tools() {
    let outline = run(&["topology", "--format", "json"], &[]).succeeds();
    let outline: serde_json::Value = serde_json::from_str(&outline).expect("JSON");
    assert_eq!(outline["application"], "airline-delays");
    assert_eq!(outline["global_tables"][0]["topic"], "airlines");
    let internal = outline["internal_topics"].as_array().expect("a list");
    assert!(internal.iter().any(|topic| topic["kind"] == "changelog"), "{outline}");
}

#[test]
fn settings_are_shown_with_their_sources() {
    let arguments = ["config", "--changed", "--set", "sasl.password=hunter2"];
    let shown = run(&arguments, &[("KAPPA_POLL_MS", "7")]).succeeds();
    let line = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name));
        line.expect("a line").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("poll.ms"), "poll.ms 7 100 ms environment variable KAPPA_POLL_MS");
    assert_eq!(line("sasl.password"), "sasl.password [hidden] - text the command line");
    assert!(!shown.contains("task.timeout.ms"), "{shown}");
    let json = run(&["config", "--json"], &[]).succeeds();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json.as_array().expect("a list").len() > 20);
    let wrong = run(&["config", "--set", "poll.ms=soon"], &[]);
    assert_eq!(wrong.status, Some(64), "{wrong:?}");
    assert!(wrong.stdout.contains("soon"), "it is shown all the same: {wrong:?}");
}

#[test]
fn shells_are_told_what_can_be_said() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completion", shell], &[]).succeeds();
        assert!(script.contains("airline-delays") && script.contains("reset"), "{shell}: {script}");
    }
}

#[test]
fn what_a_reset_is_told_is_checked_first() {
    for wrong in [
        &["reset", "--to-latest", "--shift-by", "1"][..],
        &["reset", "--yes", "--dry-run"],
        &["reset", "--to-offset", "-1"],
        &["reset", "--to-datetime", "yesterday"],
        &["reset", "--by-duration", "P1M"],
        &["reset", "--from-file", "/absent.csv"],
    ] {
        let refused = run(wrong, &[]);
        assert_eq!(refused.status, Some(64), "{wrong:?}: {refused:?}");
    }
    let help = run(&["reset", "--help"], &[]).succeeds();
    assert!(help.contains("Examples:") && help.contains("--shift-by <N>"), "{help}");
}

#[test]
fn wrong_arguments_and_settings_end_with_64() {
    for arguments in [&["frobnicate"][..], &["run", "--nonsense"], &[]] {
        assert_eq!(run(arguments, &[]).status, Some(64), "{arguments:?}");
    }
    let misspelt = run(&["run"], &[("KAPPA_COMMIT_INTERVALL_MS", "5")]);
    assert_eq!(misspelt.status, Some(64), "{misspelt:?}");
    assert!(misspelt.stderr.contains("did you mean `commit.interval.ms`?"), "{misspelt:?}");
    let range = run(&["run", "--set", "commit.interval.ms=soon"], &[]);
    assert_eq!(range.status, Some(64), "{range:?}");
    assert!(range.stderr.contains("(from the command line)"), "{range:?}");
}

#[test]
fn values_in_avro_need_a_registry() {
    let homeless = run(&["run"], &[]);
    assert_eq!(homeless.status, Some(64), "{homeless:?}");
    for hint in ["schema.registry.url is missing", "SCHEMA_REGISTRY_URL", "--format json"] {
        assert!(homeless.stderr.contains(hint), "{homeless:?}");
    }
}

#[test]
fn a_broker_out_of_reach_ends_with_75() {
    let arguments = ["run", "--format=json", "-b127.0.0.1:1", "--set", "task.timeout.ms=0"];
    let state = tempfile::tempdir().expect("a directory");
    let state = state.path().to_string_lossy().into_owned();
    let unreachable = run(&arguments, &[("KAPPA_STATE_DIR", &state)]);
    assert_eq!(unreachable.status, Some(75), "{unreachable:?}");
    assert!(unreachable.stderr.contains("no Kafka at 127.0.0.1:1"), "{unreachable:?}");
}
