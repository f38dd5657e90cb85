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
    for word in ["run", "replay", "verify", "topology", "results", "KAPPA_BOOTSTRAP_SERVERS", "64"]
    {
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
fn a_broker_out_of_reach_ends_with_75() {
    let arguments = ["run", "-b", "127.0.0.1:1", "--set", "task.timeout.ms=0"];
    let state = tempfile::tempdir().expect("a directory");
    let state = state.path().to_string_lossy().into_owned();
    let unreachable = run(&arguments, &[("KAPPA_STATE_DIR", &state)]);
    assert_eq!(unreachable.status, Some(75), "{unreachable:?}");
    assert!(unreachable.stderr.contains("no Kafka at 127.0.0.1:1"), "{unreachable:?}");
}
