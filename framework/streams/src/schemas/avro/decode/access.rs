//! The parts of a value, as `serde` asks for them: fields, items, entries, variants.

use serde::de::value::{BorrowedStrDeserializer, U32Deserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::{Decoder, skip};
use crate::schemas::avro::failure::Failure;
use crate::schemas::avro::input::Input;
use crate::schemas::avro::plan::{Branch, Op, Plan, RecordOp, Step};

/// The fields of a record, by name or in order.
pub(super) struct Fields<'i, 'de> {
    plan: &'de Plan,
    steps: std::slice::Iter<'de, Step>,
    next: Option<&'de Step>,
    input: &'i mut Input<'de>,
}

impl<'i, 'de> Fields<'i, 'de> {
    pub(crate) fn new(plan: &'de Plan, record: &'de RecordOp, input: &'i mut Input<'de>) -> Self {
        Self { plan, steps: record.steps.iter(), next: None, input }
    }

    /// Goes to the next field that the reader has.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<Option<&'de Step>, Failure> {
        for step in self.steps.by_ref() {
            let Step::Skip { name, op } = step else { return Ok(Some(step)) };
            let skipped = skip(self.plan, self.plan.op(*op), self.input);
            skipped.map_err(|failure| failure.in_field(name))?;
        }
        Ok(None)
    }

    #[inline]
    pub(crate) fn read<S: DeserializeSeed<'de>>(
        &mut self,
        step: &'de Step,
        seed: S,
    ) -> Result<S::Value, Failure> {
        let (name, value) = match step {
            Step::Read { name, op } | Step::Skip { name, op } => {
                let op = self.plan.op(*op);
                (name, seed.deserialize(Decoder { plan: self.plan, op, input: self.input }))
            }
            Step::Default { name, op, bytes } => {
                let op = self.plan.op(*op);
                let mut input = self.input.nested(bytes);
                (name, seed.deserialize(Decoder { plan: self.plan, op, input: &mut input }))
            }
        };
        value.map_err(|failure| failure.in_field(name))
    }

    /// Skips what the Rust type did not ask for: a sequence may end early.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        while let Some(step) = self.advance()? {
            if let Step::Read { name, op } = step {
                let skipped = skip(self.plan, self.plan.op(*op), self.input);
                skipped.map_err(|failure| failure.in_field(name))?;
            }
        }
        Ok(())
    }
}

impl<'de> de::MapAccess<'de> for &mut Fields<'_, 'de> {
    type Error = Failure;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.next = self.advance()?;
        let Some(step) = self.next else { return Ok(None) };
        let (Step::Read { name, .. } | Step::Skip { name, .. } | Step::Default { name, .. }) = step;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let step = self.next.take();
        let step = step.ok_or_else(|| Failure::new("a value was asked for twice".to_owned()))?;
        self.read(step, seed)
    }
}

impl<'de> de::SeqAccess<'de> for &mut Fields<'_, 'de> {
    type Error = Failure;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        let Some(step) = self.advance()? else { return Ok(None) };
        self.read(step, seed).map(Some)
    }
}

/// The items of an array, or the entries of a map.
pub(super) struct Items<'i, 'de> {
    plan: &'de Plan,
    op: &'de Op,
    input: &'i mut Input<'de>,
    /// Items left of the block.
    left: usize,
    /// The item's place.
    at: usize,
    ended: bool,
}

impl<'i, 'de> Items<'i, 'de> {
    pub(crate) fn new(plan: &'de Plan, op: &'de Op, input: &'i mut Input<'de>) -> Self {
        Self { plan, op, input, left: 0, at: 0, ended: false }
    }

    /// Returns whether there is another item.
    #[inline]
    fn advance(&mut self) -> Result<bool, Failure> {
        if self.left == 0 {
            if self.ended {
                return Ok(false);
            }
            self.left = self.input.block()?.0;
            if self.left == 0 {
                self.ended = true;
                return Ok(false);
            }
        }
        self.input.spend(1)?;
        self.left -= 1;
        Ok(true)
    }

    /// Never more than there are bytes: a count is only a claim.
    fn hint(&self) -> usize {
        self.left.min(self.input.left())
    }

    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        while self.advance()? {
            skip(self.plan, self.op, self.input)?;
        }
        Ok(())
    }
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        if !self.advance()? {
            return Ok(None);
        }
        let at = self.at;
        self.at += 1;
        let decoder = Decoder { plan: self.plan, op: self.op, input: self.input };
        seed.deserialize(decoder).map(Some).map_err(|failure| failure.in_item(at))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint())
    }
}

pub(super) struct Entries<'i, 'de> {
    items: Items<'i, 'de>,
    key: &'de str,
}

impl<'i, 'de> Entries<'i, 'de> {
    pub(crate) fn new(items: Items<'i, 'de>) -> Self {
        Self { items, key: "" }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        while self.items.advance()? {
            self.items.input.prefixed()?;
            skip(self.items.plan, self.items.op, self.items.input)?;
        }
        Ok(())
    }
}

impl<'de> de::MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        if !self.items.advance()? {
            return Ok(None);
        }
        self.key = self.items.input.text()?;
        seed.deserialize(BorrowedStrDeserializer::new(self.key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let items = &mut self.items;
        let decoder = Decoder { plan: items.plan, op: items.op, input: items.input };
        seed.deserialize(decoder).map_err(|failure| failure.in_field(self.key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.hint())
    }
}

/// A union as an enum: the variant is the branch's index.
pub(super) struct Variant<'i, 'de> {
    decoder: Decoder<'i, 'de>,
    branch: &'de Branch,
}

impl<'i, 'de> Variant<'i, 'de> {
    pub(crate) fn new(decoder: Decoder<'i, 'de>, branch: &'de Branch) -> Self {
        Self { decoder, branch }
    }
}

impl<'i, 'de> de::EnumAccess<'de> for Variant<'i, 'de> {
    type Error = Failure;
    type Variant = Decoder<'i, 'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Decoder<'i, 'de>), Failure> {
        let index: U32Deserializer<Failure> = self.branch.index.into_deserializer();
        Ok((seed.deserialize(index)?, self.decoder.at(self.branch.op)))
    }
}

impl<'de> de::VariantAccess<'de> for Decoder<'_, 'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        skip(self.plan, self.op, self.input)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        match self.op {
            Op::Record(record) if record.wrapper && record.fields == 1 => {
                self.input.enter(record.steps.len() + 1)?;
                let mut fields = Fields::new(self.plan, record, self.input);
                let lacks = || Failure::new("a wrapper has no field".to_owned());
                let step = fields.advance()?.ok_or_else(lacks)?;
                let value = fields.read(step, seed)?;
                fields.finish()?;
                self.input.leave();
                Ok(value)
            }
            _ => seed.deserialize(self),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        de::Deserializer::deserialize_tuple(self, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        de::Deserializer::deserialize_struct(self, "", fields, visitor)
    }
}

/// A tuple of one.
pub(super) struct One<'i, 'de>(Option<Decoder<'i, 'de>>);

impl<'i, 'de> One<'i, 'de> {
    pub(crate) fn new(decoder: Decoder<'i, 'de>) -> Self {
        Self(Some(decoder))
    }
}

impl<'de> de::SeqAccess<'de> for One<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        self.0.take().map(|decoder| seed.deserialize(decoder)).transpose()
    }
}
