//! Manifests and audio for the scenarios. Audio is made from a name: another name is other content of
//! the same size and length.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

use crate::{support::chance::Chance, testing};

/// Samples per second of the audio made here, which is mono with 16 bits.
const SAMPLE_RATE: u32 = 8_000;
/// The length of the audio made here.
const AUDIO_S: u32 = 3;

/// A WAV file of three seconds whose content follows from `name`.
pub fn wav(name: &str) -> Vec<u8> {
    let digest = Sha256::digest(name.as_bytes());
    let chance =
        Chance::new(digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)));
    let data: Vec<u8> =
        (0..SAMPLE_RATE * AUDIO_S * 2 / 8).flat_map(|_| chance.next().to_le_bytes()).collect();
    testing::media::wav(SAMPLE_RATE, 16, &data)
}

/// The address of a video that the simulator makes up, of nine seconds.
pub fn video(name: &str) -> String {
    format!("https://cdn.example.com/{name}.mp4?duration_ms=9000&faces=1")
}

/// A manifest of one job with a video of its own and audio behind a URL.
pub fn single(name: &str) -> String {
    format!(
        "video: {}\naudio: https://cdn.example.com/a.mp3?duration_ms=5000\nsound_end_time: 4s\n",
        video(name)
    )
}

/// A manifest of one job with a video of its own and a local audio file.
pub fn local(name: &str, audio: &str) -> String {
    format!("video: {}\naudio: {audio}\n", video(name))
}

/// A manifest of two jobs, `web` with audio behind a URL and `file` with a local audio file.
pub fn batch(name: &str, audio: &str) -> String {
    format!(
        "defaults: {{ video: \"{}\" }}\n\
         jobs:\n\
         - {{ id: web, audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\", sound_end_time: 4s }}\n\
         - {{ id: file, audio: {audio} }}\n",
        video(name)
    )
}

/// Writes a file whose last change was an hour ago, so that the daemon does not wait until the file is complete.
pub fn write_old(path: &Path, content: impl AsRef<[u8]>) {
    write_at(path, content, SystemTime::now() - Duration::from_secs(3600));
}

/// Writes a file with this time of its last change, replacing an earlier one by a rename.
pub fn write_at(path: &Path, content: impl AsRef<[u8]>, modified: SystemTime) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let part = path.with_extension("part");
    fs::write(&part, content).unwrap();
    File::options().write(true).open(&part).unwrap().set_modified(modified).unwrap();
    fs::rename(&part, path).unwrap();
}

/// Writes so many manifests of every kind into `folder`, with the audio they need, and returns the
/// keys of their jobs relative to `folder`. `name` makes the requests different from those of other folders.
pub fn write_mixed(folder: &Path, name: &str, manifests: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for n in 0..manifests {
        let (manifest, audio) = (format!("m{n:02}"), format!("audio/{n:02}.wav"));
        let own = format!("{name}-{n:02}");
        let text = match n % 4 {
            0 | 1 => single(&own),
            2 => local(&own, &audio),
            _ => batch(&own, &audio),
        };
        if n % 4 >= 2 {
            write_old(&folder.join(&audio), wav(&own));
        }
        write_old(&folder.join(format!("{manifest}.yaml")), text);
        if n % 4 == 3 {
            keys.extend([format!("{manifest}/web"), format!("{manifest}/file")]);
        } else {
            keys.push(manifest);
        }
    }
    keys
}

/// These keys in a folder.
pub fn within(folder: &str, keys: &[String]) -> Vec<String> {
    keys.iter().map(|key| format!("{folder}/{key}")).collect()
}
