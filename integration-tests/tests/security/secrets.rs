//! A secret is shown nowhere, however much is told.

use crate::secured::{self, User, told};

const SECRET: &str = "a-password-that-nobody-may-see";

/// Returns everything that a run says: `config`, a start that is refused, one that is let in.
fn everything(settings: &[(&str, String)], log: &str, debug: &[&str]) -> String {
    let state = tempfile::tempdir().unwrap();
    let mut said = String::new();
    for command in [&["config"][..], &["config", "--json"], &["run"], &["run", "--bogus"]] {
        let arguments = [command, debug].concat();
        let mut process = secured::configured("airport-hours", settings);
        process.env("RUST_LOG", log).env("RUST_BACKTRACE", "full");
        process.args(arguments).arg("--state-dir").arg(state.path());
        let outcome = integration_tests::processes::Running::start(process).finish();
        said.push_str(&outcome.stdout);
        said.push_str(&outcome.stderr);
    }
    said
}

#[test]
fn a_password_is_shown_at_no_level() {
    let user = User::create("discreet", SECRET);
    let all = ["--set", "debug=all"];
    for debug in [&[][..], &all] {
        let said = everything(&user.settings(), "trace", debug);
        assert!(said.contains("[hidden]") && said.contains("discreet"), "{said}");
        assert!(!said.contains(SECRET), "shown with {debug:?}");
        let encoded = base64(SECRET);
        assert!(!said.contains(&encoded), "shown in base64 with {debug:?}");
    }
}

#[test]
fn a_password_that_is_given_bare_or_is_wrong_is_not_shown_either() {
    let user = User::create("bare", "another-password");
    let mut settings = user.settings();
    settings.retain(|(name, _)| *name != "sasl.password.file");
    settings.push(("sasl.password", SECRET.to_owned()));
    settings.push(("ssl.key.password", SECRET.to_owned()));
    let said = everything(&settings, "trace", &["--set", "debug=all"]);
    assert!(!said.contains(SECRET), "{said}");
    // By PLAIN the password itself is sent.
    settings.push(("sasl.mechanism", "PLAIN".to_owned()));
    settings.push(("sasl.username", told("PLAIN_USER")));
    let said = everything(&settings, "trace", &["--set", "debug=all"]);
    assert!(!said.contains(SECRET), "{said}");
}

/// As in what SCRAM and PLAIN send.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for bytes in text.as_bytes().chunks_exact(3) {
        let bits = bytes.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        encoded.extend([18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63])));
    }
    encoded
}
