//! A task at Kling is recognised by its video: Kling shows the link that was signed then, and each link has another
//! signature.

use std::fs;

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};

use super::{
    KEYS, assert_no_links, env_of, job, put_video,
    server::{bucket_name, s3},
    text_of, video,
};
use crate::support::daemon::{BRISK, quick};

#[test]
fn a_lost_create_request_under_an_own_name_is_recognised_by_its_video() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("matched");
    s3.create(&bucket);
    let mut env = env_of(SimConfig { unique_external_ids: false, ..quick() });
    env.configure_with(&BRISK, 5, &text_of(&s3.endpoint, &bucket));
    put_video(&env, "v.mp4", &video("matched", 200_000));
    let own = format!("{}external_task_id: mine\n", job("v.mp4", "en"));
    env.drop_in_old("en.yaml", &own);
    env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer)));
    env.start_with(&KEYS);
    env.until_state("en", "succeeded");
    assert_eq!(env.ledger().tasks.len(), 1);
    assert!(env.ledger().tasks[0].video.contains("X-Amz-Signature"), "Kling shows a signed link");
    // The database is lost: another one finds the task, and pays nothing.
    env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _ = fs::remove_file(env.path(name));
    }
    fs::remove_dir_all(env.path("output")).unwrap();
    env.start_with(&KEYS);
    env.until_state("en", "succeeded");
    assert_eq!(env.ledger().tasks.len(), 1);
    assert_no_links(&env);
}

/// A task in the list that may be the job's is shown to a person: without the signature of its link.
#[test]
fn a_candidate_is_shown_without_the_signature() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("candidate");
    s3.create(&bucket);
    let mut env = env_of(SimConfig { answers_external_lookups: false, ..quick() });
    env.configure_with(&BRISK, 5, &text_of(&s3.endpoint, &bucket));
    put_video(&env, "v.mp4", &video("candidate", 200_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer)));
    env.start_with(&KEYS);
    env.until_state("en", "unresolved");
    assert_no_links(&env);
    let shown = env.run(&["show", "en"]).out;
    assert!(shown.contains("/lipsyncd/") && !shown.contains("X-Amz-"), "{shown}");
    assert_eq!(env.ledger().tasks.len(), 1);
}
