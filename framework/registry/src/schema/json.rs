//! Schemas in JSON.

use serde_json::Value;

pub(super) fn canonical(text: &str) -> Result<String, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(_) | Value::Bool(_)) => Ok(compact(text)),
        Ok(_) => Err("a JSON schema is an object, `true` or `false`".to_owned()),
        Err(e) => Err(e.to_string()),
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
