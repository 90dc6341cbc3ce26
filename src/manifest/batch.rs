//! The two forms of a manifest, and what its jobs must not share.

use std::{
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
};

use super::{
    ManifestJob,
    digest::is_same_request,
    draft::{Draft, Field, Role, Value, unknown},
    finish::{Name, finish},
    keys::KEYS,
    problem::{Location, Problem, ProblemCollector, did_you_mean, quoted},
    yaml::{Node, NodeKind, ScalarType},
};

const FORMS: &str =
    "a manifest is one job (`video` and `audio`), or a batch (`jobs`, and `defaults` if you like)";
const BATCH_KEYS: [&str; 2] = ["defaults", "jobs"];

/// Every job of a manifest that is in order; what is not is in the report.
pub(super) fn read(root: &Node, stem: &str, problems: &mut ProblemCollector) -> Vec<ManifestJob> {
    let jobs = match root.entries() {
        Some(_) if root.get("jobs").is_some() || root.get("defaults").is_some() => {
            batch(root, stem, problems)
        }
        Some(entries) if entries.iter().any(|entry| is_job_key(&entry.key)) => {
            let draft = Draft::read(entries, Role::Single, problems);
            let name = Name { stem, id: None, location: root.location, id_location: None };
            finish(&draft, &Draft::default(), name, problems).into_iter().collect()
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

/// A text that has neither form.
fn formless(root: &Node) -> Problem {
    match &root.kind {
        NodeKind::Scalar(scalar)
            if matches!(scalar.class(), ScalarType::Absent | ScalarType::Null) =>
        {
            Problem::whole("the manifest is empty").help(FORMS)
        }
        NodeKind::Sequence(_) => Problem::at(root.location, "a manifest cannot be a list")
            .help("put the list under `jobs:`"),
        NodeKind::Scalar(_) => {
            let what = format!("a manifest cannot be {}", root.in_words());
            Problem::at(root.location, what).help(FORMS)
        }
        NodeKind::Mapping(entries) => {
            let known = || BATCH_KEYS.into_iter().chain(KEYS);
            let meant =
                entries.iter().find_map(|entry| Some((entry, did_you_mean(&entry.key, known())?)));
            match meant {
                Some((entry, meant)) => {
                    let what = format!("unknown key {}", quoted(&entry.key));
                    Problem::at(entry.key_location, what).help(format!("{meant} {FORMS}"))
                }
                None => Problem::at(root.location, "this is no manifest").help(FORMS),
            }
        }
    }
}

fn batch(root: &Node, stem: &str, problems: &mut ProblemCollector) -> Vec<ManifestJob> {
    for entry in root.entries().unwrap_or_default() {
        if is_job_key(&entry.key) {
            let what = format!("{} cannot stand beside `jobs`", quoted(&entry.key));
            let help = "put it in a job, or under `defaults` for all jobs";
            problems.add(Problem::at(entry.key_location, what).help(help));
        } else if !BATCH_KEYS.contains(&&*entry.key) {
            problems.add(unknown(entry, &BATCH_KEYS));
        }
    }
    let defaults = root.get("defaults").map(|node| defaults(node, problems)).unwrap_or_default();
    let Some(jobs) = root.get("jobs") else {
        problems.add(Problem::at(root.location, "a batch needs a list of `jobs`").help(FORMS));
        return Vec::new();
    };
    let NodeKind::Sequence(items) = &jobs.kind else {
        let what = format!("`jobs` cannot be {}", jobs.in_words());
        problems.add(Problem::at(jobs.location, what).help("a list of jobs, each with an `id`"));
        return Vec::new();
    };
    if items.is_empty() {
        let problem = Problem::at(jobs.location, "`jobs` is an empty list");
        problems.add(problem.help("a batch has one job at least"));
    }
    let mut ids = Taken::new("id", "it names the job", |(), ()| false);
    items.iter().filter_map(|item| job(item, &defaults, stem, &mut ids, problems)).collect()
}

/// `defaults`, whose faults are told here, once.
fn defaults(node: &Rc<Node>, problems: &mut ProblemCollector) -> Draft {
    match &node.kind {
        NodeKind::Mapping(entries) => Draft::read(entries, Role::Defaults, problems),
        // A `defaults:` whose keys are all commented out is no mistake.
        NodeKind::Scalar(scalar)
            if matches!(scalar.class(), ScalarType::Absent | ScalarType::Null) =>
        {
            Draft::default()
        }
        _ => {
            let what = format!("`defaults` cannot be {}", node.in_words());
            problems.add(Problem::at(node.location, what).help("a mapping of job keys"));
            Draft::default()
        }
    }
}

fn job(
    item: &Rc<Node>,
    defaults: &Draft,
    stem: &str,
    ids: &mut Taken<()>,
    problems: &mut ProblemCollector,
) -> Option<ManifestJob> {
    let Some(entries) = item.entries() else {
        let what = format!("a job cannot be {}", item.in_words());
        problems.add(Problem::at(item.location, what).help("a mapping of job keys"));
        return None;
    };
    let draft = Draft::read(entries, Role::InBatch, problems);
    if draft.id.is_none() {
        let problem = Problem::at(item.location, "this job has no `id`");
        problems.add(problem.help("each job of a batch needs one of its own"));
    }
    let given = match &draft.id {
        Some(Field { location, value: Value::Set(id) }) => Some((id, *location)),
        _ => None,
    };
    let named = given.is_some_and(|(id, location)| ids.take(id, location, (), problems));
    let name = Name {
        stem,
        // A job without an id of its own is read on for its other faults, and dropped then.
        id: Some(given.map_or("-", |(id, _)| id).to_owned()),
        location: item.location,
        id_location: given.map(|(_, location)| location),
    };
    finish(&draft, defaults, name, problems).filter(|_| named)
}

/// Two jobs may share a task, and then its name. They may share an output only if they share the task,
/// because only then both want the same file there.
fn refuse_shared(jobs: &[ManifestJob], problems: &mut ProblemCollector) {
    let is_same_task = |one: &&ManifestJob, other: &&ManifestJob| {
        let takes = [one, other].map(|job| job.spec.take.unwrap_or(1));
        takes[0] == takes[1] && is_same_request(&one.spec, &other.spec)
    };
    let mut outputs = Taken::new("output", "one would overwrite the other", is_same_task);
    let mut tasks = Taken::new(
        "external_task_id",
        "one name belongs to one request",
        |one: &&ManifestJob, other: &&ManifestJob| is_same_request(&one.spec, &other.spec),
    );
    for job in jobs {
        outputs.take(&job.spec.output, job.output_location, job, problems);
        if let Some((id, location)) =
            job.spec.external_task_id.as_ref().zip(job.external_task_id_location)
        {
            tasks.take(id, location, job, problems);
        }
    }
}

/// The values of one key, each with the job that took it first.
struct Taken<T> {
    key: &'static str,
    why: &'static str,
    may_share: fn(&T, &T) -> bool,
    by: HashMap<String, (Location, T)>,
}

impl<T> Taken<T> {
    fn new(key: &'static str, why: &'static str, may_share: fn(&T, &T) -> bool) -> Self {
        Self { key, why, may_share, by: HashMap::new() }
    }

    /// Whether the job may have the value; the report has a problem if not.
    fn take(
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
                    format!("each job needs one of its own: {}", self.why)
                } else {
                    format!("the first is at {}:{}; {}", first.line, first.column, self.why)
                };
                problems.add(Problem::at(location, what).help(help));
                false
            }
        }
    }
}
