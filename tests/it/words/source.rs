//! Reads the texts out of Rust source: string literals and comments, without code for tests.

use std::{fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};
use syn::LitStr;

/// A text and where it is.
pub struct Text {
    /// Below the root of the repository, parts joined by `/`.
    pub file: String,
    /// From 1.
    pub line: usize,
    pub text: String,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below `folder` whose names end in `ending`, sorted by path.
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder == "." { name } else { format!("{folder}/{name}") };
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Returns the files of `src` that are shipped: no tests, no fixtures.
pub fn shipped_files() -> Vec<String> {
    let is_test = |part: &str| {
        matches!(part, "tests" | "tests.rs" | "testing" | "testing.rs" | "fixtures.rs")
    };
    files("src", ".rs").into_iter().filter(|path| !path.split('/').any(is_test)).collect()
}

/// Returns the string literals of shipped code in `file`; doc comments are not among them.
pub fn strings(file: &str) -> Vec<Text> {
    let source = fs::read_to_string(root().join(file)).unwrap();
    let mut found = Vec::new();
    collect(source.parse().unwrap(), &mut |line, text| {
        found.push(Text { file: file.to_owned(), line, text });
    });
    found
}

/// Returns the comments of `file`, one text per line, also those of tests in it.
pub fn comments(file: &str) -> Vec<Text> {
    let source = fs::read_to_string(root().join(file)).unwrap();
    let comment = |(at, line): (usize, &str)| {
        let text =
            line.trim_start().strip_prefix("//").or_else(|| Some(line.split_once(" // ")?.1))?;
        Some(Text { file: file.to_owned(), line: at + 1, text: text.to_owned() })
    };
    source.lines().enumerate().filter_map(comment).collect()
}

/// Calls `found` with the line and the value of each string literal, in order.
fn collect(tokens: TokenStream, found: &mut impl FnMut(usize, String)) {
    let mut tokens = tokens.into_iter().peekable();
    let mut skip_next_block = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                // Inner attributes are written `#![…]`.
                tokens.next_if(
                    |next| matches!(next, TokenTree::Punct(punct) if punct.as_char() == '!'),
                );
                let Some(TokenTree::Group(attribute)) = tokens.next() else { continue };
                let attribute = attribute.stream().to_string();
                skip_next_block |= attribute == "cfg (test)" || attribute == "cfg(test)";
                if !attribute.starts_with("doc") && !attribute.starts_with("expect") {
                    collect(attribute.parse().unwrap(), found);
                }
            }
            TokenTree::Group(group) => {
                let is_block = group.delimiter() == proc_macro2::Delimiter::Brace;
                if !(is_block && std::mem::take(&mut skip_next_block)) {
                    collect(group.stream(), found);
                }
            }
            TokenTree::Literal(literal) => {
                let line = literal.span().start().line;
                if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                    found(line, text.value());
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => skip_next_block = false,
            _ => {}
        }
    }
}
