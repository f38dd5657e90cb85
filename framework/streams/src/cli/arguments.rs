//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// What every application understands.
#[derive(Debug, Parser)]
#[command(
    disable_help_subcommand = true,
    after_help = "Settings have Kafka's names and come, later over earlier, from the program, \
                  --config FILE, environment variables (KAPPA_BOOTSTRAP_SERVERS is \
                  bootstrap.servers, KAPPA_STATE_DIR is state.dir, ...) and --set.\n\n\
                  Exit status: 0 done; 1 results differ (verify); 2 live and rerun have not read \
                  the same (verify); 64 wrong arguments or settings; 70 failed; 75 Kafka out of \
                  reach, try again; 130 interrupted."
)]
pub(super) struct Arguments {
    /// Brokers to ask first: host:port, several separated by commas [default: localhost:9092]
    #[arg(long, short, global = true, value_name = "HOST:PORT")]
    pub(super) bootstrap_servers: Option<String>,

    /// Directory of local state [default: /tmp/kappa-streams]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,

    /// Settings from a properties file: one `name=value` a line
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// One setting; may be repeated
    #[arg(long = "set", global = true, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,

    /// Print results as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run live: process records as they come, until Ctrl-C or SIGTERM
    Run {
        /// End once every input is read to its end and committed
        #[arg(long)]
        until_caught_up: bool,
    },
    /// Run again from offset zero to the ends as they are now, beside the live application
    ///
    /// Results go to <topic>--<version>; group, state and internal topics are the version's own, so
    /// nothing live is touched. A replay of a version that exists starts over.
    Replay {
        /// Name of the rerun
        #[arg(long, default_value = "replay", value_name = "NAME")]
        version: String,
        /// Where to write the JSON report [default: report.json in the version's state directory]
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Compare live results with a rerun's, key by key, at the same cut
    Verify {
        /// Name of the rerun
        #[arg(long, default_value = "replay", value_name = "NAME")]
        version: String,
    },
    /// Show the topology; needs no Kafka
    Topology {
        /// As text in Kafka Streams' format, or as a Mermaid chart
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show the latest value of each key of the output topics
    Results {
        /// One topic only, whichever: a rerun's, for instance
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        /// Only the first keys, in order of their bytes
        #[arg(long, value_name = "N")]
        top: Option<usize>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Mermaid,
}
