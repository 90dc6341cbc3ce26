//! The frames of AAC in ADTS (ISO/IEC 13818-7).

use super::frame::Frame;

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

const HEADER_BYTES: usize = 7;

/// The samples of one block. A frame has one to four blocks.
const BLOCK_SAMPLES: u32 = 1_024;

/// Reads the header of the frame at the start of `bytes`.
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let [sync, second, third, fourth, fifth, sixth, last] = *bytes.first_chunk::<HEADER_BYTES>()?;
    // Twelve bits of sync, one of the version, two of the layer, which is none.
    if sync != 0xff || second & 0xf6 != 0xf0 {
        return None;
    }
    let rate = *RATES.get(usize::from(third >> 2 & 0x0f))?;
    let high = usize::from(fourth & 0x03) << 11;
    let bytes = high | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    (bytes > HEADER_BYTES).then_some(Frame {
        bytes,
        samples: BLOCK_SAMPLES * (1 + u32::from(last & 0x03)),
        rate,
        kind: u32::from(second & 0xfe) << 8 | u32::from(third & 0xfc),
    })
}
