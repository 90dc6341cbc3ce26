//! Reading the state database as its page tells: every query of it, by SQLite's own program, by a reader
//! who may do nothing else.

mod links;
mod page;
mod queries;
mod quotes;
mod reader;

use lipsyncd::sim::{Call, Fault, FaultRule, SimConfig};

use crate::support::daemon::{House, JOB, quick};

/// A house in which everything has happened that a query of the page asks about: successes, failures with
/// and without an answer of the API, a retry, an unresolved job, a refused manifest, media that are not
/// there, a cap and a pause. The daemon runs.
fn eventful() -> House {
    let mut house = House::new(SimConfig { answers_external_lookups: false, ..quick() });
    let path = house.path("lipsyncd.yaml");
    let config = std::fs::read_to_string(&path).unwrap();
    let config = config.replace("limits: { ", "limits: { units_per_day: 1000, ");
    std::fs::write(&path, config).unwrap();
    house.drop_in(
        "promo.yaml",
        "defaults:\n  video: https://cdn.example.com/v.mp4?duration_ms=9000\n  \
         audio: https://cdn.example.com/a.mp3?duration_ms=5000\n  sound_end_time: 4s\n  \
         labels: {campaign: spring}\n\
         jobs:\n  - id: en\n  - id: de\n    sound_volume: 0.9\n  - id: bad\n    \
         video: https://cdn.example.com/b.mp4?duration_ms=9000\n    face: {index: 7}\n",
    );
    // It asks for what `promo/en` asks for.
    house.drop_in("twin.yaml", JOB);
    house.drop_in("broken.yaml", "video: v.mp4\naudoi: a.mp3\n");
    house.drop_in("late.yaml", "video: https://cdn.example.com/l.mp4\naudio: late.mp3\n");
    house.start();
    for (key, state) in [
        ("promo/en", "succeeded"),
        ("twin", "succeeded"),
        ("promo/de", "succeeded"),
        ("promo/bad", "failed"),
    ] {
        house.until_state(key, state);
    }
    assert_eq!(house.run(&["retry", "--yes", "promo/de"]).code, Some(0));
    house.until("the retry", |house| {
        house.job("promo/de").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    let refusal = Fault::Code { code: 1201, status: None, retry_after_s: None, message: None };
    let next = |call, fault| {
        house.sim.control(|sim| sim.add_fault(FaultRule::once(call, fault)));
    };
    next(Call::Identify, refusal);
    house.drop_in("refused.yaml", JOB.replace("/v.mp4", "/refused.mp4"));
    house.until_state("refused", "failed");
    next(Call::Create, Fault::LoseAnswer);
    house.drop_in("lost.yaml", JOB.replace("/v.mp4", "/lost.mp4"));
    house.until_state("lost", "unresolved");
    house.until("its candidates", |house| {
        let database = house.database().unwrap();
        let count = database.query_row("SELECT count(*) FROM candidate", [], |row| row.get(0));
        count == Ok(1)
    });
    assert_eq!(house.run(&["pause"]).code, Some(0));
    house.drop_in("next.yaml", JOB.replace("/v.mp4", "/next.mp4"));
    house.until_state("next", "queued");
    house
}
