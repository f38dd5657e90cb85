//! How large packed records can become, read from their frames before anything is unpacked.
//!
//! A few bytes can claim to be, or really become, gigabytes, and the decompressors have no limit of
//! their own. So the blocks of a frame are added up, each with the most it can yield: what it says
//! where the codec holds it to that, else the codec's largest block or ratio. Only a gzip stream
//! too large for its ratio is walked symbol by symbol.

mod deflate;

use crate::log::batch::ZSTD;

/// What `snappy-java` and Kafka write in front of a chain of blocks.
const SNAPPY_MAGIC: &[u8] = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
/// The most that a byte of a codec can yield, rounded up.
const SNAPPY_RATIO_MAX: u64 = 32;
const LZ4_RATIO_MAX: u64 = 256;
const GZIP_RATIO_MAX: u64 = 1_040;

const LZ4_MAGIC: u32 = 0x184d_2204;
const ZSTD_MAGIC: u32 = 0xfd2f_b528;
/// The first of sixteen magics of frames that hold no data.
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;
const ZSTD_BLOCK_BYTES_MAX: u64 = 128 << 10;

/// Checks that packed records stay within a limit once they are unpacked.
pub(crate) fn check(packed: &[u8], compression: i16, bytes_max: u64) -> Result<(), String> {
    let yielded = match compression {
        1 => gzip(packed, bytes_max),
        2 => snappy(packed),
        3 => lz4(packed),
        ZSTD => zstd(packed),
        _ => return Ok(()),
    };
    match yielded {
        None => Err("the compressed records are malformed".to_owned()),
        Some(bytes) if bytes > bytes_max => {
            Err(format!("the records would unpack to more than {bytes_max} bytes"))
        }
        Some(_) => Ok(()),
    }
}

fn gzip(packed: &[u8], enough: u64) -> Option<u64> {
    let by_ratio = wide(packed.len()) * GZIP_RATIO_MAX;
    if by_ratio <= enough {
        return Some(by_ratio);
    }
    let mut rest = packed;
    let [_, _, _method, flags] = take(&mut rest)?;
    skip(&mut rest, 6)?; // time and system
    if flags & 4 != 0 {
        let extra = u16::from_le_bytes(take(&mut rest)?);
        skip(&mut rest, usize::from(extra))?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            // A name and a comment, each with a zero at its end.
            let end = rest.iter().position(|byte| *byte == 0)?;
            skip(&mut rest, end + 1)?;
        }
    }
    skip(&mut rest, if flags & 2 == 0 { 0 } else { 2 })?;
    deflate::count(rest, enough)
}

fn snappy(packed: &[u8]) -> Option<u64> {
    let Some(mut rest) = packed.strip_prefix(SNAPPY_MAGIC) else {
        return snappy_block(packed);
    };
    let mut total = 0;
    while !rest.is_empty() {
        let size = usize::try_from(u32::from_be_bytes(take(&mut rest)?)).ok()?;
        let (block, behind) = rest.split_at_checked(size)?;
        total += snappy_block(block)?;
        rest = behind;
    }
    Some(total)
}

/// Returns the size a block claims. It is allocated before the block is read, so a claim that so
/// few bytes cannot keep is refused.
fn snappy_block(block: &[u8]) -> Option<u64> {
    let mut claimed: u64 = 0;
    for (byte, shift) in block.iter().zip((0..32).step_by(7)) {
        claimed |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (claimed <= wide(block.len()) * SNAPPY_RATIO_MAX).then_some(claimed);
        }
    }
    None
}

fn lz4(packed: &[u8]) -> Option<u64> {
    let mut rest = packed;
    if u32::from_le_bytes(take(&mut rest)?) != LZ4_MAGIC {
        return None;
    }
    let [flags, descriptor] = take(&mut rest)?;
    let (has_size, has_dictionary) = (flags & 8 != 0, flags & 1 != 0);
    // The last is the checksum of the header.
    skip(&mut rest, usize::from(has_size) * 8 + usize::from(has_dictionary) * 4 + 1)?;
    let block_max: u64 = match (descriptor >> 4) & 7 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return None,
    };
    let checksum = if flags & 0x10 == 0 { 0 } else { 4 };
    let mut total = 0;
    loop {
        let size = u32::from_le_bytes(take(&mut rest)?);
        if size == 0 {
            skip(&mut rest, if flags & 4 == 0 { 0 } else { 4 })?;
            return Some(total);
        }
        // The highest bit says that the block is not compressed.
        let length = size & 0x7fff_ffff;
        skip(&mut rest, usize::try_from(length).ok()?.checked_add(checksum)?)?;
        let by_ratio = u64::from(length) * LZ4_RATIO_MAX;
        total += if length == size { by_ratio.min(block_max) } else { u64::from(length) };
    }
}

fn zstd(packed: &[u8]) -> Option<u64> {
    let mut rest = packed;
    let mut total = 0;
    while !rest.is_empty() {
        let magic = u32::from_le_bytes(take(&mut rest)?);
        if magic & !0xf == SKIPPABLE_MAGIC {
            let size = u32::from_le_bytes(take(&mut rest)?);
            skip(&mut rest, usize::try_from(size).ok()?)?;
        } else if magic == ZSTD_MAGIC {
            total += zstd_frame(&mut rest)?;
        } else {
            return None;
        }
    }
    Some(total)
}

/// Steps over a frame behind its magic.
fn zstd_frame(rest: &mut &[u8]) -> Option<u64> {
    let [descriptor] = take(rest)?;
    let is_single = descriptor & 0x20 != 0;
    let dictionary = match descriptor & 3 {
        3 => 4,
        small => usize::from(small),
    };
    let content = match descriptor >> 6 {
        0 => usize::from(is_single),
        flag => 1 << flag,
    };
    skip(rest, usize::from(!is_single) + dictionary + content)?;
    let mut total = 0;
    loop {
        let [a, b, c] = take(rest)?;
        let header = u32::from_le_bytes([a, b, c, 0]);
        let size = header >> 3;
        let (stored, yielded) = match (header >> 1) & 3 {
            0 => (size, u64::from(size)),
            // One byte, repeated.
            1 => (1, u64::from(size)),
            2 => (size, ZSTD_BLOCK_BYTES_MAX),
            _ => return None,
        };
        skip(rest, usize::try_from(stored).ok()?)?;
        total += yielded;
        if header & 1 != 0 {
            skip(rest, if descriptor & 4 == 0 { 0 } else { 4 })?;
            return Some(total);
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*head)
}

fn skip(rest: &mut &[u8], count: usize) -> Option<()> {
    *rest = rest.get(count..)?;
    Some(())
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
