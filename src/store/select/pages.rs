//! All selected jobs, page by page.

use std::{collections::HashMap, mem};

use super::{
    order::{PageEnd, SortBy},
    query::SelectedJobs,
};
use crate::{
    job::JobId,
    store::{Reader, StoreError},
};

/// The rows of all selected jobs, page by page: in the order in which they were first read, or, of jobs that were named,
/// in the order of their names. Jobs that do not match any more when their page is read are left out.
#[derive(Debug)]
pub struct SelectedPages<'a> {
    jobs: &'a SelectedJobs,
    limit: usize,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    After(PageEnd),
    Named(Vec<JobId>),
    End,
}

impl SelectedJobs {
    /// Returns the pages, with up to `limit` jobs each.
    pub fn pages(&self, limit: usize) -> SelectedPages<'_> {
        SelectedPages { jobs: self, limit, next: Next::First }
    }
}

impl SelectedPages<'_> {
    /// Reads the next page; none: there are no more.
    pub fn next(&mut self, reader: &Reader) -> Result<Option<Vec<JobId>>, StoreError> {
        let after = match mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::First if !self.jobs.keys.is_empty() => {
                return Ok(self.first_of(named(reader, self.jobs)?));
            }
            Next::Named(ids) => return Ok(self.first_of(ids)),
            Next::First => None,
            Next::After(end) => Some(end),
        };
        let page = reader.selected(self.jobs, SortBy::Read, after.as_ref(), self.limit)?;
        if let Some(end) = page.end {
            self.next = Next::After(end);
        }
        Ok(Some(page.ids).filter(|ids| !ids.is_empty()))
    }

    /// Whether there may be another page.
    pub fn has_more(&self) -> bool {
        !matches!(self.next, Next::End)
    }

    fn first_of(&mut self, mut ids: Vec<JobId>) -> Option<Vec<JobId>> {
        let rest = ids.split_off(ids.len().min(self.limit));
        if !rest.is_empty() {
            self.next = Next::Named(rest);
        }
        Some(ids).filter(|ids| !ids.is_empty())
    }
}

fn named(reader: &Reader, jobs: &SelectedJobs) -> Result<Vec<JobId>, StoreError> {
    let page = reader.selected(jobs, SortBy::Read, None, jobs.keys.len())?;
    let keys = reader.keys_of(&page.ids)?;
    let mut ids: HashMap<String, JobId> = keys.into_iter().zip(page.ids).collect();
    // A name that is repeated finds its job once.
    Ok(jobs.keys.iter().filter_map(|key| ids.remove(key)).collect())
}
