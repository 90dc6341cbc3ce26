//! A small MP4 built by hand, for results whose source is elsewhere, and the box that fills one up.
//!
//! One video track, one frame (a PNG of one pixel) shown for the complete length. Enough for programs that read
//! boxes.

/// The frame, and the picture of every face: a grey pixel.
pub(super) const PIXEL_PNG: [u8; 67] = [
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// The timescale of the movie: its times are milliseconds.
const PER_SECOND: u32 = 1_000;

/// An MP4 of this size and length.
pub(super) fn build(width: u32, height: u32, length_ms: i64) -> Vec<u8> {
    let length = u32::try_from(length_ms).unwrap_or_default();
    let kind = sized(b"ftyp", &[b"isom", &be(512), b"isom", b"mp41"]);
    // The frame is after both boxes; the size of `moov` does not depend on its position.
    let before = kind.len() + movie(width, height, length, 0).len() + 8;
    let frame_at = u32::try_from(before).unwrap_or_default();
    let movie = movie(width, height, length, frame_at);
    [kind, movie, sized(b"mdat", &[&PIXEL_PNG])].concat()
}

/// A `free` box that begins with `mark` and makes a file of `before` bytes at least `bytes_min` long:
/// its beginning, and how many zeros follow. Every result has one.
pub(super) fn filler(mark: &str, before: u64, bytes_min: u64) -> (Vec<u8>, u64) {
    let mut begin = sized(b"free", &[mark.as_bytes()]);
    let short = bytes_min.saturating_sub(before + begin.len() as u64);
    let zeros = short.min(u64::from(u32::MAX) - begin.len() as u64);
    let whole = u32::try_from(begin.len() as u64 + zeros).unwrap_or(u32::MAX);
    begin[..4].copy_from_slice(&be(whole));
    (begin, zeros)
}

fn movie(width: u32, height: u32, length: u32, frame_at: u32) -> Vec<u8> {
    let (scale, rate, matrix) = (be(PER_SECOND), be(0x0001_0000), matrix());
    let (one, span) = (be(1), be(length));
    let header = versioned(
        b"mvhd",
        0,
        &[&[0; 8], &scale, &span, &rate, &[1, 0], &[0; 10], &matrix, &[0; 24], &be(2)],
    );
    let (width_px, height_px) = (be(width << 16), be(height << 16));
    let track_header = versioned(
        b"tkhd",
        3,
        &[&[0; 8], &one, &be(0), &span, &[0; 16], &matrix, &width_px, &height_px],
    );
    let media_header = versioned(b"mdhd", 0, &[&[0; 8], &scale, &span, &[0x55, 0xc4, 0, 0]]);
    let handler = versioned(b"hdlr", 0, &[&[0; 4], b"vide", &[0; 12], b"sim\0"]);
    let reference = versioned(b"dref", 0, &[&be(1), &versioned(b"url ", 1, &[])]);
    let information = sized(
        b"minf",
        &[
            &versioned(b"vmhd", 1, &[&[0; 8]]),
            &sized(b"dinf", &[&reference]),
            &samples(width, height, length, frame_at),
        ],
    );
    let media = sized(b"mdia", &[&media_header, &handler, &information]);
    let track = sized(b"trak", &[&track_header, &media]);
    sized(b"moov", &[&header, &track])
}

/// The tables of the one frame.
fn samples(width: u32, height: u32, length: u32, frame_at: u32) -> Vec<u8> {
    let side = |px: u32| u16::try_from(px).unwrap_or(u16::MAX).to_be_bytes();
    let head = [0, 0, 0, 0, 0, 0, 0, 1];
    let (width, height, dpi) = (side(width), side(height), be(0x0048_0000));
    let tail = [0, 24, 0xff, 0xff];
    let entry = sized(
        b"png ",
        &[&head, &[0; 16], &width, &height, &dpi, &dpi, &[0; 4], &[0, 1], &[0; 32], &tail],
    );
    let frame_bytes = u32::try_from(PIXEL_PNG.len()).unwrap_or_default();
    sized(
        b"stbl",
        &[
            &versioned(b"stsd", 0, &[&be(1), &entry]),
            &versioned(b"stts", 0, &[&be(1), &be(1), &be(length)]),
            &versioned(b"stsc", 0, &[&be(1), &be(1), &be(1), &be(1)]),
            &versioned(b"stsz", 0, &[&be(frame_bytes), &be(1)]),
            &versioned(b"stco", 0, &[&be(1), &be(frame_at)]),
        ],
    )
}

/// The identity transformation of a header.
fn matrix() -> Vec<u8> {
    [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000].into_iter().flat_map(be).collect()
}

fn versioned(kind: &[u8; 4], flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    sized(kind, &[&be(flags), &parts.concat()])
}

fn sized(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let size = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    [&be(size)[..], kind, &content].concat()
}

const fn be(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of the boxes at the top of some bytes, which they must fill exactly.
    fn kinds(mut bytes: &[u8]) -> Vec<String> {
        let mut kinds = Vec::new();
        while !bytes.is_empty() {
            let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            kinds.push(String::from_utf8_lossy(&bytes[4..8]).into_owned());
            bytes = &bytes[size..];
        }
        kinds
    }

    #[test]
    fn boxes_fill_the_file_and_the_frame_is_where_the_table_says() {
        let file = build(1280, 720, 5_200);
        assert_eq!(kinds(&file), ["ftyp", "moov", "mdat"]);
        let moov_at = u32::from_be_bytes(file[..4].try_into().unwrap()) as usize;
        assert_eq!(kinds(&file[moov_at + 8..file.len() - 75]), ["mvhd", "trak"]);
        let table = file.windows(4).position(|four| four == b"stco").unwrap();
        let at = u32::from_be_bytes(file[table + 12..table + 16].try_into().unwrap()) as usize;
        assert_eq!(file[at..], PIXEL_PNG);
    }

    #[test]
    fn filler_reaches_the_minimum_size() {
        for (before, bytes_min, want) in [(100, 0, 112), (100, 112, 112), (100, 5_000, 5_000)] {
            let (begin, zeros) = filler("mark", before, bytes_min);
            assert_eq!(before + begin.len() as u64 + zeros, want);
            assert_eq!(
                u64::from(u32::from_be_bytes(begin[..4].try_into().unwrap())),
                want - before
            );
        }
    }
}
