//! Programs that make `jobs_dir` equal to a folder elsewhere.

use std::fs;

use super::{
    env::Env,
    programs::{is_missing, rclone_sync, rsync},
    samples::{local, single, wav, within, write_mixed, write_old},
};

#[test]
fn rclone_sync_after_rename_pays_nothing() {
    if is_missing("rclone") {
        return;
    }
    let mut env = Env::new();
    let source = env.path("source");
    write_old(&source.join("a.yaml"), single("rclone-a"));
    write_old(&source.join("b.yaml"), local("rclone-b", "b.wav"));
    write_old(&source.join("b.wav"), wav("rclone-b"));
    write_old(&source.join("sub/c.yaml"), single("rclone-c"));
    rclone_sync(&source, &env.path("jobs"));
    env.start();
    env.until_all(&["a", "b", "sub/c"].map(str::to_owned), "succeeded");
    env.assert_paid(3, "first run");

    for (from, to) in [("b.yaml", "b-final.yaml"), ("b.wav", "voice.wav"), ("sub", "done")] {
        fs::rename(source.join(from), source.join(to)).unwrap();
    }
    write_old(&source.join("b-final.yaml"), local("rclone-b", "voice.wav"));
    rclone_sync(&source, &env.path("jobs"));
    env.until_all(&["a", "b-final", "done/c"].map(str::to_owned), "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(3, "after the rename at the source");
    env.assert_all_results_kept();
}

fn rename_folder_at_source(deleting: &str) {
    if is_missing("rsync") {
        return;
    }
    let mut env = Env::new();
    let source = env.path("source");
    let keys = write_mixed(&source.join("2024"), deleting, 12);
    rsync(deleting, &source, &env.path("jobs"));
    env.start();
    env.until_all(&within("2024", &keys), "succeeded");
    env.assert_paid(keys.len(), "first run");

    fs::rename(source.join("2024"), source.join("archive")).unwrap();
    rsync(deleting, &source, &env.path("jobs"));
    env.until_all(&within("archive", &keys), "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(keys.len(), "after the rename at the source");
    env.assert_all_results_kept();
}

#[test]
fn rsync_delete_after_pays_nothing() {
    rename_folder_at_source("--delete-after");
}

#[test]
fn rsync_delete_delay_pays_nothing() {
    rename_folder_at_source("--delete-delay");
}
