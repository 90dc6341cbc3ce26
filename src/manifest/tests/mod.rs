//! The manifest reader as users see it: texts in, jobs or problems with locations out.

mod bad;
mod digest;
mod docs;
mod form;
mod fuzz;
mod good;
mod schema;
mod warnings;
mod yaml;

use super::*;
use crate::job::JobSpec;

/// The problems of a text as `one_line` reports them for a file called `m.yaml`.
fn problems(text: impl AsRef<[u8]>) -> String {
    match read(text.as_ref(), "m.yaml") {
        Ok(manifest) => panic!("no problem was found, but {manifest:#?}"),
        Err(problems) => problems.one_line("m.yaml"),
    }
}

fn good(text: &str) -> Manifest {
    good_at("promo/m.yaml", text)
}

fn good_at(path: &str, text: &str) -> Manifest {
    match read(text.as_bytes(), path) {
        Ok(manifest) => manifest,
        Err(problems) => panic!("{}", problems.render(path, text, false)),
    }
}

/// Every problem of the text, no more and no fewer, begins as expected.
#[track_caller]
fn expect(text: &str, expected: &[&str]) {
    let shown = problems(text);
    let lines: Vec<&str> = shown.lines().collect();
    let matches = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, expected)| {
            line.strip_prefix("m.yaml:").is_some_and(|line| line.trim_start().starts_with(expected))
        });
    assert!(matches, "{text}\n--- shown:\n{shown}\n--- expected: {expected:#?}");
}
