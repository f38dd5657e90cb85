//! Java's properties format, as far as configuration files use it.

use crate::error::{Error, Result};

/// Returns line number, name and value of each property: `name=value` or `name: value`, `#` and `!`
/// begin comments, a backslash at the end of a line continues it.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<(usize, String, String)>> {
    let mut properties = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut line = line.trim_start().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while line.ends_with('\\') {
            line.pop();
            let Some((_, more)) = lines.next() else { break };
            line.push_str(more.trim_start());
        }
        let Some((name, value)) = line.split_once(['=', ':']) else {
            // Its first word only: the rest may be a secret.
            let found = line.split_whitespace().next().unwrap_or_default();
            let message = format!("{file}:{}: expected `name=value`, found `{found}`", number + 1);
            return Err(Error::config(message));
        };
        properties.push((number + 1, name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(properties)
}
