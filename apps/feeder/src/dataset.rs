//! The files of the data set: inside this program, or in a directory.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use kappa::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

/// The data set that comes with the project; its README is beside it.
const INCLUDED: [(&str, &[u8]); 5] = [
    ("airlines.csv", include_bytes!("../data/airlines.csv")),
    ("airports.csv", include_bytes!("../data/airports.csv")),
    ("flights.csv.zst", include_bytes!("../data/flights.csv.zst")),
    ("planes.csv", include_bytes!("../data/planes.csv")),
    ("weather.csv.zst", include_bytes!("../data/weather.csv.zst")),
];

/// What marks a missing value.
const MISSING: &str = "NA";

/// Visits the rows of a table, by its name without an ending; a missing value is an empty field.
pub(crate) fn rows<T: DeserializeOwned>(
    directory: Option<&Path>,
    table: &str,
    mut visit: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let (name, bytes) = open(directory, table)?;
    let text: Box<dyn Read + '_> = if name.ends_with(".zst") {
        let decoder = ruzstd::decoding::StreamingDecoder::new(&*bytes);
        Box::new(decoder.map_err(|cause| unreadable(&name, 0, cause))?)
    } else {
        Box::new(&*bytes)
    };
    let mut reader = csv::Reader::from_reader(text);
    let headers = reader.headers().map_err(|cause| unreadable(&name, 1, cause))?.clone();
    let mut record = csv::StringRecord::new();
    let mut line = 1;
    loop {
        line += 1;
        if !reader.read_record(&mut record).map_err(|cause| unreadable(&name, line, cause))? {
            return Ok(());
        }
        let present = record.iter().map(|field| if field == MISSING { "" } else { field });
        let present: csv::StringRecord = present.collect();
        let row = present.deserialize(Some(&headers));
        visit(row.map_err(|cause| unreadable(&name, line, cause))?)?;
    }
}

fn open(directory: Option<&Path>, table: &str) -> Result<(String, Cow<'static, [u8]>)> {
    let names = [format!("{table}.csv"), format!("{table}.csv.zst")];
    let Some(directory) = directory else {
        let found = INCLUDED.iter().find(|(name, _)| names.iter().any(|wanted| wanted == name));
        let found = found.map(|(name, bytes)| ((*name).to_owned(), Cow::Borrowed(*bytes)));
        return found.ok_or_else(|| absent(table, "this program"));
    };
    let found = names.into_iter().map(|name| directory.join(name)).find(|path| path.is_file());
    let path = found.ok_or_else(|| absent(table, &directory.display().to_string()))?;
    let name = path.display().to_string();
    let bytes = std::fs::read(&path).map_err(|cause| unreadable(&name, 0, cause))?;
    Ok((name, Cow::Owned(bytes)))
}

fn absent(table: &str, place: &str) -> Error {
    Error::new(ErrorKind::Config, format!("no {table}.csv or {table}.csv.zst in {place}"))
}

fn unreadable(
    name: &str,
    line: usize,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(ErrorKind::Config, format!("cannot read {name}, line {line}")).with_source(cause)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Code {
        carrier: String,
        name: Option<String>,
    }

    #[test]
    fn a_directory_takes_the_place_of_the_included_data() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("airlines.csv"), "carrier,name\nXX,NA\n").unwrap();
        let mut seen = Vec::new();
        rows(Some(directory.path()), "airlines", |code: Code| {
            seen.push((code.carrier, code.name));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [("XX".to_owned(), None)]);
        let error = rows(Some(directory.path()), "planes", |_: Code| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no planes.csv or planes.csv.zst in"), "{error}");
    }

    #[test]
    fn a_damaged_file_says_which_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("airlines.csv");
        std::fs::write(path, "carrier,name\nAA,American\nBB\n").unwrap();
        let error = rows(Some(directory.path()), "airlines", |_: Code| Ok(())).unwrap_err();
        assert!(error.to_string().ends_with("airlines.csv, line 3"), "{error}");
    }

    #[test]
    fn the_included_data_is_whole() {
        let mut count = 0;
        rows(None, "airlines", |_: Code| {
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(count, 16);
    }
}
