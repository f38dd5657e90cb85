//! Topics and users as resources of the Strimzi operator.

/// Returns a name that Kubernetes takes for a resource: lower case, no `_`, at most 253 characters.
pub(super) fn resource_name(name: &str) -> String {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let lower = name.chars().map(|c| c.to_ascii_lowercase());
    let name: String = lower.map(|c| if legal(c) { c } else { '-' }).take(253).collect();
    name.trim_matches(|c| matches!(c, '.' | '-')).to_owned()
}
