//! WAV files of every kind, built by hand, and clips.

use super::{length, length_of};
use crate::{
    media::audio::{AudioError, measure},
    testing::media::clip,
};

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
    // IMA ADPCM: blocks of 256 bytes hold 505 samples, and the byte rate is nonsense, as ffmpeg's is. Microsoft's
    // hold 500. The number of samples in the header is not needed.
    for (tag, samples, in_header) in
        [(0x11, 505, true), (0x11, 505, false), (2, 500, true), (2, 500, false)]
    {
        let mut format = wav_format(tag, 1, 4);
        format[12..14].copy_from_slice(&256_u16.to_le_bytes());
        if in_header {
            format.extend([2, 0]);
            format.extend((samples as u16).to_le_bytes());
        }
        let packed = wav(&[chunk(b"fmt ", &format), chunk(b"data", &[0; 256 * 32])]);
        assert_eq!(length_of(packed), Ok(32 * samples / 8), "{tag:#x}");
    }
    // Yamaha's has two samples in each byte.
    let format = chunk(b"fmt ", &wav_format(0x20, 2, 4));
    assert_eq!(length_of(wav(&[format, chunk(b"data", &[7; 16_000])])), Ok(2_000));
    // A second of GSM has 1625 bytes.
    let mut format = wav_format(0x31, 1, 0);
    format[8..12].copy_from_slice(&1_625_u32.to_le_bytes());
    assert_eq!(length_of(wav(&[chunk(b"fmt ", &format), chunk(b"data", &[7; 3_250])])), Ok(2_000));
    // MP3 in a WAV.
    let format = chunk(b"fmt ", &wav_format(0x55, 1, 0));
    let mp3 = chunk(b"data", &clip("vbr-no-header.mp3"));
    assert_eq!(length_of(wav(&[format, mp3])), Ok(3_096));
}

#[test]
fn unusual_wav_files_are_measured() {
    let (pcm, data) = (chunk(b"fmt ", &wav_format(1, 1, 16)), chunk(b"data", &[0; 24_000]));
    // The chunks in the other order; an ID3 tag in front.
    assert_eq!(length_of(wav(&[data.clone(), pcm.clone()])), Ok(1_500));
    let tag = b"ID3\x03\0\0\0\0\0\x05title".to_vec();
    assert_eq!(length_of([tag, wav(&[pcm.clone(), data.clone()])].concat()), Ok(1_500));
    // An odd chunk without padding; a size that counts the header of RIFF.
    let mut odd = chunk(b"note", b"odd");
    odd.pop();
    assert_eq!(length_of(wav(&[odd, pcm.clone(), data.clone()])), Ok(1_500));
    let mut counted = wav(&[pcm, data]);
    let size = counted.len() as u32;
    counted[4..8].copy_from_slice(&size.to_le_bytes());
    assert_eq!(length_of(counted), Ok(1_500));
    // 24 bits, and 20 bits in 24.
    for bits in [24, 20] {
        let format = chunk(b"fmt ", &wav_format(1, 2, bits));
        assert_eq!(length_of(wav(&[format, chunk(b"data", &[0; 48_000])])), Ok(1_000));
    }
    assert_eq!(length("rf64.wav"), 2_249);
    assert_eq!(length("block-align-1.wav"), 2_249);
}

#[test]
fn a_wav_with_the_size_of_a_pipe_is_measured_by_its_bytes() {
    let whole = wav(&[chunk(b"fmt ", &wav_format(1, 1, 16)), chunk(b"data", &[0; 24_000])]);
    // ffmpeg and others, sox, arecord.
    for unknown in [u32::MAX, 0, 0x7fff_f000, 0x8000_0000] {
        let mut streamed = whole.clone();
        streamed[4..8].copy_from_slice(&unknown.to_le_bytes());
        streamed[40..44].copy_from_slice(&unknown.to_le_bytes());
        assert_eq!(length_of(streamed.clone()), Ok(1_500));
        streamed.truncate(44 + 8_000);
        assert!(!measure(&streamed).unwrap().ends_in_frame);
        streamed.pop();
        let facts = measure(&streamed).unwrap();
        assert_eq!((facts.length_ms, facts.ends_in_frame), (499, true));
    }
    let mut rf64 = clip("rf64.wav");
    rf64[20..36].fill(0);
    assert_eq!(length_of(rf64), Ok(2_249));
}

#[test]
fn a_wav_that_is_shorter_than_its_sizes_is_incomplete() {
    for whole in [clip("rf64.wav"), clip("welcome-es.wav")] {
        // A few bytes of the header are missing, or of the sound; or some bytes of a list behind it.
        for len in [12, 20, 44, 1_000, whole.len() - 1] {
            let error = measure(&whole[..len]).unwrap_err();
            assert!(matches!(error, AudioError::Incomplete(_)), "{len}: {error}");
        }
    }
    let whole = wav(&[chunk(b"fmt ", &wav_format(1, 1, 16)), chunk(b"data", &[0; 24_000])]);
    let error = "the audio is incomplete (12.0 of 24.0 kB)";
    assert_eq!(length_of(whole[..12_022].to_vec()).unwrap_err(), error);
    // Silence inside the declared size is sound.
    assert_eq!(length_of(whole), Ok(1_500));
}
