//! Which jobs a retry makes again, and how many tasks it pays.

use std::collections::{HashMap, HashSet};

use crate::{
    cli::{
        CommandContext, ExitCode, Result, counted,
        price::{PriceSum, prices, video_key},
        update::{Decision, not_changed, unknown_job},
    },
    job::{Job, Length, PriceList, State, TaskId},
    store::{JobState, Reader},
};

const NAMED_MAX: usize = 10;

/// What the question was based on for one job. A confirmation is valid only while this is unchanged.
#[derive(PartialEq)]
struct ShownJob {
    state: State,
    task: Option<TaskId>,
    request_hash: Option<String>,
}

impl ShownJob {
    fn of(state: &JobState) -> Self {
        let JobState { job, .. } = state;
        Self { state: job.state, task: job.task, request_hash: job.request_hash.clone() }
    }
}

pub(super) struct RetryPlan {
    pub(super) keys: Vec<String>,
    shown: HashMap<String, ShownJob>,
    /// The tasks that would be paid: request hash and take.
    paid: HashSet<(String, u32)>,
    /// Jobs whose media were not read, so that it is unknown which of them share a task.
    unread: usize,
    price: PriceSum,
    pub(super) exit: ExitCode,
}

impl RetryPlan {
    /// Whether a job is unchanged since it was shown, and its retry pays for no task that was not shown. A retry that
    /// has become free is allowed.
    pub(super) fn has_shown(&self, state: &JobState) -> bool {
        let is_as_shown =
            self.shown.get(&state.job.spec.key).is_some_and(|shown| *shown == ShownJob::of(state));
        let is_paid_as_shown = match &state.retry_task {
            Some(task) => state.retry_is_free || self.paid.contains(task),
            None => true,
        };
        is_as_shown && is_paid_as_shown
    }

    /// Describes the plan: `2 jobs (a, b): 1 paid task, 1 free (the task exists or is shared)`.
    pub(super) fn text(&self) -> String {
        let jobs = self.keys.len();
        let mut names: Vec<&str> = self.keys.iter().take(NAMED_MAX).map(String::as_str).collect();
        names.extend((jobs > NAMED_MAX).then_some("…"));
        let (names, paid) = (names.join(", "), self.paid.len() + self.unread);
        let mut text =
            format!("{} ({names}): {}", counted(jobs, "job"), counted(paid, "paid task"));
        if jobs > paid {
            text += &format!(", {} free (the task exists or is shared)", jobs - paid);
        }
        if paid > 0 {
            text += &format!("; price: {}", self.price.text());
        }
        text
    }

    /// Reads which jobs would be retried, and reports the others. Jobs that would share a new task pay once.
    pub(super) fn read(
        keys: &[String],
        decide: impl Fn(&JobState) -> Decision,
        reader: &Reader,
        context: &mut CommandContext<'_>,
    ) -> Result<Self> {
        let mut plan = Self {
            keys: Vec::new(),
            shown: HashMap::new(),
            paid: HashSet::new(),
            unread: 0,
            price: PriceSum::default(),
            exit: ExitCode::Done,
        };
        let (mut seen, mut videos) = (HashSet::new(), HashSet::new());
        let prices = prices(Some(reader), context.config)?;
        for key in keys.iter().filter(|key| seen.insert(key.as_str())) {
            let refusal = match reader.job_state(key)? {
                None => Some(unknown_job(reader, key)?),
                Some(state) => match decide(&state) {
                    Ok(_) => {
                        videos.extend(plan.add(key, state, &prices));
                        None
                    }
                    Err(reason) => not_changed(key, reason).err(),
                },
            };
            if let Some(refusal) = refusal {
                refusal.report(context.err)?;
                plan.exit = plan.exit.max(refusal.exit);
            }
        }
        plan.price.add_calls(prices.identify(), i64::try_from(videos.len()).unwrap_or(i64::MAX));
        Ok(plan)
    }

    /// Returns the key of the video if the retry pays for a task that no other job of the plan pays for.
    fn add(&mut self, key: &str, state: JobState, prices: &PriceList) -> Option<String> {
        self.shown.insert(key.to_owned(), ShownJob::of(&state));
        let is_paid = match state.retry_task {
            Some(_) if state.retry_is_free => false,
            Some(task) => self.paid.insert(task),
            None => {
                self.unread += 1;
                true
            }
        };
        self.keys.push(key.to_owned());
        if !is_paid {
            return None;
        }
        let Job { spec, media, .. } = state.job;
        self.price.add_tasks(prices.task(Length::of(&spec, &media, None)), 1);
        Some(video_key(&spec, &media))
    }
}
