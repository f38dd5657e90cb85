//! Random schemas: they take what they took themselves, and what follows from them is so.

use serde_json::{Value, json};

use super::*;

/// A sequence of numbers that is the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn one<'v, T>(&mut self, of: &'v [T]) -> &'v T {
        &of[self.roll(of.len())]
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.roll(if depth == 0 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.roll(2) == 0),
            2 | 3 => json!(self.roll(5)),
            4 => json!(self.roll(10) as f64 / 2.0),
            5 => json!(*self.one(&["", "a", "ab", "abc"])),
            6 => (0..self.roll(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let mut members = serde_json::Map::new();
                for name in ["a", "b", "ab"] {
                    if self.roll(2) == 0 {
                        members.insert(name.to_owned(), self.value(depth - 1));
                    }
                }
                Value::Object(members)
            }
        }
    }

    fn schema(&mut self, depth: usize) -> Value {
        if depth == 0 || self.roll(12) == 0 {
            let kinds = ["null", "boolean", "integer", "number", "string", "array", "object"];
            return match self.roll(6) {
                0 => json!(true),
                1 => json!(false),
                2 => json!({ "const": self.value(0) }),
                _ => json!({ "type": *self.one(&kinds) }),
            };
        }
        let mut schema = serde_json::Map::new();
        for _ in 0..=self.roll(3) {
            let (keyword, value) = self.keyword(depth - 1);
            schema.insert(keyword.to_owned(), value);
        }
        Value::Object(schema)
    }

    fn list(&mut self, depth: usize) -> Value {
        (0..=self.roll(2)).map(|_| self.schema(depth)).collect()
    }

    fn keyword(&mut self, depth: usize) -> (&'static str, Value) {
        let count = json!(self.roll(3));
        match self.roll(31) {
            0..=2 => {
                let kinds = ["null", "integer", "number", "string", "array", "object"];
                (
                    "type",
                    json!([*self.one(&kinds), "object"]).as_array().map_or(Value::Null, |both| {
                        if both[0] == both[1] { both[0].clone() } else { json!(both) }
                    }),
                )
            }
            3 => (
                "enum",
                (0..=self.roll(3))
                    .map(|at| [json!(at), json!("a"), Value::Null][self.roll(3)].clone())
                    .collect::<Vec<_>>()
                    .into(),
            ),
            4 => ("minimum", count),
            5 => ("exclusiveMinimum", count),
            6 => ("maximum", count),
            7 => ("multipleOf", json!(*self.one(&[0.5, 1.0, 2.0, 1.5]))),
            8 => ("minLength", count),
            9 => ("maxLength", count),
            10 => ("minItems", count),
            11 => ("maxItems", count),
            12 => ("uniqueItems", json!(self.roll(2) == 0)),
            13 | 14 => ("items", self.schema(depth)),
            15 => ("prefixItems", self.list(depth)),
            16 => ("contains", self.schema(depth)),
            17 | 18 => (
                "properties",
                json!({ "a": self.schema(depth), *self.one(&["b", "ab"]): self.schema(depth) }),
            ),
            19 => (
                "patternProperties",
                json!({ *self.one(&["^a", "b$", "^(?!a)"]): self.schema(depth) }),
            ),
            20 | 21 => ("additionalProperties", self.schema(depth)),
            22 => ("propertyNames", self.schema(depth)),
            23 => ("required", json!([*self.one(&["a", "b"])])),
            24 => ("dependentRequired", json!({ "a": [*self.one(&["b", "ab"])] })),
            25 => ("dependentSchemas", json!({ "b": self.schema(depth) })),
            26 => ("allOf", self.list(depth)),
            27 => ("anyOf", self.list(depth)),
            28 => ("not", self.schema(depth)),
            29 => ("$ref", json!("#")),
            _ => ("unevaluatedProperties", self.schema(depth)),
        }
    }

    /// Changes a schema a little.
    fn changed(&mut self, schema: &Value) -> Value {
        match schema {
            Value::Object(members) if !members.is_empty() && self.roll(4) > 0 => {
                let mut members = members.clone();
                let names: Vec<String> = members.keys().cloned().collect();
                let name = self.one(&names).clone();
                match self.roll(4) {
                    0 => _ = members.remove(&name),
                    1 => {
                        let (keyword, value) = self.keyword(1);
                        members.insert(keyword.to_owned(), value);
                    }
                    _ => {
                        let value = self.changed(&members[&name]);
                        members.insert(name, value);
                    }
                }
                Value::Object(members)
            }
            Value::Array(values) if !values.is_empty() => {
                let mut values = values.clone();
                let at = self.roll(values.len());
                values[at] = self.changed(&values[at]);
                Value::Array(values)
            }
            Value::Number(_) => json!(self.roll(4)),
            _ => self.schema(1),
        }
    }
}

/// Whether a schema is one by the rules of JSON Schema, so that values can be held to it.
fn validator(schema: &Value) -> Option<jsonschema::Validator> {
    jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(schema).ok()
}

#[test]
fn what_follows_is_so() {
    let mut dice = Dice(5);
    let (mut compatible, mut pairs) = (0, 0);
    for _ in 0..6000 {
        let writer = dice.schema(3);
        let reader = dice.changed(&writer);
        let (Some(writes), Some(reads)) = (validator(&writer), validator(&reader)) else {
            continue;
        };
        pairs += 1;
        if !told(&parse(&writer.to_string()), &parse(&reader.to_string())).is_empty() {
            continue;
        }
        compatible += usize::from(writer != reader);
        for _ in 0..60 {
            let value = dice.value(3);
            assert!(
                !writes.is_valid(&value) || reads.is_valid(&value),
                "{value} fits\n{writer}\nand not\n{reader}",
            );
        }
    }
    assert!(pairs > 2000 && compatible > 500, "{compatible} of {pairs}");
}

#[test]
fn schemas_take_what_they_took() {
    let mut dice = Dice(9);
    for _ in 0..5000 {
        let schema = dice.schema(4);
        let same = json!({ "allOf": [schema] });
        let (text, wrapped) = (parse(&schema.to_string()), parse(&same.to_string()));
        assert_eq!(told(&text, &text), [""; 0], "{schema}");
        // Of a reference to the whole, the whole is another one then; and what several patterns say of
        // a name that is like all of them is not put together.
        let words = schema.to_string();
        if !words.contains("$ref") && !words.contains("patternProperties") {
            assert_eq!(told(&text, &wrapped), [""; 0], "{schema}");
            assert_eq!(told(&wrapped, &text), [""; 0], "{schema}");
        }
    }
}

#[test]
fn random_texts_never_panic() {
    let text = r##"{"$schema": "x", "type": ["object", "null"], "properties": {"a": {"$ref": "#/$defs/b"}},
        "$defs": {"b": {"enum": [1, "c", null], "minimum": 1.5, "exclusiveMaximum": true}},
        "items": [{"const": 3}], "additionalItems": false, "oneOf": [{"not": {}}, {"if": true, "then": false}],
        "dependencies": {"a": ["b"], "c": {}}, "patternProperties": {"^(": {}, "a{9999}": {}}}"##;
    let words: Vec<&str> = text.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
    let mut dice = Dice(3);
    let mut taken = vec![parse(text)];
    for _ in 0..20_000 {
        let mut mutated = words.clone();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(mutated.len());
            mutated[at] = words[dice.roll(words.len())];
        }
        if let Ok(document) = JsonDocument::parse(&mutated.concat(), &[]) {
            let other = &taken[dice.roll(taken.len())];
            told(&document, other);
            told(other, &document);
            taken.push(document);
        }
    }
    assert!(taken.len() > 100, "{}", taken.len());
}
