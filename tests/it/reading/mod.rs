//! Reading the state database as its page tells: every query of it, by SQLite's own program, by a reader
//! who may do nothing else.

mod contributing;
mod links;
mod page;
mod queries;
mod quotes;
mod reader;

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};

use crate::support::daemon::{JOB, TestEnv, quick};

/// A test environment in which everything has happened that a query of the page asks about: successes, failures with
/// and without an answer of the API, a retry, an unresolved job, a refused manifest, media that are not
/// there, a cap and a pause. The daemon runs.
fn eventful() -> TestEnv {
    let mut test_env = TestEnv::new(SimConfig { answers_external_lookups: false, ..quick() });
    let path = test_env.path("lipsyncd.yaml");
    let config = std::fs::read_to_string(&path).unwrap();
    let config = config.replace("limits: { ", "limits: { units_per_day: 1000, ");
    std::fs::write(&path, config).unwrap();
    test_env.drop_in(
        "promo.yaml",
        "defaults:\n  video: https://cdn.example.com/v.mp4?duration_ms=9000\n  \
         audio: https://cdn.example.com/a.mp3?duration_ms=5000\n  sound_end_time: 4s\n  \
         labels: {campaign: spring}\n\
         jobs:\n  - id: en\n  - id: de\n    sound_volume: 0.9\n  - id: bad\n    \
         video: https://cdn.example.com/b.mp4?duration_ms=9000\n    face: {index: 7}\n",
    );
    // It asks for what `promo/en` asks for.
    test_env.drop_in("twin.yaml", JOB);
    test_env.drop_in("broken.yaml", "video: v.mp4\naudoi: a.mp3\n");
    test_env.drop_in("late.yaml", "video: https://cdn.example.com/l.mp4\naudio: late.mp3\n");
    test_env.start();
    for (key, state) in [
        ("promo/en", "succeeded"),
        ("twin", "succeeded"),
        ("promo/de", "succeeded"),
        ("promo/bad", "failed"),
    ] {
        test_env.until_state(key, state);
    }
    assert_eq!(test_env.run(&["retry", "--yes", "promo/de"]).code, Some(0));
    test_env.until("the retry", |test_env| {
        test_env.job("promo/de").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    let refusal = Fault::Code { code: 1201, status: None, retry_after_s: None, message: None };
    let next = |call, fault| {
        test_env.sim.control(|sim| sim.add_fault(FaultRule::once(call, fault)));
    };
    next(Endpoint::Identify, refusal);
    test_env.drop_in("refused.yaml", JOB.replace("/v.mp4", "/refused.mp4"));
    test_env.until_state("refused", "failed");
    next(Endpoint::Create, Fault::LoseAnswer);
    test_env.drop_in("lost.yaml", JOB.replace("/v.mp4", "/lost.mp4"));
    test_env.until_state("lost", "unresolved");
    test_env.until("its candidates", |test_env| {
        let database = test_env.database().unwrap();
        let count = database.query_row("SELECT count(*) FROM candidate", [], |row| row.get(0));
        count == Ok(1)
    });
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.drop_in("next.yaml", JOB.replace("/v.mp4", "/next.mp4"));
    test_env.until_state("next", "queued");
    test_env
}
