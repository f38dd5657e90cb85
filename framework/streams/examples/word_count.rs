//! Counts words: the first program of every streaming library.
//!
//! ```sh
//! cargo run --example word_count --features cli -- run
//! ```
//!
//! It reads lines of text from the topic `lines` and keeps the topic `words` up to date with how often
//! each word has been seen.

use std::process::ExitCode;

use kappa::cli::App;
use kappa::prelude::*;

fn topology() -> kappa::Result<Topology> {
    let lines: Topic<Option<String>, String> = Topic::new("lines", Nullable::of(Utf8), Utf8);
    let words: Topic<String, Option<i64>> = Topic::new("words", Utf8, Nullable::of(Json));
    let builder = StreamsBuilder::new();
    builder
        .stream(&lines)
        .map_values(|line| line.trim().to_lowercase())
        .group_by(|_, word| word.clone())
        .count("counts")
        .to_stream()
        .to(&words.create(1).setting("cleanup.policy", "compact"));
    builder.build()
}

fn main() -> ExitCode {
    App::new("word-count", topology).about("Counts words, live or again from offset zero").main()
}
