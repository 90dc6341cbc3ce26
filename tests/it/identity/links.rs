//! Copies of a manifest that stay beside it: conflict copies, snapshots, links and plain copies.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
};

use super::{
    env::Env,
    programs::run,
    samples::{local, single, wav, write_old},
};

/// A daemon that has finished `a`, with audio behind a URL, and `b`, with a local audio file.
fn finished(name: &str) -> Env {
    let mut env = Env::new();
    write_old(&env.jobs("a.yaml"), single(&format!("{name}-a")));
    write_old(&env.jobs("b.yaml"), local(&format!("{name}-b"), "b.wav"));
    write_old(&env.jobs("b.wav"), wav(name));
    env.start();
    env.until_all(&["a", "b"].map(str::to_owned), "succeeded");
    env.assert_paid(2, "first run");
    env
}

/// Every job beside `a` and `b` has succeeded and shares with one of them; nothing more was paid.
fn assert_only_shares(env: &Env) {
    env.scanned();
    env.until_all_ended();
    env.assert_paid(2, "after the copies");
    for (key, state) in env.all_jobs() {
        assert_eq!(state, "succeeded", "{key}");
    }
}

/// `copy` has a file of its own with the result of `original`, and says with whom it shares.
fn assert_shares(env: &Env, copy: &str, original: &str) {
    assert_eq!(env.result(copy), env.result(original), "{copy}");
    let inode = |key: &str| fs::symlink_metadata(env.result_path(key)).unwrap().ino();
    assert_ne!(inode(copy), inode(original), "{copy} is the same file");
    assert!(fs::symlink_metadata(env.result_path(copy)).unwrap().is_file(), "{copy}");
    let shares = env.column(copy, "shares_task_with").unwrap_or_default();
    let named = |text: &str| text.split([',', ' ', '\n']).any(|word| word == original);
    assert!(named(&shares), "{copy} shares with {shares:?}");
    let shown = env.command_done(&["show", copy]);
    let says = |line: &str| line.contains("share") && named(line);
    assert!(shown.out.lines().any(says), "{original} is not named: {}", shown.out);
}

#[test]
fn sync_conflict_copy_pays_nothing() {
    let env = finished("conflict");
    for key in ["a", "b"] {
        let copy = env.jobs(&format!("{key}.sync-conflict-20260101-120000-ABCDEF.yaml"));
        run("cp", &[&env.jobs(&format!("{key}.yaml")), &copy]);
    }
    assert_only_shares(&env);
}

#[test]
fn snapshot_folder_pays_nothing() {
    let env = finished("snapshot");
    for folder in ["#snapshot/GMT-2026.01.01-12.00.00", "@eaDir/old", "snapshots/2026-01-01"] {
        fs::create_dir_all(env.jobs(folder)).unwrap();
        for name in ["a.yaml", "b.yaml", "b.wav"] {
            run("cp", &["-p".as_ref(), &env.jobs(name), &env.jobs(folder)]);
        }
    }
    env.until_all(&["a", "b"].map(|key| format!("snapshots/2026-01-01/{key}")), "succeeded");
    assert_only_shares(&env);
}

#[test]
fn symlink_shares_the_task() {
    let env = finished("symlink");
    symlink("a.yaml", env.jobs("link.yaml")).unwrap();
    symlink("b.yaml", env.jobs("other.yaml")).unwrap();
    env.until_all(&["link", "other"].map(str::to_owned), "succeeded");
    assert_only_shares(&env);
    assert_shares(&env, "link", "a");
    assert_shares(&env, "other", "b");
}

#[test]
fn hard_link_shares_the_task() {
    let env = finished("hard-link");
    fs::hard_link(env.jobs("a.yaml"), env.jobs("hard.yaml")).unwrap();
    env.until_all(&["hard".to_owned()], "succeeded");
    assert_only_shares(&env);
    assert_shares(&env, "hard", "a");
}

#[test]
fn plain_copy_shares_the_task() {
    let env = finished("plain");
    fs::create_dir(env.jobs("copy")).unwrap();
    for name in ["a.yaml", "b.yaml", "b.wav"] {
        run("cp", &[&env.jobs(name), &env.jobs("copy")]);
    }
    env.until_all(&["copy/a", "copy/b"].map(str::to_owned), "succeeded");
    assert_only_shares(&env);
    assert_shares(&env, "copy/a", "a");
    assert_shares(&env, "copy/b", "b");
}
