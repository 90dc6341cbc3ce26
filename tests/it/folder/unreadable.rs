//! Files that cannot be read: reported once, and read as soon as that is possible.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use crate::support::daemon::{JOB, TestEnv, clip, quick};

fn set_mode(test_env: &TestEnv, name: &str, mode: u32) {
    fs::set_permissions(test_env.path("jobs").join(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_manifest_without_permission_is_read_when_it_is_granted() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    set_mode(&test_env, "x.yaml", 0o000);
    test_env.spawn_without_override();
    test_env.until("x.yaml to be refused", |test_env| test_env.refusal("x.yaml").is_some());
    let refusal = test_env.refusal("x.yaml").unwrap();
    assert!(refusal.contains("cannot be read: Permission denied"), "{refusal}");
    assert!(test_env.run(&["status"]).out.contains("  lets the daemon read it\n"));
    test_env.until_scanned_again("later");
    assert_eq!(test_env.log().matches("refused: x.yaml").count(), 1, "{}", test_env.log());
    // Its size and time do not change.
    set_mode(&test_env, "x.yaml", 0o644);
    test_env.until_state("x", "succeeded");
    assert!(test_env.is_accepted("x.yaml"));
}

#[test]
fn an_unreadable_folder_does_not_stop_the_watch_of_others() {
    let mut test_env = TestEnv::new(quick());
    let settings = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let rarely = settings.replace("rescan_interval: 500ms", "rescan_interval: 1h");
    fs::write(test_env.path("lipsyncd.yaml"), rarely).unwrap();
    for folder in ["closed", "open", "open/below"] {
        fs::create_dir(test_env.path("jobs").join(folder)).unwrap();
    }
    set_mode(&test_env, "closed", 0o000);
    test_env.spawn_without_override();
    test_env.until("the folder to be read", |test_env| test_env.log().contains("has been read"));
    for name in ["x", "open/below/y"] {
        test_env.drop_in(&format!("{name}.yaml"), JOB.replace("/v.mp4", &format!("/{name}.mp4")));
        test_env.until_state(name, "succeeded");
    }
}

#[test]
fn a_job_waits_for_media_without_permission() {
    let mut test_env = TestEnv::new(quick());
    let served = format!("{}/media/", test_env.sim.base_url());
    test_env.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{served}\" }}\n"));
    test_env.drop_in("en.mp3", clip("welcome-en.mp3"));
    fs::write(test_env.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    set_mode(&test_env, "en.mp3", 0o000);
    set_mode(&test_env, "../media/anna.mp4", 0o000);
    test_env.drop_in("x.yaml", "video: anna.mp4\naudio: en.mp3\n");
    test_env.spawn_without_override();
    for (name, file) in [("en.mp3", "en.mp3"), ("anna.mp4", "../media/anna.mp4")] {
        test_env.until("the file to be named", |test_env| {
            test_env.job("x").is_some_and(|job| {
                job.waiting_for.contains(name)
                    && job.waiting_for.contains(" cannot be read: Permission denied")
            })
        });
        assert_eq!(test_env.state("x"), "waiting");
        set_mode(&test_env, file, 0o644);
    }
    test_env.until_state("x", "succeeded");
}
