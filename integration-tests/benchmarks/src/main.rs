//! Measures the CPU that a record costs in the engine, beside bare clients that do the same work.
//!
//! Every case runs in a process of its own, from its start to its end, several times in turns with the
//! others; the least of the repetitions is reported. Only figures of one run compare: machines differ.
#![allow(clippy::expect_used, reason = "a measurement that cannot be made ends the program")]

mod bare;
mod case;
mod engine;
mod input;
mod measure;
mod report;

use clap::{Parser, Subcommand};
use integration_tests::cluster::BOOTSTRAP_VARIABLE;

use crate::case::{Case, Work};
use crate::input::Input;
use crate::measure::Measured;

/// CPU per record of the engine, beside bare clients doing the same work on the same broker
#[derive(Debug, Parser)]
#[command(name = "benchmarks")]
struct Arguments {
    /// Where Kafka is [default: what KAPPA_TEST_BOOTSTRAP says]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,

    /// How many records each case reads
    #[arg(long, default_value_t = 2_000_000)]
    records: u64,

    /// How many different keys they have
    #[arg(long, default_value_t = 100_000)]
    keys: u64,

    /// How often each case is run; the least CPU counts
    #[arg(long, default_value_t = 3)]
    repetitions: usize,

    /// Only these cases
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Case>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one case in this process and prints what it took
    #[command(hide = true)]
    One {
        case: Case,
        /// What all topics of this repetition begin with
        prefix: String,
        /// The topic that is read
        input: String,
    },
}

fn main() {
    let arguments = Arguments::parse();
    let given = arguments.bootstrap_servers.clone();
    let bootstrap = given.or_else(|| std::env::var(BOOTSTRAP_VARIABLE).ok());
    let bootstrap = bootstrap.expect("say where Kafka is: --bootstrap-servers HOST:PORT");
    match arguments.command {
        Some(Command::One { case, prefix, input }) => {
            let work = Work { bootstrap, input, prefix, records: arguments.records };
            measure::tell(|| case.run(&work));
        }
        None => compare(&arguments, &bootstrap),
    }
}

/// Runs all cases in turns and prints the table.
fn compare(arguments: &Arguments, bootstrap: &str) {
    let input = Input::load(bootstrap, arguments.records, arguments.keys);
    let cases = Case::chosen(&arguments.only);
    let mut least: Vec<Option<Measured>> = vec![None; cases.len()];
    for repetition in 1..=arguments.repetitions {
        for (case, least) in cases.iter().zip(&mut least) {
            let prefix = format!("{}-{}-{repetition}", input.prefix(), case.name());
            report::say(&format!("{} ({repetition} of {})", case.name(), arguments.repetitions));
            let work = Work {
                bootstrap: bootstrap.to_owned(),
                input: input.topic().to_owned(),
                prefix,
                records: arguments.records,
            };
            let measured = measure::child(*case, &work);
            *least = Some(least.map_or(measured, |before| before.least(measured)));
        }
    }
    let measured: Vec<_> = cases.iter().copied().zip(least.into_iter().flatten()).collect();
    report::print(arguments.records, arguments.keys, &measured);
}
