//! The settings in force, and where each came from.

use std::fmt::Write;
use std::process::ExitCode;

use super::arguments::Arguments;
use super::output::{print, print_json};
use super::{App, configuration};
use crate::config::ListedSetting;
use crate::error::Result;

/// Shows the settings; then fails as a run would where one is wrong.
pub(super) fn config(app: &App, arguments: &Arguments, changed_only: bool) -> Result<ExitCode> {
    let config = configuration::layers(app, arguments)?;
    let mut settings = config.listing();
    settings.retain(|setting| setting.changed || !changed_only);
    let shown = if arguments.json { print_json(&settings)? } else { print(table(&settings))? };
    config.resolve().map(|_| shown)
}

fn table(settings: &[ListedSetting]) -> String {
    let rows = settings.iter().map(|setting| {
        let kind = setting.unit.unwrap_or(setting.kind);
        let value = setting.value.as_deref().unwrap_or("-");
        [&setting.name, value, setting.default.unwrap_or("-"), kind, &setting.source]
    });
    let rows: Vec<[&str; 5]> =
        std::iter::once(["SETTING", "VALUE", "DEFAULT", "UNIT", "FROM"]).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (names, values, defaults, units) = (width(0), width(1), width(2), width(3));
    let mut text = String::new();
    for [name, value, default, unit, source] in rows {
        let _ = writeln!(
            text,
            "{name:names$}  {value:values$}  {default:defaults$}  {unit:units$}  {source}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StreamsConfig;

    #[test]
    fn a_table_has_a_line_for_each_setting() {
        let config = StreamsConfig::new("app").with_argument("poll.ms", "5").unwrap();
        let mut settings = config.listing();
        settings.retain(|setting| setting.changed);
        assert_eq!(
            table(&settings),
            "SETTING         VALUE  DEFAULT  UNIT  FROM\n\
             application.id  app    -        text  the program's default\n\
             poll.ms         5      100      ms    the command line\n"
        );
    }
}
