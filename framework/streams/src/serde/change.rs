//! Changes of a table on their way through a repartition topic (row SF4).

use std::fmt;

use super::{NULL_REFUSED, Schema, Serde, SerdeError, SerdeRef};
use crate::record::{Change, Headers};

/// Changes as the JVM library writes them: the value, or both with the length of the new one before
/// them, then a flag that says which.
///
/// Its values name their schemas as rows do, in their bytes: there are two, and one header.
///
/// Flags of releases that said whether a change is the latest of its row are read as well.
pub(crate) struct Changed<V>(pub(crate) SerdeRef<V>);

/// Old value only: a row left this key.
const OLD: u8 = 0;
/// New value only: a row came to this key.
const NEW: u8 = 1;
/// Both: a row changed and kept its key (KIP-904).
const BOTH: u8 = 2;
/// What is added to a flag where a byte before it says whether the change is its row's latest.
const WITH_LATEST: u8 = 3;

impl<V> fmt::Debug for Changed<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changed").field(&self.0).finish()
    }
}

impl<V> Serde<Change<V>> for Changed<V> {
    fn encode(&self, topic: &str, change: &Change<V>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let start = out.len();
        let flag = match (&change.new, &change.old) {
            (Some(new), Some(old)) => {
                self.0.encode(topic, new, out)?;
                let len = u32::try_from(out.len() - start)?;
                out.splice(start..start, varint(len));
                self.0.encode(topic, old, out)?;
                BOTH
            }
            (Some(new), None) => {
                self.0.encode(topic, new, out)?;
                NEW
            }
            (None, Some(old)) => {
                self.0.encode(topic, old, out)?;
                OLD
            }
            (None, None) => return Err("a change has a new value or an old one".into()),
        };
        out.push(flag);
        Ok(())
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<Change<V>, SerdeError> {
        read(bytes, |value| self.0.decode(topic, value))
    }

    fn decode_record(
        &self,
        topic: &str,
        headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<Change<V>, SerdeError> {
        let bytes = bytes.ok_or(NULL_REFUSED)?;
        read(bytes, |value| self.0.decode_record(topic, headers, Some(value)))
    }

    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        self.0.prepare(topic)
    }

    fn schema(&self) -> Option<&Schema> {
        self.0.schema()
    }

    fn keeps_bytes(&self) -> bool {
        self.0.keeps_bytes()
    }
}

fn read<V>(
    bytes: &[u8],
    mut decode: impl FnMut(&[u8]) -> Result<V, SerdeError>,
) -> Result<Change<V>, SerdeError> {
    let Some((&flag, mut values)) = bytes.split_last() else {
        return Err("a change has at least one byte".into());
    };
    if (WITH_LATEST..=WITH_LATEST + BOTH).contains(&flag) {
        values = match values.split_last() {
            Some((0 | 1, values)) => values,
            _ => return Err("a change does not say whether it is its row's latest".into()),
        };
    }
    let mut decode = |value| decode(value).map(Some);
    Ok(match flag {
        OLD | 3 => Change { new: None, old: decode(values)? },
        NEW | 4 => Change { new: decode(values)?, old: None },
        BOTH | 5 => {
            let (new, old) = split(values).ok_or("a change is shorter than it says")?;
            Change { new: decode(new)?, old: decode(old)? }
        }
        unknown => return Err(format!("a change ends with an unknown flag, {unknown}").into()),
    })
}

/// Splits off as many bytes as the number before them says.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut zigzag = 0_u32;
    for (at, &byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        let low = u32::from(byte & 0x7f);
        // The fifth byte has room for four bits only.
        zigzag |= low.checked_shl(7 * u32::try_from(at).ok()?).filter(|_| at < 4 || low < 16)?;
        if byte & 0x80 == 0 {
            // Even numbers are those that are not negative.
            let len = (zigzag & 1 == 0).then_some(zigzag >> 1)?;
            return bytes.get(at + 1..)?.split_at_checked(usize::try_from(len).ok()?);
        }
    }
    None
}

const VARINT_BYTES_MAX: usize = 5;

/// Returns a length as Kafka writes numbers of varying size: zigzag, seven bits a byte.
fn varint(len: u32) -> impl Iterator<Item = u8> {
    let mut rest = Some(u64::from(len) << 1);
    std::iter::from_fn(move || {
        let bits = rest?;
        let low = u8::try_from(bits & 0x7f).unwrap_or(0);
        rest = Some(bits >> 7).filter(|rest| *rest > 0);
        Some(if rest.is_some() { low | 0x80 } else { low })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::DefaultSerde;

    fn changed() -> Changed<String> {
        Changed(String::default_serde())
    }

    fn change(new: Option<&str>, old: Option<&str>) -> Change<String> {
        Change { new: new.map(str::to_owned), old: old.map(str::to_owned) }
    }

    fn encode(change: &Change<String>) -> Vec<u8> {
        let mut out = b"before".to_vec();
        changed().encode("t", change, &mut out).unwrap();
        out.split_off(6)
    }

    #[test]
    fn changes_have_the_bytes_of_the_java_library() {
        assert_eq!(encode(&change(None, Some("ab"))), b"ab\x00");
        assert_eq!(encode(&change(Some("ab"), None)), b"ab\x01");
        assert_eq!(encode(&change(Some("abc"), Some("d"))), b"\x06abcd\x02");
        let long = "x".repeat(64);
        assert_eq!(encode(&change(Some(&long), Some("")))[..3], *b"\x80\x01x");
        assert!(changed().encode("t", &change(None, None), &mut Vec::new()).is_err());
    }

    #[test]
    fn what_is_written_is_read_whatever_the_lengths() {
        for len in [0, 1, 63, 64, 8_191, 8_192, 1_048_576] {
            let new = "n".repeat(len);
            for old in [None, Some("old")] {
                let change = change(Some(&new), old);
                assert_eq!(changed().decode("t", &encode(&change)).unwrap(), change);
            }
        }
    }

    #[test]
    fn flags_of_older_releases_are_read() {
        let read = |bytes: &[u8]| changed().decode("t", bytes).unwrap();
        assert_eq!(read(b"ab\x01\x03"), change(None, Some("ab")));
        assert_eq!(read(b"ab\x00\x04"), change(Some("ab"), None));
        assert_eq!(read(b"\x02abc\x01\x05"), change(Some("a"), Some("bc")));
    }

    #[test]
    fn malformed_changes_are_told_apart() {
        let error = |bytes: &[u8]| changed().decode("t", bytes).unwrap_err().to_string();
        assert_eq!(error(b""), "a change has at least one byte");
        assert_eq!(error(b"ab\x09"), "a change ends with an unknown flag, 9");
        assert_eq!(error(b"ab\x02\x03"), "a change does not say whether it is its row's latest");
        // Longer than all of it; negative; without an end; more than 32 bits.
        let lengths: [&[u8]; 4] =
            [b"\x08abc\x02", b"\x01abc\x02", b"\x80\x80\x02", b"\xff\xff\xff\xff\x7f\x02"];
        for bytes in lengths {
            assert_eq!(error(bytes), "a change is shorter than it says");
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_is_read_is_written_alike() {
        // A generator of its own, so that a failure comes back: xorshift.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> =
                (0..next(12)).map(|_| b"ab\x00\x01\x80\xff\x04"[next(7)]).collect();
            bytes.push(u8::try_from(next(7)).unwrap());
            if let Ok(change) = changed().decode("t", &bytes) {
                assert_eq!(changed().decode("t", &encode(&change)).unwrap(), change);
            }
        }
    }
}
