//! Which traces are recorded, and the numbers of new ones.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::context::{SpanId, TraceContext, TraceId};
use crate::record::Headers;

/// Decides which records are traced.
///
/// The decision about a new trace follows from its id, as in OpenTelemetry's `TraceIdRatioBased`: whoever
/// has the same ratio decides the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampler {
    /// Whether a context that comes with a record decides.
    follows_parent: bool,
    /// A trace is taken whose 63 lower bits but one are below this.
    below: u64,
    /// Whether traces begin.
    starts: bool,
}

/// One more than the largest 63-bit number: all are below.
const ALL: u64 = 1 << 63;

impl Sampler {
    /// Returns a sampler that takes what is sampled already, and begins this share of traces anew, from 0
    /// to 1, where records come without a context.
    #[must_use]
    pub fn following(ratio: f64) -> Self {
        let below = below(ratio);
        Self { follows_parent: true, below, starts: below > 0 }
    }

    /// Returns a sampler that takes this share of traces, whatever others have decided about them.
    #[must_use]
    pub fn alone(ratio: f64) -> Self {
        let below = below(ratio);
        Self { follows_parent: false, below, starts: below > 0 }
    }

    /// Returns the sampler of a name that `OTEL_TRACES_SAMPLER` may have.
    #[must_use]
    pub fn named(name: &str, ratio: f64) -> Option<Self> {
        Some(match name {
            "always_on" => Self::alone(1.0),
            "always_off" => Self::alone(0.0),
            "traceidratio" => Self::alone(ratio),
            "parentbased_always_on" => Self::following(1.0),
            "parentbased_always_off" => Self::following(0.0),
            "parentbased_traceidratio" => Self::following(ratio),
            _ => return None,
        })
    }

    /// Returns a sampler that decides the same, but begins no trace.
    #[must_use]
    pub(crate) fn starting_none(self) -> Self {
        Self { starts: false, ..self }
    }

    /// Returns whether nothing is ever taken.
    #[must_use]
    pub fn is_off(self) -> bool {
        !self.follows_parent && self.below == 0
    }

    /// Returns whether no trace begins where there was none.
    #[must_use]
    pub fn starts_none(self) -> bool {
        !self.starts
    }

    /// Returns the context of a record, where it may matter to this sampler: one that is not sampled is not
    /// read where nothing follows from it, neither a span nor that no new trace begins.
    #[inline]
    pub(crate) fn parent_of(self, headers: &Headers) -> Option<TraceContext> {
        if self.follows_parent && !self.starts {
            TraceContext::sampled_of(headers)
        } else {
            TraceContext::of(headers)
        }
    }

    /// Returns whether a trace of this context is taken.
    #[must_use]
    pub fn takes(self, context: TraceContext) -> bool {
        if self.follows_parent { context.is_sampled } else { self.takes_trace(context.trace.0) }
    }

    /// Returns the context of a new span, if one is to be made: in the trace of its parent, or in a new one.
    #[must_use]
    pub fn sample(
        self,
        parent: Option<TraceContext>,
        ids: &mut IdGenerator,
    ) -> Option<TraceContext> {
        if let Some(parent) = parent {
            let taken = self.takes(parent);
            return taken.then(|| TraceContext {
                trace: parent.trace,
                span: ids.span(),
                is_sampled: true,
            });
        }
        if self.starts_none() {
            return None;
        }
        // The half that decides first: of most new traces, the other is never made.
        let lower = ids.next();
        if lower >> 1 >= self.below {
            return None;
        }
        let trace = u128::from(ids.next()) << 64 | u128::from(lower);
        Some(TraceContext { trace: TraceId(trace.max(1)), span: ids.span(), is_sampled: true })
    }

    fn takes_trace(self, trace: u128) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half decides")]
        let lower = trace as u64;
        lower >> 1 < self.below
    }
}

fn below(ratio: f64) -> u64 {
    if ratio >= 1.0 {
        return ALL;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 0 to 2^63, in steps as fine as the ratio's"
    )]
    let below = (ratio.max(0.0) * ALL as f64) as u64;
    below
}

/// Makes ids: fast, of a seed, not secret (xoroshiro128++).
#[derive(Debug, Clone)]
pub struct IdGenerator([u64; 2]);

impl IdGenerator {
    /// Makes a generator; other seeds, other ids.
    #[must_use]
    pub fn new(seed: [u64; 2]) -> Self {
        // Seeds of few bits are spread over all of them, and none is all zero.
        let [mut low, mut high] = seed;
        Self([split_mix(&mut low), split_mix(&mut high) | 1])
    }

    /// Makes a generator whose ids nobody else has: that is all that ids of traces need.
    #[must_use]
    pub fn random() -> Self {
        let seed = || RandomState::new().build_hasher().finish();
        Self::new([seed(), seed()])
    }

    /// Returns another generator, with a seed of this one's.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new([self.next(), self.next()])
    }

    /// Returns the next number.
    fn next(&mut self) -> u64 {
        let [low, mut high] = self.0;
        let result = low.wrapping_add(high).rotate_left(17).wrapping_add(low);
        high ^= low;
        self.0 = [low.rotate_left(49) ^ high ^ (high << 21), high.rotate_left(28)];
        result
    }

    pub(crate) fn span(&mut self) -> SpanId {
        SpanId(self.next().max(1))
    }

    /// Returns the context of a new trace's first span.
    #[must_use]
    pub fn root(&mut self) -> TraceContext {
        let trace = u128::from(self.next()) << 64 | u128::from(self.next());
        TraceContext { trace: TraceId(trace.max(1)), span: self.span(), is_sampled: true }
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
