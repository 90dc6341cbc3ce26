//! How many random cases the tests run: few by default, many with `LIPSYNCD_TESTS=full`, as `.ci/run` sets it.

use std::env;

/// Returns whether the tests run with their full counts.
pub fn is_full() -> bool {
    match env::var("LIPSYNCD_TESTS").as_deref() {
        Ok("full") => true,
        Ok("") | Err(_) => false,
        Ok(other) => panic!("LIPSYNCD_TESTS={other}: only `full` is allowed"),
    }
}

/// Returns the number that the environment variable sets, else `full` or `quick`.
pub fn count(variable: &str, quick: u64, full: u64) -> u64 {
    number(variable).unwrap_or(if is_full() { full } else { quick })
}

/// Returns the number that the environment variable sets, if it does.
pub fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}: not a number")))
}
