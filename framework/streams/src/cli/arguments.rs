//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::formats::FormatArgument;
use super::reset::ResetArguments;
use super::topology::TopologyArguments;

/// What every application understands.
#[derive(Debug, Parser)]
#[command(
    disable_help_subcommand = true,
    after_help = "Settings have Kafka's names and come, later over earlier, from the program, \
                  --config FILE, environment variables (KAPPA_BOOTSTRAP_SERVERS is \
                  bootstrap.servers, KAPPA_STATE_DIR is state.dir, ...) and --set. `config` shows \
                  them all. `completion` makes the shell complete what is said here.\n\n\
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

    /// Where `run` and `replay` answer probes over HTTP: host:port, or off [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(super) http: Option<String>,

    /// Settings from a properties file: one `name=value` a line
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// One setting; may be repeated
    #[arg(long = "set", global = true, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,

    /// Print results as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// How the log on standard error is written [default: pretty]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,

    #[command(subcommand)]
    pub(super) command: Command,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

const RUN_EXAMPLES: &str = "Examples:
  run -b kafka-1:9092,kafka-2:9092             as a service; start it again elsewhere to share the work
  run --until-caught-up --json                 as a job: ends with a report when every input is read
  run --set num.stream.threads=4 --set commit.interval.ms=1000";

const REPLAY_EXAMPLES: &str = "Examples:
  replay --version fix-17                      all of history again, into <topic>--fix-17
  verify --version fix-17                      then: are the results those of the live application?
  results --topic totals--fix-17               or: what are they?";

const RESULTS_EXAMPLES: &str = "Examples:
  results --top 10                             the first ten keys of every output topic
  results --topic totals--replay --json        all rows of one topic, a line of JSON each";

const RESET_EXAMPLES: &str = "Examples:
  reset                                    what starting over from the beginning would change
  reset --yes --local-state                do it, on a machine that has state
  reset --by-duration P7D --yes            count anew, but only the last seven days
  reset --from-file offsets.csv --yes      a line per partition: orders,0,1200

Results that were written stay in the output topics: what is read again is written again.";

const TOPOLOGY_EXAMPLES: &str = "Examples:
  topology                                     sub-topologies, nodes and stores, as Kafka Streams says it
  topology --format mermaid > topology.mmd     a chart: paste it into https://mermaid.live, or into a
                                               ```mermaid block of a Markdown file on GitHub or GitLab
  topology --format json                       the same with internal topics and their settings, for tools
  topology --format acls                       what it must be allowed on the cluster, for kafka-acls.sh
  topology --format strimzi --partitions orders=12
                                               topics and users as Kubernetes resources of Strimzi

Names of internal topics are those of the application.id in force.";

#[cfg(feature = "schema-registry")]
const SCHEMAS_EXAMPLES: &str = "Examples:
  schemas --set schema.registry.url=http://localhost:8081
  SCHEMA_REGISTRY_URL=https://registry:8081 APP schemas --register";

const CONFIG_EXAMPLES: &str = "Examples:
  config --changed                             what differs from the defaults, and why
  config --platform                            how much memory a container needs, and time to close
  config --set commit.interval.ms=500          check a setting before it is used
  config --json | jq '.[] | select(.name == \"state.dir\")'

A secret may be in a file of its own: sasl.password.file names the file that has sasl.password.";

const COMPLETION_EXAMPLES: &str = "To install (APP is this program's name):
  bash        APP completion bash > ~/.local/share/bash-completion/completions/APP
  zsh         APP completion zsh > ~/.zfunc/_APP     with ~/.zfunc in $fpath before compinit
  fish        APP completion fish > ~/.config/fish/completions/APP.fish
  elvish      APP completion elvish >> ~/.config/elvish/rc.elv
  powershell  APP completion powershell >> $PROFILE";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run live: process records as they come, until Ctrl-C or SIGTERM
    #[command(after_help = RUN_EXAMPLES)]
    Run {
        /// End once every input is read to its end and committed
        #[arg(long)]
        until_caught_up: bool,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Run again from offset zero to the ends as they are now, beside the live application
    ///
    /// Results go to <topic>--<version>; group, state and internal topics are the version's own, so
    /// nothing live is touched. A replay of a version that exists starts over.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay {
        /// Name of the rerun
        #[arg(long, default_value = "replay", value_name = "NAME")]
        version: String,
        /// Where to write the JSON report [default: report.json in the version's state directory]
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Compare live results with a rerun's, key by key, at the same cut
    Verify {
        /// Name of the rerun
        #[arg(long, default_value = "replay", value_name = "NAME")]
        version: String,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Start over: set the inputs' offsets back, and delete the application's internal topics
    ///
    /// Every instance must be stopped. Shows what would change, and changes it with --yes. Inputs,
    /// outputs and topics of other applications are never touched.
    #[command(after_help = RESET_EXAMPLES)]
    Reset(ResetArguments),
    /// Show the topology; needs no Kafka
    #[command(after_help = TOPOLOGY_EXAMPLES)]
    Topology(TopologyArguments),
    /// Show the schemas of all topics and their places in the registry; register them
    ///
    /// Ends with status 1 where a schema that is written is not registered: a step before a deployment.
    #[cfg(feature = "schema-registry")]
    #[command(after_help = SCHEMAS_EXAMPLES)]
    Schemas {
        /// Register the schemas of what is written: outputs, repartition topics and changelogs
        #[arg(long)]
        register: bool,
    },
    /// Show the latest value of each key of the output topics
    #[command(after_help = RESULTS_EXAMPLES)]
    Results {
        /// One topic only, whichever: a rerun's, for instance
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        /// Only the first keys, in order of their bytes
        #[arg(long, value_name = "N")]
        top: Option<usize>,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Show every setting: its value, default, unit, and where the value came from; needs no Kafka
    ///
    /// Secrets are hidden. Ends with an error where a value is wrong, as every command would.
    #[command(after_help = CONFIG_EXAMPLES)]
    Config {
        /// Only what somebody has set
        #[arg(long)]
        changed: bool,
        /// What follows of them instead for a container: memory, part by part, and time to close
        #[arg(long, conflicts_with = "changed")]
        platform: bool,
    },
    /// Print a script that completes commands and arguments in a shell
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}
