//! Records, arrays and maps, part by part.

use serde::ser::{self, Serialize};

use super::Encoder;
use super::key::Key;
use crate::schemas::avro::defaults::{put_bytes, put_length};
use crate::schemas::avro::failure::Failure;
use crate::schemas::avro::graph::{Graph, NodeId, Record};

/// A value with parts, some of which are written.
pub(in crate::schemas::avro) struct Compound<'e> {
    graph: &'e Graph,
    out: &'e mut Vec<u8>,
    depth: usize,
    node: NodeId,
    whole: bool,
    parts: Parts<'e>,
}

pub(in crate::schemas::avro) enum Parts<'e> {
    Fields(Fields<'e>),
    Items(Items),
    /// A tuple of one, which is what is in it.
    One,
}

/// Fields are written in the schema's order; those that come early wait.
pub(in crate::schemas::avro) struct Fields<'e> {
    record: &'e Record,
    /// The next to be written.
    next: usize,
    early: Vec<(usize, Vec<u8>)>,
    /// The key of a map that is written as a record.
    key: String,
}

pub(in crate::schemas::avro) struct Items {
    item: NodeId,
    /// How many there are, if that was told: then they are one block.
    told: Option<usize>,
    written: usize,
}

impl<'e> Compound<'e> {
    pub(crate) fn new(encoder: Encoder<'e>, parts: Parts<'e>) -> Self {
        let Encoder { graph, node, out, depth, whole } = encoder;
        Self { graph, out, depth, node, whole, parts }
    }

    pub(crate) fn fields(encoder: Encoder<'e>, record: &'e Record) -> Self {
        let fields = Fields { record, next: 0, early: Vec::new(), key: String::new() };
        Self::new(encoder, Parts::Fields(fields))
    }

    pub(crate) fn items(encoder: Encoder<'e>, item: NodeId, told: Option<usize>) -> Self {
        if let Some(told @ 1..) = told {
            put_length(told, encoder.out);
        }
        Self::new(encoder, Parts::Items(Items { item, told, written: 0 }))
    }

    #[inline]
    fn named<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Failure> {
        let Parts::Fields(fields) = &mut self.parts else { return Ok(()) };
        let record = fields.record;
        let (graph, depth, whole) = (self.graph, self.depth, self.whole);
        if let Some(field) = record.fields.get(fields.next).filter(|field| *field.name == *name) {
            let encoder = Encoder { graph, node: field.node, out: self.out, depth, whole };
            value.serialize(encoder).map_err(|failure| failure.in_field(name))?;
            fields.next += 1;
            return if fields.early.is_empty() { Ok(()) } else { fields.flush(self.out) };
        }
        let mut fields_of = record.fields.iter().enumerate().skip(fields.next);
        let (at, field) = fields_of.find(|(_, field)| *field.name == *name).ok_or_else(|| {
            Failure::new(format!(
                "the Rust type has a field `{name}`, and {} has none",
                record.name.full
            ))
        })?;
        let mut early = Vec::new();
        let encoder = Encoder { graph, node: field.node, out: &mut early, depth, whole };
        value.serialize(encoder).map_err(|failure| failure.in_field(name))?;
        fields.early.push((at, early));
        Ok(())
    }

    pub(crate) fn positional<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let node = match &mut self.parts {
            Parts::One => self.node,
            Parts::Items(items) => {
                let encoder = Encoder {
                    graph: self.graph,
                    node: items.item,
                    out: self.out,
                    depth: self.depth,
                    whole: self.whole,
                };
                return items.put(encoder, value);
            }
            Parts::Fields(fields) => {
                let field = fields.record.fields.get(fields.next);
                let name = &fields.record.name.full;
                let many = || Failure::new(format!("a tuple has more parts than {name} fields"));
                fields.next += 1;
                field.ok_or_else(many)?.node
            }
        };
        let (graph, depth, whole) = (self.graph, self.depth, self.whole);
        value.serialize(Encoder { graph, node, out: self.out, depth, whole })
    }

    fn finish(self) -> Result<(), Failure> {
        match self.parts {
            Parts::One => Ok(()),
            Parts::Items(Items { told, written, .. }) => match told {
                Some(told) if told != written => {
                    Err(Failure::new(format!("{told} items were announced, and {written} came")))
                }
                _ => {
                    self.out.push(0);
                    Ok(())
                }
            },
            Parts::Fields(mut fields) => {
                fields.flush(self.out)?;
                while let Some(field) = fields.record.fields.get(fields.next) {
                    let (name, record) = (&field.name, &fields.record.name.full);
                    if self.whole {
                        return Err(Failure::new(format!(
                            "the schema has a field `{name}` in {record}, and the Rust type has none"
                        )));
                    }
                    let bytes = field.default_bytes.as_ref().ok_or_else(|| {
                        Failure::new(format!(
                            "the Rust type does not write field `{name}` of {record}, \
                             which has no default"
                        ))
                    })?;
                    self.out.extend_from_slice(bytes);
                    fields.next += 1;
                    fields.flush(self.out)?;
                }
                Ok(())
            }
        }
    }
}

impl Fields<'_> {
    /// Writes what waited for its turn.
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        while let Some(at) = self.early.iter().position(|(at, _)| *at == self.next) {
            let (_, bytes) = self.early.swap_remove(at);
            out.extend_from_slice(&bytes);
            self.next += 1;
        }
        Ok(())
    }
}

impl Items {
    fn put<T: Serialize + ?Sized>(
        &mut self,
        encoder: Encoder<'_>,
        value: &T,
    ) -> Result<(), Failure> {
        if self.told.is_none() {
            put_length(1, encoder.out);
        }
        let at = self.written;
        self.written += 1;
        let written = value.serialize(encoder);
        written.map_err(|failure| failure.in_item(at))
    }
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.positional(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeTuple for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.positional(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.positional(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.positional(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        let key = key.serialize(Key)?;
        match &mut self.parts {
            Parts::Fields(fields) => fields.key = key.into(),
            Parts::Items(items) => {
                if items.told.is_none() {
                    put_length(1, self.out);
                }
                put_bytes(key.as_bytes(), self.out);
            }
            Parts::One => {}
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        match &mut self.parts {
            Parts::Fields(fields) => {
                let key = std::mem::take(&mut fields.key);
                self.named(&key, value)
            }
            Parts::Items(items) => {
                let (graph, node, depth) = (self.graph, items.item, self.depth);
                let whole = self.whole;
                items.written += 1;
                value.serialize(Encoder { graph, node, out: self.out, depth, whole })
            }
            Parts::One => Ok(()),
        }
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.named(key, value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.named(key, value)
    }

    fn end(self) -> Result<(), Failure> {
        self.finish()
    }
}
