//! Which jobs an action means, where the selection does not say it: the same for commands and for the web page.

use crate::{job::State, store::Select};

/// A retry would pay again for results that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that succeeded must be named by its key to be paid again")]
pub struct SucceededNotNamed;

/// Returns the jobs that a retry means: without keys and states the failed ones.
///
/// # Errors
/// Jobs that succeeded are selected, and not named by their keys.
pub fn to_retry(mut select: Select) -> Result<Select, SucceededNotNamed> {
    if !select.keys.is_empty() {
        return Ok(select);
    }
    // Only jobs that succeeded have a verdict.
    if select.states.contains(&State::Succeeded) || !select.verdicts.is_empty() {
        return Err(SucceededNotNamed);
    }
    if select.states.is_empty() {
        select.states = vec![State::Failed];
    }
    Ok(select)
}

/// Returns the jobs that a cancellation means: without states those that have not ended, unless jobs are selected by their
/// keys alone.
pub fn to_cancel(mut select: Select) -> Select {
    if select.states.is_empty() && !select.is_by_key() {
        select.states = State::ALL.into_iter().filter(|state| !state.is_finished()).collect();
    }
    select
}

/// Returns the jobs that a dismissal, or with `undo` its reversal, means: without states failed ones, unless jobs are
/// selected by their keys alone, or because their request changed.
pub fn to_dismiss(mut select: Select, undo: bool) -> Select {
    if select.is_by_key() || select.changed == Some(true) {
        return select;
    }
    select.dismissed = Some(undo);
    if select.states.is_empty() {
        select.states = vec![State::Failed];
    }
    select
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job::Verdict, store::ManifestGlob};

    fn of_manifest() -> Select {
        Select { manifests: vec![ManifestGlob::new("a.yaml")], ..Select::default() }
    }

    fn named() -> Select {
        Select { keys: vec!["a/b".to_owned()], ..Select::default() }
    }

    #[test]
    fn a_retry_is_of_failed_jobs_unless_jobs_are_named() {
        assert_eq!(to_retry(named()), Ok(named()));
        let failed = Select { states: vec![State::Failed], ..of_manifest() };
        assert_eq!(to_retry(of_manifest()), Ok(failed.clone()));
        assert_eq!(to_retry(failed.clone()), Ok(failed));
        let succeeded = Select { states: vec![State::Succeeded], ..of_manifest() };
        assert_eq!(to_retry(succeeded.clone()), Err(SucceededNotNamed));
        let rejected = Select { verdicts: vec![Some(Verdict::Rejected)], ..of_manifest() };
        assert_eq!(to_retry(rejected.clone()), Err(SucceededNotNamed));
        for select in [succeeded, rejected] {
            let select = Select { keys: named().keys, ..select };
            assert_eq!(to_retry(select.clone()), Ok(select));
        }
    }

    #[test]
    fn a_cancellation_is_of_jobs_that_have_not_ended() {
        assert_eq!(to_cancel(named()), named());
        let states = to_cancel(of_manifest()).states;
        assert!(states.contains(&State::Unresolved) && !states.contains(&State::Failed));
    }

    #[test]
    fn a_dismissal_is_of_failed_jobs_that_are_not_dismissed() {
        assert_eq!(to_dismiss(named(), false), named());
        let changed = Select { changed: Some(true), ..Select::default() };
        assert_eq!(to_dismiss(changed.clone(), false), changed);
        for undo in [false, true] {
            let select = to_dismiss(of_manifest(), undo);
            assert_eq!((select.states, select.dismissed), (vec![State::Failed], Some(undo)));
        }
    }
}
