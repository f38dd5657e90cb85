//! Result rows as a table.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The field that holds milliseconds since the epoch.
const WINDOW_START: &str = "window_start";

/// A row of a result topic: its key and the fields of its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) fields: Map<String, Value>,
}

/// Reads what `results --json` prints; lines that are no rows are left out.
pub(crate) fn rows(lines: &str) -> Vec<Row> {
    let parsed = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let rows = parsed.filter_map(|row| {
        let key = row.get("key")?.as_str()?.to_owned();
        Some(Row { key, fields: row.get("value")?.as_object()?.clone() })
    });
    rows.collect()
}

/// A column: the field it shows, and its heading.
pub(crate) type Column = (&'static str, &'static str);

/// Returns the rows with the largest values of a field as a table.
pub(crate) fn top(rows: &[Row], by: &str, count: usize, columns: &[Column]) -> String {
    let rank = |row: &&Row| row.fields.get(by).and_then(Value::as_i64).unwrap_or(i64::MIN);
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.key.cmp(&b.key)));
    sorted.truncate(count);
    let mut lines = vec![columns.iter().map(|(_, heading)| (*heading).to_owned()).collect()];
    for row in &sorted {
        let cells = columns.iter().map(|(field, _)| shown(field, row.fields.get(*field)));
        lines.push(cells.collect::<Vec<_>>());
    }
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| lines.iter().filter_map(|line| line.get(at)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        text.push_str("  ");
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            // The first column names the row; the others are numbers.
            let _ = if at == 0 {
                write!(text, "{cell:<width$}  ")
            } else {
                write!(text, "{cell:>width$}  ")
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Returns a value as text; what ends a window's name is a moment.
fn shown(field: &str, value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(millis)) if field == WINDOW_START => {
            let moment = millis.as_i64().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            moment
                .map_or_else(|| millis.to_string(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
        }
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_rows_come_first_in_aligned_columns() {
        let lines = r#"{"topic":"t","key":"a","value":{"name":"Aa","n":5}}
            {"topic":"t","key":"b","value":{"name":"B","n":120}}
            {"topic":"t","key":"c","value":{"name":null,"n":7}}"#;
        let rows = rows(lines);
        assert_eq!(rows.len(), 3);
        let columns = [("name", "who"), ("n", "how many")];
        let expected = "  who  how many\n  B         120\n              7\n";
        assert_eq!(top(&rows, "n", 2, &columns), expected);
        assert_eq!(shown(WINDOW_START, Some(&1_357_034_400_000_i64.into())), "2013-01-01 10:00");
    }
}
