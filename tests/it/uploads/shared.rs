//! Several daemons and one bucket, and what the address of a video means.

use std::fs;

use lipsyncd::sim::{Endpoint, Fault, FaultRule};

use super::{
    KEYS, configure, env_with, identified, job, objects_of, put_video,
    server::{bucket_name, s3},
    video,
};

#[test]
fn two_daemons_use_one_bucket() {
    let Some(s3) = s3() else { return };
    // A name with dots, too.
    let bucket = bucket_name("two.daemons");
    s3.create(&bucket);
    let content = video("two", 2_000_000);
    let mut environments = [(), ()].map(|()| env_with(&s3.endpoint, &bucket, ""));
    for env in &environments {
        put_video(env, "v.mp4", &content);
        env.drop_in_old("en.yaml", job("v.mp4", "en"));
    }
    for env in &mut environments {
        env.spawn_with(&["run"], &KEYS);
    }
    for env in &environments {
        env.until_state("en", "succeeded");
        assert_eq!((identified(env), env.ledger().tasks.len()), (1, 1));
    }
    objects_of(s3, &bucket, &[&content]);
}

/// Kling shows the address at which a video was identified. A session from an earlier address is not used: the task of
/// a lost create request would not be recognised by the video.
#[test]
fn a_video_at_another_address_is_identified_again() {
    let Some(s3) = s3() else { return };
    let buckets = [bucket_name("first"), bucket_name("second")];
    for bucket in &buckets {
        s3.create(bucket);
    }
    let mut env = env_with(&s3.endpoint, &buckets[0], "");
    put_video(&env, "v.mp4", &video("address", 200_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    env.until_state("en", "succeeded");
    configure(&env, &s3.endpoint, &buckets[1], "");
    env.signal("HUP");
    env.until("the reload", |env| env.log().contains("restarting with the new configuration"));
    env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer)));
    env.drop_in("fr.yaml", job("v.mp4", "fr"));
    env.until_state("fr", "succeeded");
    let ledger = env.ledger();
    assert_eq!((identified(&env), ledger.tasks.len()), (2, 2));
    for (task, bucket) in ledger.tasks.iter().zip(&buckets) {
        assert!(task.video.contains(&format!("/{bucket}/lipsyncd/")), "{}", task.video);
    }
}

#[test]
fn a_video_that_became_a_link_out_of_the_folders_is_not_sent() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("link-out");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, "not-there-yet", "");
    put_video(&env, "v.mp4", &video("link out", 200_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    env.start_with(&KEYS);
    env.until("held uploads", |env| super::waiting_for(env, "en").starts_with("uploads are held"));
    let path = env.path("media/v.mp4");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    configure(&env, &s3.endpoint, &bucket, "");
    env.signal("HUP");
    env.until("the refusal", |env| {
        let job = env.job("en").unwrap();
        format!("{} {}", job.waiting_for, job.error).contains("is outside the allowed folders")
    });
    assert_eq!(s3.objects(&bucket), Vec::<String>::new());
    assert_eq!((identified(&env), env.ledger().tasks.len()), (0, 0));
}
