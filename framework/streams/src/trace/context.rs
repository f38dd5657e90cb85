//! A record's place in a trace, as the header `traceparent` has it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::record::{Header, Headers};

/// The header with the context.
const TRACEPARENT: &str = "traceparent";
/// The header with what vendors write beside it; nothing without a context.
const TRACESTATE: &str = "tracestate";
/// Where the last digit of the flags is, in all versions.
const FLAGS_END: usize = 54;
/// The longest `tracestate` that is told on.
const TRACESTATE_MAX: usize = 512;

/// The number of a trace: 128 bits, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub u128);

/// The number of a span within its trace: 64 bits, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub u64);

/// A place in a trace: the trace, a span of it, and whether it is recorded.
///
/// # Examples
///
/// ```
/// use kappa::trace::TraceContext;
///
/// let text = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let context = TraceContext::parse(text).expect("the specification's own example");
/// assert!(context.is_sampled);
/// assert_eq!(context.to_string().as_bytes(), text);
/// assert!(TraceContext::parse(b"00-0-0-01").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Whether whoever began the span records it.
    pub is_sampled: bool,
}

impl TraceContext {
    /// Reads the value of a `traceparent` header; nothing if it is not a valid one, in whichever way.
    ///
    /// Of versions to come, what version 00 has is read, as its specification asks for.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (version, rest) = field(text, 2)?;
        let (trace, rest) = field(rest, 32)?;
        let (span, rest) = field(rest, 16)?;
        let (flags, rest) = match rest.split_at_checked(2)? {
            (flags, []) => (flags, None),
            (flags, rest) => (flags, Some(rest)),
        };
        let version = hex(version)?;
        let further = match rest {
            None => true,
            Some(rest) => version > 0 && rest.first() == Some(&b'-'),
        };
        if version == 0xff || !further {
            return None;
        }
        let (high, low) = trace.split_at_checked(16)?;
        let trace = u128::from(hex(high)?) << 64 | u128::from(hex(low)?);
        let trace = Some(trace).filter(|id| *id != 0)?;
        let span = Some(hex(span)?).filter(|id| *id != 0)?;
        let is_sampled = hex(flags)? & 1 == 1;
        Some(Self { trace: TraceId(trace), span: SpanId(span), is_sampled })
    }

    /// Returns the context among a record's headers: the last one counts; nothing if it is not valid.
    #[must_use]
    pub fn of(headers: &Headers) -> Option<Self> {
        Self::parse(headers.last(TRACEPARENT)?.value.as_deref()?)
    }

    /// Returns the context among a record's headers if it is sampled: its flags are looked at first, since
    /// most are not, and reading all of it costs six times as much.
    #[inline]
    pub(crate) fn sampled_of(headers: &Headers) -> Option<Self> {
        let text = headers.last(TRACEPARENT)?.value.as_deref()?;
        // What is no digit has all bits: that is found out by whoever reads it.
        let last = text.get(FLAGS_END)?;
        #[expect(clippy::indexing_slicing, reason = "there is a place for every byte")]
        let may_be_sampled = VALUES[usize::from(*last)] & 1 == 1;
        if !may_be_sampled {
            return None;
        }
        Self::parse(text).filter(|context| context.is_sampled)
    }

    /// Returns what vendors have written beside a record's context.
    pub(crate) fn state_of(headers: &Headers) -> Option<Arc<[u8]>> {
        let state = headers.last(TRACESTATE)?.value.clone()?;
        (state.len() <= TRACESTATE_MAX).then_some(state)
    }

    /// Returns headers that have this context instead of theirs, all else as it was. What vendors wrote
    /// stays where the trace goes on, and goes where it begins: then it was another's.
    #[must_use]
    pub fn into_headers(self, headers: &Headers, goes_on: bool) -> Headers {
        static NAME: LazyLock<Arc<str>> = LazyLock::new(|| TRACEPARENT.into());
        let stays = |name: &str| name != TRACEPARENT && (goes_on || name != TRACESTATE);
        let others = headers.iter().filter(|header| stays(&header.name)).cloned();
        let own = Header { name: NAME.clone(), value: Some(Arc::from(self.encoded().as_slice())) };
        // A length that is known is one allocation.
        let mut all = Vec::with_capacity(headers.iter().count() + 1);
        all.extend(others);
        all.push(own);
        all.into_iter().collect()
    }

    /// Writes `00-<trace>-<span>-<flags>`.
    fn encoded(self) -> [u8; 55] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Self { trace: TraceId(trace), span: SpanId(span), is_sampled } = self;
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let digit = |number: u128, place: usize| {
            let nibble = usize::try_from((number >> (4 * place)) & 0xf).unwrap_or(0);
            DIGITS.get(nibble).copied().unwrap_or(b'0')
        };
        for (place, byte) in text.iter_mut().skip(3).take(32).rev().enumerate() {
            *byte = digit(trace, place);
        }
        for (place, byte) in text.iter_mut().skip(36).take(16).rev().enumerate() {
            *byte = digit(span.into(), place);
        }
        if let Some(byte) = text.last_mut() {
            *byte = if is_sampled { b'1' } else { b'0' };
        }
        text
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.encoded()).unwrap_or_default())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes so many bytes and the dash after them.
fn field(text: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (field, rest) = text.split_at_checked(length)?;
    Some((field, rest.strip_prefix(b"-")?))
}

/// Reads a number of 16 hexadecimal digits at most; capital ones are not valid here.
fn hex(digits: &[u8]) -> Option<u64> {
    let (mut number, mut all) = (0, 0);
    for digit in digits {
        #[expect(clippy::indexing_slicing, reason = "there is a place for every byte")]
        let value = VALUES[usize::from(*digit)];
        all |= value;
        number = number << 4 | u64::from(value & 0xf);
    }
    // Looked at once, not for each digit.
    (all != NO_DIGIT).then_some(number)
}

/// What is no digit has all bits.
const NO_DIGIT: u8 = 0xff;

/// The values of all bytes as digits.
#[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
static VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        values[digit as usize] = value;
        value += 1;
    }
    values
};
