//! Pages that follow from the code; `UPDATE_EXPECT=1` writes them anew.

use std::fmt::Write;

use expect_test::expect_file;
use kappa::config::{Kind, SETTINGS};
use kappa::metrics::{Metric, PREFIX};

#[test]
fn the_page_of_settings_lists_all_of_them() {
    let mut page = "# Settings\n\nWritten by a test from `config/table.rs`.\n\n\
        Low to high, a value comes from the default below, the program's own default, the file of \
        `--config`, the\nenvironment (`KAPPA_COMMIT_INTERVAL_MS` is `commit.interval.ms`, `__` stands \
        for `_`, `___` for `-`), and the command line\n(`--set`). Names that are not here are passed on \
        to the Kafka clients, if they are a client's: with a prefix to one kind\n(`consumer.`, \
        `main.consumer.`, `restore.consumer.`, `global.consumer.`, `producer.`, `admin.`), or without \
        to all, where\nthey say where the cluster is and how to authenticate (`security.protocol`, \
        `ssl.`, `sasl.`, ...).\n`topic.` sets topic settings of internal topics, and `<secret>.file` \
        names the file of a secret (`sasl.password.file`).\nAny other name is refused. \
        `config` shows the settings in force, and where each came from.\n\n\
        | setting | default | values | what it does |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for setting in SETTINGS {
        let default = setting.default.map_or("none".to_owned(), |value| format!("`{value}`"));
        let values = values(setting.kind);
        writeln!(page, "| `{}` | {default} | {values} | {} |", setting.name, setting.doc).unwrap();
    }
    expect_file!["../../../../docs/settings.md"].assert_eq(&page);
}

#[test]
fn the_page_of_metrics_lists_all_of_them() {
    let mut page = "# Metrics\n\nWritten by a test from `metrics/table.rs`.\n\n\
        Names follow those of the JVM library by the rule of its own telemetry (KIP-714): the group \
        without `-metrics`, then the\nname, with `.` for `-`. A rate and a total are one counter, an \
        average and a maximum one histogram. For Prometheus, a name\nhas `_` for `.`, its unit at the \
        end, and `_total` if it is a counter; a histogram has `_bucket`, `_sum` and `_count`.\n\
        Attributes are labels there, with `_` for `-`. [Operations](operations.md#metrics) says how to \
        get them.\n\n\
        Levels (`metrics.recording.level`): what is `info` is recorded unless metrics are `off`.\n\n\
        Not here: transactions and standby tasks, which do not exist yet; punctuation; suppression \
        buffers; open iterators\nof stores, which are never handed out; `number-open-files`, which RocksDB \
        does not count any more; what librdkafka counts\nby itself (`statistics.interval.ms` is off).\n"
        .to_owned();
    for metric in Metric::ALL {
        let name = metric.name();
        let java = metric.java();
        let java = if java.is_empty() { "none".to_owned() } else { format!("`{java}`") };
        let attributes = metric.attributes().iter().map(|name| format!("`{name}`"));
        let attributes = attributes.collect::<Vec<_>>().join(", ");
        let ours = name.strip_prefix(PREFIX);
        let group = ours.unwrap_or(name).split('.').next().unwrap();
        if !page.contains(&format!("\n## {group}\n")) {
            write!(
                page,
                "\n## {group}\n\n| metric | Prometheus | kind, unit, level | attributes | what it is | \
                 in the JVM library |\n| --- | --- | --- | --- | --- | --- |\n"
            )
            .unwrap();
        }
        let prometheus = metric.prometheus_name();
        let (kind, unit, level, doc) =
            (metric.kind(), metric.unit().ucum(), metric.level(), metric.doc());
        writeln!(
            page,
            "| `{name}` | `{prometheus}` | {kind}, `{unit}`, {level} | {attributes} | {doc} | {java} |"
        )
        .unwrap();
    }
    expect_file!["../../../../docs/metrics.md"].assert_eq(&page);
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Secret => "secret text".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Millis(min, max) => format!("milliseconds, {min} to {max}"),
        Kind::Bytes(min, max) => format!("bytes, {min} to {max}"),
        Kind::Count(min, max) => format!("{min} to {max}"),
        Kind::Ratio => "0 to 1".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
    }
}
