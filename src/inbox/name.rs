//! The name that a job's task goes by in the account, where its manifest gives it none.
//!
//! It follows from what is known again even if the state database is lost: the same job gets the
//! same name, so that the API tells of the task that was paid for before. Names are not to be
//! changed: a task could no longer be found by them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::job::{JobSpec, Source};

/// So many bytes of the digest are in a name.
const BYTES: usize = 16;

/// The name of the task of a job of a manifest in `folder` (under `jobs_dir`), which asks `meaning` of
/// that account. The manifest's own name is no part of it, since manifests are renamed; its folder is,
/// where what it names lies there.
pub(super) fn task_name(account: &str, folder: &str, spec: &JobSpec, meaning: &str) -> String {
    let is_local = [&spec.video, &spec.audio].iter().any(|it| matches!(it, Source::File(_)));
    let place = if is_local { folder } else { "" };
    let digest = Sha256::digest([account, place, meaning].join("\n"));
    let mut name = String::from("lipsyncd-");
    for byte in digest.iter().take(BYTES) {
        // Writing to a text cannot fail.
        let _written = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, ManifestPath};

    fn spec(video: &str) -> JobSpec {
        let text = format!("video: {video}\naudio: https://e.com/a.mp3\nsound_end_time: 3s\n");
        let read = manifest::read(text.as_bytes(), &ManifestPath::new("one.yaml")).unwrap();
        read.jobs.into_iter().next().unwrap().spec
    }

    #[test]
    fn names_stay_as_they_are_and_differ_by_each_part() {
        let (local, remote) = (spec("v.mp4"), spec("https://e.com/v.mp4"));
        let name = task_name("key-1", "promo", &local, "abc");
        insta::assert_snapshot!(name, @"lipsyncd-b8b1d4e8a38c51dfa8596834578551f7");
        assert_ne!(task_name("key-2", "promo", &local, "abc"), name);
        assert_ne!(task_name("key-1", "other", &local, "abc"), name);
        assert_ne!(task_name("key-1", "promo", &local, "abd"), name);
        let anywhere = task_name("key-1", "promo", &remote, "abc");
        assert_eq!(task_name("key-1", "other", &remote, "abc"), anywhere);
    }
}
