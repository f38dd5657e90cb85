//! The differential oracle: cases that the real Kafka Streams library ran, run here.
//!
//! The vectors are in `tests/fixtures/oracle`; `KAPPA_ORACLE_DIR` names another folder of them.

mod build;
mod case;
mod compare;
mod functions;
mod grouped;
mod run;
mod scope;
mod serdes;
mod streams;
mod tables;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use case::Case;
use compare::{Deviation, GRADES, Grade, Verdict};
use scope::Outside;

/// How many of the shipped cases run; the others are left out for the reasons that are printed.
const SHIPPED_RUN: usize = 1605;
const SHIPPED: usize = 2088;

/// How many disagreements are printed in full per grade.
const SHOWN_MAX: usize = 10;

#[derive(Default)]
struct Report {
    run: usize,
    agree: BTreeMap<Grade, usize>,
    deviate: BTreeMap<(Grade, Deviation), usize>,
    disagree: BTreeMap<Grade, Vec<String>>,
    left_out: BTreeMap<Outside, usize>,
    /// Stores of global tables, whose rows the driver does not show.
    stores_not_shown: usize,
}

impl Report {
    fn add(&mut self, case: &Case) {
        let built = match build::build(case) {
            Ok(built) => built,
            Err(reason) => {
                *self.left_out.entry(reason).or_default() += 1;
                return;
            }
        };
        self.run += 1;
        let ours = run::run(case, built);
        self.stores_not_shown += ours.stores.iter().filter(|(_, rows)| rows.is_null()).count();
        for grade in GRADES {
            match compare::grade(grade, case, &ours) {
                Verdict::Silent => {}
                Verdict::Agrees => *self.agree.entry(grade).or_default() += 1,
                Verdict::Deviates(deviation) => {
                    *self.deviate.entry((grade, deviation)).or_default() += 1;
                }
                Verdict::Disagrees(text) => {
                    let text = format!("{} ({}): {text}", case.id(), case.file);
                    self.disagree.entry(grade).or_default().push(text);
                }
            }
        }
    }

    fn print(&self, cases: usize) {
        println!("{} of {cases} cases run", self.run);
        for grade in GRADES {
            let agree = self.agree.get(&grade).copied().unwrap_or(0);
            let disagree = self.disagree.get(&grade).map_or(&[][..], Vec::as_slice);
            println!("{grade:?}: {agree} agree, {} disagree", disagree.len());
            for text in disagree.iter().take(SHOWN_MAX) {
                println!("    {text}");
            }
        }
        for ((grade, deviation), count) in &self.deviate {
            println!("{grade:?}: {count} deviate on purpose: {deviation:?}");
        }
        println!("{} stores of global tables not compared", self.stores_not_shown);
        println!("left out:");
        for (reason, count) in &self.left_out {
            println!("    {count:5} {reason}");
        }
    }
}

fn folder() -> (PathBuf, bool) {
    match std::env::var_os("KAPPA_ORACLE_DIR") {
        Some(folder) => (folder.into(), false),
        None => (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/oracle"), true),
    }
}

#[test]
fn every_case_in_range_agrees_with_the_java_library() {
    let (folder, shipped) = folder();
    let cases = case::read_all(&folder);
    let mut report = Report::default();
    for case in &cases {
        report.add(case);
    }
    report.print(cases.len());
    if shipped {
        assert_eq!((report.run, cases.len()), (SHIPPED_RUN, SHIPPED), "cases run, of how many");
    }
    assert!(report.run > 0, "no case of {} is in range", folder.display());
    let disagreements: usize = report.disagree.values().map(Vec::len).sum();
    assert_eq!(disagreements, 0, "grades disagree with the Java library; see above");
}
