//! Guesses the content of a file that has no accepted format.

/// The first bytes of formats, for people who must know what they have.
const KNOWN: [(&[u8], &str); 19] = [
    (b"OggS", "Ogg audio"),
    (b"fLaC", "FLAC audio"),
    (b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (b"FORM", "AIFF audio"),
    (b"#!AMR", "AMR audio"),
    (b"\x30\x26\xb2\x75", "Windows Media"),
    (b"caff", "Core Audio (CAF)"),
    (b"MThd", "MIDI"),
    (b"ADIF", "AAC without ADTS headers"),
    (b".snd", "Sun audio"),
    (b"wvpk", "WavPack audio"),
    (b"\x0b\x77", "AC-3 audio"),
    (b"FLV\x01", "Flash video"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
];

/// Names what begins with these bytes.
pub(super) fn guess(start: &[u8]) -> &'static str {
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
        return name;
    }
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    match start.trim_ascii_start() {
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] if form.starts_with(b"AVI ") => "AVI video",
        [b'R', b'I', b'F', b'F', ..] => "RIFF without WAVE",
        [b'R', b'I', b'F', b'X', ..] => "a big-endian WAV (RIFX)",
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 == 0x04 => "MP2 audio",
        [b'<', ..] => "a web page or XML",
        [b'{' | b'[', ..] => "JSON",
        [] => "only blanks",
        text if text.iter().all(is_text) => "plain text",
        _ => "something else",
    }
}
