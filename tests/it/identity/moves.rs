//! Folders that leave and return under another name.

use super::{
    env::Env,
    programs::{other_file_system, run},
    samples::{within, write_mixed},
};

#[test]
fn other_file_system_and_back_pays_nothing() {
    let mut env = Env::new();
    let keys = env.move_in_folder("2024", |folder| write_mixed(folder, "mount", 50));
    env.start();
    env.until_all(&within("2024", &keys), "succeeded");
    env.assert_paid(keys.len(), "first run");

    let away = other_file_system(env.dir.path());
    let elsewhere = away.path().join("2024");
    run("mv", &[&env.jobs("2024"), &elsewhere]);
    env.scanned();
    run("mv", &[&elsewhere, &env.jobs("2025")]);
    env.until_all(&within("2025", &keys), "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(keys.len(), "after the move back");
    env.assert_all_results_kept();
}

#[test]
fn rename_pays_nothing() {
    let mut env = Env::new();
    let keys = env.move_in_folder("2024", |folder| write_mixed(folder, "rename", 8));
    env.start();
    env.until_all(&within("2024", &keys), "succeeded");
    env.move_in("2024", "2025");
    env.until_all(&within("2025", &keys), "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(keys.len(), "after the rename");
    for key in within("2024", &keys) {
        let output = env.path("output").join(format!("{key}.mp4"));
        assert!(output.exists(), "the output is kept where it is: {}", output.display());
    }
}
