//! What a reader's file cannot read of a writer's messages.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::file::ProtobufFile;
use super::types::{Count, Family, Field, Kind, Message, MessageId, Types};
use crate::{BREACHES_MAX, Breach};

/// Returns what a reader could not read of what a writer may write, each under the name that it goes
/// by in words: "version 1".
///
/// # Examples
///
/// ```
/// use kappa_evolution::protobuf::{ProtobufFile, unreadable};
///
/// let file = |text: &str| ProtobufFile::parse(&format!("syntax = \"proto3\"; {text}"), &[]);
/// let old = file("message Departed { string flight = 1; }")?;
/// let new = file("message Departed { string flight = 1; repeated string gates = 2; }")?;
/// assert!(unreadable(("version 1", &old), ("version 2", &new)).is_empty());
/// let other = file("message Landed { string flight = 1; }")?;
/// let breaches = unreadable(("version 1", &old), ("version 2", &other));
/// assert_eq!(breaches[0].why, "version 1 has the message Departed, and version 2 has not");
/// # Ok::<(), kappa_evolution::Malformed>(())
/// ```
#[must_use]
pub fn unreadable(writer: (&str, &ProtobufFile), reader: (&str, &ProtobufFile)) -> Vec<Breach> {
    let (written, read) = (writer.1.types(), reader.1.types());
    let mut compare = Compare {
        writer: written,
        reader: read,
        writing: writer.0,
        reading: reader.0,
        seen: HashSet::new(),
        open: Vec::new(),
        breaches: Vec::new(),
    };
    compare.package();
    compare.own_messages();
    // A list, not a recursion: chains of messages may be longer than the stack.
    while let Some((w, r)) = compare.open.pop() {
        if compare.breaches.len() >= BREACHES_MAX {
            break;
        }
        if let (Some(written), Some(reads)) = (written.message(w), read.message(r)) {
            compare.message(written, reads);
        }
    }
    compare.breaches.truncate(BREACHES_MAX);
    compare.breaches
}

struct Compare<'a> {
    writer: &'a Types,
    reader: &'a Types,
    writing: &'a str,
    reading: &'a str,
    seen: HashSet<(MessageId, MessageId)>,
    open: Vec<(MessageId, MessageId)>,
    breaches: Vec<Breach>,
}

impl Compare<'_> {
    fn found(&mut self, path: String, why: String) {
        self.breaches.push(Breach { path, why });
    }

    fn package(&mut self) {
        let (was, is) = (&self.writer.package, &self.reader.package);
        if was != is {
            let name = |package: &str| match package {
                "" => "in no package".to_owned(),
                package => format!("in the package {package}"),
            };
            let (writing, reading) = (self.writing, self.reading);
            let why = format!("it is {} in {writing} and {} in {reading}", name(was), name(is));
            self.found(String::new(), why);
        }
    }

    /// Messages are found by their names without the package: if it changed, that is told once.
    fn own_messages(&mut self) {
        let own = |(id, message): (MessageId, &'_ Message)| (message.local.clone(), id);
        let all = self.reader.messages.iter().enumerate();
        let read: HashMap<String, MessageId> =
            all.filter(|(_, message)| message.is_own).map(own).collect();
        let mut gone: BTreeSet<&str> = BTreeSet::new();
        let mut pairs = Vec::new();
        for (w, message) in self.writer.messages.iter().enumerate() {
            if !message.is_own {
                continue;
            }
            match read.get(&message.local) {
                Some(r) => pairs.push((w, *r)),
                None => _ = gone.insert(&message.local),
            }
        }
        let outermost = gone.iter().filter(|name| {
            let mut outer = name.rsplit_once('.').map(|(outer, _)| outer);
            while let Some(scope) = outer {
                if gone.contains(scope) {
                    return false;
                }
                outer = scope.rsplit_once('.').map(|(outer, _)| outer);
            }
            true
        });
        let (writing, reading) = (self.writing, self.reading);
        let whys = outermost
            .map(|name| format!("{writing} has the message {name}, and {reading} has not"));
        for why in whys.collect::<Vec<_>>() {
            self.found(String::new(), why);
        }
        for (w, r) in pairs.into_iter().rev() {
            self.follow(w, r);
        }
    }

    fn follow(&mut self, w: MessageId, r: MessageId) {
        if self.seen.insert((w, r)) {
            self.open.push((w, r));
        }
    }

    fn message(&mut self, w: &Message, r: &Message) {
        self.oneofs(w, r);
        let numbers: BTreeSet<i32> = w.fields.keys().chain(r.fields.keys()).copied().collect();
        for number in numbers {
            match (w.fields.get(&number), r.fields.get(&number)) {
                (Some(written), Some(read)) => self.field(&w.local, written, read),
                (Some(written), None) => self.removed(w, r, written),
                (None, Some(read)) if read.count == Count::Required => {
                    let (writing, reading) = (self.writing, self.reading);
                    let why = format!(
                        "{reading} requires it as field {number}, and messages of {writing} have \
                         no such field"
                    );
                    self.found(within(&r.local, read), why);
                }
                _ => {}
            }
        }
    }

    fn removed(&mut self, w: &Message, r: &Message, field: &Field) {
        let (writing, reading) = (self.writing, self.reading);
        if field.count == Count::Required {
            let why = format!("it is required in {writing}, and {reading} has no such field");
            self.found(within(&w.local, field), why);
        }
        let Some(oneof) = &field.oneof else { return };
        // A oneof that is gone with all its fields is like any field that is gone; of one that has
        // lost a field, a reader cannot tell that it was set to something else.
        let stays = |(number, other): (&i32, &Field)| {
            other.oneof.as_ref() == Some(oneof) && r.fields.contains_key(number)
        };
        let is_named = r.fields.values().any(|other| other.oneof.as_ref() == Some(oneof));
        if is_named || w.fields.iter().any(stays) {
            let why = format!(
                "it is one of the oneof `{oneof}` in {writing}, and {reading} has no such field"
            );
            self.found(within(&w.local, field), why);
        }
    }

    /// Fields that could be set together and now exclude each other.
    fn oneofs(&mut self, w: &Message, r: &Message) {
        let mut members: BTreeMap<&str, Vec<(Option<&str>, &Field)>> = BTreeMap::new();
        for (number, field) in &r.fields {
            if let (Some(oneof), Some(written)) = (&field.oneof, w.fields.get(number)) {
                members.entry(oneof).or_default().push((written.oneof.as_deref(), field));
            }
        }
        for (oneof, fields) in members {
            let groups: BTreeSet<_> = fields.iter().filter_map(|(oneof, _)| *oneof).collect();
            let alone = fields.iter().filter(|(oneof, _)| oneof.is_none()).count();
            if groups.len() + alone < 2 {
                continue;
            }
            let names: Vec<_> =
                fields.iter().map(|(_, field)| format!("`{}`", field.name)).collect();
            let (writing, reading) = (self.writing, self.reading);
            let why = format!(
                "{reading} has {} in the oneof `{oneof}`, and messages of {writing} may have more \
                 than one of them",
                names.join(", ")
            );
            if let Some((_, first)) = fields.iter().find(|(was, _)| *was != Some(oneof)) {
                self.found(within(&r.local, first), why);
            }
        }
    }

    fn field(&mut self, message: &str, w: &Field, r: &Field) {
        if !self.kinds(&w.kind, &r.kind) {
            return self.differ(message, w, r);
        }
        let is_number = match &w.kind {
            Kind::Scalar(scalar) => scalar.family != Family::Bytes,
            Kind::Enum(_) => true,
            Kind::Message(_) | Kind::Group(_) | Kind::Known(_) | Kind::Map(_) => false,
        };
        // Numbers that are many may be packed into one value; whoever lacks what is required refuses
        // the whole message.
        if w.count != r.count && (is_number || r.count == Count::Required) {
            self.differ(message, w, r);
        }
    }

    fn differ(&mut self, message: &str, w: &Field, r: &Field) {
        let (was, is) = (self.writer.describe(w), self.reader.describe(r));
        let (writing, reading) = (self.writing, self.reading);
        let renamed = match w.name == r.name {
            true => String::new(),
            false => format!(", there under the name `{}`", r.name),
        };
        let why = format!("it is {was} in {writing} and {is} in {reading}{renamed}");
        self.found(within(message, w), why);
    }

    /// Returns whether one is read as the other; what is in messages is looked at later.
    fn kinds(&mut self, w: &Kind, r: &Kind) -> bool {
        match (w, r) {
            (Kind::Scalar(w), Kind::Scalar(r)) => w.family == r.family,
            (Kind::Scalar(number), Kind::Enum(_)) | (Kind::Enum(_), Kind::Scalar(number)) => {
                number.family == Family::Varint
            }
            (Kind::Enum(_), Kind::Enum(_)) => true,
            (Kind::Message(w), Kind::Message(r)) | (Kind::Group(w), Kind::Group(r)) => {
                let (written, read) = (self.writer.message(*w), self.reader.message(*r));
                let alike = written.zip(read).is_some_and(|(w, r)| w.local == r.local);
                if alike {
                    self.follow(*w, *r);
                }
                alike
            }
            (Kind::Known(w), Kind::Known(r)) => w == r,
            (Kind::Known(name), Kind::Message(id)) => {
                self.reader.message(*id).is_some_and(|message| message.full == *name)
            }
            (Kind::Message(id), Kind::Known(name)) => {
                self.writer.message(*id).is_some_and(|message| message.full == *name)
            }
            (Kind::Map(w), Kind::Map(r)) => self.kinds(&w.0, &r.0) && self.kinds(&w.1, &r.1),
            _ => false,
        }
    }
}

fn within(message: &str, field: &Field) -> String {
    format!("{message}.{}", field.name)
}

#[cfg(test)]
mod tests;
