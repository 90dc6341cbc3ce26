//! Targets that hang, fail and disappear.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use super::*;
use crate::{
    config::{NotifyChannel, NotifyEvent, NotifyTarget},
    job::Moment,
    store::{NotificationProblems, Pause, PauseKind, Store},
};

/// A target that runs this shell script.
fn shell(script: &str, limit: Duration) -> MessageTarget {
    let limits = TimeLimits { command: limit, ..TimeLimits::default() };
    MessageTarget::new(&configured(script), None, limits)
}

fn configured(script: &str) -> NotifyTarget {
    let words = ["/bin/sh", "-c", script].map(str::to_owned).into();
    NotifyTarget { channel: NotifyChannel::Command(words), events: NotifyEvent::ALL.into() }
}

/// Waits until the process is gone, or a zombie that its new parent has not collected.
async fn until_ended(pid: &str) {
    let began = Instant::now();
    let stat = Path::new("/proc").join(pid).join("stat");
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(began.elapsed() < Duration::from_secs(60), "process {pid} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {0}.part; mv {0}.part {0}; wait", file.display());
    // Long enough for a slow machine to start it.
    let target = shell(&script, Duration::from_secs(2));
    let error = target.send_test(0).await.unwrap_err();
    assert_eq!(error.to_string(), "/bin/sh did not end within 2 s and was killed");
    until_ended(fs::read_to_string(&file).unwrap().trim()).await;
    // The same if the daemon ends in the meantime.
    fs::remove_file(&file).unwrap();
    let target = shell(&script, Duration::from_secs(600));
    let send = target.send_test(0);
    tokio::select! {
        sent = send => panic!("{sent:?}"),
        () = async {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    until_ended(fs::read_to_string(&file).unwrap().trim()).await;
}

#[tokio::test]
async fn a_command_may_ignore_its_input_and_leave_a_process_behind() {
    let limit = Duration::from_secs(60);
    for script in ["exit 0", "sleep 2 & exit 0", "cat", "head -c 200000 /dev/zero >&2"] {
        let sent = shell(script, limit).send_test(0).await;
        assert_eq!(sent, Ok("ended with exit code 0".to_owned()), "{script}");
    }
    let error = shell("echo 'no\tserver' >&2; exit 3", limit).send_test(0).await.unwrap_err();
    assert_eq!(error.to_string(), "ended with exit code 3: no server");
    let error = shell("kill -9 $$", limit).send_test(0).await.unwrap_err();
    assert_eq!(error.to_string(), "was ended by a signal");
}

#[tokio::test]
async fn a_webhook_that_hangs_is_given_up() {
    // Connections are accepted by the kernel, and nobody reads.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    let channel = NotifyChannel::Webhook {
        url: url.parse().unwrap(),
        format: crate::config::WebhookFormat::Json,
    };
    let target = NotifyTarget { channel, events: NotifyEvent::ALL.into() };
    let limits = TimeLimits { webhook: Duration::from_millis(100), ..TimeLimits::default() };
    let target = MessageTarget::new(&target, None, limits);
    let error = target.send_test(0).await.unwrap_err().to_string();
    assert!(error.starts_with("no answer from 127.0.0.1:"), "{error}");
    assert!(error.ends_with(" within 0.1 s") && !error.contains("secret"), "{error}");
    drop(listener);
    let error = target.send_test(0).await.unwrap_err().to_string();
    assert!(error.starts_with("no connection to 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_message_that_fails_for_a_day_is_dead_and_can_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("lipsyncd.db")).unwrap();
    let script = format!("test -e {}/works", folder.path().display());
    let (configured, target) = ([configured(&script)], shell(&script, Duration::from_secs(60)));
    // The triggers read the system's clock.
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let clock = Arc::new(AtomicI64::new(now_ms));
    let its_clock = Arc::clone(&clock);
    let moment = move || Moment { now_ms: its_clock.load(Ordering::Relaxed), chance: 0.0 };
    let sender = Sender::start(store.clone(), &configured, vec![target], moment).await.unwrap();
    let (kind, reason) = (PauseKind::Person, "lunch".to_owned());
    let pause = Pause { kind, reason, code: None, since_ms: now_ms, next_probe_at_ms: None };
    store.set_pause(Some(pause)).await.unwrap();
    let until = async |expected: (i64, i64)| {
        let began = Instant::now();
        loop {
            let status = store.queue_status(now_ms).await.unwrap();
            let NotificationProblems { failing, dead, .. } = status.notifications;
            if (failing, dead) == expected {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{failing} failing, {dead} dead");
            // The clock runs ahead of the delays between two tries.
            clock.fetch_add(1_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let steps = async {
        until((1, 0)).await;
        clock.fetch_add(86_400_000, Ordering::Relaxed);
        until((0, 1)).await;
        fs::write(folder.path().join("works"), "").unwrap();
        assert_eq!(store.retry_notifications().await.unwrap(), 1);
        until((0, 0)).await;
    };
    tokio::select! {
        never = sender.run() => panic!("{never:?}"),
        () = steps => {}
    }
}
