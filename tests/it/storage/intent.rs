//! No create is sent whose intent is not on disk; and the watch that says so can tell.

use super::shim::{DiskTestEnv, TASKS};

#[test]
fn every_create_is_on_disk_before_it_is_sent() {
    let mut disk = DiskTestEnv::new();
    assert_eq!(disk.run_once(&[]).0, Some(0));
    let creates = disk.creates();
    assert_eq!(creates.len(), TASKS, "{creates:?}");
    assert!(creates.iter().all(|(written, _)| *written), "{creates:?}");
}

#[test]
fn a_create_that_was_written_but_not_synced_is_noticed() {
    let mut disk = DiskTestEnv::new();
    // The disk says that it synced, and did not: as if the daemon had not asked it to.
    assert_eq!(disk.run_once(&[("SHIM_LIES", "1")]).0, Some(0));
    let creates = disk.creates();
    assert_eq!(creates.len(), TASKS, "{creates:?}");
    assert!(creates.iter().all(|(written, _)| !*written), "{creates:?}");
}
