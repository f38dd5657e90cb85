//! The size of what a deflate stream (RFC 1951) unpacks to, without unpacking it.

/// The order in which the lengths of the code of code lengths come.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The symbol that ends a block.
const END: u16 = 256;
const LONGEST_CODE: usize = 15;

/// Counts the bytes that a stream yields. Past `enough` it stops: then there are at least as many
/// as it returns. Nothing is returned if the stream is malformed.
pub(super) fn count(stream: &[u8], enough: u64) -> Option<u64> {
    let mut bits = Bits { rest: stream, held: 0, count: 0 };
    let mut total = 0;
    loop {
        let is_last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => total += u64::from(bits.skip_stored()?),
            1 => {
                let (literals, distances) = fixed();
                add_symbols(&mut bits, &literals, &distances, &mut total, enough)?;
            }
            2 => {
                let (literals, distances) = dynamic(&mut bits)?;
                add_symbols(&mut bits, &literals, &distances, &mut total, enough)?;
            }
            _ => return None,
        }
        if is_last || total > enough {
            return Some(total);
        }
    }
}

fn add_symbols(
    bits: &mut Bits<'_>,
    literals: &Codes,
    distances: &Codes,
    total: &mut u64,
    enough: u64,
) -> Option<()> {
    while *total <= enough {
        *total += match literals.read(bits)? {
            0..END => 1,
            END => return Some(()),
            symbol => {
                let length = match_length(bits, symbol - END - 1)?;
                let distance = distances.read(bits)?;
                bits.take(u32::from(distance / 2).saturating_sub(1))?;
                u64::from(length)
            }
        };
    }
    Some(())
}

fn match_length(bits: &mut Bits<'_>, index: u16) -> Option<u32> {
    let index = u32::from(index);
    match index {
        0..8 => Some(3 + index),
        8..28 => {
            let extra = index / 4 - 1;
            Some(3 + ((4 + index % 4) << extra) + bits.take(extra)?)
        }
        28 => Some(258),
        _ => None,
    }
}

fn fixed() -> (Codes, Codes) {
    let lengths = [(144, 8), (112, 9), (24, 7), (8, 8)];
    let lengths = lengths.into_iter().flat_map(|(count, length)| vec![length; count]);
    (Codes::new(&lengths.collect::<Vec<u8>>()), Codes::new(&[5; 30]))
}

/// Reads the two codes in front of a block.
fn dynamic(bits: &mut Bits<'_>) -> Option<(Codes, Codes)> {
    let literals = usize::try_from(bits.take(5)?).ok()? + 257;
    let distances = usize::try_from(bits.take(5)?).ok()? + 1;
    let given = usize::try_from(bits.take(4)?).ok()? + 4;
    let mut lengths = [0; ORDER.len()];
    for place in ORDER.iter().take(given) {
        *lengths.get_mut(*place)? = u8::try_from(bits.take(3)?).ok()?;
    }
    let codes = Codes::new(&lengths);
    let mut lengths: Vec<u8> = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (length, times) = match codes.read(bits)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (u8::try_from(length).ok()?, 1),
        };
        lengths.extend((0..times).map(|_| length));
    }
    let (first, second) = lengths.split_at_checked(literals)?;
    Some((Codes::new(first), Codes::new(second.get(..distances)?)))
}

/// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
struct Codes {
    counts: [u16; LONGEST_CODE + 1],
    symbols: Vec<u16>,
}

impl Codes {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; LONGEST_CODE + 1];
        let mut symbols: Vec<(u8, u16)> = lengths.iter().copied().zip(0..).collect();
        symbols.retain(|(length, _)| *length != 0);
        symbols.sort_unstable();
        for (length, _) in &symbols {
            if let Some(count) = counts.get_mut(usize::from(*length)) {
                *count += 1;
            }
        }
        Self { counts, symbols: symbols.into_iter().map(|(_, symbol)| symbol).collect() }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_u32, 0_u32, 0_u32);
        for count in self.counts.iter().skip(1).copied().map(u32::from) {
            code |= bits.take(1)?;
            if code < first + count {
                let place = index + code.checked_sub(first)?;
                return self.symbols.get(usize::try_from(place).ok()?).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// Bits from the lowest of each byte on.
struct Bits<'a> {
    rest: &'a [u8],
    held: u32,
    count: u32,
}

impl Bits<'_> {
    fn take(&mut self, wanted: u32) -> Option<u32> {
        while self.count < wanted {
            self.held |= u32::from(*self.rest.split_off_first()?) << self.count;
            self.count += 8;
        }
        let taken = self.held & ((1 << wanted) - 1);
        self.held >>= wanted;
        self.count -= wanted;
        Some(taken)
    }

    /// Steps over a stored block; returns its size.
    fn skip_stored(&mut self) -> Option<u16> {
        // It begins with the next byte. Fewer than eight bits are ever held between symbols.
        (self.held, self.count) = (0, 0);
        let ([a, b, _, _], rest) = self.rest.split_first_chunk()?;
        let size = u16::from_le_bytes([*a, *b]);
        self.rest = rest.get(usize::from(size)..)?;
        Some(size)
    }
}
