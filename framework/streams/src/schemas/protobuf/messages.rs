//! Which messages a Protobuf file declares, and where: as much of it as the wire format asks for.
//!
//! Registries have files as text; some clients register the compiled descriptor in Base64 instead.
//!
//! This is no parser, and the one below `kappa-evolution` is not used here: a record is to be read
//! whatever else its writer's file says, in an edition that the parser does not know, say; and
//! programs that only read and write records are spared the crates it brings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message;

use crate::serde::SerdeError;

/// How deep blocks may be nested; protoc allows half as many.
const DEPTH_MAX: usize = 64;
/// How many messages a file may declare.
const MESSAGES_MAX: usize = 10_000;
/// How many names an error lists.
const LISTED_MAX: usize = 8;

/// The messages of a file: full names, each with its place, outermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Messages(Vec<(String, Vec<u32>)>);

impl Messages {
    /// # Errors
    ///
    /// Where the text is no file, or too large a one.
    pub(super) fn of(text: &str) -> Result<Self, SerdeError> {
        if let Some(file) = descriptor(text) {
            let mut found = Vec::new();
            add_all(&file.messages, &file.package, &[], &mut found)?;
            return Ok(Self(found));
        }
        Scanner::new(text).scan()
    }

    /// Returns where a message is.
    ///
    /// # Errors
    ///
    /// Where it is not.
    pub(super) fn indexes(&self, name: &str) -> Result<&[u32], SerdeError> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, indexes)| indexes.as_slice()).ok_or_else(|| {
            let names: Vec<&str> =
                self.0.iter().take(LISTED_MAX).map(|(name, _)| name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("the file has no message {name}: it has {names}").into()
        })
    }

    /// Returns the name of the message at a place.
    #[cfg(any(feature = "schema-registry", test))]
    pub(super) fn name(&self, indexes: &[u32]) -> Option<&str> {
        self.0.iter().find(|(_, own)| own == indexes).map(|(name, _)| name.as_str())
    }
}

/// What counts here of `google.protobuf.FileDescriptorProto`.
#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Declared>,
}

#[derive(Clone, PartialEq, Message)]
struct Declared {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<Self>,
}

fn descriptor(text: &str) -> Option<File> {
    // A file's text has blanks or semicolons, which Base64 has not.
    let bytes = BASE64.decode(text.trim()).ok()?;
    File::decode(bytes.as_slice()).ok()
}

fn add_all(
    messages: &[Declared],
    scope: &str,
    place: &[u32],
    found: &mut Vec<(String, Vec<u32>)>,
) -> Result<(), SerdeError> {
    for (index, message) in (0..).zip(messages) {
        let name = joined(scope, &message.name);
        let place = [place, &[index]].concat();
        // The decoder has limited the depth.
        add_all(&message.nested, &name, &place, found)?;
        add(found, name, place)?;
    }
    Ok(())
}

fn add(
    found: &mut Vec<(String, Vec<u32>)>,
    name: String,
    place: Vec<u32>,
) -> Result<(), SerdeError> {
    if found.len() >= MESSAGES_MAX {
        return Err(format!("the file has more than {MESSAGES_MAX} messages").into());
    }
    found.push((name, place));
    Ok(())
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// A block that is open.
struct Block {
    /// The full name, for a message.
    message: Option<String>,
    place: Vec<u32>,
    /// How many messages it has declared.
    count: u32,
}

struct Scanner<'a> {
    rest: &'a str,
    package: String,
    open: Vec<Block>,
    found: Vec<(String, Vec<u32>)>,
    /// Messages declared outside of all others.
    count: u32,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, package: String::new(), open: Vec::new(), found: Vec::new(), count: 0 }
    }

    fn scan(mut self) -> Result<Messages, SerdeError> {
        // What begins a declaration: the word `message` or `group`, and the name after it.
        let mut declared: Option<&str> = None;
        let mut before = "";
        while let Some(token) = self.token() {
            match (before, token) {
                (_, "{") => self.open(declared.take())?,
                (_, "}") if self.open.pop().is_none() => {
                    return Err("the Protobuf file closes a block that is not open".into());
                }
                (_, "}" | ";") => declared = None,
                ("package", name) if self.open.is_empty() => self.package = name.to_owned(),
                ("message" | "group", name) if is_name(name) => declared = Some(name),
                _ => {}
            }
            before = token;
        }
        if !self.open.is_empty() {
            return Err("the Protobuf file ends within a block".into());
        }
        // The package counts wherever it stands.
        let package = std::mem::take(&mut self.package);
        let found = self.found.into_iter().map(|(name, at)| (joined(&package, &name), at));
        Ok(Messages(found.collect()))
    }

    fn open(&mut self, declared: Option<&str>) -> Result<(), SerdeError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("the Protobuf file nests deeper than {DEPTH_MAX}").into());
        }
        let Some(name) = declared else {
            self.open.push(Block { message: None, place: Vec::new(), count: 0 });
            return Ok(());
        };
        // A group may stand in a oneof: it belongs to the message around it.
        let outer = self.open.iter_mut().rev().find(|block| block.message.is_some());
        let (name, mut place, count) = match outer {
            Some(Block { message, place, count }) => {
                (joined(message.as_deref().unwrap_or_default(), name), place.clone(), count)
            }
            None => (name.to_owned(), Vec::new(), &mut self.count),
        };
        place.push(*count);
        *count += 1;
        add(&mut self.found, name.clone(), place.clone())?;
        self.open.push(Block { message: Some(name), place, count: 0 });
        Ok(())
    }

    /// Returns the next word, number, string or sign; comments are passed over.
    fn token(&mut self) -> Option<&'a str> {
        loop {
            let text = self.rest.trim_start();
            let first = text.chars().next()?;
            if let Some(comment) = text.strip_prefix("//") {
                self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            if let Some(comment) = text.strip_prefix("/*") {
                self.rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
                continue;
            }
            let length = match first {
                '"' | '\'' => string_length(text, first),
                c if is_of_name(c) => text.find(|c| !is_of_name(c)).unwrap_or(text.len()),
                c => c.len_utf8(),
            };
            let (token, rest) = text.split_at_checked(length)?;
            self.rest = rest;
            return Some(token);
        }
    }
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests;
