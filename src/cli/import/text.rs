//! The text of a table, whatever a spreadsheet program saved.

use std::borrow::Cow;

/// What the beginning of a workbook is: it is a ZIP archive, or an OLE file.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

/// Returns the bytes of a table without a byte order mark, as UTF-8 if they are UTF-16, which Excel calls "Unicode text".
/// Other encodings are found where the first character of them is.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    if WORKBOOKS.iter().any(|beginning| bytes.starts_with(beginning)) {
        return Err("this is a workbook; save the table as \"CSV UTF-8\"");
    }
    let decoded = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return Ok(Cow::Borrowed(rest)),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // UTF-16 without a byte order mark has them, and no text has.
        _ if bytes.iter().take(64).any(|byte| *byte == 0) => None,
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    match decoded {
        Some(text) => Ok(Cow::Owned(text.into_bytes())),
        None => Err("the file is no text in UTF-8 or UTF-16; save the table as \"CSV UTF-8\""),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| rest.is_empty())
}
