//! The messages of a file and of all it imports, with every name resolved.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::file::place;
use super::known;
use crate::Malformed;

/// How many messages and enums a file may come to, with all it imports.
const TYPES_MAX: usize = 50_000;

pub(super) type MessageId = usize;

/// The messages of a file, and of what it imports.
#[derive(Debug)]
pub(super) struct Types {
    pub(super) package: String,
    pub(super) messages: Vec<Message>,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) full: String,
    /// The name without its package: `Departed.Leg`.
    pub(super) local: String,
    pub(super) fields: BTreeMap<i32, Field>,
    /// Whether it is of the file itself, and neither an entry of a map nor a group, which belong to
    /// their fields.
    pub(super) is_own: bool,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) count: Count,
    /// The oneof it is in.
    pub(super) oneof: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    One,
    Required,
    Many,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    Enum(String),
    Message(MessageId),
    Group(MessageId),
    /// A message of a file that every compiler has.
    Known(String),
    Map(Box<(Self, Self)>),
}

/// A scalar: its name, and which others are written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) name: &'static str,
    pub(super) family: Family,
}

/// What is written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Varint,
    ZigZag,
    Bytes,
    Fixed32,
    Fixed64,
    Float,
    Double,
}

/// A message that was found, before its fields are read.
struct Found<'a> {
    message: &'a DescriptorProto,
    full: String,
    local: String,
    file: usize,
    /// Its place in the descriptor, for errors.
    path: Vec<i32>,
}

#[derive(Debug, Clone, Copy)]
enum Named {
    Message(MessageId),
    Enum,
}

struct Names<'a> {
    found: Vec<Found<'a>>,
    by_name: HashMap<String, Named>,
}

impl Types {
    /// # Errors
    ///
    /// Where a type is not there, or something is there twice.
    pub(super) fn of(files: &[(String, Arc<FileDescriptorProto>)]) -> Result<Self, Malformed> {
        let mut names = Names { found: Vec::new(), by_name: HashMap::new() };
        for (at, (_, file)) in files.iter().enumerate() {
            names.add_file(at, file)?;
        }
        let mut messages = Vec::with_capacity(names.found.len());
        for found in &names.found {
            let file = files.get(found.file).map(|(_, file)| &**file);
            let fields = match file {
                Some(file) => names.fields(file, found)?,
                None => BTreeMap::new(),
            };
            let is_own = found.file == 0 && !is_map(found.message);
            let (full, local) = (found.full.clone(), found.local.clone());
            messages.push(Message { full, local, fields, is_own });
        }
        for (_, file) in files {
            names.add_extensions(file, &mut messages)?;
        }
        let groups: Vec<MessageId> = messages
            .iter()
            .flat_map(|message| message.fields.values())
            .filter_map(|field| match field.kind {
                Kind::Group(id) => Some(id),
                _ => None,
            })
            .collect();
        for group in groups {
            if let Some(message) = messages.get_mut(group) {
                message.is_own = false;
            }
        }
        let package = files.first().map(|(_, file)| file.package().to_owned());
        Ok(Self { package: package.unwrap_or_default(), messages })
    }

    pub(super) fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(id)
    }

    /// Says what a field is: `repeated int32`.
    pub(super) fn describe(&self, field: &Field) -> String {
        let kind = self.kind(&field.kind);
        match field.count {
            Count::One => kind,
            Count::Required => format!("required {kind}"),
            Count::Many => format!("repeated {kind}"),
        }
    }

    fn kind(&self, kind: &Kind) -> String {
        let full = |id: &MessageId| self.message(*id).map_or("", |message| &message.full);
        match kind {
            Kind::Scalar(scalar) => scalar.name.to_owned(),
            Kind::Enum(name) => format!("enum {name}"),
            Kind::Message(id) => format!("message {}", full(id)),
            Kind::Group(id) => format!("group {}", full(id)),
            Kind::Known(name) => format!("message {name}"),
            Kind::Map(of) => format!("map<{}, {}>", self.kind(&of.0), self.kind(&of.1)),
        }
    }
}

impl<'a> Names<'a> {
    fn add_file(&mut self, at: usize, file: &'a FileDescriptorProto) -> Result<(), Malformed> {
        let package = file.package();
        for (index, one) in (0..).zip(&file.enum_type) {
            self.add_name((at, file), joined(package, one.name()), Named::Enum, &[5, index])?;
        }
        for (index, message) in (0..).zip(&file.message_type) {
            self.add_message((at, file), message, package, "", vec![4, index])?;
        }
        Ok(())
    }

    fn add_message(
        &mut self,
        (at, file): (usize, &'a FileDescriptorProto),
        message: &'a DescriptorProto,
        scope: &str,
        local_scope: &str,
        path: Vec<i32>,
    ) -> Result<(), Malformed> {
        let (full, local) = (joined(scope, message.name()), joined(local_scope, message.name()));
        self.add_name((at, file), full.clone(), Named::Message(self.found.len()), &path)?;
        for (index, one) in (0..).zip(&message.enum_type) {
            let path = [path.as_slice(), &[4, index]].concat();
            self.add_name((at, file), joined(&full, one.name()), Named::Enum, &path)?;
        }
        let found = Found {
            message,
            full: full.clone(),
            local: local.clone(),
            file: at,
            path: path.clone(),
        };
        self.found.push(found);
        // The parser has limited the depth.
        for (index, nested) in (0..).zip(&message.nested_type) {
            let path = [path.as_slice(), &[3, index]].concat();
            self.add_message((at, file), nested, &full, &local, path)?;
        }
        Ok(())
    }

    fn add_name(
        &mut self,
        (at, file): (usize, &FileDescriptorProto),
        name: String,
        named: Named,
        path: &[i32],
    ) -> Result<(), Malformed> {
        if self.by_name.len() >= TYPES_MAX {
            return Err(Malformed::new(format!("it has more than {TYPES_MAX} types")));
        }
        if let Some(known) = self.by_name.get(&name) {
            let is_import = match known {
                Named::Message(id) => self.found.get(*id).is_some_and(|found| found.file != at),
                Named::Enum => at != 0,
            };
            // Of files that are imported the first is the one.
            if is_import {
                return Ok(());
            }
            return Err(place(file, path, format!("there are two types `{name}`")));
        }
        self.by_name.insert(name, named);
        Ok(())
    }

    fn fields(
        &self,
        file: &FileDescriptorProto,
        found: &Found<'_>,
    ) -> Result<BTreeMap<i32, Field>, Malformed> {
        let message = found.message;
        let mut fields: BTreeMap<i32, Field> = BTreeMap::new();
        for (index, field) in (0..).zip(&message.field) {
            let path = [found.path.as_slice(), &[2, index]].concat();
            let kind = self.kind(file, field, &found.full, &path)?;
            let oneof = match field.oneof_index {
                // What proto3 makes of `optional` is none.
                Some(index) if !field.proto3_optional() => usize::try_from(index).ok(),
                _ => None,
            };
            let oneof = oneof.and_then(|index| message.oneof_decl.get(index));
            let oneof = oneof.map(|oneof| oneof.name().to_owned());
            let name = field.name().to_owned();
            // A map is many by itself.
            let count = if matches!(kind, Kind::Map(_)) { Count::One } else { count(field) };
            let read = Field { name, kind, count, oneof };
            if let Some(other) = fields.insert(field.number(), read) {
                let (number, name) = (field.number(), field.name());
                let why = format!("field `{name}` has the number {number} of `{}`", other.name);
                return Err(place(file, &path, why));
            }
        }
        Ok(fields)
    }

    /// Fields that are added to messages from outside are written as others are.
    fn add_extensions(
        &self,
        file: &FileDescriptorProto,
        messages: &mut [Message],
    ) -> Result<(), Malformed> {
        let package = file.package().to_owned();
        let outer = (0..).zip(&file.extension).map(|(at, field)| (&package, field, vec![7, at]));
        let mut all: Vec<_> = outer.collect();
        for found in &self.found {
            for (index, field) in (0..).zip(&found.message.extension) {
                all.push((&found.full, field, [found.path.as_slice(), &[6, index]].concat()));
            }
        }
        for (scope, field, path) in all {
            let Some((_, Named::Message(id))) = self.resolve(field.extendee(), scope) else {
                continue;
            };
            let kind = self.kind(file, field, scope, &path)?;
            let name = format!("[{}]", joined(scope, field.name()));
            let added = Field { name, kind, count: count(field), oneof: None };
            if let Some(message) = messages.get_mut(id) {
                message.fields.entry(field.number()).or_insert(added);
            }
        }
        Ok(())
    }

    fn kind(
        &self,
        file: &FileDescriptorProto,
        field: &FieldDescriptorProto,
        scope: &str,
        path: &[i32],
    ) -> Result<Kind, Malformed> {
        let declared = field.r#type.and_then(|number| Type::try_from(number).ok());
        if let Some(scalar) = declared.and_then(scalar) {
            return Ok(Kind::Scalar(scalar));
        }
        let name = field.type_name();
        match self.resolve(name, scope) {
            Some((full, Named::Enum)) => Ok(Kind::Enum(full)),
            Some((_, Named::Message(id))) if declared == Some(Type::Group) => Ok(Kind::Group(id)),
            Some((_, Named::Message(id))) => match self.found.get(id) {
                Some(entry) if is_map(entry.message) => self.map(file, entry, path),
                _ => Ok(Kind::Message(id)),
            },
            None => {
                let full = name.trim_start_matches('.');
                let full = match known::is_type(full) {
                    true => full.to_owned(),
                    // Within Google's packages the rest of the name is enough.
                    false => joined(package_of(scope), full),
                };
                if known::is_enum(&full) {
                    return Ok(Kind::Enum(full));
                }
                if known::is_type(&full) {
                    return Ok(Kind::Known(full));
                }
                let path = [path, &[6]].concat();
                Err(place(file, &path, format!("there is no type `{name}`")))
            }
        }
    }

    fn map(
        &self,
        file: &FileDescriptorProto,
        entry: &Found<'_>,
        path: &[i32],
    ) -> Result<Kind, Malformed> {
        let [key, value] = entry.message.field.as_slice() else {
            return Err(place(file, path, "an entry of a map has a key and a value".to_owned()));
        };
        let part = |field: &FieldDescriptorProto| match field.type_name().is_empty() {
            // A map's value is no map: this goes no deeper.
            false if self.is_entry(field.type_name(), &entry.full) => {
                Err(place(file, path, "the value of a map is no map".to_owned()))
            }
            _ => self.kind(file, field, &entry.full, path),
        };
        Ok(Kind::Map(Box::new((part(key)?, part(value)?))))
    }

    fn is_entry(&self, name: &str, scope: &str) -> bool {
        match self.resolve(name, scope) {
            Some((_, Named::Message(id))) => {
                self.found.get(id).is_some_and(|found| is_map(found.message))
            }
            _ => false,
        }
    }

    /// Looks a name up as a compiler does: in the message, in those around it, in the package.
    fn resolve(&self, name: &str, scope: &str) -> Option<(String, Named)> {
        if let Some(full) = name.strip_prefix('.') {
            return self.by_name.get(full).map(|named| (full.to_owned(), *named));
        }
        let mut scope = scope;
        loop {
            let full = joined(scope, name);
            if let Some(named) = self.by_name.get(&full) {
                return Some((full, *named));
            }
            if scope.is_empty() {
                return None;
            }
            scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
    }
}

fn package_of(scope: &str) -> &str {
    scope.rsplit_once('.').map_or("", |(outer, _)| outer)
}

fn is_map(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

fn count(field: &FieldDescriptorProto) -> Count {
    match field.label.and_then(|label| Label::try_from(label).ok()) {
        Some(Label::Required) => Count::Required,
        Some(Label::Repeated) => Count::Many,
        _ => Count::One,
    }
}

fn scalar(kind: Type) -> Option<Scalar> {
    let (name, family) = match kind {
        Type::Int32 => ("int32", Family::Varint),
        Type::Int64 => ("int64", Family::Varint),
        Type::Uint32 => ("uint32", Family::Varint),
        Type::Uint64 => ("uint64", Family::Varint),
        Type::Bool => ("bool", Family::Varint),
        Type::Sint32 => ("sint32", Family::ZigZag),
        Type::Sint64 => ("sint64", Family::ZigZag),
        Type::String => ("string", Family::Bytes),
        Type::Bytes => ("bytes", Family::Bytes),
        Type::Fixed32 => ("fixed32", Family::Fixed32),
        Type::Sfixed32 => ("sfixed32", Family::Fixed32),
        Type::Fixed64 => ("fixed64", Family::Fixed64),
        Type::Sfixed64 => ("sfixed64", Family::Fixed64),
        Type::Float => ("float", Family::Float),
        Type::Double => ("double", Family::Double),
        Type::Message | Type::Group | Type::Enum => return None,
    };
    Some(Scalar { name, family })
}
