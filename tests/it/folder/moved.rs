//! One wish under several names: whatever is renamed, edited, split, swapped or moved from one
//! manifest to another, nothing that was paid for is paid for again.

use std::{fs::File, io::Write as _, thread::sleep, time::Duration};

use crate::support::daemon::{House, JOB, quick, slow};

/// A batch of these jobs: an id, and what its sound is called.
fn batch(jobs: &[(&str, &str)]) -> String {
    let job = |(id, sound): &(&str, &str)| {
        format!(
            "- {{ id: {id}, audio: \"https://cdn.example.com/{sound}.mp3?duration_ms=5000\" }}\n"
        )
    };
    let jobs: String = jobs.iter().map(job).collect();
    format!(
        "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", sound_end_time: 4s }}\n\
         jobs:\n{jobs}"
    )
}

fn louder(text: &str) -> String {
    text.replace("sound_end_time: 4s", "sound_end_time: 4s, sound_volume: 2")
}

/// These manifests have been read and all their jobs, `keys`, have succeeded.
fn done(manifests: &[(&str, String)], keys: &[&str]) -> House {
    let mut house = House::new(quick());
    for (name, text) in manifests {
        house.drop_in(name, text);
    }
    house.start();
    for key in keys {
        house.until_state(key, "succeeded");
    }
    assert_eq!(house.ledger().tasks.len(), keys.len());
    house
}

/// What is done to the folder is seen at once, as after a start.
fn meanwhile(house: &mut House, change: impl FnOnce(&House)) {
    house.kill();
    change(house);
    house.start();
}

/// Nothing was paid for but `tasks` tasks, and each of these jobs has succeeded as it was sent.
fn assert_known_again(house: &House, tasks: usize, keys: &[&str]) {
    for key in keys {
        house.until_state(key, "succeeded");
    }
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), tasks, "{:?}\n{}", house.states(), house.log());
    for key in keys {
        assert!(!house.job(key).unwrap().changed_after_sent, "{key}");
    }
    house.assert_paid_once();
}

#[test]
fn a_manifest_that_is_renamed_and_rewritten_in_one_go_pays_for_nothing_again() {
    let both = batch(&[("a", "a"), ("b", "b")]);
    let mut house = done(&[("x.yaml", both.clone())], &["x/a", "x/b"]);
    let with_another = batch(&[("a", "a"), ("b", "b"), ("c", "c")]);
    meanwhile(&mut house, |house| {
        house.take_out("x.yaml");
        // As `sed -i` does it: another file of that name.
        house.drop_in("y.yaml", &with_another);
    });
    house.until_state("y/c", "succeeded");
    assert_known_again(&house, 3, &["y/a", "y/b"]);

    meanwhile(&mut house, |house| {
        house.take_out("y.yaml");
        house.drop_in("z.yaml", louder(&with_another));
    });
    house.until("all to be flagged", |house| {
        ["z/a", "z/b", "z/c"]
            .iter()
            .all(|key| house.job(key).is_some_and(|job| job.changed_after_sent))
    });
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), 3, "edited and renamed: told, and not paid for");
}

#[test]
fn an_edit_of_what_was_sent_is_known_under_the_next_name_too() {
    let mut house = done(&[("x.yaml", JOB.to_owned())], &["x"]);
    let edited = format!("{JOB}sound_volume: 0.5\n");
    house.drop_in("x.yaml", &edited);
    house.until("x to be flagged", |house| house.job("x").unwrap().changed_after_sent);
    let edited = format!("{JOB}sound_volume: 0.4\n");
    house.drop_in("x.yaml", &edited);
    house.until_looked_again("one");
    meanwhile(&mut house, |house| {
        house.take_out("x.yaml");
        house.drop_in("sub/y.yaml", &edited);
    });
    house.until("y to be known", |house| house.job("sub/y").is_some());
    house.until_looked_again("two");
    let job = house.job("sub/y").unwrap();
    assert_eq!((job.state.as_str(), job.changed_after_sent), ("succeeded", true));
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn a_manifest_that_is_split_into_others_pays_for_nothing_again() {
    let all = batch(&[("a", "a"), ("b", "b"), ("c", "c")]);
    let mut house = done(&[("x.yaml", all)], &["x/a", "x/b", "x/c"]);
    meanwhile(&mut house, |house| {
        house.take_out("x.yaml");
        house.drop_in("one.yaml", batch(&[("a", "a"), ("c", "c")]));
        // As a single job, it has no id any more.
        house.drop_in("b.yaml", JOB.replace("a.mp3", "b.mp3"));
    });
    assert_known_again(&house, 3, &["one/a", "one/c", "b"]);
}

#[test]
fn a_job_that_moves_from_one_manifest_to_another_is_the_same_in_whatever_order_they_are_read() {
    let (two, one) = (batch(&[("a", "a"), ("b", "b")]), batch(&[("c", "c")]));
    // The one it leaves is read first, and last.
    for (from, to) in [("m.yaml", "n.yaml"), ("n.yaml", "m.yaml")] {
        let (left, joined) = (from.trim_end_matches(".yaml"), to.trim_end_matches(".yaml"));
        let keys = ["a", "b"].map(|id| format!("{left}/{id}"));
        let keys = [keys[0].as_str(), keys[1].as_str(), &format!("{joined}/c")];
        let mut house = done(&[(from, two.clone()), (to, one.clone())], &keys);
        meanwhile(&mut house, |house| {
            house.drop_in(from, batch(&[("a", "a")]));
            house.drop_in(to, batch(&[("c", "c"), ("b", "b")]));
        });
        let keys = [format!("{left}/a"), format!("{joined}/b"), format!("{joined}/c")];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_known_again(&house, 3, &keys);
        assert_eq!(house.job(keys[1]).unwrap().manifest, to);
    }
}

#[test]
fn a_job_that_left_earlier_is_known_where_it_turns_up() {
    let both = batch(&[("a", "a"), ("b", "b")]);
    let house = done(&[("x.yaml", both)], &["x/a", "x/b"]);
    house.drop_in("x.yaml", batch(&[("a", "a")]));
    house.until_looked_again("one");
    house.drop_in("y.yaml", batch(&[("b", "b")]));
    assert_known_again(&house, 2, &["x/a", "y/b"]);
    // Under another id it is the same wish, too.
    house.drop_in("y.yaml", batch(&[("bee", "b")]));
    assert_known_again(&house, 2, &["x/a", "y/bee"]);
}

#[test]
fn jobs_that_change_places_between_two_manifests_pay_for_nothing_again() {
    let first = batch(&[("a", "a"), ("b", "b")]);
    let second = batch(&[("c", "c"), ("d", "d")]);
    let keys = ["x/a", "x/b", "y/c", "y/d"];
    let mut house = done(&[("x.yaml", first), ("y.yaml", second)], &keys);
    meanwhile(&mut house, |house| {
        house.drop_in("x.yaml", batch(&[("a", "a"), ("d", "d")]));
        house.drop_in("y.yaml", batch(&[("c", "c"), ("b", "b")]));
    });
    assert_known_again(&house, 4, &["x/a", "x/d", "y/b", "y/c"]);
}

#[test]
fn two_manifests_that_are_swapped_swap_their_jobs() {
    let other = JOB.replace("a.mp3", "b.mp3");
    let mut house = done(&[("x.yaml", JOB.to_owned()), ("y.yaml", other)], &["x", "y"]);
    let task = |house: &House, key: &str| house.job(key).unwrap().external_task_id;
    let before = [task(&house, "x"), task(&house, "y")];
    meanwhile(&mut house, |house| {
        house.move_in("x.yaml", "t");
        house.move_in("y.yaml", "x.yaml");
        house.move_in("t", "y.yaml");
    });
    assert_known_again(&house, 2, &["x", "y"]);
    assert_eq!([task(&house, "y"), task(&house, "x")], before);
}

#[test]
fn a_manifest_that_is_swapped_with_one_not_sent_yet_is_not_paid_for_again() {
    for swap in [["x.yaml", "y.yaml"], ["y.yaml", "x.yaml"]] {
        let [sent, unsent] = swap.map(|name| name.trim_end_matches(".yaml"));
        let mut house = House::with(slow(), 1, "");
        house.start();
        house.drop_in(swap[0], JOB);
        house.until("the first to be sent", |house| house.ledger().tasks.len() == 1);
        // It names its output, so that they do not get in each other's way.
        let other = format!("{}output: other.mp4\n", JOB.replace("a.mp3", "b.mp3"));
        house.drop_in(swap[1], other);
        house.until("the second to be known", |house| house.job(unsent).is_some());
        meanwhile(&mut house, |house| {
            house.move_in(swap[0], "t");
            house.move_in(swap[1], swap[0]);
            house.move_in("t", swap[1]);
        });
        house.until("both to succeed", |house| {
            house.finish_tasks();
            ["x", "y"].iter().all(|key| house.state(key) == "succeeded")
        });
        assert_known_again(&house, 2, &["x", "y"]);
        assert_eq!(house.job(sent).unwrap().output, "other.mp4");
        assert_eq!(house.job(unsent).unwrap().output, format!("{sent}.mp4"));
        assert!(house.ledger().paid_twice.contents.is_empty(), "{:?}", house.ledger().paid_twice);
    }
}

#[test]
fn a_manifest_in_the_place_of_one_that_was_renamed_is_new_and_the_other_is_not() {
    let mut house = done(&[("x.yaml", JOB.to_owned())], &["x"]);
    meanwhile(&mut house, |house| {
        house.move_in("x.yaml", "y.yaml");
        house.drop_in("x.yaml", format!("{}output: new.mp4\n", JOB.replace("a.mp3", "b.mp3")));
    });
    assert_known_again(&house, 2, &["x", "y"]);
    assert_eq!(house.job("y").unwrap().output, "x.mp4");
    assert!(house.ledger().paid_twice.contents.is_empty(), "{:?}", house.ledger().paid_twice);
}

#[test]
fn a_manifest_that_takes_the_place_of_another_brings_its_job_along() {
    let other = JOB.replace("a.mp3", "b.mp3");
    let mut house = done(&[("x.yaml", JOB.to_owned()), ("y.yaml", other)], &["x", "y"]);
    meanwhile(&mut house, |house| house.move_in("y.yaml", "x.yaml"));
    assert_known_again(&house, 2, &["x"]);
    assert_eq!(house.job("x").unwrap().output, "y.mp4");
}

#[test]
fn a_job_that_may_have_left_a_manifest_still_being_written_is_waited_for() {
    let both = batch(&[("a", "a"), ("b", "b")]);
    let mut house = done(&[("x.yaml", both)], &["x/a", "x/b"]);
    meanwhile(&mut house, |house| house.drop_in("w.yaml", batch(&[("b", "b")])));
    // Two that ask the same at the same time are two jobs.
    house.until_state("w/b", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 2 + 1);

    house.kill();
    house.drop_in("y.yaml", batch(&[("a", "a")]));
    let mut file = File::create(house.path("jobs/x.yaml")).unwrap();
    house.spawn();
    for _ in 0..10 {
        file.write_all(b"# still being written\n").unwrap();
        sleep(Duration::from_millis(80));
    }
    // Whole at last, and without the job.
    file.write_all(batch(&[("c", "c")]).as_bytes()).unwrap();
    drop(file);
    house.until_state("x/c", "succeeded");
    assert_known_again(&house, 4, &["y/a", "x/c", "w/b"]);
}

#[test]
fn a_job_that_may_have_left_a_faulty_manifest_is_told_and_held_back() {
    let both = batch(&[("a", "a"), ("b", "b")]);
    let mut house = done(&[("x.yaml", both)], &["x/a", "x/b"]);
    meanwhile(&mut house, |house| {
        house.drop_in("x.yaml", "jobs: [");
        house.drop_in("w.yaml", batch(&[("b", "b")]));
    });
    house.until("w.yaml to be held back", |house| house.refusal("w.yaml").is_some());
    let refusal = house.refusal("w.yaml").unwrap();
    assert!(refusal.contains("x/b") && refusal.contains("x.yaml"), "{refusal}");
    house.drop_in("x.yaml", batch(&[("a", "a")]));
    assert_known_again(&house, 2, &["x/a", "w/b"]);
}

#[test]
fn twins_of_which_one_moves_stay_two() {
    let mut house = done(&[("x.yaml", JOB.to_owned()), ("y.yaml", JOB.to_owned())], &["x", "y"]);
    let task = |house: &House, key: &str| house.job(key).unwrap().external_task_id;
    let before = [task(&house, "x"), task(&house, "y")];
    meanwhile(&mut house, |house| {
        house.take_out("x.yaml");
        house.drop_in("a/z.yaml", JOB);
    });
    assert_known_again(&house, 2, &["a/z", "y"]);
    assert_eq!([task(&house, "a/z"), task(&house, "y")], before);
}
