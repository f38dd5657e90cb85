//! Names of topics: which are allowed, and which stand in each other's way.

use kafka_protocol::ResponseError;

use crate::error::Refusal;

const LENGTH_MAX: usize = 249;

/// Checks that this may be the name of a topic.
pub(crate) fn check(name: &str) -> Result<(), Refusal> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.len() > LENGTH_MAX {
        format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}")
    } else if !name.chars().all(is_legal) {
        let legal = "ASCII alphanumerics, '.', '_' and '-'";
        format!("'{name}' contains one or more characters other than {legal}")
    } else {
        return Ok(());
    };
    let message = format!("Topic name is invalid: {reason}");
    Err(Refusal::new(ResponseError::InvalidTopicException, message))
}

/// Returns what names have in common that differ only in `.` and `_`, which Kafka's metrics cannot
/// tell apart.
pub(crate) fn fold(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_topics() {
        for name in ["a", "flights.departed", "A_b-c.9", &"x".repeat(249)] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            let refusal = check(name).unwrap_err();
            assert_eq!(refusal.error, ResponseError::InvalidTopicException, "{name}");
        }
    }

    #[test]
    fn names_that_collide() {
        assert_eq!(fold("a.b"), fold("a_b"));
        assert_ne!(fold("a.b"), fold("a-b"));
        assert_ne!(fold("a.b"), fold("a_bc"));
    }
}
