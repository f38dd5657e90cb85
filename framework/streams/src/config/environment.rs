//! Settings by environment variable, with the convention of Kafka's official image.

/// What the variables of settings begin with.
const PREFIX: &str = "KAPPA_";
/// What belongs to the project's tests and is no setting.
const RESERVED: [&str; 2] = ["KAPPA_TEST_", "KAPPA_ORACLE_"];

/// What tools around a schema registry call its address.
const REGISTRY_URL: &str = "SCHEMA_REGISTRY_URL";

/// Returns whether a variable is one that other programs read as well.
pub(super) fn is_shared(variable: &str) -> bool {
    variable == REGISTRY_URL
}

/// Returns the setting a variable names, if it names one: without the prefix, in lower case, `_` as `.`,
/// `__` as `_`, `___` as `-`.
pub(super) fn setting(variable: &str) -> Option<String> {
    if RESERVED.iter().any(|reserved| variable.starts_with(reserved)) {
        return None;
    }
    if is_shared(variable) {
        return Some("schema.registry.url".to_owned());
    }
    let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    Some(name.replace("___", "-").replace("__", "\0").replace('_', ".").replace('\0', "_"))
}

/// Returns whether Kubernetes made a variable for a service whose name begins with `kappa`: it tells every
/// container where each service is.
pub(super) fn is_of_a_service(variable: &str, value: &str) -> bool {
    let Some(name) = variable.strip_prefix(PREFIX) else { return false };
    let name = format!("_{name}");
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    // As in KAPPA_BROKER_PORT_9092_TCP and KAPPA_BROKER_PORT_9092_TCP_ADDR.
    let mut parts = name.split_once("_PORT_").map_or("", |(_, rest)| rest).split('_');
    let is_port =
        parts.next().is_some_and(is_number) && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || is_port
}
