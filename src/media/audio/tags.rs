//! Tags before, between and behind the frames of MP3 and ADTS: ID3, and APE.

/// Returns where the tag at the start of `bytes` ends, maybe behind their end. None: there is no tag.
pub(super) fn tag_bytes(bytes: &[u8]) -> Option<usize> {
    match bytes {
        // ID3v2: a header of 10 bytes, then what its last four bytes say, then maybe a footer.
        [b'I', b'D', b'3', version, revision, flags, size @ ..]
            if *version < 0xff && *revision < 0xff =>
        {
            let size = *size.first_chunk::<4>()?;
            // Seven bits in each byte. Some writers use all eight.
            let bits = if size.iter().all(|byte| *byte < 0x80) { 7 } else { 8 };
            let size = size.iter().fold(0, |sum, byte| sum << bits | usize::from(*byte));
            let footer = if *version == 4 && flags & 0x10 != 0 { 10 } else { 0 };
            Some(10 + size + footer)
        }
        [b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', ..] => ape_bytes(bytes),
        [b'T', b'A', b'G', b'+', ..] => Some(227),
        [b'T', b'A', b'G', ..] => Some(128),
        _ => None,
    }
}

/// The same 32 bytes are the header of an APE tag, and its footer, which the size includes.
fn ape_bytes(bytes: &[u8]) -> Option<usize> {
    let size = u32::from_le_bytes(*bytes.get(12..)?.first_chunk()?) as usize;
    let is_header = bytes.get(23)? & 0x20 != 0;
    Some(if is_header { 32 + size } else { 32 })
}

/// Returns where the tags at the start of `bytes` end, maybe behind their end.
pub(super) fn leading_tags_bytes(bytes: &[u8]) -> usize {
    let mut at = 0;
    // A text may begin with `TAG`: a tag of ID3v1 is at the end of a file.
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.starts_with(b"TAG"))
        && let Some(size) = tag_bytes(rest)
    {
        at += size;
    }
    at
}
