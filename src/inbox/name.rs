//! The name that a job's task goes by in the account, where its manifest gives it none.
//!
//! It follows from what is known again even if the state database is lost: the same job gets the
//! same name, so that the API tells of the task that was paid for before. Names are not to be
//! changed: a task could no longer be found by them.

use sha2::{Digest as _, Sha256};

/// So many bytes of the digest are in a name.
const BYTES: usize = 16;

/// The name of the task of the job `key`, which asks `meaning` of that account.
pub(super) fn task_name(account: &str, key: &str, meaning: &str) -> String {
    let digest = Sha256::digest([account, key, meaning].join("\n"));
    let hex = digest.iter().take(BYTES).map(|byte| format!("{byte:02x}"));
    format!("lipsyncd-{}", hex.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::task_name;

    #[test]
    fn names_stay_as_they_are_and_differ_by_each_part() {
        let name = task_name("key-1", "promo/en", "abc");
        insta::assert_snapshot!(name, @"lipsyncd-7c3800247cf0c78ebea7d55a72b2b72c");
        for other in [
            ("key-2", "promo/en", "abc"),
            ("key-1", "promo/fr", "abc"),
            ("key-1", "promo/en", "abd"),
        ] {
            assert_ne!(task_name(other.0, other.1, other.2), name);
        }
    }
}
