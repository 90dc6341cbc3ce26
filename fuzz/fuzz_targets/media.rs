//! Any bytes as an audio file and as a video: facts, or an error message, in little time and memory.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use lipsyncd::media::{audio, video};
use lipsyncd_fuzz::is_one_line;

const ERROR_CHARS_MAX: usize = 300;

fuzz_target!(|bytes: &[u8]| {
    match audio::measure(bytes) {
        Ok(facts) => {
            assert!(facts.length_ms > 0 && facts.bytes == bytes.len() as u64);
            checked(audio::check(&facts));
        }
        Err(error) => checked::<()>(Err(error)),
    }
    let len = bytes.len() as u64;
    let probed = video::probe_reader(Cursor::new(bytes), len);
    match video::check_complete(Cursor::new(bytes), len) {
        Ok(facts) => {
            // A complete movie may still grow behind its samples.
            assert!(probed.as_ref().is_ok_and(|probed| *probed == facts) || probed.is_err());
            assert!(facts.length_ms.is_none_or(|ms| ms >= 0));
            checked(video::check(&facts));
        }
        Err(error) => checked::<()>(Err(error)),
    }
    if let Err(error) = probed {
        checked::<()>(Err(error));
    }
});

fn checked<T>(judged: Result<T, impl ToString>) {
    if let Err(error) = judged {
        is_one_line(&error.to_string(), ERROR_CHARS_MAX);
    }
}
