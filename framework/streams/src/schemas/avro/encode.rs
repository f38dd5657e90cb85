//! Rust values straight into bytes, by a schema.
//!
//! apache-avro could do this too; ours names the field that does not fit instead of printing the
//! schema, takes a `u64` for a long, and reads what `decode` reads: the two are one mapping.

mod compound;
mod key;

use serde::ser::{self, Serialize};

use self::compound::{Compound, Parts};
use super::defaults::{put_bytes, put_length, put_long};
use super::failure::Failure;
use super::graph::{Graph, Kind, NodeId, Record};
use super::input::DEPTH_MAX;

/// Writes one value.
pub(super) struct Encoder<'e> {
    graph: &'e Graph,
    node: NodeId,
    out: &'e mut Vec<u8>,
    depth: usize,
    /// Whether every field must be written, those that have a default too.
    whole: bool,
}

impl<'e> Encoder<'e> {
    pub(crate) fn new(graph: &'e Graph, out: &'e mut Vec<u8>) -> Self {
        Self { graph, node: graph.root(), out, depth: 0, whole: false }
    }

    /// Returns an encoder that refuses a type that lacks a field.
    pub(crate) fn whole(graph: &'e Graph, out: &'e mut Vec<u8>) -> Self {
        Self { whole: true, ..Self::new(graph, out) }
    }

    #[cold]
    fn unfit(&self, given: &str) -> Failure {
        Failure::new(format!(
            "it is {given}, and the schema says {}",
            self.graph.describe(self.node)
        ))
    }

    #[inline]
    fn kind(&self) -> &'e Kind {
        self.graph.kind(self.node)
    }

    /// Goes into the first branch of a union that has one of some kinds, tried in their order.
    fn choose(self, wanted: &[fn(&Kind) -> bool], given: &str) -> Result<Self, Failure> {
        let Kind::Union(branches) = self.kind() else { return Ok(self) };
        let graph = self.graph;
        let place = |is: &fn(&Kind) -> bool| branches.iter().position(|id| is(graph.kind(*id)));
        match wanted.iter().find_map(place) {
            Some(index) => self.branch(index),
            None => Err(self.unfit(given)),
        }
    }

    /// Goes into a branch of a union.
    fn branch(self, index: usize) -> Result<Self, Failure> {
        let Kind::Union(branches) = self.kind() else { return Ok(self) };
        let branch = branches.get(index);
        let node = *branch.ok_or_else(|| self.unfit(&format!("variant {index}")))?;
        put_length(index, self.out);
        Ok(Self { node, ..self })
    }

    fn integer(self, value: i128, given: &str) -> Result<(), Failure> {
        let int = |kind: &Kind| matches!(kind, Kind::Int);
        let long = |kind: &Kind| matches!(kind, Kind::Long);
        let order: [fn(&Kind) -> bool; 2] =
            if given == "an i64" { [long, int] } else { [int, long] };
        let this = self.choose(&order, given)?;
        let fits = match this.kind() {
            Kind::Int => i32::try_from(value).ok().map(i64::from),
            Kind::Long => i64::try_from(value).ok(),
            _ => return Err(this.unfit(given)),
        };
        match fits {
            Some(fits) => put_long(fits, this.out),
            None => return Err(this.unfit(&value.to_string())),
        }
        Ok(())
    }

    /// Writes a number as the fixed that Rust's wide numbers are kept in.
    fn wide(self, bytes: &[u8], given: &str) -> Result<(), Failure> {
        match self.kind() {
            Kind::Fixed(fixed) if fixed.size == bytes.len() => self.out.extend_from_slice(bytes),
            _ => return Err(self.unfit(given)),
        }
        Ok(())
    }

    fn deeper(self) -> Result<Self, Failure> {
        if self.depth >= DEPTH_MAX {
            return Err(Failure::new(format!("it is nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// Goes into the record for a struct: in a union the one of its name, or the only one.
    fn record(self, name: &str) -> Result<(Self, &'e Record), Failure> {
        let graph = self.graph;
        let given = if name.is_empty() { "a struct" } else { name };
        let this = match self.kind() {
            Kind::Union(branches) => {
                let records = || {
                    let records = branches.iter().enumerate();
                    records.filter_map(|(at, id)| match graph.kind(*id) {
                        Kind::Record(record) => Some((at, record)),
                        _ => None,
                    })
                };
                let named = records().find(|(_, record)| record.name.short() == name);
                let only = || if records().count() == 1 { records().next() } else { None };
                match named.or_else(only) {
                    Some((at, _)) => self.branch(at)?,
                    None => return Err(self.unfit(given)),
                }
            }
            _ => self,
        };
        match this.kind() {
            Kind::Record(record) => Ok((this.deeper()?, record)),
            _ => Err(this.unfit(given)),
        }
    }

    fn symbol(self, variant: &str) -> Result<(), Failure> {
        let Kind::Enum(node) = self.kind() else { return Err(self.unfit(variant)) };
        match node.symbols.iter().position(|symbol| **symbol == *variant) {
            Some(at) => put_length(at, self.out),
            None => {
                let name = &node.name.full;
                return Err(Failure::new(format!("`{variant}` is no symbol of {name}")));
            }
        }
        Ok(())
    }

    fn list(self, length: Option<usize>, given: &str) -> Result<Compound<'e>, Failure> {
        let this = self.choose(&[|kind| matches!(kind, Kind::Array(_))], given)?;
        match this.kind() {
            Kind::Array(item) => Ok(Compound::items(this.deeper()?, *item, length)),
            _ => Err(this.unfit(given)),
        }
    }
}

impl<'e> ser::Serializer for Encoder<'e> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Compound<'e>;
    type SerializeTuple = Compound<'e>;
    type SerializeTupleStruct = Compound<'e>;
    type SerializeTupleVariant = Compound<'e>;
    type SerializeMap = Compound<'e>;
    type SerializeStruct = Compound<'e>;
    type SerializeStructVariant = Compound<'e>;

    fn serialize_bool(self, value: bool) -> Result<(), Failure> {
        let this = self.choose(&[|kind| matches!(kind, Kind::Boolean)], "a bool")?;
        match this.kind() {
            Kind::Boolean => this.out.push(u8::from(value)),
            _ => return Err(this.unfit("a bool")),
        }
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Failure> {
        self.integer(value.into(), "an i8")
    }

    fn serialize_i16(self, value: i16) -> Result<(), Failure> {
        self.integer(value.into(), "an i16")
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), Failure> {
        match self.kind() {
            Kind::Int | Kind::Long => put_long(value.into(), self.out),
            _ => return self.integer(value.into(), "an i32"),
        }
        Ok(())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), Failure> {
        match self.kind() {
            Kind::Long => put_long(value, self.out),
            _ => return self.integer(value.into(), "an i64"),
        }
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Failure> {
        self.wide(&value.to_le_bytes(), "an i128")
    }

    fn serialize_u8(self, value: u8) -> Result<(), Failure> {
        self.integer(value.into(), "a u8")
    }

    fn serialize_u16(self, value: u16) -> Result<(), Failure> {
        self.integer(value.into(), "a u16")
    }

    fn serialize_u32(self, value: u32) -> Result<(), Failure> {
        self.integer(value.into(), "a u32")
    }

    fn serialize_u64(self, value: u64) -> Result<(), Failure> {
        match self.kind() {
            Kind::Fixed(_) => self.wide(&value.to_le_bytes(), "a u64"),
            _ => self.integer(value.into(), "a u64"),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), Failure> {
        self.wide(&value.to_le_bytes(), "a u128")
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failure> {
        let float = |kind: &Kind| matches!(kind, Kind::Float);
        let this = self.choose(&[float, |kind| matches!(kind, Kind::Double)], "an f32")?;
        match this.kind() {
            Kind::Float => this.out.extend_from_slice(&value.to_le_bytes()),
            Kind::Double => this.out.extend_from_slice(&f64::from(value).to_le_bytes()),
            _ => return Err(this.unfit("an f32")),
        }
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failure> {
        let this = self.choose(&[|kind| matches!(kind, Kind::Double)], "an f64")?;
        match this.kind() {
            Kind::Double => this.out.extend_from_slice(&value.to_le_bytes()),
            _ => return Err(this.unfit("an f64")),
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        let text = |kind: &Kind| matches!(kind, Kind::String);
        let this = self.choose(&[text, |kind| matches!(kind, Kind::Enum(_))], "a string")?;
        match this.kind() {
            Kind::String => put_bytes(value.as_bytes(), this.out),
            Kind::Enum(_) => return this.symbol(value),
            _ => return Err(this.unfit("a string")),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        let graph = self.graph;
        let this = match self.kind() {
            Kind::Union(branches) => {
                let fixed = branches.iter().position(|id| match graph.kind(*id) {
                    Kind::Fixed(fixed) => fixed.size == value.len(),
                    _ => false,
                });
                let bytes = branches.iter().position(|id| matches!(graph.kind(*id), Kind::Bytes));
                match bytes.or(fixed) {
                    Some(index) => self.branch(index)?,
                    None => return Err(self.unfit(&format!("{} bytes", value.len()))),
                }
            }
            _ => self,
        };
        match this.kind() {
            Kind::Bytes => put_bytes(value, this.out),
            Kind::Fixed(fixed) if fixed.size == value.len() => this.out.extend_from_slice(value),
            _ => return Err(this.unfit(&format!("{} bytes", value.len()))),
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Failure> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        let other = match self.kind() {
            Kind::Union(branches) if branches.len() == 2 => {
                let is_null = |id: &NodeId| matches!(self.graph.kind(*id), Kind::Null);
                branches.iter().position(is_null).map(|null| 1 - null)
            }
            _ => None,
        };
        match other {
            Some(other) => value.serialize(self.branch(other)?),
            None => value.serialize(self),
        }
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        let this = self.choose(&[|kind| matches!(kind, Kind::Null)], "nothing")?;
        match this.kind() {
            Kind::Null => Ok(()),
            _ => Err(this.unfit("nothing")),
        }
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Failure> {
        if matches!(self.kind(), Kind::Null) {
            return Ok(());
        }
        let (this, record) = self.record(name)?;
        ser::SerializeStruct::end(Compound::fields(this, record))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), Failure> {
        match self.kind() {
            Kind::String => self.serialize_str(variant),
            Kind::Union(branches) => {
                let graph = self.graph;
                let of_symbol = branches.iter().position(|id| match graph.kind(*id) {
                    Kind::Enum(node) => node.symbols.iter().any(|symbol| **symbol == *variant),
                    _ => false,
                });
                match of_symbol {
                    Some(at) => self.branch(at)?.symbol(variant),
                    None => match self.branch(index as usize)? {
                        this if matches!(this.kind(), Kind::Null) => Ok(()),
                        this => this.serialize_unit_struct(variant),
                    },
                }
            }
            _ => self.symbol(variant),
        }
    }

    /// A wrapper is what it wraps.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        let Kind::Union(_) = self.kind() else {
            return Err(self.unfit(&format!("the variant {variant}, with a value")));
        };
        let this = self.branch(index as usize)?;
        match this.kind() {
            Kind::Record(record) if record.wrapper && record.fields.len() == 1 => {
                let mut fields = Compound::fields(this.deeper()?, record);
                fields.positional(value)?;
                ser::SerializeTuple::end(fields)
            }
            _ => value.serialize(this),
        }
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'e>, Failure> {
        self.list(length, "a sequence")
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'e>, Failure> {
        match self.kind() {
            Kind::Record(record) => Ok(Compound::fields(self.deeper()?, record)),
            Kind::Array(_) | Kind::Union(_) => self.list(Some(length), "a tuple"),
            _ if length == 1 => Ok(Compound::new(self, Parts::One)),
            _ => Err(self.unfit(&format!("a tuple of {length}"))),
        }
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Compound<'e>, Failure> {
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        length: usize,
    ) -> Result<Compound<'e>, Failure> {
        self.branch(index as usize)?.serialize_tuple(length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'e>, Failure> {
        let map = |kind: &Kind| matches!(kind, Kind::Map(_));
        let this = self.choose(&[map, |kind| matches!(kind, Kind::Record(_))], "a map")?;
        match this.kind() {
            Kind::Map(value) => Ok(Compound::items(this.deeper()?, *value, length)),
            // What flattening makes of a struct.
            Kind::Record(record) => Ok(Compound::fields(this.deeper()?, record)),
            _ => Err(this.unfit("a map")),
        }
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'e>, Failure> {
        let (this, record) = self.record(name)?;
        Ok(Compound::fields(this, record))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'e>, Failure> {
        let (this, record) = self.branch(index as usize)?.record(variant)?;
        Ok(Compound::fields(this, record))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
