//! Numbers of JSON as they are written: compared and divided without rounding, as far as that goes.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// How many digits of a number are kept; what has more is compared as `f64`.
const DIGITS_MAX: i32 = 36;

/// `mantissa` times ten to the `exponent`; the mantissa is no multiple of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    fn of(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let mut exponent: i32 = exponent.parse().ok()?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        while mantissa != 0 && mantissa % 10 == 0 {
            (mantissa, exponent) = (mantissa / 10, exponent.checked_add(1)?);
        }
        Some(if mantissa == 0 {
            Self { mantissa, exponent: 0 }
        } else {
            Self { mantissa, exponent }
        })
    }

    /// Returns both mantissas with one exponent.
    fn aligned(self, other: Self) -> Option<(i128, i128)> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |of: Self| {
            let by = of.exponent.checked_sub(exponent).filter(|by| *by <= DIGITS_MAX)?;
            of.mantissa.checked_mul(10_i128.checked_pow(u32::try_from(by).ok()?)?)
        };
        Some((scaled(self)?, scaled(other)?))
    }
}

pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    let exact = Decimal::of(a).zip(Decimal::of(b)).and_then(|(a, b)| a.aligned(b));
    match exact {
        Some((a, b)) => a.cmp(&b),
        None => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// Returns whether a number is a multiple of another; no, where that cannot be told.
pub(super) fn is_multiple(a: &Number, of: &Number) -> bool {
    let exact = Decimal::of(a).zip(Decimal::of(of)).and_then(|(a, b)| a.aligned(b));
    exact.is_some_and(|(a, b)| b != 0 && a % b == 0)
}

/// Writes a value so that equal ones are the same: 1 and 1.0, and objects whatever their order.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// Goes as deep as the value, which its parser has limited.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => match Decimal::of(number) {
            Some(Decimal { mantissa, exponent }) => out.push_str(&format!("{mantissa}e{exponent}")),
            None => out.push_str(&number.to_string()),
        },
        Value::Array(values) => {
            out.push('[');
            for value in values {
                write(value, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in members {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).expect("a number")
    }

    #[test]
    fn numbers_are_compared_as_they_are_written() {
        for (a, b, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("0", "-0.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("0.1", "1e-1", Ordering::Equal),
            ("-1", "1e300", Ordering::Less),
            ("1e-300", "1e300", Ordering::Less),
        ] {
            assert_eq!(compare(&number(a), &number(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (a, of, expected) in [
            ("10", "5", true),
            ("0.3", "0.1", true),
            ("5", "10", false),
            ("1", "0", false),
            ("1e300", "3", false),
        ] {
            assert_eq!(is_multiple(&number(a), &number(of)), expected, "{a} {of}");
        }
    }

    #[test]
    fn equal_values_are_written_alike() {
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let (a, b) = (r#"{"a": [1, "x"], "b": null}"#, r#"{"b": null, "a": [1.0, "x"]}"#);
        assert_eq!(canonical(&value(a)), canonical(&value(b)));
        assert_ne!(canonical(&value("1")), canonical(&value("\"1\"")));
    }
}
