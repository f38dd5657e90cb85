//! Measures what a record costs in the engine, beside bare clients and Kafka Streams doing the same work.
//!
//! Every contestant runs in a process of its own, from its start to its end, and is measured from
//! outside; repetitions take turns, with the order of the contestants rotated. Only figures of one run
//! compare: machines differ.
#![allow(clippy::expect_used, reason = "a measurement that cannot be made ends the program")]

mod bare;
mod case;
mod chart;
mod engine;
mod input;
mod jvm;
mod machine;
mod measure;
mod observed;
mod report;
mod startup;
mod telemetry;
mod topics;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use integration_tests::cluster::BOOTSTRAP_VARIABLE;
use integration_tests::{Deadline, unique};

use crate::case::{Case, Contestant, Work, name};
use crate::input::Inputs;
use crate::measure::Measured;
use crate::report::Run;

/// What a record costs, beside bare clients and Kafka Streams doing the same on the same broker
#[derive(Debug, Parser)]
#[command(name = "benchmarks")]
struct Arguments {
    /// Where Kafka is [default: what KAPPA_TEST_BOOTSTRAP says]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,

    /// How many records each case takes
    #[arg(long, default_value_t = 2_000_000)]
    records: u64,

    /// How often each contestant does each case
    #[arg(long, default_value_t = 3)]
    repeat: usize,

    /// No case is begun later than this many minutes after the start
    #[arg(long, default_value_t = 45)]
    minutes: u64,

    /// Only these cases
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Case>,

    /// Only these contestants
    #[arg(long, value_enum, value_delimiter = ',')]
    by: Vec<Contestant>,

    /// The class path of the Kafka Streams side; it does not take part without
    #[arg(long, value_name = "PATH", default_value = "")]
    jvm_classpath: String,

    /// Where `kafka.json` and `kafka.svg` are written
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,

    #[command(subcommand)]
    command: Option<Child>,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// What telemetry costs: the copy with it off, on and sampled, on the embedded broker
    Telemetry,
    /// Does one case in this process
    #[command(hide = true)]
    One {
        case: Case,
        contestant: Contestant,
        /// The application's id
        application: String,
        /// The topic that is read
        input: String,
    },
}

fn main() {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Some(Child::Telemetry)) {
        return telemetry::compare(&arguments);
    }
    let given = arguments.bootstrap_servers.clone();
    let bootstrap = given.or_else(|| std::env::var(BOOTSTRAP_VARIABLE).ok());
    let bootstrap = bootstrap.expect("say where Kafka is: --bootstrap-servers HOST:PORT");
    match arguments.command {
        Some(Child::One { case, contestant, application, input }) => {
            let records = case.records(arguments.records);
            case.run(contestant, &Work { bootstrap, input, application, records });
        }
        Some(Child::Telemetry) | None => {
            let run = compare(&arguments, &bootstrap);
            std::fs::create_dir_all(&arguments.out).expect("a directory for the results");
            report::print(&run);
            report::write(&run, &arguments.out.join("kafka.json"));
            chart::draw(&run, &arguments.out.join("kafka.svg"));
        }
    }
}

/// Has all contestants do all cases in turns.
fn compare(arguments: &Arguments, bootstrap: &str) -> Run {
    let mut contestants = chosen(&arguments.by);
    contestants.retain(|it| *it != Contestant::Jvm || !arguments.jvm_classpath.is_empty());
    let cases = chosen(&arguments.only);
    let mut inputs = Inputs::new(bootstrap);
    let mut run = Run::new(arguments.records, &cases, &contestants);
    let deadline = Deadline::after(Duration::from_secs(arguments.minutes * 60));
    let bar = bar(cases.len() * contestants.len() * arguments.repeat);
    for repetition in 0..arguments.repeat {
        for &case in &cases {
            if !deadline.is_open() {
                bar.abandon_with_message("out of time");
                run.is_cut_short = true;
                return run;
            }
            contestants.rotate_left(1);
            for &contestant in &contestants {
                let round = format!("{} {} {}", name(&case), name(&contestant), repetition + 1);
                bar.set_message(round.clone());
                if bar.is_hidden() {
                    report::say(&round);
                }
                let records = case.records(arguments.records);
                let work = Work {
                    bootstrap: bootstrap.to_owned(),
                    input: inputs.topic(input_records(case, records), case.keys()),
                    application: unique(&format!("bench-{}", name(&case))),
                    records,
                };
                run.add(case, contestant, once(arguments, case, contestant, &work));
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    run
}

/// Returns all there are, or those asked for, in the order of the report.
fn chosen<T: ValueEnum + Copy + PartialEq>(only: &[T]) -> Vec<T> {
    let all = T::value_variants().iter().copied();
    all.filter(|it| only.is_empty() || only.contains(it)).collect()
}

/// What is restored does not come from the input: that is empty then.
fn input_records(case: Case, records: u64) -> u64 {
    if case == Case::Restore { 0 } else { records }
}

fn once(arguments: &Arguments, case: Case, contestant: Contestant, work: &Work) -> Measured {
    topics::create(case, contestant, work);
    let command = match contestant {
        Contestant::Jvm => jvm::command(&arguments.jvm_classpath, case, work),
        Contestant::Bare | Contestant::Kappa => this_program(case, contestant, work),
    };
    let measured = match case {
        Case::Start => startup::measure(command, work),
        _ => measure::whole(command, work.records),
    };
    topics::delete(work);
    measured
}

fn this_program(case: Case, contestant: Contestant, work: &Work) -> Command {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.args(["--bootstrap-servers", &work.bootstrap]);
    command.args(["--records", &work.records.to_string()]);
    command.args(["one", &name(&case), &name(&contestant), &work.application, &work.input]);
    command
}

/// Shows on a terminal how far the run is.
fn bar(rounds: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(rounds).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("bench [{bar:32}] {pos}/{len} ETA {eta} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
