//! How many jobs an action would change, and how many tasks it pays.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use super::{JobAction, NotChanged, Payment, PriceSum, counted, refused, video_key};
use crate::{
    job::{Job, JobId, Length, PriceList},
    store::{JobState, Reader, SelectedJobs, StoreError},
};

/// Named in a question.
const NAMED_MAX: usize = 10;
/// Refused jobs that are kept; more are only counted.
const REFUSED_MAX: usize = 20;
/// Jobs that are read at once.
const PAGE: usize = 256;

/// A job that an action refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RefusedJob {
    pub key: String,
    pub why: String,
    pub hint: Option<String>,
}

/// What an action would do. It keeps some 40 bytes for each job that pays, 16 for others: what was shown for it.
#[derive(Debug, Clone, Default)]
pub struct ActionPlan {
    /// The keys of the first jobs that would be changed.
    pub first: Vec<String>,
    /// The first jobs that are refused.
    pub refused: Vec<RefusedJob>,
    /// How many jobs are refused.
    pub refused_jobs: usize,
    /// The price of the tasks that are paid, or would not be paid any more.
    pub price: PriceSum,
    /// Row and fingerprint of each job that would be changed, by row.
    shown: Vec<(JobId, u64)>,
    /// Fingerprints of request hash and take of the tasks that are paid.
    paid: HashSet<u64>,
    /// Jobs whose media were not read, so that it is unknown which of them share a task.
    unread: usize,
    videos: HashSet<u64>,
}

impl ActionPlan {
    /// Reads what `action` would do to the selected jobs. Jobs that would share a new task pay once. `progress` is called
    /// with the number of jobs that were read.
    pub fn read<E: From<StoreError>>(
        reader: &Reader,
        jobs: &SelectedJobs,
        action: &JobAction,
        prices: &PriceList,
        mut progress: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (mut plan, mut read) = (Self::default(), 0);
        reader.each_selected(jobs, PAGE, |ids| {
            for key in reader.keys_of(ids)? {
                if let Some(state) = reader.job_state(&key)? {
                    plan.add(key, state, action, prices);
                }
            }
            read += ids.len();
            progress(read)
        })?;
        plan.shown.sort_unstable_by_key(|(id, _)| *id);
        let videos = i64::try_from(plan.videos.len()).unwrap_or(i64::MAX);
        plan.price.add_calls(prices.identify(), videos);
        Ok(plan)
    }

    fn add(&mut self, key: String, state: JobState, action: &JobAction, prices: &PriceList) {
        match action.decide(&state) {
            Err(NotChanged::Refused { why, hint }) => {
                self.refused_jobs += 1;
                if self.refused.len() < REFUSED_MAX {
                    self.refused.push(RefusedJob { key, why, hint });
                }
                return;
            }
            Err(NotChanged::AlreadyDone(_) | NotChanged::NotSelected) => return,
            Ok(_) => {}
        }
        self.shown.push((state.job.id, shown(&state)));
        if self.first.len() < NAMED_MAX {
            self.first.push(key);
        }
        let is_paid = match action.payment(&state) {
            Payment::Nothing => false,
            Payment::Task(request_hash, take) => {
                self.paid.insert(fingerprint(&(request_hash, take)))
            }
            Payment::Unread => {
                self.unread += 1;
                true
            }
        };
        if is_paid {
            let Job { spec, media, .. } = state.job;
            self.price.add_tasks(prices.task(Length::of(&spec, &media, None)), 1);
            self.videos.insert(fingerprint(&video_key(&spec, &media)));
        }
    }

    /// Returns how many jobs would be changed.
    pub fn jobs(&self) -> usize {
        self.shown.len()
    }

    /// Returns how many tasks are paid.
    pub fn paid_tasks(&self) -> usize {
        self.paid.len() + self.unread
    }

    /// Returns a number that changes with the jobs, their states, the payments and the price: for a confirmation that comes
    /// later.
    pub fn digest(&self) -> u64 {
        let mut paid: Vec<u64> = self.paid.iter().copied().collect();
        paid.sort_unstable();
        fingerprint(&(&self.shown, paid, self.unread, self.price.text()))
    }

    /// Describes the jobs: `2 jobs (a, b)`.
    pub fn jobs_text(&self) -> String {
        let mut names: Vec<&str> = self.first.iter().map(String::as_str).collect();
        names.extend((self.jobs() > names.len()).then_some("…"));
        format!("{} ({})", counted(self.jobs(), "job"), names.join(", "))
    }

    /// Describes the payment: `1 paid task, 1 free (the task exists or is shared); price: 2.6 units`.
    pub fn payment_text(&self) -> String {
        let paid = self.paid_tasks();
        let mut text = counted(paid, "paid task");
        if self.jobs() > paid {
            text += &format!(", {} free (the task exists or is shared)", self.jobs() - paid);
        }
        if paid > 0 {
            text += &format!("; price: {}", self.price.text());
        }
        text
    }

    /// Returns `action` for exactly what was shown: it refuses a job that changed, and one that would pay for a task
    /// that was not shown. What has become free is allowed.
    #[must_use]
    pub fn confirmed(self, action: JobAction) -> JobAction {
        let payment = action.clone();
        action.checked(move |state, decide| {
            let Some(before) = self.shown_for(state) else { return Err(NotChanged::NotSelected) };
            let command = decide(state)?;
            let is_paid_as_shown = match payment.payment(state) {
                Payment::Task(request_hash, take) => {
                    self.paid.contains(&fingerprint(&(request_hash, take)))
                }
                Payment::Nothing | Payment::Unread => true,
            };
            if before == shown(state) && is_paid_as_shown { Ok(command) } else { changed(state) }
        })
    }

    /// Returns the fingerprint of a job that would be changed. The others were shown as refused, or were not selected.
    fn shown_for(&self, state: &JobState) -> Option<u64> {
        let at = self.shown.binary_search_by_key(&state.job.id, |(id, _)| *id).ok()?;
        Some(self.shown[at].1)
    }
}

fn changed(state: &JobState) -> super::Decision {
    let show = super::command_for("show", &state.job.spec.key);
    refused("changed after it was shown; it is left as it is", Some(show))
}

/// What the question was based on for one job.
fn shown(state: &JobState) -> u64 {
    let job = &state.job;
    fingerprint(&(job.state, job.task, &job.request_hash))
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
