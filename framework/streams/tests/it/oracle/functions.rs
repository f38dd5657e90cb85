//! The vocabulary of user functions (FORMAT.md, section 5); `None` where a name is not known here.
//!
//! Upper-casing is that of the whole of Unicode, as in the Java program; the format says ASCII.

use super::value::{KeyRef, Val, show};

pub(crate) type ValueFn = Box<dyn Fn(Option<&Val>) -> Option<Val> + Send + Sync>;
pub(crate) type KeyFn = Box<dyn Fn(KeyRef<'_>, Option<&Val>) -> Option<Val> + Send + Sync>;
pub(crate) type Predicate = Box<dyn Fn(KeyRef<'_>, Option<&Val>) -> bool + Send + Sync>;
pub(crate) type Aggregator = Box<dyn Fn(&Val, Option<&Val>, &Val) -> Option<Val> + Send + Sync>;
pub(crate) type Reducer = Box<dyn Fn(Val, Option<Val>) -> Option<Val> + Send + Sync>;
pub(crate) type Joiner = Box<dyn Fn(Option<&Val>, Option<&Val>) -> Option<Val> + Send + Sync>;
pub(crate) type KeyedValueFn = Box<dyn Fn(KeyRef<'_>, Option<&Val>) -> Option<Val> + Send + Sync>;
pub(crate) type KeyedJoiner =
    Box<dyn Fn(KeyRef<'_>, Option<&Val>, Option<&Val>) -> Option<Val> + Send + Sync>;
pub(crate) type FlatFn =
    Box<dyn Fn(KeyRef<'_>, Option<&Val>) -> Vec<(Option<Val>, Val)> + Send + Sync>;

/// What `fail_if` panics with: a fault of user code.
pub(crate) const USER_FAULT: &str = "user fault";

fn split(spec: &str) -> (&str, String) {
    let (name, argument) = spec.split_once(':').unwrap_or((spec, ""));
    (name, argument.to_owned())
}

fn text(value: String) -> Option<Val> {
    Some(Val::Str(value))
}

fn prefix(text: &str, len: usize) -> String {
    text.chars().take(len).collect()
}

fn parse_long(text: &str) -> Option<Val> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fits = (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok().map(Val::Int)).flatten()
}

/// Returns whether a value function or a joiner may make a null.
pub(crate) fn may_be_null(spec: &str) -> bool {
    const MAY: [&str; 7] =
        ["null", "null_if", "parse_long", "before", "after", "right", "null_if_left"];
    MAY.contains(&split(spec).0)
}

/// A value function that does not look at the key.
pub(crate) fn value(spec: &str) -> Option<ValueFn> {
    let (name, a) = split(spec);
    let n: Option<i64> = a.parse().ok();
    match name {
        "const" => return Some(Box::new(move |_| text(a.clone()))),
        "null" => return Some(Box::new(|_| None)),
        "null_to" => {
            return Some(Box::new(move |v| v.cloned().or_else(|| text(a.clone()))));
        }
        "fail_if" => {
            return Some(Box::new(move |v| {
                assert!(show(v) != a, "{USER_FAULT}");
                v.cloned()
            }));
        }
        _ => {}
    }
    let f: Box<dyn Fn(&Val, String) -> Option<Val> + Send + Sync> = match name {
        "id" => Box::new(|v, _| Some(v.clone())),
        "upper" => Box::new(|_, s| text(s.to_uppercase())),
        "append" => Box::new(move |_, s| text(s + &a)),
        "prepend" => Box::new(move |_, s| text(format!("{a}{s}"))),
        "len" => Box::new(|_, s| i64::try_from(s.chars().count()).ok().map(Val::Int)),
        "parse_long" => Box::new(|_, s| parse_long(&s)),
        "str" => Box::new(|_, s| text(s)),
        "add" => {
            let n = n?;
            Box::new(move |v, _| match v {
                Val::Int(i) => Some(Val::Int(i.wrapping_add(n))),
                _ => panic!("add wants an integer"),
            })
        }
        "null_if" => Box::new(move |v, s| (s != a).then(|| v.clone())),
        "prefix" => {
            let n = usize::try_from(n?).ok()?;
            Box::new(move |_, s| text(prefix(&s, n)))
        }
        "before" => Box::new(move |_, s| text(s.split_once(&*a)?.0.to_owned())),
        "after" => Box::new(move |_, s| text(s.split_once(&*a)?.1.to_owned())),
        _ => return None,
    };
    Some(Box::new(move |v| v.and_then(|v| f(v, show(Some(v))))))
}

/// A value function that is given the key, too.
pub(crate) fn keyed_value(spec: &str) -> Option<KeyedValueFn> {
    if split(spec).0 == "with_key" {
        return Some(Box::new(|k, v| text(format!("{}={}", k.show(), show(v)))));
    }
    let f = value(spec)?;
    Some(Box::new(move |_, v| f(v)))
}

/// A joiner that is given the key, too.
pub(crate) fn keyed_joiner(spec: &str) -> Option<KeyedJoiner> {
    if split(spec).0 == "key_plus" {
        return Some(Box::new(|k, l, r| text(format!("{}:{}+{}", k.show(), show(l), show(r)))));
    }
    let f = joiner(spec)?;
    Some(Box::new(move |_, l, r| f(l, r)))
}

/// Returns whether a flat function leaves keys as they are.
pub(crate) fn flat_keeps_keys(spec: &str) -> bool {
    split(spec).0 != "chars_as_keys"
}

/// A flat function; keys that it leaves are plain ones.
pub(crate) fn flat(spec: &str) -> Option<FlatFn> {
    let (name, a) = split(spec);
    let values: Box<dyn Fn(&str) -> Vec<String> + Send + Sync> = match name {
        "chars" | "chars_as_keys" => Box::new(|s| s.chars().map(String::from).collect()),
        "split" => Box::new(move |s| s.split(&*a).map(str::to_owned).collect()),
        "dup" => {
            let n: usize = a.parse().ok()?;
            Box::new(move |s| (0..n).map(|i| format!("{s}#{i}")).collect())
        }
        _ => return None,
    };
    let keeps_keys = flat_keeps_keys(spec);
    Some(Box::new(move |k, v| {
        let Some(v) = v else { return Vec::new() };
        let pair = |made: String| match (keeps_keys, k) {
            (false, _) => (text(made), v.clone()),
            (true, KeyRef::Plain(key)) => (Some(key.clone()), Val::Str(made)),
            (true, KeyRef::Null | KeyRef::Windowed(_)) => (None, Val::Str(made)),
        };
        values(&show(Some(v))).into_iter().map(pair).collect()
    }))
}

/// A key function; `key` and `key_null_if` are for plain keys only.
pub(crate) fn key(spec: &str) -> Option<KeyFn> {
    let (name, a) = split(spec);
    let n: Option<usize> = a.parse().ok();
    let of_key = |f: Box<dyn Fn(KeyRef<'_>) -> Option<Val> + Send + Sync>| -> KeyFn {
        Box::new(move |k, _| if k.is_null() { None } else { f(k) })
    };
    let of_value = |f: Box<dyn Fn(String) -> Option<Val> + Send + Sync>| -> KeyFn {
        Box::new(move |_, v| v.and_then(|v| f(show(Some(v)))))
    };
    let plain = |k: KeyRef<'_>| match k {
        KeyRef::Plain(key) => Some(key.clone()),
        KeyRef::Null | KeyRef::Windowed(_) => None,
    };
    Some(match name {
        "key" => of_key(Box::new(plain)),
        "const" => Box::new(move |_, _| text(a.clone())),
        "null" => Box::new(|_, _| None),
        "key_append" => of_key(Box::new(move |k| text(k.show() + &a))),
        "key_upper" => of_key(Box::new(|k| text(k.show().to_uppercase()))),
        "key_prefix" => {
            let n = n?;
            of_key(Box::new(move |k| text(prefix(&k.show(), n))))
        }
        "win_key" => of_key(Box::new(|k| match k {
            KeyRef::Windowed(key) => Some(key.key.clone()),
            KeyRef::Null | KeyRef::Plain(_) => None,
        })),
        "win_str" => of_key(Box::new(|k| text(k.show()))),
        "key_null_if" => of_key(Box::new(move |k| if k.show() == a { None } else { plain(k) })),
        "value" => of_value(Box::new(text)),
        "first_char" => of_value(Box::new(|s| s.chars().next().and_then(|c| text(c.into())))),
        "value_prefix" => {
            let n = n?;
            of_value(Box::new(move |s| text(prefix(&s, n))))
        }
        "value_before" => of_value(Box::new(move |s| text(s.split_once(&*a)?.0.to_owned()))),
        "value_after" => of_value(Box::new(move |s| text(s.split_once(&*a)?.1.to_owned()))),
        _ => return None,
    })
}

pub(crate) fn predicate(spec: &str) -> Option<Predicate> {
    let (name, a) = split(spec);
    let n: Option<i64> = a.parse().ok();
    Some(match name {
        "true" => Box::new(|_, _| true),
        "false" => Box::new(|_, _| false),
        "not" => {
            let inner = predicate(&a)?;
            Box::new(move |k, v| !inner(k, v))
        }
        "value_null" => Box::new(|_, v| v.is_none()),
        "key_null" => Box::new(|k, _| k.is_null()),
        "key_eq" => Box::new(move |k, _| !k.is_null() && k.show() == a),
        "key_prefix" => Box::new(move |k, _| !k.is_null() && k.show().starts_with(&a)),
        "value_eq" => Box::new(move |_, v| v.is_some() && show(v) == a),
        "value_contains" => Box::new(move |_, v| v.is_some() && show(v).contains(&a)),
        "value_len_gt" => {
            let n = usize::try_from(n?).ok()?;
            Box::new(move |_, v| v.is_some() && show(v).chars().count() > n)
        }
        "value_gt" => {
            let n = n?;
            Box::new(move |_, v| matches!(v, Some(Val::Int(i)) if *i > n))
        }
        _ => return None,
    })
}

pub(crate) fn initial(spec: &str) -> Option<Val> {
    let (name, a) = split(spec);
    Some(match name {
        "empty" => Val::Str(String::new()),
        "zero" => Val::Int(0),
        "null" => Val::Nothing,
        "const" => Val::Str(a),
        _ => return None,
    })
}

fn number(value: Option<&Val>) -> i64 {
    match value {
        Some(Val::Int(number)) => *number,
        _ => 0,
    }
}

pub(crate) fn aggregator(spec: &str) -> Option<Aggregator> {
    let (name, a) = split(spec);
    let number_of = |f: fn(i64, Option<&Val>) -> i64| -> Aggregator {
        Box::new(move |_, v, g| Some(Val::Int(f(number(Some(g)), v))))
    };
    let shown = |sign: String, null: Option<String>| -> Aggregator {
        Box::new(move |_, v, g| {
            if null.as_deref() == Some(&*show(v)) {
                return None;
            }
            text(format!("{}{sign}{}", show(Some(g)), show(v)))
        })
    };
    Some(match name {
        "concat" => shown("+".to_owned(), None),
        "concat_minus" => shown("-".to_owned(), None),
        "concat_null_if" => shown("+".to_owned(), Some(a)),
        "minus_null_if" => shown("-".to_owned(), Some(a)),
        "concat_tag" => shown(a, None),
        "concat_key" => {
            Box::new(|k, v, g| text(format!("{}+{}:{}", show(Some(g)), show(Some(k)), show(v))))
        }
        "sum" => number_of(|g, v| g.wrapping_add(number(v))),
        "diff" => number_of(|g, v| g.wrapping_sub(number(v))),
        "diff_null_if_zero" => Box::new(|_, v, g| {
            Some(number(Some(g)).wrapping_sub(number(v))).filter(|left| *left != 0).map(Val::Int)
        }),
        "add_len" => number_of(|g, v| g.wrapping_add(utf16_len(v))),
        _ => return None,
    })
}

fn utf16_len(value: Option<&Val>) -> i64 {
    i64::try_from(show(value).encode_utf16().count()).unwrap_or(i64::MAX)
}

pub(crate) fn reducer(spec: &str) -> Option<Reducer> {
    let (name, x) = split(spec);
    let shown = |sign: &'static str, null: Option<String>| -> Reducer {
        Box::new(move |a, b| {
            let b = show(b.as_ref());
            if null.as_deref() == Some(&*b) {
                return None;
            }
            text(format!("{}{sign}{b}", show(Some(&a))))
        })
    };
    Some(match name {
        "concat" => shown("+", None),
        "concat_minus" => shown("-", None),
        "merge" => shown("|", None),
        "concat_null_if" => shown("+", Some(x)),
        "minus_null_if" => shown("-", Some(x)),
        "sum" => Box::new(|a, b| Some(Val::Int(number(Some(&a)).wrapping_add(number(b.as_ref()))))),
        "diff" => {
            Box::new(|a, b| Some(Val::Int(number(Some(&a)).wrapping_sub(number(b.as_ref())))))
        }
        "max_len" => {
            Box::new(|a, b| if utf16_len(b.as_ref()) > utf16_len(Some(&a)) { b } else { Some(a) })
        }
        "first" => Box::new(|a, _| Some(a)),
        "last" => Box::new(|_, b| b),
        _ => return None,
    })
}

/// A joiner that does not look at the key.
pub(crate) fn joiner(spec: &str) -> Option<Joiner> {
    let (name, a) = split(spec);
    Some(match name {
        "plus" => Box::new(|l, r| text(format!("{}+{}", show(l), show(r)))),
        "paren" => Box::new(|l, r| text(format!("({},{})", show(l), show(r)))),
        "left" => Box::new(|l, _| l.cloned()),
        "right" => Box::new(|_, r| r.cloned()),
        "null_if_left" => {
            Box::new(
                move |l, r| {
                    if show(l) == a { None } else { text(format!("{}+{}", show(l), show(r))) }
                },
            )
        }
        _ => return None,
    })
}
