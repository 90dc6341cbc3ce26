//! A second daemon on the same database, by any path.

use std::{fs, os::unix::fs::symlink};

use crate::support::daemon::{Ran, TestEnv, slow};

#[test]
fn a_second_daemon_is_always_refused() {
    let mut test_env = TestEnv::new(slow());
    test_env.start();
    let pid = test_env.pid();
    symlink(test_env.path("lipsyncd.db"), test_env.path("link.db")).unwrap();
    let settings = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    fs::write(test_env.path("link.yaml"), format!("{settings}state_db: link.db\n")).unwrap();
    let run = |config: &str| Ran::from(test_env.command_with(config, &["run"]).output().unwrap());
    let ran = run("lipsyncd.yaml");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains(&format!("another lipsyncd (PID {pid}) uses")), "{ran:?}");
    let linked = run("link.yaml");
    assert_eq!(linked.code, Some(3), "{linked:?}");
    assert!(linked.err.contains(&format!("another lipsyncd (PID {pid}) uses")), "{linked:?}");
    fs::remove_file(test_env.path("lipsyncd.db.lock")).unwrap();
    for config in ["lipsyncd.yaml", "link.yaml"] {
        let ran = run(config);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.contains("another lipsyncd"), "{ran:?}");
    }
    assert!(test_env.is_running());
}
