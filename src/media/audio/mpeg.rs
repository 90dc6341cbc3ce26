//! The frames of MP3 (ISO/IEC 11172-3 and 13818-3, layer III), and the header that encoders put into the first one.

use super::frame::Frame;

const KBIT_MPEG1: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBIT_MPEG2: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES_MPEG1: [u32; 3] = [44_100, 48_000, 32_000];

/// Reads the header of the frame at the start of `bytes`.
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let [sync, second, third, _] = *bytes.first_chunk::<4>()?;
    // Eleven bits of sync, two of the version, two of the layer, which is `01` for layer III.
    if sync != 0xff || second & 0xe6 != 0xe2 {
        return None;
    }
    let (table, slower, samples) = match second >> 3 & 3 {
        3 => (KBIT_MPEG1, 1, 1_152),
        2 => (KBIT_MPEG2, 2, 576),
        0 => (KBIT_MPEG2, 4, 576),
        _ => return None,
    };
    let kbit = table.get(usize::from(third >> 4).checked_sub(1)?)?;
    let rate = RATES_MPEG1.get(usize::from(third >> 2 & 3))? / slower;
    let padding = usize::from(third >> 1 & 1);
    Some(Frame {
        bytes: samples as usize / 8 * kbit * 1_000 / rate as usize + padding,
        samples,
        rate,
        kind: u32::from(second & 0xfe) << 8 | u32::from(third & 0x0c),
    })
}

/// What the first frame says of the complete stream. Such a frame contains no audio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StreamHeader {
    pub(super) frames: Option<u64>,
    /// From this frame on.
    pub(super) bytes: Option<u64>,
    /// The samples that the encoder added at both ends.
    pub(super) padding: Option<u64>,
}

/// Reads the header `Xing`, `Info` or `VBRI` in a complete frame. None: it is a frame of audio.
pub(super) fn stream_header(frame: &[u8]) -> Option<StreamHeader> {
    if frame.get(36..40) == Some(b"VBRI") {
        let (bytes, frames) = (number(frame, 46)?, number(frame, 50)?);
        return Some(StreamHeader { frames: Some(frames), bytes: Some(bytes), padding: None });
    }
    let [_, second, _, fourth] = *frame.first_chunk::<4>()?;
    let (is_mpeg1, is_mono) = (second & 0x08 != 0, fourth >> 6 == 3);
    let side_information = match (is_mpeg1, is_mono) {
        (true, false) => 32,
        (false, true) => 9,
        _ => 17,
    };
    // Some encoders leave room for the checksum that the frame has then.
    [4 + side_information, 6 + side_information].into_iter().find_map(|at| xing(frame, at))
}

fn xing(frame: &[u8], at: usize) -> Option<StreamHeader> {
    if !matches!(frame.get(at..at + 4)?, b"Xing" | b"Info") {
        return None;
    }
    let flags = number(frame, at + 4)?;
    let mut at = at + 8;
    let mut field = |flag, bytes| {
        let is_there = flags & flag != 0;
        let value = is_there.then(|| number(frame, at)).flatten();
        at += if is_there { bytes } else { 0 };
        value
    };
    let (frames, bytes) = (field(1, 4), field(2, 4));
    field(4, 100);
    field(8, 4);
    let encoder = frame.get(at..at + 4);
    let padding = match (encoder, frame.get(at + 21..at + 24)) {
        (Some(b"LAME" | b"Lavf" | b"Lavc"), Some([a, b, c])) => {
            let [a, b, c] = [a, b, c].map(|byte| u64::from(*byte));
            Some((a << 4 | b >> 4) + ((b & 0x0f) << 8 | c))
        }
        _ => None,
    };
    Some(StreamHeader { frames, bytes, padding })
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let number = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*number).into())
}
