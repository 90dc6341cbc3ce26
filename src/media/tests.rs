//! Properties of all formats: a part of a file is never taken for a complete longer one, and no bytes cost much.

use std::io::Cursor;

use proptest::prelude::*;

use super::{AudioError, VideoError, audio, video};
use crate::testing::media::{clip, wav};

/// Audio whose format says how long the complete file is.
const SIZED: [&str; 7] = [
    "welcome-en.mp3",
    "tag-with-footer.mp3",
    "welcome-es.wav",
    "rf64.wav",
    "block-align-1.wav",
    "welcome-pt.m4a",
    "skip-box-first.m4a",
];

/// Audio that may end after any frame.
const STREAMS: [&str; 6] = [
    "vbr-no-header.mp3",
    "starts-inside-a-frame.mp3",
    "text-before-first-frame.mp3",
    "joined-48000-32000.mp3",
    "joined-48000-16000.aac",
    "plain.aac",
];

const VIDEOS: [&str; 6] = [
    "anna.mp4",
    "moov-last.mov",
    "rotated.mp4",
    "edit-list.mp4",
    "preview-track-longer.mp4",
    "shape-1600x900.mp4",
];

fn probe(bytes: &[u8]) -> Result<video::VideoFacts, VideoError> {
    video::probe_reader(Cursor::new(bytes), bytes.len() as u64)
}

/// The first bytes of formats, so that random bytes reach their readers.
fn begin() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        Just(b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00".to_vec()),
        Just(b"RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00".to_vec()),
        Just(b"ID3\x04\x00\x10\x00\x00\x00\x08".to_vec()),
        Just(b"APETAGEX\xd0\x07\x00\x00\x08\x00\x00\x00".to_vec()),
        Just(b"\xff\xfb\x90\x64".to_vec()),
        Just(b"\xff\xf1\x50\x80\x02\x1f\xfc".to_vec()),
        Just(
            b"\x00\x00\x00\x10ftypM4A \x00\x00\x00\x00\x00\x00\x20\x00moov\x00\x00\x00\x6cmvhd"
                .to_vec()
        ),
    ]
}

proptest! {
    #[test]
    fn a_part_of_sized_audio_is_incomplete(index in 0..SIZED.len(), part in 0.0..1.0) {
        let whole = clip(SIZED[index]);
        let cut = (whole.len() as f64 * part) as usize;
        let measured = audio::measure(&whole[..cut]);
        let is_incomplete = matches!(measured, Err(AudioError::Incomplete(_)));
        prop_assert!(is_incomplete, "{} cut to {cut}: {measured:?}", SIZED[index]);
    }

    #[test]
    fn a_part_of_a_stream_is_never_longer(index in 0..STREAMS.len(), part in 0.0..1.0) {
        let whole = clip(STREAMS[index]);
        let cut = (whole.len() as f64 * part) as usize;
        let length_ms = audio::measure(&whole).unwrap().length_ms;
        if let Ok(facts) = audio::measure(&whole[..cut]) {
            prop_assert!(facts.length_ms <= length_ms, "{} cut to {cut}", STREAMS[index]);
        }
        // The same with the space reserved.
        let reserved = [&whole[..cut], vec![0; whole.len() - cut].as_slice()].concat();
        if let Ok(facts) = audio::measure(&reserved) {
            prop_assert!(facts.length_ms <= length_ms, "{} filled to {cut}", STREAMS[index]);
        }
    }

    #[test]
    fn a_part_of_a_video_is_incomplete(index in 0..VIDEOS.len(), part in 0.0..1.0) {
        let whole = clip(VIDEOS[index]);
        let cut = (whole.len() as f64 * part) as usize;
        let probed = probe(&whole[..cut]);
        let is_incomplete = matches!(probed, Err(VideoError::Incomplete(_)));
        prop_assert!(is_incomplete, "{} cut to {cut}: {probed:?}", VIDEOS[index]);
    }

    #[test]
    fn random_bytes_are_refused_or_measured(
        begin in begin(),
        rest in prop::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let bytes = [begin, rest].concat();
        if let Ok(facts) = audio::measure(&bytes) {
            prop_assert!(facts.length_ms > 0);
        }
        let _ = probe(&bytes);
    }
}

#[test]
fn large_hostile_files_are_measured_in_one_pass() {
    let fill = |pattern: &[u8]| {
        let mut bytes = pattern.repeat(audio::MAX_BYTES as usize / pattern.len());
        bytes.truncate(audio::MAX_BYTES as usize);
        bytes
    };
    let table = |kind: &[u8; 4], head: &[u8], bytes: u32| {
        let size = (bytes + 8).to_be_bytes();
        [size.as_slice(), kind, head, &vec![1; bytes as usize - head.len()]].concat()
    };
    let frame = b"\xff\xf1\x50\x80\x01\x1f\xfc\x00";
    for bytes in [
        fill(&[0xff]),
        fill(b"ID3\x04\0\0\0\0\0\0"),
        fill(b"ID3\x04\0\0\0\0\0\x01."),
        fill(b"APETAGEX\xd0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        fill(b"\xff\xfb\x90\x64"),
        fill(&[frame.as_slice(), frame, frame, b"\0\0\0\x01"].concat()),
        fill(&[frame.as_slice(), frame, b"\x01"].concat()),
        [frame.repeat(3), vec![0; 4_000_000], vec![1]].concat(),
        wav(8_000, 16, &[]).into_iter().chain(fill(b"junk\0\0\0\0")).collect(),
        fill(b"\0\0\0\x08free"),
        [b"\0\0\0\x0cftypisom".to_vec(), table(b"moov", b"", 4_900_000)].concat(),
    ] {
        let _ = audio::measure(&bytes);
        let _ = probe(&bytes);
    }
}
