//! Edits with files that were written just now, or that are not there yet.

use std::fs;

use super::{
    env::Env,
    samples::{local, video, wav},
};

/// Puts an audio file in place that was written just now.
fn put_fresh(env: &Env, name: &str, content: &str) {
    fs::write(env.jobs(name), wav(content)).unwrap();
}

fn flag(env: &Env, key: &str) -> Option<String> {
    env.column(key, "changed_after_sent")
}

#[test]
fn new_audio_with_a_new_label_is_flagged() {
    let env = Env::new();
    for week in 1..=3 {
        put_fresh(&env, "news.wav", &format!("week {week}"));
        let text = format!("{}labels: {{ week: \"{week}\" }}\n", local("news", "news.wav"));
        fs::write(env.jobs("news.yaml"), text).unwrap();
        let ran = env.run_once();
        assert_eq!(ran.code, Some(i32::from(week > 1)), "week {week}: {ran:?}");
        assert_eq!(flag(&env, "news").as_deref(), Some(if week > 1 { "1" } else { "0" }));
    }
    env.assert_paid(1, "with on_change: flag");
}

#[test]
fn edit_beside_a_fresh_audio_is_noticed() {
    let env = Env::new();
    put_fresh(&env, "a.wav", "a");
    fs::write(env.jobs("a.yaml"), local("a", "a.wav")).unwrap();
    assert_eq!(env.run_once().code, Some(0));
    fs::write(env.jobs("a.yaml"), local("a", "a.wav") + "sound_volume: 0.5\n").unwrap();
    let ran = env.run_once();
    assert_eq!((ran.code, flag(&env, "a").as_deref()), (Some(1), Some("1")), "{ran:?}");
    fs::write(env.jobs("a.yaml"), local("a", "a.wav") + "output: moved/a.mp4\n").unwrap();
    let ran = env.run_once();
    assert_eq!((ran.code, flag(&env, "a").as_deref()), (Some(0), Some("0")), "{ran:?}");
    assert!(env.path("output/moved/a.mp4").exists(), "{:?}", env.output_files());
    env.assert_paid(1, "after edits");
}

#[test]
fn edit_to_an_audio_that_is_not_there_is_flagged() {
    let env = Env::new();
    put_fresh(&env, "a.wav", "a");
    fs::write(env.jobs("a.yaml"), local("a", "a.wav")).unwrap();
    assert_eq!(env.run_once().code, Some(0));
    fs::write(env.jobs("a.yaml"), local("a", "typo.wav")).unwrap();
    for _ in 0..2 {
        let ran = env.run_once();
        assert_eq!((ran.code, flag(&env, "a").as_deref()), (Some(1), Some("1")), "{ran:?}");
        assert_eq!(env.state("a"), "succeeded");
    }
    env.command_done(&["retry", "a", "--yes"]);
    env.run_once();
    assert_eq!(env.state("a"), "waiting");
    assert!(env.column("a", "waiting_for").unwrap().contains("typo.wav"));
    put_fresh(&env, "typo.wav", "b");
    assert_eq!(env.run_once().code, Some(0));
    env.assert_paid(2, "once the audio is there");
    env.assert_all_results_kept();
}

#[test]
fn audio_of_many_manifests_is_flagged_even_with_run() {
    const JOBS: usize = 21;
    let env = Env::new();
    env.set_on_change("run");
    put_fresh(&env, "all.wav", "first");
    let put = || {
        for n in 0..JOBS {
            let text = format!("video: {}\naudio: all.wav\n", video(&format!("many-{n}")));
            fs::write(env.jobs(&format!("m{n}.yaml")), text).unwrap();
        }
    };
    put();
    assert_eq!(env.run_once().code, Some(0));
    put_fresh(&env, "all.wav", "second");
    put();
    let ran = env.run_once();
    env.assert_paid(JOBS, "after one file changed 21 finished jobs");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for n in 0..JOBS {
        assert_eq!(flag(&env, &format!("m{n}")).as_deref(), Some("1"), "m{n}");
    }
}

#[test]
fn take_edited_down_is_made() {
    let env = Env::new();
    put_fresh(&env, "a.wav", "a");
    for (take, paid) in [(2, 1), (1, 2), (2, 2)] {
        fs::write(env.jobs("a.yaml"), format!("{}take: {take}\n", local("a", "a.wav"))).unwrap();
        let ran = env.run_once();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        env.assert_paid(paid, "after an edited take");
        assert_eq!(env.column("a", "attempt").as_deref(), Some(take.to_string().as_str()));
    }
    env.assert_all_results_kept();
}
