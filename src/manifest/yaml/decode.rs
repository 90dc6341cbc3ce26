//! From bytes to text that can be parsed: bounded, UTF-8, without control characters.

use crate::manifest::problem::{Location, Problem};

/// The largest manifest or configuration in bytes.
pub const MAX_BYTES: usize = 8 << 20;

/// Returns the text without its byte order mark. Fails for bytes that are too many, not UTF-8, or contain
/// characters that YAML forbids (a NUL would silently end the text).
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        let mebibytes = bytes.len().div_ceil(1 << 20);
        let problem = Problem::of_file(format!("the file has {mebibytes} MiB"));
        return Err(problem.help("at most 8 MiB are read: split the file"));
    }
    if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) {
        let problem = Problem::of_file("the file contains only zero bytes");
        return Err(problem.help("it is damaged or not complete: copy it again"));
    }
    // Without a byte order mark, every second byte of an English text is zero.
    let is_utf16 = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, low, 0, next, ..] | [low, 0, next, 0, ..] => *low > 0 && *next > 0,
        _ => false,
    };
    if is_utf16 {
        return Err(Problem::of_file("the file is in UTF-16").help("save it as UTF-8"));
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let byte = bytes[error.valid_up_to()];
        let latin = match byte {
            0xa1.. => format!(" (in Latin-1 it is `{}`)", char::from(byte)),
            _ => String::new(),
        };
        Problem::at(end_of(&valid), format!("this byte is not UTF-8{latin}"))
            .help("save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.char_indices().find(|(_, character)| forbidden(*character)) {
        Some((start, character)) => {
            let what = format!("a control character (U+{:04X})", character as u32);
            Err(Problem::at(end_of(&text[..start]), what)
                .help("the file must be plain text: remove it"))
        }
        None => Ok(text),
    }
}

/// The lines as YAML counts them, separated by `\n`, `\r\n` or a lone `\r`.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        lines.extend(line.split('\r'));
    }
    lines
}

fn forbidden(character: char) -> bool {
    let allowed = matches!(character, '\t' | '\n' | '\r' | '\u{85}');
    character.is_control() && !allowed || matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// The location after the last character of a text.
pub(super) fn end_of(text: &str) -> Location {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let bytes = text.as_bytes();
    let breaks = |at: &usize| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(*at + 1) != Some(&b'\n'),
        _ => false,
    };
    let line = (0..bytes.len()).filter(breaks).count() + 1;
    let start = (0..bytes.len()).rev().find(breaks).map_or(0, |at| at + 1);
    let column = text[start..].chars().count() + 1;
    // Both are below `MAX_BYTES`.
    Location::at(line as u32, column as u32)
}
