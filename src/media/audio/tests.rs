//! Audio files of real encoders, with the lengths of their input or those that ffprobe 5.1 reports; and thousands of
//! damaged files.

use super::*;
use crate::testing::media::{Breaker, clip, clip_path};

fn length(name: &str) -> i64 {
    measure_file(&clip_path(name)).unwrap().length_ms
}

fn length_of(bytes: Vec<u8>) -> Result<i64, String> {
    measure(bytes, None).map(|facts| facts.length_ms).map_err(|error| error.to_string())
}

/// A RIFF chunk, padded to an even size.
fn chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = id.to_vec();
    chunk.extend((content.len() as u32).to_le_bytes());
    chunk.extend(content);
    chunk.extend(vec![0; content.len() % 2]);
    chunk
}

/// What a `fmt ` chunk of 8 kHz says.
fn wav_format(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut format = Vec::new();
    format.extend(tag.to_le_bytes());
    format.extend(channels.to_le_bytes());
    format.extend(8_000_u32.to_le_bytes());
    format.extend((8_000 * u32::from(frame)).to_le_bytes());
    format.extend(frame.to_le_bytes());
    format.extend(bits.to_le_bytes());
    format
}

fn wav(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = [b"WAVE".to_vec(), chunks.concat()].concat();
    chunk(b"RIFF", &content)
}

#[test]
fn clips_have_the_length_of_the_encoder_input() {
    // The samples that ffmpeg decodes from each, at 16 kHz: 68182, 61110, 75953.
    assert_eq!(length("welcome-en.mp3"), 4_261);
    assert_eq!(length("welcome-fr.mp3"), 3_819);
    assert_eq!(length("welcome-de.mp3"), 4_747);
    // ffprobe: 2.478438.
    assert_eq!(length("welcome-es.wav"), 2_478);
    // 5.0175 s of samples behind the start of the edit list, which says 5.018.
    assert_eq!(length("welcome-pt.m4a"), 5_017);
    // Cut to 1.2 s before it was encoded.
    assert_eq!(length("too-short-it.mp3"), 1_200);
}

#[test]
fn packets_are_counted_without_a_header() {
    // 86 packets of 36 ms; ffprobe guesses 2.768 s from the first ones' bit rate.
    assert_eq!(length("vbr-no-header.mp3"), 3_096);
    // 41 packets of 64 ms, of which the encoder was given 2.5 s; ffprobe guesses 2.623 s.
    assert_eq!(length("plain.aac"), 2_624);
    // ffprobe: 2.328.
    assert_eq!(length("fragmented.m4a"), 2_328);
}

#[test]
fn a_header_about_other_packets_is_ignored() {
    let once = clip("welcome-en.mp3");
    let both = length_of([once.clone(), once].concat()).unwrap();
    // 121 packets each, with no delay taken off.
    assert_eq!(both, 2 * 121 * 36);
}

#[test]
fn tags_before_and_behind_the_audio_are_not_audio() {
    let audio = clip("welcome-en.mp3");
    // A tag of 300 bytes (2 * 128 + 44) that holds what looks like frames.
    let mut tagged = b"ID3\x04\x00\x00\x00\x00\x02\x2c".to_vec();
    tagged.extend([0xff, 0xf3, 0x38, 0xc4].repeat(75));
    tagged.extend(&audio);
    tagged.extend(b"TAG");
    tagged.extend([b' '; 125]);
    assert_eq!(length_of(tagged), Ok(4_261));
}

#[test]
fn every_kind_of_wav_is_measured() {
    let one_second = vec![0; 16_000];
    let pcm = chunk(b"fmt ", &wav_format(1, 1, 16));
    let data = chunk(b"data", &one_second);
    assert_eq!(length_of(wav(&[pcm.clone(), data.clone()])), Ok(1_000));

    for id in [b"LIST", b"junk"] {
        let odd = chunk(id, b"INFOodd");
        assert_eq!(length_of(wav(&[odd.clone(), pcm.clone(), odd, data.clone()])), Ok(1_000));
    }

    let float = [wav_format(3, 2, 32), 0_u16.to_le_bytes().to_vec()].concat();
    assert_eq!(length_of(wav(&[chunk(b"fmt ", &float), data.clone()])), Ok(250));

    let mut extensible = wav_format(0xfffe, 2, 16);
    extensible.extend([22, 0, 16, 0, 3, 0, 0, 0]);
    extensible.extend(*b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
    assert_eq!(length_of(wav(&[chunk(b"fmt ", &extensible), data])), Ok(500));
}

#[test]
fn blocks_of_a_packed_wav_are_counted() {
    // IMA ADPCM: blocks of 256 bytes hold 505 samples, and the byte rate is nonsense, as ffmpeg's is.
    let mut format = wav_format(0x11, 1, 4);
    format[12..14].copy_from_slice(&256_u16.to_le_bytes());
    format.extend([2, 0, 0xf9, 0x01]);
    let packed = wav(&[chunk(b"fmt ", &format), chunk(b"data", &[0; 256 * 32])]);
    assert_eq!(length_of(packed), Ok(32 * 505 / 8));
}

#[test]
fn a_wav_with_a_wrong_size_is_measured_by_its_bytes() {
    let whole = wav(&[chunk(b"fmt ", &wav_format(1, 1, 16)), chunk(b"data", &[0; 24_000])]);
    for unknown in [0xff, 0] {
        let mut streamed = whole.clone();
        streamed[4..8].fill(unknown);
        streamed[40..44].fill(unknown);
        assert_eq!(length_of(streamed.clone()), Ok(1_500));
        streamed.truncate(44 + 8_000);
        assert_eq!(length_of(streamed), Ok(500));
    }
    assert_eq!(length_of(whole[..36].to_vec()).unwrap_err(), "the file contains no audio");
}

#[test]
fn a_packet_that_is_cut_off_is_not_counted() {
    let mut mp3 = clip("vbr-no-header.mp3");
    mp3.truncate(mp3.len() - 10);
    assert_eq!(length_of(mp3), Ok(85 * 36));
    let mut m4a = clip("welcome-pt.m4a");
    m4a.truncate(m4a.len() / 2);
    assert_eq!(length_of(m4a).unwrap_err(), "the audio is incomplete (10.2 of 20.5 kB)");
}

#[test]
fn other_formats_are_refused() {
    let foreign = "the file is not MP3, WAV, M4A or AAC audio";
    for bytes in [b"".to_vec(), b"<!DOCTYPE html>".to_vec(), vec![0; 5_000], b"OggS\0\x02".to_vec()]
    {
        assert_eq!(length_of(bytes).unwrap_err(), foreign);
    }
    assert_eq!(length_of(clip("rotated.mp4")).unwrap_err(), "the file contains no audio");
    assert_eq!(
        measure(clip("plain.aac"), Some("ogg")).unwrap_err().to_string(),
        "the audio's name ends in `.ogg`; .mp3, .wav, .m4a and .aac are allowed"
    );
    // The name is in capitals, and the content of another kind that the API takes.
    assert_eq!(measure(clip("plain.aac"), Some("M4A")).unwrap().length_ms, 2_624);
}

#[test]
fn errors_contain_limit_and_value() {
    let message = |length_ms, bytes| {
        check(&AudioFacts { length_ms, bytes, ends_in_frame: false })
            .map_err(|error| error.to_string())
    };
    assert_eq!(message(2_000, 5_000_000), Ok(()));
    assert_eq!(message(60_000, 1), Ok(()));
    assert_eq!(message(1_200, 4_000).unwrap_err(), "the audio lasts 1.2 s; 2 to 60 s are allowed");
    assert_eq!(
        message(60_001, 4_000).unwrap_err(),
        "the audio lasts 60.001 s; 2 to 60 s are allowed"
    );
    assert_eq!(
        message(3_000, 5_000_001).unwrap_err(),
        "the audio has 5000001 bytes; at most 5 MB (5000000 bytes) are allowed"
    );
}

#[test]
fn a_file_that_is_too_big_is_refused_unread() {
    let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    file.as_file().set_len(MAX_BYTES + 1).unwrap();
    assert!(matches!(measure_file(file.path()), Err(AudioError::TooBig(5_000_001))));
}

#[test]
fn damaged_audio_files_do_not_panic_or_hang() {
    let mut breaker = Breaker::new();
    let clips = ["vbr-no-header.mp3", "too-short-it.mp3", "plain.aac", "fragmented.m4a"];
    let mut clips: Vec<_> = clips.map(clip).to_vec();
    clips.push(clip("welcome-es.wav")[..6_000].to_vec());
    let mut measured = 0;
    for _ in 0..800 {
        for clip in &clips {
            measured += u32::from(measure(breaker.broken(clip), None).is_ok());
        }
    }
    // Most damage in the middle of a file leaves it readable.
    assert!(measured > 800, "{measured}");
}
