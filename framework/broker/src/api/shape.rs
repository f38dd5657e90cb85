//! Checks that a request has the shape of its API, before anything is allocated for it.
//!
//! The codec reserves room for as many elements as an array claims to have. A few wrong bytes could
//! so ask for hundreds of gigabytes, and failing to get memory ends the whole process. This walk
//! allocates nothing and proves that every length and count is covered by bytes that are there.

use std::fmt;

/// Why a request does not have the shape of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// It ends before its fields do.
    Truncated,
    /// A length or count is negative or beyond what is left.
    Length(i64),
    /// A varint has more than five bytes.
    Varint,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("it ends before its fields do"),
            Self::Length(n) => write!(f, "a length of {n} is not possible"),
            Self::Varint => f.write_str("a varint is too long"),
        }
    }
}

/// Checks the body of a request.
///
/// A shape lists the fields in order: `b`, `h`, `i`, `l` are integers of 1, 2, 4 and 8 bytes, `u`
/// is a UUID of 16, `s` is a string, `y` are bytes (both may be null), `<i>` is an array of
/// integers, `[ s i ]` one of structs. `7+`, `-4` or `8-10` behind a field or opening bracket says
/// in which versions it exists. Bytes behind the last field are left alone, as Kafka does.
pub(crate) fn check(
    shape: &str,
    version: i16,
    flexible: bool,
    body: &[u8],
) -> Result<(), Malformed> {
    let fields: Vec<&str> = shape.split_whitespace().collect();
    let mut walk = Walk { rest: body, version, flexible };
    walk.fields(&fields)?;
    walk.tags()
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
}

impl Walk<'_> {
    fn fields(&mut self, shape: &[&str]) -> Result<(), Malformed> {
        let mut shape = shape;
        while let Some((field, behind)) = shape.split_first() {
            if let Some(versions) = field.strip_prefix('[') {
                let (element, behind) = split_at_closing(behind);
                shape = behind;
                if self.exists(versions) {
                    for _ in 0..self.count()? {
                        self.fields(element)?;
                        self.tags()?;
                    }
                }
            } else {
                shape = behind;
                self.field(field)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &str) -> Result<(), Malformed> {
        if let Some(element) = field.strip_prefix('<') {
            for _ in 0..self.count()? {
                self.value(element)?;
            }
            return Ok(());
        }
        let versions = field.get(1..).unwrap_or_default();
        if self.exists(versions) { self.value(field) } else { Ok(()) }
    }

    fn value(&mut self, kind: &str) -> Result<(), Malformed> {
        let size = match kind.as_bytes().first() {
            Some(b'b') => 1,
            Some(b'h') => 2,
            Some(b'i') => 4,
            Some(b'l') => 8,
            Some(b'u') => 16,
            Some(b's') => self.length(2)?,
            _ => self.length(4)?,
        };
        self.skip(size)
    }

    fn exists(&self, versions: &str) -> bool {
        if let Some(until) = versions.strip_prefix('-') {
            until.parse().is_ok_and(|until: i16| self.version <= until)
        } else if let Some((since, until)) = versions.split_once('-') {
            let [since, until] = [since, until].map(str::parse::<i16>);
            since.is_ok_and(|it| self.version >= it) && until.is_ok_and(|it| self.version <= it)
        } else if let Some(since) = versions.strip_suffix('+') {
            since.parse().is_ok_and(|since: i16| self.version >= since)
        } else {
            true
        }
    }

    /// Reads the count of an array, null being none.
    fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.length(4)?;
        // Every element takes at least a byte, so a larger count is a lie.
        if count > self.rest.len() { Err(Malformed::Length(wide(count))) } else { Ok(count) }
    }

    /// Reads a length whose classic form has so many bytes; null reads as zero.
    fn length(&mut self, classic_bytes: usize) -> Result<usize, Malformed> {
        let length = if self.flexible {
            i64::from(self.varint()?) - 1
        } else if classic_bytes == 2 {
            i64::from(i16::from_be_bytes(self.take()?))
        } else {
            i64::from(i32::from_be_bytes(self.take()?))
        };
        match length {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_negative| Malformed::Length(length)),
        }
    }

    fn tags(&mut self) -> Result<(), Malformed> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.varint()? {
            self.varint()?;
            let size = self.varint()?;
            self.skip(usize::try_from(size).unwrap_or(usize::MAX))?;
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take::<1>()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    fn skip(&mut self, size: usize) -> Result<(), Malformed> {
        self.rest = self.rest.get(size..).ok_or(Malformed::Length(wide(size)))?;
        Ok(())
    }
}

/// Splits the fields of an array's element from those behind the array.
fn split_at_closing<'s, 'a>(shape: &'s [&'a str]) -> (&'s [&'a str], &'s [&'a str]) {
    let mut open = 1;
    let closing = shape.iter().position(|field| {
        open += match field.as_bytes().first() {
            Some(b'[') => 1,
            Some(b']') => -1,
            _ => 0,
        };
        open == 0
    });
    let end = closing.unwrap_or(shape.len());
    (shape.get(..end).unwrap_or_default(), shape.get(end + 1..).unwrap_or_default())
}

fn wide(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
