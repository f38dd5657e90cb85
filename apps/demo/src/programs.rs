//! The programs built beside this one, as child processes.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use kappa::runtime::Stop;
use kappa::{Error, ErrorKind, Result};

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: &'static str,
}

/// How often a process is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How long a process may take to end when asked to.
const END_LOOKS: usize = 500;

impl Running {
    /// Starts a program in an environment; its standard output is ours to read.
    pub(crate) fn start(
        name: &'static str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let path = path_of(name)?;
        let child = Command::new(&path)
            .args(arguments)
            .envs(environment.iter().copied())
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let child = child.map_err(|cause| {
            failed(format!("cannot start {}", path.display())).with_source(cause)
        })?;
        Ok(Self { child, name })
    }

    /// Returns the first line the program prints.
    pub(crate) fn first_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if let Some(output) = self.child.stdout.take() {
            let read = BufReader::new(output).read_line(&mut line);
            read.map_err(|cause| failed(format!("cannot hear {}", self.name)).with_source(cause))?;
        }
        Ok(line.trim_end().to_owned())
    }

    /// Waits until the program ends; returns what it printed and how it ended.
    fn finish(mut self, stop: &Stop) -> Result<(String, ExitStatus)> {
        let output = self.child.stdout.take();
        // Read beside, so that a program that prints much is not held up.
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            output.map_or(Ok(0), |mut output| output.read_to_string(&mut text)).map(|_| text)
        });
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if stop.is_asked() => {
                    self.end();
                    return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
                }
                Ok(None) => stop.wait(LOOK),
                Err(cause) => {
                    return Err(failed(format!("lost {}", self.name)).with_source(cause));
                }
            };
        };
        let text = reader.join().map_err(|_| failed(format!("cannot hear {}", self.name)))?;
        let text =
            text.map_err(|cause| failed(format!("cannot hear {}", self.name)).with_source(cause))?;
        Ok((text, status))
    }

    /// Asks the program to end, and waits for it.
    fn end(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let idle = Stop::new();
        for _ in 0..END_LOOKS {
            if asked.is_err() || !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            idle.wait(LOOK);
        }
        // One that has ended already is no failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// How programs are run: with which registry, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Programs<'a> {
    pub(crate) registry: &'a str,
    pub(crate) stop: &'a Stop,
}

impl Programs<'_> {
    /// Runs a program to its end and returns what it printed.
    pub(crate) fn run(self, name: &'static str, arguments: &[&str]) -> Result<String> {
        let (text, status) = self.finish(name, arguments)?;
        if status.success() {
            return Ok(text);
        }
        Err(failed(format!("`{name} {}` ended with {status}", arguments.join(" "))))
    }

    /// Runs a program whose exit status 1 is an answer; returns what it printed and whether it was 0.
    pub(crate) fn ask(self, name: &'static str, arguments: &[&str]) -> Result<(String, bool)> {
        const NO: i32 = 1;
        let (text, status) = self.finish(name, arguments)?;
        if status.success() || status.code() == Some(NO) {
            return Ok((text, status.success()));
        }
        Err(failed(format!("`{name} {}` ended with {status}: {text}", arguments.join(" "))))
    }

    fn finish(self, name: &'static str, arguments: &[&str]) -> Result<(String, ExitStatus)> {
        let environment =
            [("SCHEMA_REGISTRY_URL", self.registry), ("KAPPA_AUTO_REGISTER_SCHEMAS", "true")];
        Running::start(name, arguments, &environment)?.finish(self.stop)
    }
}

fn path_of(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()
        .map_err(|cause| failed("cannot find this program".to_owned()).with_source(cause))?;
    let path = here.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(failed(format!("{} is not built: start the demo with `make demo`", path.display())))
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::State, message)
}
