//! `lipsyncd check`: reads manifests and local media as the daemon does, without network.

mod conflicts;
mod name;
mod plan;
mod price;

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use self::{
    conflicts::Conflicts,
    name::{NameMeaning, NamedPath},
    plan::{plan, timing_error},
    price::CheckedPrices,
};
use super::{CommandContext, CommandError, ExitCode, Result, counted, open::now_ms, safe};
use crate::{
    config::Config,
    daemon,
    inbox::{
        self, FolderListing, MediaCheck, MediaChecker, ReadJob, ScanEntry, read_manifest, scan,
        scan_entry,
    },
    manifest::{Location, Problem, Problems},
};

/// Check manifests and local media, without network
///
/// Reads manifests and local media exactly as the daemon does. Prints one line per job: what lipsyncd would do,
/// and with which job it would share a task. Jobs that make the same request are paid once. Reports every error
/// with its place in the manifest. Then one line per manifest shows the number of jobs, the number of tasks that are
/// not paid yet, and their price, from the tasks in the state database or from `prices`. Without PATH it reads all of
/// `jobs_dir`. A PATH outside of `jobs_dir` is read as if its folder were `jobs_dir`. For a PATH that the daemon
/// ignores, it says why. A name that is almost that of a manifest, such as `promo.yml.txt`, is an error as PATH, and a
/// warning in a folder.
///
/// Exit code 0: every job could run; there may be warnings. 1: there are errors, or a file is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd check\n  \
    lipsyncd check jobs/promo.yaml")]
pub(super) struct Args {
    /// Manifests, or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let jobs_dir = context.config.jobs_dir.clone();
    let paths = if arguments.paths.is_empty() { vec![jobs_dir] } else { arguments.paths.clone() };
    let mut check = Check {
        config: context.config,
        out: &mut *context.out,
        err: &mut *context.err,
        conflicts: Conflicts::default(),
        prices: CheckedPrices::open(context.config),
        read: BTreeSet::new(),
        errors: 0,
        warnings: 0,
        jobs: 0,
        waiting: 0,
    };
    for note in &context.config.notes {
        check.warning(&format!("warning: {note}"))?;
    }
    for path in &paths {
        check.path(path)?;
    }
    check.summary()
}

struct Check<'a> {
    config: &'a Config,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    conflicts: Conflicts,
    prices: CheckedPrices,
    /// Manifests that were read already, because paths can overlap.
    read: BTreeSet<PathBuf>,
    errors: usize,
    warnings: usize,
    jobs: usize,
    waiting: usize,
}

struct ManifestFolder {
    root: PathBuf,
    media_checker: MediaChecker,
}

impl Check<'_> {
    fn path(&mut self, path: &Path) -> Result<()> {
        let unreadable = |error| {
            let text = format!("cannot read {}: {error}", path.display());
            CommandError::new(ExitCode::Failed, text)
        };
        let named = NamedPath::find(path, &self.config.jobs_dir).map_err(unreadable)?;
        let full = named.full();
        let mut folder = self.folder(named.root.clone());
        match named.meaning(&self.config.watch.ignore) {
            NameMeaning::Folder => {
                let listing = scan(&folder.root, &self.config.watch.ignore).map_err(unreadable)?;
                self.listing(listing, &mut folder, Path::new(&named.path))
            }
            NameMeaning::Manifest => match scan_entry(&full, &named.path).map_err(unreadable)? {
                ScanEntry::Invalid(why) => self.odd(&full, &why),
                ScanEntry::File(_) => self.manifest(&mut folder, &named.path, true),
            },
            NameMeaning::Ignored(why) => self.ignored(&full, &why),
            NameMeaning::Suspicious(why) => self.odd(&full, &format!("lipsyncd ignores it: {why}")),
        }
    }

    fn folder(&self, root: PathBuf) -> ManifestFolder {
        let mut locator = daemon::locator(self.config);
        locator.jobs_dir.clone_from(&root);
        let host = daemon::video_host(self.config);
        let mut media_checker = MediaChecker::new(locator, host, Duration::ZERO);
        // As a daemon does that starts now.
        media_checker.trust_times(true);
        ManifestFolder { root, media_checker }
    }

    fn listing(
        &mut self,
        listing: FolderListing,
        folder: &mut ManifestFolder,
        below: &Path,
    ) -> Result<()> {
        for (path, why) in &listing.unreadable {
            self.error(&format!("{path}: cannot be read: {why}\n"))?;
        }
        for (name, found) in listing.manifests {
            if !Path::new(&name).starts_with(below) {
                continue;
            }
            match found {
                ScanEntry::Invalid(why) => self.odd(&folder.root.join(&name), &why)?,
                ScanEntry::File(_) => self.manifest(folder, &name, false)?,
            }
        }
        for (name, why) in listing.suspicious {
            if Path::new(&name).starts_with(below) {
                let name = shown(&folder.root.join(name));
                self.warning(&format!("{name}: warning: lipsyncd ignores it: {}", safe(&why)))?;
            }
        }
        Ok(())
    }

    /// `is_named`: it is an argument of the command.
    fn manifest(&mut self, folder: &mut ManifestFolder, name: &str, is_named: bool) -> Result<()> {
        let path = folder.root.join(name);
        let shown = shown(&path);
        if !self.read.insert(path) {
            return Ok(());
        }
        match read_manifest(
            &folder.root,
            name,
            &mut folder.media_checker,
            |_| crate::job::Media::default(),
            now_ms(),
        ) {
            Err(rejected) if rejected.is_foreign => match is_named {
                true => self.ignored(&folder.root.join(name), inbox::NO_JSON_MANIFEST),
                false => Ok(()),
            },
            Err(rejected) => self.problems(&rejected.problems, &shown, &rejected.text),
            Ok(reading) => {
                if let Some((warnings, text)) = &reading.warnings {
                    self.problems(warnings, &shown, text)?;
                }
                let (errors, waiting) = (self.errors, self.waiting);
                for job in &reading.jobs {
                    self.job(job, &shown)?;
                }
                let jobs = counted(reading.jobs.len(), "job");
                let waits = match self.waiting - waiting {
                    0 => String::new(),
                    waiting => format!(", {waiting} waiting for files"),
                };
                let price = match self.prices.end_manifest() {
                    Some(price) => format!(", {price}"),
                    None if (errors, waiting) == (self.errors, self.waiting) => {
                        ", nothing to pay".to_owned()
                    }
                    None => String::new(),
                };
                Ok(writeln!(self.out, "{shown}  {jobs}{waits}{price}")?)
            }
        }
    }

    fn odd(&mut self, path: &Path, why: &str) -> Result<()> {
        let line = format!("{}: {}\n", shown(path), safe(why));
        if self.read.insert(path.to_owned()) { self.error(&line) } else { Ok(()) }
    }

    fn ignored(&mut self, path: &Path, why: &str) -> Result<()> {
        Ok(writeln!(self.out, "{}  ignored: {}", shown(path), safe(why))?)
    }

    fn problems(&mut self, problems: &Problems, shown: &str, source: &str) -> Result<()> {
        let color = std::io::stderr().is_terminal();
        let rendered = problems.render(shown, source, color);
        self.errors += problems.errors();
        self.warnings += problems.len() - problems.errors();
        Ok(self.err.write_all(rendered.as_bytes())?)
    }

    fn job(&mut self, job: &ReadJob, shown: &str) -> Result<()> {
        self.jobs += 1;
        let spec = &job.spec;
        let (video_place, audio_place) = job.media_places;
        for warning in &job.media_warnings {
            let problems = Problems::from(Problem::at(video_place, warning).warning());
            self.warning(&problems.one_line(shown))?;
        }
        let media = match &job.media_check {
            MediaCheck::Ready(media) => Some(media),
            _ => None,
        };
        let shared = match self.conflicts.add(spec, media, shown) {
            Ok(shared) => shared,
            Err(conflict) => return self.at(shown, job.place, &conflict),
        };
        match &job.media_check {
            MediaCheck::Unusable { audio, error, .. } => {
                let place = if *audio { audio_place } else { video_place };
                self.at(shown, place, &error.message)
            }
            MediaCheck::Missing { what, .. } => {
                self.waiting += 1;
                Ok(writeln!(self.out, "{}  would wait: {}", safe(&spec.key), safe(what))?)
            }
            MediaCheck::Ready(media) => match timing_error(spec, media) {
                Some(error) => self.at(shown, job.place, &error),
                None => {
                    let plan = plan(spec, media);
                    if shared.is_none() {
                        self.prices.add(spec, media);
                    }
                    let shares = shared
                        .map(|other| format!(", shares the task of {}", safe(&other)))
                        .unwrap_or_default();
                    Ok(writeln!(self.out, "{plan}{shares}")?)
                }
            },
        }
    }

    fn at(&mut self, shown: &str, place: Location, what: &str) -> Result<()> {
        let problems = Problems::from(Problem::at(place, what));
        self.error(&format!("{}\n", problems.one_line(shown)))
    }

    fn error(&mut self, line: &str) -> Result<()> {
        self.errors += 1;
        Ok(self.err.write_all(line.as_bytes())?)
    }

    fn warning(&mut self, line: &str) -> Result<()> {
        self.warnings += 1;
        Ok(writeln!(self.err, "{line}")?)
    }

    fn summary(&mut self) -> Result {
        self.out.flush()?;
        if let Some(total) = self.prices.total() {
            writeln!(self.err, "price: {total}")?;
        }
        let warnings = match self.warnings {
            0 => String::new(),
            warnings => format!("{}, ", counted(warnings, "warning")),
        };
        writeln!(
            self.err,
            "{}, {}, {warnings}{} waiting for files",
            counted(self.jobs, "job"),
            counted(self.errors, "error"),
            self.waiting
        )?;
        let (tasks, shared) = self.conflicts.tasks();
        if shared > 0 {
            let are = if shared == 1 { "1 of them is" } else { &format!("{shared} of them are") };
            writeln!(
                self.err,
                "{} at Kling; {are} shared by several jobs and paid once",
                counted(tasks, "task")
            )?;
        }
        let fine = self.errors == 0 && self.waiting == 0;
        Ok(if fine { ExitCode::Done } else { ExitCode::Failed })
    }
}

/// Returns a path relative to the current folder, without control characters. In the root folder, the path stays
/// absolute.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok().filter(|here| here.parent().is_some());
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    safe(&below.unwrap_or(path).to_string_lossy()).into_owned()
}
