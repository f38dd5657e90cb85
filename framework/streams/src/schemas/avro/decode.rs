//! Bytes straight into Rust values, along a plan: no tree of values in between.
//!
//! What a schema is to `serde`: numbers, booleans, strings and bytes are themselves (fixed, decimals
//! and durations are bytes), dates and times are their numbers, records are structs, symbols are unit
//! variants; a union of null and one other is an option, any other union is an enum by its index.

mod access;
mod skip;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, Visitor};
use serde::forward_to_deserialize_any;

use self::access::{Entries, Fields, Items, One, Variant};
pub(super) use self::skip::skip;
use super::failure::Failure;
use super::input::Input;
use super::plan::{Branch, Op, OpId, Plan, RecordOp, Symbol};

/// Reads one value with a plan.
pub(super) struct Decoder<'i, 'de> {
    plan: &'de Plan,
    op: &'de Op,
    input: &'i mut Input<'de>,
}

impl<'i, 'de> Decoder<'i, 'de> {
    pub(crate) fn new(plan: &'de Plan, input: &'i mut Input<'de>) -> Self {
        Self { plan, op: plan.root(), input }
    }

    #[inline]
    fn at(self, id: OpId) -> Self {
        Self { op: self.plan.op(id), ..self }
    }

    /// Reads which branch of the writer's union comes.
    #[inline]
    fn in_union(self, branches: &[OpId]) -> Result<Self, Failure> {
        let index = self.input.index()?;
        let id = branches.get(index).ok_or_else(|| no_branch(index, branches.len()))?;
        Ok(self.at(*id))
    }

    /// Follows unions to what the value is.
    #[inline]
    fn resolved(mut self) -> Result<Self, Failure> {
        loop {
            self = match self.op {
                Op::Union(branches) => self.in_union(branches)?,
                Op::Branch(branch) => self.at(branch.op),
                _ => return Ok(self),
            };
        }
    }

    fn symbol(self, symbols: &'de [Symbol]) -> Result<&'de str, Failure> {
        let index = self.input.index()?;
        match symbols.get(index) {
            Some(Symbol::Known(symbol)) => Ok(symbol),
            Some(Symbol::Unknown(why)) => Err(Failure::new(why.to_string())),
            None => Err(Failure::new(format!("there is no symbol {index}"))),
        }
    }

    fn record<V: Visitor<'de>>(
        self,
        record: &'de RecordOp,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.input.enter(record.steps.len() + 1)?;
        let mut fields = Fields::new(self.plan, record, self.input);
        let value = visitor.visit_map(&mut fields)?;
        fields.finish()?;
        self.input.leave();
        Ok(value)
    }

    /// The fields as a sequence, for those who know their order.
    fn sequence<V: Visitor<'de>>(
        self,
        record: &'de RecordOp,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.input.enter(record.steps.len() + 1)?;
        let mut fields = Fields::new(self.plan, record, self.input);
        let value = visitor.visit_seq(&mut fields)?;
        fields.finish()?;
        self.input.leave();
        Ok(value)
    }

    fn items<V: Visitor<'de>>(self, op: OpId, visitor: V) -> Result<V::Value, Failure> {
        self.input.enter(1)?;
        let op = self.plan.op(op);
        let mut items = Items::new(self.plan, op, self.input);
        let value = visitor.visit_seq(&mut items)?;
        items.finish()?;
        self.input.leave();
        Ok(value)
    }

    fn entries<V: Visitor<'de>>(self, op: OpId, visitor: V) -> Result<V::Value, Failure> {
        self.input.enter(1)?;
        let op = self.plan.op(op);
        let mut entries = Entries::new(Items::new(self.plan, op, self.input));
        let value = visitor.visit_map(&mut entries)?;
        entries.finish()?;
        self.input.leave();
        Ok(value)
    }
}

#[cold]
fn no_branch(index: usize, count: usize) -> Failure {
    Failure::new(format!("there is no branch {index} in a union of {count}"))
}

impl<'de> de::Deserializer<'de> for Decoder<'_, 'de> {
    type Error = Failure;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        let input = &mut *this.input;
        match this.op {
            Op::Null => visitor.visit_unit(),
            Op::Boolean => visitor.visit_bool(input.boolean()?),
            Op::Int => visitor.visit_i32(input.int()?),
            Op::Long => visitor.visit_i64(input.long()?),
            Op::Float => visitor.visit_f32(f32::from_le_bytes(input.array()?)),
            Op::Double => visitor.visit_f64(f64::from_le_bytes(input.array()?)),
            #[allow(clippy::cast_precision_loss, reason = "the specification's promotion")]
            Op::LongAsFloat => visitor.visit_f32(input.long()? as f32),
            #[allow(clippy::cast_precision_loss, reason = "the specification's promotion")]
            Op::LongAsDouble => visitor.visit_f64(input.long()? as f64),
            Op::FloatAsDouble => visitor.visit_f64(f32::from_le_bytes(input.array()?).into()),
            Op::Bytes => visitor.visit_borrowed_bytes(input.prefixed()?),
            Op::String => visitor.visit_borrowed_str(input.text()?),
            Op::RestAsBytes => visitor.visit_borrowed_bytes(input.rest()),
            Op::RestAsString => visitor.visit_borrowed_str(input.rest_as_text()?),
            Op::Fixed(size) => visitor.visit_borrowed_bytes(input.bytes(*size)?),
            Op::Enum(symbols) => visitor.visit_borrowed_str(this.symbol(symbols)?),
            Op::Array(item) => this.items(*item, visitor),
            Op::Map(value) => this.entries(*value, visitor),
            Op::Record(record) => this.record(record, visitor),
            Op::Unfit(why) => Err(Failure::new(why.to_string())),
            Op::Union(_) | Op::Branch(_) => Err(Failure::new("a union in a union".to_owned())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let this = match self.op {
            Op::Union(branches) => self.in_union(branches)?,
            _ => self,
        };
        match this.op {
            Op::Null | Op::Branch(Branch { null: true, .. }) => visitor.visit_none(),
            Op::Branch(branch) if branch.optional => visitor.visit_some(this.at(branch.op)),
            // An enum of what is not null: its index still counts the null.
            _ => visitor.visit_some(this),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        match this.op {
            Op::Fixed(8) => visitor.visit_u64(u64::from_le_bytes(this.input.array()?)),
            _ => this.deserialize_any(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        match this.op {
            Op::Fixed(16) => visitor.visit_i128(i128::from_le_bytes(this.input.array()?)),
            _ => this.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        match this.op {
            Op::Fixed(16) => visitor.visit_u128(u128::from_le_bytes(this.input.array()?)),
            _ => this.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        match this.op {
            Op::Record(record) if record.ordered => this.sequence(record, visitor),
            Op::Record(_) => Err(Failure::new(format!(
                "a tuple of {len} cannot be read from a record whose fields were reordered"
            ))),
            Op::Array(_) | Op::Fixed(_) | Op::Bytes | Op::RestAsBytes | Op::Unfit(_) => {
                this.deserialize_any(visitor)
            }
            // A tuple of one is what is in it.
            _ if len == 1 => visitor.visit_seq(One::new(this)),
            _ => this.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        match this.op {
            Op::Record(record) if record.fields == 0 => {
                skip(this.plan, this.op, this.input)?;
                visitor.visit_unit()
            }
            _ => this.deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let this = self.resolved()?;
        match this.op {
            Op::Record(record) if record.is_in_order(fields) => this.sequence(record, visitor),
            _ => this.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let this = match self.op {
            Op::Union(branches) => self.in_union(branches)?,
            _ => self,
        };
        match this.op {
            Op::Branch(branch) => visitor.visit_enum(Variant::new(this, branch)),
            Op::Enum(symbols) => {
                visitor.visit_enum(BorrowedStrDeserializer::new(this.symbol(symbols)?))
            }
            Op::String => visitor.visit_enum(BorrowedStrDeserializer::new(this.input.text()?)),
            Op::RestAsString => {
                visitor.visit_enum(BorrowedStrDeserializer::new(this.input.rest_as_text()?))
            }
            _ => this.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        skip(self.plan, self.op, self.input)?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 f32 f64 char str string bytes byte_buf unit seq map identifier
    }
}
