//! Schemas in JSON.

use kappa_evolution::json::{JsonDocument, unreadable};

use crate::schema::{Resolved, breaches};

/// Returns the text without white space between its tokens. What it refers to and is not given need
/// not be there: nothing is fetched, and it is compared by its name.
pub(super) fn canonical(schema: Resolved<'_>) -> Result<String, String> {
    match schema.parse(JsonDocument::parse) {
        Ok(_) => Ok(compact(schema.text)),
        Err(malformed) => Err(malformed.to_string()),
    }
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can.
pub(super) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    breaches([reader, writer].map(|schema| schema.parse(JsonDocument::parse)), unreadable)
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
    use crate::model::SchemaType;

    fn canonical(text: &str) -> Result<String, String> {
        super::canonical(Resolved { schema_type: SchemaType::Json, text, references: &[] })
    }

    #[test]
    fn white_space_goes_but_from_strings_and_keys_stay_in_order() {
        let text = "{ \"b\" : 1,\n\t\"a\": \"x \\\" y \\\\\" , \"c\": [ 1, 2 ] }";
        let expected = r#"{"b":1,"a":"x \" y \\","c":[1,2]}"#;
        assert_eq!(canonical(text).as_deref(), Ok(expected));
        assert_eq!(canonical(" true ").as_deref(), Ok("true"));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert!(canonical("{nope").is_err());
        assert!(canonical("[1]").is_err());
        assert!(canonical("\"string\"").is_err());
    }
}
