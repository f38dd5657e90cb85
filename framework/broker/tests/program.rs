//! The program: its first line, its end, its help.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
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

/// Starts the program with a registry and returns what it prints of both addresses.
fn start_with_registry(args: &[&str]) -> (Child, String) {
    let mut child = program(&[&["--registry", "127.0.0.1:0"], args].concat())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert!(line().starts_with("listening on 127.0.0.1:"));
    let line = line();
    let url = line.strip_prefix("registry on http://");
    (child, url.unwrap_or_else(|| panic!("its second line is {line:?}")).to_owned())
}

/// Asks a registry, without a client of HTTP, and returns its whole answer.
fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it serves once it has said so");
    let length = body.len();
    let rest = "host: registry\r\nconnection: close\r\ncontent-length";
    write!(stream, "{head} HTTP/1.1\r\n{rest}: {length}\r\n\r\n{body}").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("its answer");
    answer
}

#[test]
fn a_registry_beside_keeps_what_it_has_acknowledged() {
    let directory = std::env::temp_dir().join(format!("kappa-broker-{}", std::process::id()));
    let data = ["--data", directory.to_str().expect("a name")];
    let (mut child, registry) = start_with_registry(&data);
    let body = r#"{"schema":"\"string\""}"#;
    let answer = ask(&registry, "POST /subjects/names/versions", body);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"id\":1"), "{answer}");
    signal(&child, "-KILL");
    wait(&mut child);
    let (mut child, registry) = start_with_registry(&data);
    let answer = ask(&registry, "GET /subjects", "");
    assert!(answer.ends_with("[\"names\"]"), "{answer}");
    signal(&child, "-TERM");
    assert!(wait(&mut child).success());
    std::fs::remove_dir_all(&directory).expect("it is removed");
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
        "--registry <HOST:PORT>",
        "schema.registry.url",
    ] {
        assert!(out.contains(taught), "no {taught} in:\n{out}");
    }
    let (output, _, log) = run(&["--prot", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(log.contains("--port"), "the nearest name:\n{log}");
}
