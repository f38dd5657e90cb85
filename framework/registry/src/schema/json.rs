//! Schemas in JSON.

use kappa_evolution::Malformed;
use kappa_evolution::json::{JsonDocument, unreadable};

use crate::schema::{Referenced, Resolved};

/// Returns the text without white space between its tokens. What it refers to and is not given need
/// not be there: nothing is fetched, and it is compared by its name.
pub(super) fn canonical(text: &str, references: &[Referenced]) -> Result<String, String> {
    match parse(text, references) {
        Ok(_) => Ok(compact(text)),
        Err(malformed) => Err(malformed.to_string()),
    }
}

/// The texts are in order, each behind those that it refers to.
fn parse(text: &str, references: &[Referenced]) -> Result<JsonDocument, Malformed> {
    let mut known: Vec<(&str, JsonDocument)> = Vec::with_capacity(references.len());
    let borrow = |known: &[(&'_ str, JsonDocument)], text: &str| {
        let others: Vec<_> = known.iter().map(|(name, document)| (*name, document)).collect();
        JsonDocument::parse(text, &others)
    };
    for Referenced { name, text } in references {
        let document = borrow(&known, text)?;
        known.push((name.as_str(), document));
    }
    borrow(&known, text)
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can.
pub(super) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    let parts = (parse(reader.text, reader.references), parse(writer.text, writer.references));
    match parts {
        (Ok(reader), Ok(writer)) => {
            let breaches = unreadable(("the %w schema", &writer), ("the %r schema", &reader));
            breaches.iter().map(ToString::to_string).collect()
        }
        // Neither would have been registered.
        (Err(malformed), _) | (_, Err(malformed)) => vec![malformed.to_string()],
    }
}

/// Takes the white space away that stands between tokens; the order of keys means something to
/// their readers, so they stay where they are.
fn compact(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |c: &char| {
        let keep = in_string || !c.is_ascii_whitespace();
        if in_string && escaped {
            escaped = false;
        } else if in_string && *c == '\\' {
            escaped = true;
        } else if *c == '"' {
            in_string = !in_string;
        }
        keep
    };
    text.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_but_from_strings_and_keys_stay_in_order() {
        let text = "{ \"b\" : 1,\n\t\"a\": \"x \\\" y \\\\\" , \"c\": [ 1, 2 ] }";
        let expected = r#"{"b":1,"a":"x \" y \\","c":[1,2]}"#;
        assert_eq!(canonical(text, &[]).as_deref(), Ok(expected));
        assert_eq!(canonical(" true ", &[]).as_deref(), Ok("true"));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert!(canonical("{nope", &[]).is_err());
        assert!(canonical("[1]", &[]).is_err());
        assert!(canonical("\"string\"", &[]).is_err());
    }
}
