//! New content under an old name, week after week.

use std::time::{Duration, SystemTime};

use super::{
    env::Env,
    samples::{local, single, video, wav, write_at},
};

/// Writes the audio of a week, with the same name and size each week.
fn put_audio(env: &Env, week: u64) {
    let modified = SystemTime::now() - Duration::from_secs(86_400 - week * 60);
    write_at(&env.jobs("news.wav"), wav(&format!("news of week {week}")), modified);
}

/// A folder with `news.yaml`, whose audio is `news.wav`.
fn first_week() -> Env {
    let env = Env::new();
    env.drop_in_old("news.yaml", local("news", "news.wav"));
    put_audio(&env, 1);
    env
}

#[test]
fn new_audio_each_week_is_made() {
    let env = first_week();
    env.set_on_change("run");
    for week in 1..=4 {
        put_audio(&env, week);
        let ran = env.run_once();
        env.assert_paid(week as usize, "after a week");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(env.state("news"), "succeeded");
        let again = env.run_once();
        assert_eq!(again.code, Some(0), "{again:?}");
        env.assert_paid(week as usize, "after a second run in the same week");
    }
    env.assert_all_results_kept();
    let newest = env.ledger().tasks.pop().unwrap().task_id;
    assert_eq!(env.results()[&newest], [env.path("output/news.mp4")]);
    assert_eq!(env.earlier_results("news").len(), 3, "{:?}", env.output_files());
}

#[test]
fn new_audio_is_noticed_while_running() {
    let mut env = first_week();
    env.set_on_change("run");
    env.spawn();
    for week in 1..=3 {
        put_audio(&env, week);
        let tasks = week as usize;
        env.until("the week to be paid", |test_env| test_env.ledger().tasks.len() == tasks);
        env.until_all(&["news".to_owned()], "succeeded");
        env.scanned();
        env.assert_paid(tasks, "after a week");
    }
    env.assert_all_results_kept();
}

#[test]
fn new_audio_is_flagged_by_default() {
    let env = first_week();
    let ran = env.run_once();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let first = env.result("news");
    put_audio(&env, 2);
    let ran = env.run_once();
    env.assert_paid(1, "after new audio, with on_change: flag");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(env.state("news"), "succeeded");
    assert_eq!(env.column("news", "changed_after_sent").as_deref(), Some("1"));
    assert_eq!(env.result("news"), first);

    env.command_done(&["retry", "news", "--yes"]);
    let ran = env.run_once();
    env.assert_paid(2, "after retry");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(env.column("news", "changed_after_sent").as_deref(), Some("0"));
    assert_ne!(env.result("news"), first);
    assert_eq!(env.earlier_results("news").len(), 1, "{:?}", env.output_files());
    env.assert_all_results_kept();
}

#[test]
fn dismissed_change_is_not_flagged_again() {
    let env = first_week();
    env.run_once();
    put_audio(&env, 2);
    env.run_once();
    assert_eq!(env.column("news", "changed_after_sent").as_deref(), Some("1"));
    env.command_done(&["dismiss", "news"]);
    let ran = env.run_once();
    env.assert_paid(1, "after dismiss");
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn edit_back_to_an_earlier_request_pays_nothing() {
    let env = Env::new();
    env.set_on_change("run");
    let edited = single("back").replace("sound_end_time: 4s", "sound_end_time: 3s");
    for (text, tasks) in [(single("back"), 1), (edited, 2), (single("back"), 2)] {
        env.drop_in_old("x.yaml", text);
        let ran = env.run_once();
        env.assert_paid(tasks, "after an edit");
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let first = env.ledger().tasks.remove(0).task_id;
    assert!(env.results()[&first].contains(&env.path("output/x.mp4")), "{:?}", env.results());
    env.assert_all_results_kept();
}

#[test]
fn audio_of_many_jobs_is_flagged_even_with_run() {
    const JOBS: usize = 21;
    let env = Env::new();
    env.set_on_change("run");
    put_audio(&env, 1);
    let job = |n| format!("- {{ id: j{n}, video: \"{}\" }}\n", video(&format!("many-{n}")));
    let jobs: String = (0..JOBS).map(job).collect();
    env.drop_in_old("many.yaml", format!("defaults: {{ audio: news.wav }}\njobs:\n{jobs}"));
    let ran = env.run_once();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    put_audio(&env, 2);
    let ran = env.run_once();
    env.assert_paid(JOBS, "after one file changed 21 finished jobs");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for n in 0..JOBS {
        let flagged = env.column(&format!("many/j{n}"), "changed_after_sent");
        assert_eq!(flagged.as_deref(), Some("1"), "many/j{n}");
    }
}
