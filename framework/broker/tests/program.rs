//! The program: its first line, its end, its help.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Duration;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kappa-broker"));
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the program and returns the address it prints.
fn start(args: &[&str]) -> (Child, String) {
    let mut child = program(args).spawn().expect("the program starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("its first line");
    let address = line.trim_end().strip_prefix("listening on ");
    (child, address.unwrap_or_else(|| panic!("its first line is {line:?}")).to_owned())
}

fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
}

fn wait(child: &mut Child) -> ExitStatus {
    // Nothing but the end of the program itself ends this wait, so it is asked for.
    for _ in 0..1_000 {
        if let Some(status) = child.try_wait().expect("its status") {
            return status;
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    child.kill().expect("it can be killed");
    panic!("the program did not end within 10 s");
}

fn run(args: &[&str]) -> (Output, String, String) {
    let output = program(args).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, log) = (text(&output.stdout), text(&output.stderr));
    (output, out, log)
}

#[test]
fn it_listens_and_ends_clean_on_either_signal() {
    for name in ["-TERM", "-INT"] {
        let (mut child, address) = start(&[]);
        let open = TcpStream::connect(&address).expect("it serves once it has said so");
        signal(&child, name);
        let status = wait(&mut child);
        assert!(status.success(), "{name}: {status}");
        let mut log = String::new();
        child.stderr.take().expect("its log").read_to_string(&mut log).expect("text");
        assert!(log.contains("for development and tests"), "{log}");
        assert!(log.contains("stopped"), "{log}");
        assert!(TcpStream::connect(&address).is_err());
        drop(open);
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let (mut child, address) = start(&["--host", "127.0.0.1"]);
    let port = address.rsplit(':').next().expect("a port");
    let (output, out, log) = run(&["--port", port]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out, "");
    assert!(log.contains(&format!("cannot listen on {address}")), "{log}");
    signal(&child, "-TERM");
    wait(&mut child);
}

#[test]
fn the_help_teaches() {
    let (output, out, _) = run(&["--help"]);
    assert!(output.status.success());
    for taught in [
        "bootstrap.servers",
        "listening on HOST:PORT",
        "--host",
        "--port",
        "SIGTERM",
        "--data <DIR>",
        "SIGKILL",
    ] {
        assert!(out.contains(taught), "no {taught} in:\n{out}");
    }
    let (output, _, log) = run(&["--prot", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(log.contains("--port"), "the nearest name:\n{log}");
}
