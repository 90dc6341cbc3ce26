//! Any bytes as an audio file and as a video: facts, or a fault in words, soon and in little memory.

#![no_main]

use std::{io::Cursor, panic};

use libfuzzer_sys::fuzz_target;
use lipsyncd::media::{audio, video};
use lipsyncd_fuzz::is_one_line;

const FAULT_CHARS_MAX: usize = 300;

fuzz_target!(
    // A panic of the MP3 reader is caught by its caller, and no finding: libFuzzer's own hook would
    // end the process before. One that nobody catches still ends it.
    init: panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| {
        for ending in [None, Some("mp3"), Some("aac")] {
            match audio::measure(bytes.to_vec(), ending) {
                Ok(facts) => {
                    assert!(facts.length_ms > 0 && facts.bytes == bytes.len() as u64);
                    told(audio::check(&facts));
                }
                Err(fault) => told::<()>(Err(fault)),
            }
        }
        let len = bytes.len() as u64;
        let probed = video::probe_reader(Cursor::new(bytes), len);
        match video::check_complete(Cursor::new(bytes), len) {
            Ok(facts) => {
                assert_eq!(probed.as_ref().ok(), Some(&facts));
                assert!(facts.length_ms.is_none_or(|ms| ms >= 0));
                told(video::check(&facts));
            }
            Err(fault) => told::<()>(Err(fault)),
        }
        if let Err(fault) = probed {
            told::<()>(Err(fault));
        }
    }
);

fn told<T>(judged: Result<T, impl ToString>) {
    if let Err(fault) = judged {
        is_one_line(&fault.to_string(), FAULT_CHARS_MAX);
    }
}
