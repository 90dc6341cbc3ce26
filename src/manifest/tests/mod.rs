//! What users notice of the manifest reader: texts in, jobs or faults with places out.

mod bad;
mod digest;
mod form;
mod fuzz;
mod good;

use super::*;

/// The faults of a text as `one_line` tells them for a file called `m.yaml`.
fn faults(text: impl AsRef<[u8]>) -> String {
    match read(text.as_ref(), &ManifestPath::new("m.yaml")) {
        Ok(manifest) => panic!("no fault was found, but {manifest:#?}"),
        Err(problems) => problems.one_line("m.yaml"),
    }
}

fn good(text: &str) -> Manifest {
    good_at("promo/m.yaml", text)
}

fn good_at(path: &str, text: &str) -> Manifest {
    match read(text.as_bytes(), &ManifestPath::new(path)) {
        Ok(manifest) => manifest,
        Err(problems) => panic!("{}", problems.render(path, text, false)),
    }
}

/// Every fault of the text, no more and no fewer, begins as expected.
#[track_caller]
fn expect(text: &str, expected: &[&str]) {
    let told = faults(text);
    let lines: Vec<&str> = told.lines().collect();
    let matches = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, expected)| {
            line.strip_prefix("m.yaml:").is_some_and(|line| line.trim_start().starts_with(expected))
        });
    assert!(matches, "{text}\n--- told:\n{told}\n--- expected: {expected:#?}");
}
