//! Files that cannot be read for now: told once, and read as soon as they can be.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use crate::support::daemon::{House, JOB, clip, quick};

fn set_mode(house: &House, name: &str, mode: u32) {
    fs::set_permissions(house.path("jobs").join(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_manifest_is_read_once_it_may_be() {
    let mut house = House::new(quick());
    house.drop_in("x.yaml", JOB);
    set_mode(&house, "x.yaml", 0o000);
    house.spawn_without_override();
    house.until("x.yaml to be refused", |house| house.refusal("x.yaml").is_some());
    let refusal = house.refusal("x.yaml").unwrap();
    assert!(refusal.contains("cannot be read: Permission denied"), "{refusal}");
    house.until_looked_again("later");
    assert_eq!(house.log().matches("refused: x.yaml").count(), 1, "{}", house.log());
    // Neither its size nor its time changes.
    set_mode(&house, "x.yaml", 0o644);
    house.until_state("x", "succeeded");
    assert!(house.is_accepted("x.yaml"));
}

#[test]
fn a_closed_folder_keeps_nothing_else_from_being_watched() {
    let mut house = House::new(quick());
    let settings = fs::read_to_string(house.path("lipsyncd.yaml")).unwrap();
    let rarely = settings.replace("rescan_interval: 500ms", "rescan_interval: 1h");
    fs::write(house.path("lipsyncd.yaml"), rarely).unwrap();
    for folder in ["closed", "open", "open/below"] {
        fs::create_dir(house.path("jobs").join(folder)).unwrap();
    }
    set_mode(&house, "closed", 0o000);
    house.spawn_without_override();
    house.until("the folder to be read", |house| house.log().contains("has been read"));
    for name in ["x", "open/below/y"] {
        house.drop_in(&format!("{name}.yaml"), JOB.replace("/v.mp4", &format!("/{name}.mp4")));
        house.until_state(name, "succeeded");
    }
}

#[test]
fn a_sound_and_a_video_are_waited_for_until_they_may_be_read() {
    let mut house = House::new(quick());
    let served = format!("{}/media/", house.sim.base_url());
    house.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{served}\" }}\n"));
    house.drop_in("en.mp3", clip("welcome-en.mp3"));
    fs::write(house.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    set_mode(&house, "en.mp3", 0o000);
    set_mode(&house, "../media/anna.mp4", 0o000);
    house.drop_in("x.yaml", "video: anna.mp4\naudio: en.mp3\n");
    house.spawn_without_override();
    for (name, file) in [("en.mp3", "en.mp3"), ("anna.mp4", "../media/anna.mp4")] {
        house.until("the file to be named", |house| {
            house.job("x").is_some_and(|job| {
                job.waiting_for.contains(name) && job.waiting_for.contains("Permission denied")
            })
        });
        assert_eq!(house.state("x"), "waiting");
        set_mode(&house, file, 0o644);
    }
    house.until_state("x", "succeeded");
}
