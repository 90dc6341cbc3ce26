//! Audio files of real encoders, with the lengths of their input or those that ffprobe 5.1 reports; and thousands of
//! damaged files.

mod wav;

use super::*;
use crate::testing::media::{Breaker, LENGTH_TOLERANCE_MS, REAL_AUDIO, clip, clip_path};

fn length(name: &str) -> i64 {
    measure_file(&clip_path(name)).unwrap().length_ms
}

fn length_of(bytes: Vec<u8>) -> Result<i64, String> {
    measure(&bytes).map(|facts| facts.length_ms).map_err(|error| error.to_string())
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
fn real_audio_is_measured_rightly() {
    for (name, from, to) in REAL_AUDIO {
        let length = length(name);
        let right = from - LENGTH_TOLERANCE_MS..=to + LENGTH_TOLERANCE_MS;
        assert!(right.contains(&length), "{name}: {length}");
    }
}

#[test]
fn tags_and_other_bytes_before_the_first_frame_are_skipped() {
    let mp3 = clip("vbr-no-header.mp3");
    let mut ape = b"APETAGEX\xd0\x07\0\0\x28\0\0\0\x01\0\0\0\0\0\0\xa0\0\0\0\0\0\0\0\0".to_vec();
    ape.extend([0; 40]);
    let id3 = b"ID3\x03\0\0\0\0\0\x05title".to_vec();
    let footer = [b"ID3\x04\0\x10\0\0\0\x05title".as_slice(), b"3DI\x04\0\x10\0\0\0\x05"].concat();
    for before in [
        ape.clone(),
        [id3.clone(), footer.clone(), id3.clone()].concat(),
        [id3.clone(), ape].concat(),
        b"\r\n".to_vec(),
        vec![0; 3_000],
        b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n".to_vec(),
        // The rest of a frame that is cut off.
        mp3[mp3.len() - 20..].to_vec(),
    ] {
        assert_eq!(length_of([before.clone(), mp3.clone()].concat()), Ok(3_096), "{before:?}");
        assert_eq!(length_of([before, clip("plain.aac")].concat()), Ok(2_624));
    }
    // Tags between the clips of a joined file, and behind the last.
    let id3v1 = [b"TAG".to_vec(), vec![b' '; 125]].concat();
    let joined = [mp3.clone(), id3v1.clone(), footer, mp3.clone(), id3v1].concat();
    let facts = measure(&joined).unwrap();
    assert_eq!((facts.length_ms, facts.ends_in_frame), (2 * 3_096, false));
    // Bytes of something else between them.
    let damaged = [mp3.clone(), b"\xff\xfb\x90 not a frame".repeat(9), mp3].concat();
    assert_eq!(length_of(damaged), Ok(2 * 3_096));
}

#[test]
fn audio_that_is_shorter_than_its_header_says_is_incomplete() {
    let whole = clip("welcome-en.mp3");
    for len in [3, 11, 200, 2_000, whole.len() / 2, whole.len() - 1] {
        let error = measure(&whole[..len]).unwrap_err();
        assert!(matches!(error, AudioError::Incomplete(_)), "{len}: {error}");
    }
    let half = length_of(whole[..whole.len() / 2].to_vec()).unwrap_err();
    assert!(half.starts_with("the audio is incomplete ("), "{half}");
    // An ID3 tag with a picture is not all there.
    let tagged = [b"ID3\x04\0\0\0\x7f\x7f\x7f".to_vec(), vec![1; 1_000]].concat();
    assert_eq!(length_of(tagged).unwrap_err(), "the audio is incomplete (1.0 of 2097.1 kB)");
    let only_tag = b"ID3\x04\0\0\0\0\0\x05title".to_vec();
    let error = "the audio is incomplete (it has no audio behind its tags)";
    assert_eq!(length_of(only_tag).unwrap_err(), error);
    assert_eq!(length_of(Vec::new()).unwrap_err(), "the audio is incomplete (it is empty)");
}

#[test]
fn a_damaged_file_with_all_its_bytes_is_complete() {
    let mut bytes = clip("welcome-en.mp3");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 500].fill(b'x');
    let facts = measure(&bytes).unwrap();
    assert!((3_500..4_300).contains(&facts.length_ms) && !facts.ends_in_frame, "{facts:?}");
}

#[test]
fn reserved_space_at_the_end_is_incomplete() {
    let zeros = "the audio is incomplete (its end is only zeros)";
    for name in ["vbr-no-header.mp3", "plain.aac", "joined-48000-16000.aac"] {
        let mut bytes = clip(name);
        let from = bytes.len() * 2 / 3;
        bytes[from..].fill(0);
        assert_eq!(length_of(bytes).unwrap_err(), zeros, "{name}");
    }
    assert_eq!(length_of(vec![0; 5_000]).unwrap_err(), zeros);
    // A little padding is none.
    assert_eq!(length_of([clip("plain.aac"), vec![0; 8]].concat()), Ok(2_624));
}

#[test]
fn reserved_space_may_begin_anywhere_in_a_frame_or_behind_the_tags() {
    let tagged = [b"ID3\x03\0\0\0\0\x02\0".to_vec(), vec![b't'; 256], clip("plain.aac")].concat();
    let joined = clip("joined-48000-32000.mp3");
    for (whole, from) in [
        (clip("vbr-no-header.mp3"), 0),
        (clip("plain.aac"), 0),
        (tagged, 10),
        // The second clip begins here.
        (joined.clone(), joined.len() / 2 - 2_000),
    ] {
        for from in from..from + 4_000 {
            let mut bytes = whole.clone();
            bytes[from..].fill(0);
            let error = measure(&bytes).expect_err(&from.to_string());
            assert!(matches!(error, AudioError::Incomplete(_)), "from {from}: {error}");
        }
    }
}

#[test]
fn a_frame_that_is_cut_off_is_not_counted_and_reported() {
    for (name, length_ms) in [("vbr-no-header.mp3", 85 * 36), ("plain.aac", 40 * 64)] {
        let whole = clip(name);
        assert!(!measure(&whole).unwrap().ends_in_frame);
        let facts = measure(&whole[..whole.len() - 10]).unwrap();
        assert_eq!((facts.length_ms, facts.ends_in_frame), (length_ms, true), "{name}");
    }
    let mut m4a = clip("welcome-pt.m4a");
    m4a.truncate(m4a.len() / 2);
    assert_eq!(length_of(m4a).unwrap_err(), "the audio is incomplete (10.2 of 20.5 kB)");
}

#[test]
fn other_formats_are_refused_and_named() {
    let refused = |bytes: &[u8]| measure(bytes).unwrap_err().to_string();
    for (bytes, name) in [
        (b"<!DOCTYPE html>".as_slice(), "a web page or XML"),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0", "Ogg audio"),
        (b"fLaC\0\0\0\x22\x10\0\x10\0", "FLAC audio"),
        (b"Access denied, sorry", "plain text"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI video"),
        (b"\xff\xfd\x80\x04\x99\x99\x99\x99\x99\x99\x99\x99", "MP2 audio"),
    ] {
        let foreign = format!("the file is not MP3, WAV, M4A or AAC audio: it contains {name}");
        assert_eq!(refused(bytes), foreign);
    }
    assert_eq!(refused(&clip("rotated.mp4")), "the file contains no audio");
    let wrong_name = tempfile::Builder::new().suffix(".ogg").tempfile().unwrap();
    assert_eq!(
        measure_file(wrong_name.path()).unwrap_err().to_string(),
        "the audio's name ends in `.ogg`; .mp3, .wav, .m4a and .aac are allowed"
    );
    // The name is in capitals, and the content of another format that the API accepts.
    let other_name = tempfile::Builder::new().suffix(".M4A").tempfile().unwrap();
    std::fs::write(other_name.path(), clip("plain.aac")).unwrap();
    assert_eq!(measure_file(other_name.path()).unwrap().length_ms, 2_624);
}

#[test]
fn errors_contain_limit_and_value() {
    let message = |length_ms, bytes| {
        check(&AudioFacts { length_ms, bytes, ends_in_frame: false })
            .map_err(|error| error.to_string())
    };
    assert_eq!(message(2_000, 5_000_000), Ok(()));
    assert_eq!(message(60_000, 1), Ok(()));
    // A minute of speech in complete frames.
    assert_eq!(message(60_050, 1), Ok(()));
    assert_eq!(message(1_200, 4_000).unwrap_err(), "the audio lasts 1.2 s; 2 to 60 s are allowed");
    assert_eq!(
        message(60_151, 4_000).unwrap_err(),
        "the audio lasts 60.151 s; 2 to 60 s are allowed"
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
            measured += u32::from(measure(&breaker.broken(clip)).is_ok());
        }
    }
    // Most damage in the middle of a file leaves it readable.
    assert!(measured > 800, "{measured}");
}
