//! Pages that follow from the code; `UPDATE_EXPECT=1` writes them anew.

use std::fmt::Write;

use expect_test::expect_file;
use kappa::config::{Kind, SETTINGS};

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
        names the file of a client's secret (`sasl.password.file`).\nAny other name is refused. \
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

fn values(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
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
