//! A `.proto` file, read with all that it imports.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message;
use prost_types::FileDescriptorProto;

use super::known;
use super::types::Types;
use crate::{Malformed, SCHEMA_BYTES_MAX};

/// How many files one may import, those imported by others counted once.
const IMPORTS_MAX: usize = 128;

/// A `.proto` file with all that it imports; a clone is the same one.
///
/// # Examples
///
/// ```
/// use kappa_evolution::protobuf::ProtobufFile;
///
/// let airport = "syntax = \"proto3\"; package flights; message Airport { string faa = 1; }";
/// let airport = ProtobufFile::parse(airport, &[])?;
/// let leg = "syntax = \"proto3\"; package flights; import \"airport.proto\";
///     message Leg { Airport from = 1; }";
/// assert!(ProtobufFile::parse(leg, &[("airport.proto", &airport)]).is_ok());
/// let error = ProtobufFile::parse(leg, &[]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 1, column 37: it imports `airport.proto`, which is not given",
/// );
/// # Ok::<(), kappa_evolution::Malformed>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProtobufFile(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    /// Itself, without its name, and after it all that it imports.
    files: Vec<(String, Arc<FileDescriptorProto>)>,
    types: Types,
}

impl ProtobufFile {
    /// Reads a file, or a compiled descriptor in Base64, with the files it imports by their names.
    /// Those of Protobuf itself (`google/protobuf/timestamp.proto`) need not be given.
    ///
    /// # Errors
    ///
    /// Where the text is no file, or uses a file or a type that is not there. Files of an edition are
    /// [beyond](Malformed::is_beyond) it.
    pub fn parse(text: &str, imports: &[(&str, &Self)]) -> Result<Self, Malformed> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(Malformed::new(format!("it is larger than {SCHEMA_BYTES_MAX} bytes")));
        }
        let own = match descriptor(text) {
            Some(own) => own,
            None => read(text)?,
        };
        let mut files = vec![(String::new(), Arc::new(own))];
        for (name, import) in imports {
            add(&mut files, name, import)?;
        }
        if let Some((_, own)) = files.first() {
            for (at, import) in (0..).zip(&own.dependency) {
                if !known::is_file(import) && files.iter().all(|(name, _)| name != import) {
                    let why = format!("it imports `{import}`, which is not given");
                    return Err(place(own, &[3, at], why));
                }
            }
        }
        let types = Types::of(&files)?;
        Ok(Self(Arc::new(Parsed { files, types })))
    }

    pub(super) fn types(&self) -> &Types {
        &self.0.types
    }
}

/// Adds a file and what it imports, each once.
fn add(
    files: &mut Vec<(String, Arc<FileDescriptorProto>)>,
    name: &str,
    import: &ProtobufFile,
) -> Result<(), Malformed> {
    for (own, file) in &import.0.files {
        let name = if own.is_empty() { name } else { own };
        if files.iter().skip(1).all(|(known, _)| known != name) {
            files.push((name.to_owned(), Arc::clone(file)));
        }
    }
    if files.len() > IMPORTS_MAX + 1 {
        return Err(Malformed::new(format!("it imports more than {IMPORTS_MAX} files")));
    }
    Ok(())
}

fn descriptor(text: &str) -> Option<FileDescriptorProto> {
    // A file's text has blanks or semicolons, which Base64 has not.
    let bytes = BASE64.decode(text.trim()).ok()?;
    FileDescriptorProto::decode(bytes.as_slice()).ok()
}

fn read(text: &str) -> Result<FileDescriptorProto, Malformed> {
    protox_parse::parse("", text).map_err(|error| {
        let why = error.to_string();
        let (line, column) = match error.span() {
            Some(span) => line_column(text, span.start),
            None => line_column(text, text.len()),
        };
        match first_word(text) {
            "edition" => {
                let why = "files of an edition are not known here, only proto2 and proto3";
                Malformed::at(line, column, why).beyond()
            }
            _ => Malformed::at(line, column, why),
        }
    })
}

/// Returns the first word that is in no comment.
fn first_word(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let rest = match text.get(..2) {
            Some("//") => text.split_once('\n'),
            Some("/*") => text.split_once("*/"),
            _ => break,
        };
        text = rest.map_or("", |(_, rest)| rest);
    }
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Says where in a file something is: by its path of numbers in the descriptor.
pub(super) fn place(file: &FileDescriptorProto, path: &[i32], why: String) -> Malformed {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let found = locations.into_iter().find(|location| location.path == path);
    let number = |at: usize| {
        let number = found.and_then(|location| location.span.get(at));
        number.and_then(|number| usize::try_from(*number).ok())
    };
    match (number(0), number(1)) {
        (Some(line), Some(column)) => Malformed::at(line + 1, column + 1, why),
        _ => Malformed::new(why),
    }
}

#[cfg(test)]
mod tests;
