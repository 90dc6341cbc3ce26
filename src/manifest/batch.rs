//! The two forms of a manifest (single job, batch), and what its jobs must not share.

use std::{
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
};

use super::{
    digest::is_same_request,
    draft::{Draft, FieldValue, Role, is_note, unknown},
    finish::{JobName, ManifestJob, finish},
    keys::KEYS,
    problem::{Location, Problem, ProblemCollector, did_you_mean, quoted},
    yaml::{Node, NodeKind},
};

const FORMS: &str =
    "a manifest is one job (`video` and `audio`), or a batch (`jobs`, and optionally `defaults`)";
const BATCH_KEYS: [&str; 2] = ["defaults", "jobs"];

/// Returns every valid job of a manifest; the collector has the problems of the others.
pub(super) fn read(root: &Node, stem: &str, problems: &mut ProblemCollector) -> Vec<ManifestJob> {
    let jobs = match root.entries() {
        Some(_) if root.get("jobs").is_some() || root.get("defaults").is_some() => {
            batch(root, stem, problems)
        }
        Some(entries) if entries.iter().any(|entry| is_job_key(&entry.key)) => {
            let draft = Draft::read(entries, Role::Single, problems);
            let name = JobName { stem, id: None, location: root.location, id_location: None };
            finish(&draft, &Draft::default(), &name, problems).into_iter().collect()
        }
        _ => {
            problems.add(formless(root));
            Vec::new()
        }
    };
    refuse_shared(&jobs, problems);
    jobs
}

fn is_job_key(key: &str) -> bool {
    KEYS.contains(&key)
}

fn formless(root: &Node) -> Problem {
    match &root.kind {
        _ if root.is_null() => Problem::of_file("the manifest is empty").help(FORMS),
        NodeKind::Sequence(_) => Problem::at(root.location, "a manifest cannot be a list")
            .help("put the list under `jobs:`"),
        NodeKind::Scalar(_) => root.text_problem().unwrap_or_else(|| {
            let what = format!("a manifest cannot be {}", root.in_words());
            Problem::at(root.location, what).help(FORMS)
        }),
        NodeKind::Refused => Problem::of_file("the manifest is empty").help(FORMS),
        NodeKind::Mapping(entries) => {
            let known = || BATCH_KEYS.into_iter().chain(KEYS);
            let meant =
                entries.iter().find_map(|entry| Some((entry, did_you_mean(&entry.key, known())?)));
            match meant {
                Some((entry, meant)) => {
                    let what = format!("unknown key {}", quoted(&entry.key));
                    Problem::at(entry.key_location, what).help(format!("{meant} {FORMS}"))
                }
                None => Problem::at(root.location, "this is not a manifest").help(FORMS),
            }
        }
    }
}

fn batch(root: &Node, stem: &str, problems: &mut ProblemCollector) -> Vec<ManifestJob> {
    for entry in root.entries().unwrap_or_default() {
        if is_job_key(&entry.key) {
            let what = format!("{} cannot be beside `jobs`", quoted(&entry.key));
            let help = "put it in a job, or under `defaults` for all jobs";
            problems.add(Problem::at(entry.key_location, what).help(help));
        } else if !BATCH_KEYS.contains(&&*entry.key) && !is_note(&entry.key) {
            problems.add(unknown(entry, &BATCH_KEYS, true));
        }
    }
    let defaults = root.get("defaults").map(|node| defaults(node, problems)).unwrap_or_default();
    let Some(jobs) = root.get("jobs") else {
        problems.add(Problem::at(root.location, "a batch needs a list of `jobs`").help(FORMS));
        return Vec::new();
    };
    let NodeKind::Sequence(items) = &jobs.kind else {
        if !jobs.is_refused() {
            problems.add(jobs.text_problem().unwrap_or_else(|| {
                let what = format!("`jobs` cannot be {}", jobs.in_words());
                let help = "a list: write `- ` before each job, and give each an `id`";
                Problem::at(jobs.location, what).help(help)
            }));
        }
        return Vec::new();
    };
    if items.is_empty() {
        let problem = Problem::at(jobs.location, "`jobs` is an empty list");
        problems.add(problem.help("a batch has at least one job"));
    }
    let mut ids = UniqueValues::new("id", "it names the job", |(), ()| false);
    items.iter().filter_map(|item| job(item, &defaults, stem, &mut ids, problems)).collect()
}

fn defaults(node: &Rc<Node>, problems: &mut ProblemCollector) -> Draft {
    match &node.kind {
        NodeKind::Mapping(entries) => Draft::read(entries, Role::Defaults, problems),
        // A `defaults:` whose keys are all commented out is not an error.
        _ if node.is_null() || node.is_refused() => Draft::default(),
        _ => {
            problems.add(node.text_problem().unwrap_or_else(|| {
                let what = format!("`defaults` cannot be {}", node.in_words());
                Problem::at(node.location, what).help("a mapping of job keys")
            }));
            Draft::default()
        }
    }
}

fn job(
    item: &Rc<Node>,
    defaults: &Draft,
    stem: &str,
    ids: &mut UniqueValues<()>,
    problems: &mut ProblemCollector,
) -> Option<ManifestJob> {
    let Some(entries) = item.entries() else {
        if !item.is_refused() {
            problems.add(item.text_problem().unwrap_or_else(|| {
                let what = format!("a job cannot be {}", item.in_words());
                Problem::at(item.location, what).help("a mapping of job keys")
            }));
        }
        return None;
    };
    let draft = Draft::read(entries, Role::InBatch, problems);
    let field = draft.get("id");
    if field.is_none() {
        let problem = Problem::at(item.location, "this job has no `id`");
        problems.add(problem.help("each job of a batch needs its own"));
    }
    let is_valid = field.is_some_and(|field| matches!(field.value, FieldValue::Set(_)));
    let id = item.get("id").filter(|_| is_valid);
    let text = id.and_then(|node| node.scalar()).map(|scalar| scalar.text.as_str());
    let id_location = id.map(|node| node.location);
    let is_named =
        text.zip(id_location).is_some_and(|(id, location)| ids.claim(id, location, (), problems));
    let name = JobName {
        stem,
        // The other problems of a job without an id of its own are reported, too. Then the job is dropped.
        id: Some(text.unwrap_or("-").to_owned()),
        location: item.location,
        id_location,
    };
    finish(&draft, defaults, &name, problems).filter(|_| is_named)
}

/// Reports outputs and task names that two jobs must not share. Jobs of one request may share the name of its
/// task. Jobs may share an output only if they share the task, because only then both ask for the same file.
fn refuse_shared(jobs: &[ManifestJob], problems: &mut ProblemCollector) {
    let is_same_task = |one: &&ManifestJob, other: &&ManifestJob| {
        let takes = [one, other].map(|job| job.spec.take.unwrap_or(1));
        takes[0] == takes[1] && is_same_request(&one.spec, &other.spec)
    };
    let mut outputs = UniqueValues::new("output", "one would overwrite the other", is_same_task);
    let mut tasks = UniqueValues::new(
        "external_task_id",
        "one name belongs to one request",
        |one: &&ManifestJob, other: &&ManifestJob| is_same_request(&one.spec, &other.spec),
    );
    for job in jobs {
        outputs.claim(&job.spec.output, job.output_location, job, problems);
        if let Some((id, location)) =
            job.spec.external_task_id.as_ref().zip(job.external_task_id_location)
        {
            tasks.claim(id, location, job, problems);
        }
    }
}

/// The values of one key, each with the job that has it first.
struct UniqueValues<T> {
    key: &'static str,
    why: &'static str,
    may_share: fn(&T, &T) -> bool,
    by: HashMap<String, (Location, T)>,
}

impl<T> UniqueValues<T> {
    fn new(key: &'static str, why: &'static str, may_share: fn(&T, &T) -> bool) -> Self {
        Self { key, why, may_share, by: HashMap::new() }
    }

    /// Returns true if the job may have the value, else reports a problem.
    fn claim(
        &mut self,
        value: &str,
        location: Location,
        job: T,
        problems: &mut ProblemCollector,
    ) -> bool {
        match self.by.entry(value.to_owned()) {
            Entry::Vacant(free) => {
                free.insert((location, job));
                true
            }
            Entry::Occupied(first) if (self.may_share)(&first.get().1, &job) => true,
            Entry::Occupied(first) => {
                let first = first.get().0;
                let what = format!("two jobs have the `{}` {}", self.key, quoted(value));
                let help = if first == location {
                    format!("each job needs its own: {}", self.why)
                } else {
                    format!("the first is at {}:{}; {}", first.line, first.column, self.why)
                };
                problems.add(Problem::at(location, what).help(help));
                false
            }
        }
    }
}
