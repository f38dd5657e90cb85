//! Settings by environment variable, with the convention of Kafka's official image.

/// What the variables of settings begin with.
const PREFIX: &str = "KAPPA_";
/// What belongs to the project's tests and is no setting.
const RESERVED: [&str; 2] = ["KAPPA_TEST_", "KAPPA_ORACLE_"];

/// Returns the setting a variable names, if it names one: without the prefix, in lower case, `_` as `.`,
/// `__` as `_`, `___` as `-`.
pub(super) fn setting(variable: &str) -> Option<String> {
    if RESERVED.iter().any(|reserved| variable.starts_with(reserved)) {
        return None;
    }
    let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    Some(name.replace("___", "-").replace("__", "\0").replace('_', ".").replace('\0', "_"))
}
