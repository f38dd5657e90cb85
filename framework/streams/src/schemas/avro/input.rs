//! The bytes of one value, read from front to back, with a limit on all that they can ask for.

use super::failure::Failure;

/// How deep values may be nested.
pub const DEPTH_MAX: usize = 128;

/// How many fields and items a value may have whatever its length: those that take no bytes (nulls,
/// empty records, defaults) are not limited by it.
pub const FREE_VALUES_MAX: usize = 1 << 16;

/// How many more there may be for each byte.
pub const VALUES_PER_BYTE_MAX: usize = 256;

/// What is left of the bytes, and of the limits.
#[derive(Debug)]
pub(super) struct Input<'de> {
    rest: &'de [u8],
    depth: usize,
    /// How many fields and items may still come.
    values: usize,
}

impl<'de> Input<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        let values = bytes.len().saturating_mul(VALUES_PER_BYTE_MAX);
        Self { rest: bytes, depth: 0, values: values.saturating_add(FREE_VALUES_MAX) }
    }

    /// Returns an input for bytes of our own (a default) in the midst of this one.
    pub(crate) fn nested<'a>(&self, bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes, depth: self.depth, values: FREE_VALUES_MAX }
    }

    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Goes one level deeper, into something of so many values.
    #[inline]
    pub(crate) fn enter(&mut self, values: usize) -> Result<(), Failure> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Failure::new(format!("it is nested deeper than {DEPTH_MAX} levels")));
        }
        self.spend(values)
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Counts values against the limit.
    #[inline]
    pub(crate) fn spend(&mut self, values: usize) -> Result<(), Failure> {
        match self.values.checked_sub(values) {
            Some(left) => {
                self.values = left;
                Ok(())
            }
            None => Err(too_many(values)),
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Failure> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| ends("a byte"))?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'de [u8], Failure> {
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(too_long(length, self.rest.len())),
        }
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| ends("a number"))?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Reads an `int` or `long`: zigzag, seven bits a byte.
    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64, Failure> {
        match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                Ok(unzigzag(u64::from(*first)))
            }
            _ => self.long_of_many(),
        }
    }

    fn long_of_many(&mut self) -> Result<i64, Failure> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(unzigzag(value));
            }
        }
        Err(Failure::new("a number has more than 64 bits".to_owned()))
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Result<i32, Failure> {
        let value = self.long()?;
        i32::try_from(value).map_err(|_| Failure::new(format!("{value} is no int")))
    }

    /// Reads the bytes of a `bytes` or `string`.
    #[inline]
    pub(crate) fn prefixed(&mut self) -> Result<&'de [u8], Failure> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| wrong_length(length))?;
        self.bytes(length)
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'de str, Failure> {
        text(self.prefixed()?)
    }

    /// Reads all that is left.
    pub(crate) fn rest(&mut self) -> &'de [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn rest_as_text(&mut self) -> Result<&'de str, Failure> {
        text(self.rest())
    }

    #[inline]
    pub(crate) fn boolean(&mut self) -> Result<bool, Failure> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Failure::new(format!("{other} is no boolean"))),
        }
    }

    /// Reads the index of a symbol or of a branch.
    #[inline]
    pub(crate) fn index(&mut self) -> Result<usize, Failure> {
        let value = self.long()?;
        usize::try_from(value).map_err(|_| Failure::new(format!("{value} is no index")))
    }

    /// Reads the head of a block of items: how many, and in how many bytes if that is told.
    pub(crate) fn block(&mut self) -> Result<(usize, Option<usize>), Failure> {
        let count = self.long()?;
        let bytes = if count < 0 { Some(self.index()?) } else { None };
        let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if count > self.values {
            return Err(too_many(count));
        }
        if bytes.is_some_and(|bytes| bytes > self.rest.len()) {
            return Err(too_long(bytes.unwrap_or_default(), self.rest.len()));
        }
        Ok((count, bytes))
    }
}

#[inline]
fn text(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|error| Failure::new(format!("a string is {error}")))
}

#[inline]
fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cold]
fn ends(what: &str) -> Failure {
    Failure::new(format!("the bytes end where {what} should be"))
}

#[cold]
fn too_long(length: usize, left: usize) -> Failure {
    Failure::new(format!("a length of {length} bytes is given, and {left} are left"))
}

#[cold]
fn wrong_length(length: i64) -> Failure {
    Failure::new(format!("{length} is no length"))
}

#[cold]
fn too_many(count: usize) -> Failure {
    Failure::new(format!(
        "{count} values are more than bytes of this length may hold \
         ({FREE_VALUES_MAX}, and {VALUES_PER_BYTE_MAX} for each byte)"
    ))
}
