//! Records as the engine sees them: typed inside a topology, bytes at its borders.

use std::sync::Arc;

use crate::ids::Offset;
use crate::time::Timestamp;

/// A typed record on its way through a topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<K, V> {
    /// The key: what partitioning, grouping and joining go by.
    pub key: K,
    /// The value.
    pub value: V,
    /// Event time; operators pass it on unless their semantics say otherwise (row T4).
    pub timestamp: Timestamp,
    /// Headers of the source record; operators pass them on.
    pub headers: Headers,
}

impl<K, V> Record<K, V> {
    /// Makes a record without headers.
    #[must_use]
    pub fn new(key: K, value: V, timestamp: Timestamp) -> Self {
        Self { key, value, timestamp, headers: Headers::default() }
    }

    /// Returns the record with another value.
    #[must_use]
    pub fn map_value<V2>(self, f: impl FnOnce(V) -> V2) -> Record<K, V2> {
        let Self { key, value, timestamp, headers } = self;
        Record { key, value: f(value), timestamp, headers }
    }
}

/// A stream's key that may serve as the key `T` of a table: `T` itself, or an `Option` of it.
///
/// Where it is nothing, a join drops the record or keeps it, as its semantics say (KIP-962).
#[diagnostic::on_unimplemented(
    message = "a stream keyed by `{Self}` cannot be joined with a table keyed by `{T}`",
    note = "re-key the stream first, with `select_key`, or choose the key of a global table with `on`"
)]
pub trait KeyOf<T> {
    /// Returns the table's key, if there is one.
    fn key_of(&self) -> Option<&T>;
}

impl<T> KeyOf<T> for T {
    fn key_of(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> KeyOf<T> for Option<T> {
    fn key_of(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// A stream's value that may serve as a row `T` of a table: `T` itself, or an `Option` of it, whose
/// `None` deletes the row.
pub trait RowOf<T> {
    /// Returns the row, or nothing for a delete.
    fn into_row(self) -> Option<T>;
}

impl<T> RowOf<T> for T {
    fn into_row(self) -> Option<T> {
        Some(self)
    }
}

impl<T> RowOf<T> for Option<T> {
    fn into_row(self) -> Self {
        self
    }
}

/// An update of a table row: what it is now and, where a downstream asks for it, what it was.
///
/// `new == None` is a delete. `old` is `None` for a new row, and also wherever no operator needs old
/// values (row SF7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<V> {
    /// The row's value now.
    pub new: Option<V>,
    /// The row's value before.
    pub old: Option<V>,
}

/// A record in bytes, as it stands in a topic; `None` is Kafka's null.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// Where it stands in its partition.
    pub offset: Offset,
    /// Its headers.
    pub headers: &'a Headers,
}

/// A list of headers: in order, repeated names kept, cheap to clone, nothing allocated when empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<[Header]>>);

/// One header: a name and a value that may be null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: Arc<str>,
    /// The value.
    pub value: Option<Arc<[u8]>>,
}

impl Header {
    /// Makes a header with a value.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, value: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), value: Some(value.into()) }
    }
}

impl Headers {
    /// Returns the headers in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.as_slice().iter()
    }

    /// Returns the value of the last header of a name, which is the one that counts in Kafka.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&Header> {
        self.as_slice().iter().rev().find(|header| &*header.name == name)
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the headers with others in place of those of the same names.
    #[must_use]
    pub fn with(&self, others: impl IntoIterator<Item = Header>) -> Self {
        let others: Vec<Header> = others.into_iter().collect();
        let kept = self.iter().filter(|kept| others.iter().all(|other| other.name != kept.name));
        kept.cloned().chain(others.iter().cloned()).collect()
    }

    /// Returns the headers but those of some names; nothing is copied where there are none.
    pub(crate) fn without(self, names: &[&str]) -> Self {
        let is_kept = |header: &&Header| !names.contains(&&*header.name);
        if self.iter().all(|header| is_kept(&header)) {
            return self;
        }
        self.iter().filter(is_kept).cloned().collect()
    }

    fn as_slice(&self) -> &[Header] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        let headers: Arc<[Header]> = headers.into_iter().collect();
        Self((!headers.is_empty()).then_some(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_order_and_repeats_and_the_last_one_counts() {
        let headers: Headers =
            [Header::new("h", *b"1"), Header::new("other", *b"x"), Header::new("h", *b"2")]
                .into_iter()
                .collect();
        assert_eq!(headers.iter().count(), 3);
        assert_eq!(headers.last("h").and_then(|h| h.value.as_deref()), Some(&b"2"[..]));
        assert_eq!(headers.last("absent"), None);
    }

    #[test]
    fn headers_of_some_names_can_be_left_out() {
        let headers: Headers =
            [Header::new("a", *b"1"), Header::new("b", *b"2"), Header::new("a", *b"3")]
                .into_iter()
                .collect();
        assert_eq!(headers.clone().without(&["c"]), headers);
        assert_eq!(headers.clone().without(&["a", "c"]).iter().count(), 1);
        assert!(headers.without(&["a", "b"]).is_empty());
        assert!(Headers::default().without(&["a"]).is_empty());
    }

    #[test]
    fn no_headers_are_no_allocation() {
        assert_eq!(Headers::from_iter([]), Headers::default());
        assert_eq!(size_of::<Headers>(), 2 * size_of::<usize>());
    }
}
