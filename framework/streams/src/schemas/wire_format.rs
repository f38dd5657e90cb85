//! How bytes name the schema they were written with: Confluent's wire format.
//!
//! A prefix of the payload (magic byte 0 and the id, four bytes, big end first) or a header of the record
//! (magic byte 1 and the schema's GUID, or magic byte 0 and the id). Protobuf adds which message of the file it
//! is, after the id.

use std::fmt;

/// What stands before the id of a schema.
const MAGIC_ID: u8 = 0;
/// What stands before the GUID of a schema.
const MAGIC_GUID: u8 = 1;
/// How deep messages may be nested in a file, and so how long their indexes are.
const INDEXES_MAX: usize = 64;

/// How bytes name a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    /// By the number that one registry gave it.
    Id(u32),
    /// By a name that is the same in every registry.
    Guid([u8; 16]),
}

impl SchemaId {
    /// Reads a GUID as registries write it, with or without hyphens.
    #[must_use]
    pub fn parse_guid(text: &str) -> Option<Self> {
        let mut guid = [0; 16];
        let mut digits = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
        for byte in &mut guid {
            let (high, low) = (digits.next()??, digits.next()??);
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        digits.next().is_none().then_some(Self::Guid(guid))
    }

    /// Appends the id as it stands before a payload or in a header.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Id(id) => {
                out.push(MAGIC_ID);
                out.extend_from_slice(&id.to_be_bytes());
            }
            Self::Guid(guid) => {
                out.push(MAGIC_GUID);
                out.extend_from_slice(&guid);
            }
        }
    }

    /// Reads the id that bytes begin with, and returns what follows it.
    ///
    /// # Errors
    ///
    /// Where they begin otherwise, or end too early.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), WireFormatError> {
        match bytes.split_first() {
            None => Err(WireFormatError::Empty),
            Some((&MAGIC_ID, rest)) => match rest.split_first_chunk() {
                Some((id, rest)) => Ok((Self::Id(u32::from_be_bytes(*id)), rest)),
                None => Err(WireFormatError::Truncated { length: bytes.len(), expected: 5 }),
            },
            Some((&MAGIC_GUID, rest)) => match rest.split_first_chunk() {
                Some((guid, rest)) => Ok((Self::Guid(*guid), rest)),
                None => Err(WireFormatError::Truncated { length: bytes.len(), expected: 17 }),
            },
            Some((&magic, _)) => Err(WireFormatError::Magic(magic)),
        }
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Guid(guid) => {
                for (at, byte) in guid.iter().enumerate() {
                    let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{hyphen}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// Why bytes name no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFormatError {
    /// There are none.
    Empty,
    /// They begin with this byte.
    Magic(u8),
    /// They end too early.
    Truncated {
        /// How many there are.
        length: usize,
        /// How many an id takes.
        expected: usize,
    },
    /// The indexes of a Protobuf message are no numbers, or too many.
    Indexes,
}

impl fmt::Display for WireFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no bytes: expected the magic byte 0 and a schema's id"),
            Self::Magic(magic) => {
                write!(f, "does not start with the magic byte 0, but with {magic:#04x}")?;
                let json = matches!(magic, b'{' | b'[' | b'"');
                f.write_str(if json {
                    ": is it JSON?"
                } else {
                    ": was it written with a registry?"
                })
            }
            Self::Truncated { length, expected } => {
                write!(f, "{length} bytes, and the id of its schema alone takes {expected}")
            }
            Self::Indexes => {
                f.write_str("the indexes of its Protobuf message are cut off or wrong")
            }
        }
    }
}

impl std::error::Error for WireFormatError {}

/// Appends which message of a Protobuf file it is: by its place at each level, outermost first.
pub fn write_indexes(indexes: &[u32], out: &mut Vec<u8>) {
    // The first message of a file is so common that it has a byte of its own.
    if indexes == [0] {
        out.push(0);
        return;
    }
    write_varint(u32::try_from(indexes.len()).unwrap_or(u32::MAX), out);
    for index in indexes {
        write_varint(*index, out);
    }
}

/// Reads which message of a Protobuf file it is, and returns what follows.
///
/// # Errors
///
/// Where they are cut off, negative, or more than messages can be nested.
pub fn read_indexes(bytes: &[u8]) -> Result<(MessageIndexes, &[u8]), WireFormatError> {
    let (count, mut rest) = read_varint(bytes)?;
    let count = usize::try_from(count).map_err(|_| WireFormatError::Indexes)?;
    if count > INDEXES_MAX {
        return Err(WireFormatError::Indexes);
    }
    let mut indexes = MessageIndexes::new();
    if count == 0 {
        indexes.push(0);
    }
    for _ in 0..count {
        let (index, after) = read_varint(rest)?;
        indexes.push(index);
        rest = after;
    }
    Ok((indexes, rest))
}

/// Places of a Protobuf message, one per level; nothing is allocated for the usual few.
pub type MessageIndexes = smallvec::SmallVec<[u32; 4]>;

/// Appends a number, zig-zag as Kafka's and Confluent's are, although it is never negative.
fn write_varint(number: u32, out: &mut Vec<u8>) {
    let mut rest = u64::from(number) << 1;
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or(0));
}

fn read_varint(bytes: &[u8]) -> Result<(u32, &[u8]), WireFormatError> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            // An odd number stands for a negative one.
            let whole = number.is_multiple_of(2).then(|| u32::try_from(number >> 1).ok()).flatten();
            let rest = bytes.get(at + 1..).unwrap_or_default();
            return whole.map(|number| (number, rest)).ok_or(WireFormatError::Indexes);
        }
    }
    Err(WireFormatError::Indexes)
}

#[cfg(test)]
mod tests;
