//! `lipsyncd check`: manifests and local media as the daemon would read them, without network.

mod conflicts;
mod plan;

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use self::{
    conflicts::Conflicts,
    plan::{doomed, plan},
};
use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open::now_ms,
    text::{counted, safe},
};
use crate::{
    config::Config,
    daemon,
    inbox::{MediaCheck, MediaChecker, ReadJob, ScanEntry, read_manifest, scan},
    manifest::{Location, Problem, Problems},
};

/// Read manifests and local media as the daemon would, without network
///
/// Reports every fault with its place, or what would be done for each job, and with which job it would share a
/// task: jobs that make the same request are paid once. Without PATH all of `jobs_dir` is read. A PATH outside of `jobs_dir` is read as if its folder were `jobs_dir`.
///
/// Exit code 0: all of it could run; 1: something is faulty, or a file is not there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd check\n  \
    lipsyncd check jobs/promo.yaml")]
pub struct Args {
    /// Manifests, or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let jobs_dir = context.config.jobs_dir.clone();
    let paths = if arguments.paths.is_empty() { vec![jobs_dir] } else { arguments.paths.clone() };
    let mut check = Check {
        config: context.config,
        out: &mut *context.out,
        err: &mut *context.err,
        conflicts: Conflicts::default(),
        read: BTreeSet::new(),
        faults: 0,
        jobs: 0,
        waiting: 0,
    };
    for path in &paths {
        check.path(path)?;
    }
    check.sum_up()
}

struct Check<'a> {
    config: &'a Config,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    conflicts: Conflicts,
    /// What was read already: paths may overlap.
    read: BTreeSet<PathBuf>,
    faults: usize,
    jobs: usize,
    waiting: usize,
}

/// A folder of manifests, and the names in it.
struct ManifestFolder {
    root: PathBuf,
    media_checker: MediaChecker,
}

impl Check<'_> {
    fn path(&mut self, path: &Path) -> Result<(), CommandError> {
        let unreadable = |error| {
            CommandError::new(
                ExitCode::Failed,
                format!("{} cannot be read: {error}", path.display()),
            )
        };
        let truly = path.canonicalize().map_err(unreadable)?;
        let home = self.config.jobs_dir.canonicalize().ok();
        let home = home.filter(|home| truly.starts_with(home));
        if truly.is_dir() {
            let mut folder = self.folder(home.unwrap_or_else(|| truly.clone()));
            let below = truly.strip_prefix(&folder.root).unwrap_or(Path::new("")).to_owned();
            return self.all(&mut folder, &below).map_err(|error| match error {
                ScanError::Scan(error) => unreadable(error),
                ScanError::Command(error) => error,
            });
        }
        let root = home.or_else(|| truly.parent().map(Path::to_owned)).unwrap_or_default();
        let name = truly.strip_prefix(&root).unwrap_or(&truly).to_string_lossy().into_owned();
        let mut folder = self.folder(root);
        self.manifest(&mut folder, &name)
    }

    fn folder(&self, root: PathBuf) -> ManifestFolder {
        let mut locator = daemon::locator(self.config);
        locator.jobs_dir.clone_from(&root);
        let public = self.config.media.public_base_url.clone();
        ManifestFolder { root, media_checker: MediaChecker::new(locator, public, Duration::ZERO) }
    }

    fn all(&mut self, folder: &mut ManifestFolder, below: &Path) -> Result<(), ScanError> {
        let listing = scan(&folder.root).map_err(ScanError::Scan)?;
        for (unseen, why) in &listing.unreadable {
            self.fault(&format!("{unseen}: it cannot be read: {why}\n"))?;
        }
        for (name, found) in listing.manifests {
            if !Path::new(&name).starts_with(below) {
                continue;
            }
            match found {
                ScanEntry::Invalid(why) => self.odd(folder, &name, &why)?,
                ScanEntry::File(_) => self.manifest(folder, &name)?,
            }
        }
        Ok(())
    }

    fn manifest(&mut self, folder: &mut ManifestFolder, name: &str) -> Result<(), CommandError> {
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
            Err(faulty) => self.problems(&faulty.problems, &shown, &faulty.text),
            Ok(reading) => {
                for job in &reading.jobs {
                    self.job(job, &shown)?;
                }
                Ok(())
            }
        }
    }

    fn odd(&mut self, folder: &ManifestFolder, name: &str, why: &str) -> Result<(), CommandError> {
        let path = folder.root.join(name);
        let line = format!("{}: {why}\n", shown(&path));
        if self.read.insert(path) { self.fault(&line) } else { Ok(()) }
    }

    fn problems(
        &mut self,
        problems: &Problems,
        shown: &str,
        source: &str,
    ) -> Result<(), CommandError> {
        let color = std::io::stderr().is_terminal();
        let rendered = problems.render(shown, source, color);
        self.faults += problems.len();
        Ok(self.err.write_all(rendered.as_bytes())?)
    }

    fn job(&mut self, job: &ReadJob, shown: &str) -> Result<(), CommandError> {
        self.jobs += 1;
        let spec = &job.spec;
        let (video_place, audio_place) = job.media_places;
        let media = match &job.look {
            MediaCheck::Ready(media) => Some(media),
            _ => None,
        };
        let shared = match self.conflicts.enter(spec, media, shown) {
            Ok(shared) => shared,
            Err(clash) => return self.at(shown, job.place, &clash),
        };
        match &job.look {
            MediaCheck::Unusable { audio, error: fault, .. } => {
                let place = if *audio { audio_place } else { video_place };
                self.at(shown, place, &fault.message)
            }
            MediaCheck::Missing { what, .. } => {
                self.waiting += 1;
                Ok(writeln!(self.out, "{}  would wait: {}", safe(&spec.key), safe(what))?)
            }
            MediaCheck::Ready(media) => match doomed(spec, media.audio_ms, media.video_ms) {
                Some(what) => self.at(shown, job.place, &what),
                None => {
                    let plan = plan(spec, media.audio_ms, media.video_ms);
                    let shares = shared
                        .map(|other| format!(", shares the task of {}", safe(&other)))
                        .unwrap_or_default();
                    Ok(writeln!(self.out, "{plan}{shares}")?)
                }
            },
        }
    }

    fn at(&mut self, shown: &str, place: Location, what: &str) -> Result<(), CommandError> {
        let problems = Problems::from(Problem::at(place, what));
        self.fault(&format!("{}\n", problems.one_line(shown)))
    }

    fn fault(&mut self, line: &str) -> Result<(), CommandError> {
        self.faults += 1;
        Ok(self.err.write_all(line.as_bytes())?)
    }

    fn sum_up(&mut self) -> Result<ExitCode, CommandError> {
        self.out.flush()?;
        let count = |number: usize, noun| counted(i64::try_from(number).unwrap_or(i64::MAX), noun);
        writeln!(
            self.err,
            "{}, {}, {} would wait for files",
            count(self.jobs, "job"),
            count(self.faults, "fault"),
            self.waiting
        )?;
        let (tasks, shared) = self.conflicts.tasks();
        if shared > 0 {
            let are = if shared == 1 { "1 of them is" } else { &format!("{shared} of them are") };
            writeln!(
                self.err,
                "{} at Kling; {are} shared by jobs that make the same request, and paid once",
                count(tasks, "task")
            )?;
        }
        let fine = self.faults == 0 && self.waiting == 0;
        Ok(if fine { ExitCode::Done } else { ExitCode::Failed })
    }
}

/// A path as users know it: from where they are, without control characters. From the root, where they all
/// begin, it is shown whole.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok().filter(|here| here.parent().is_some());
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    safe(&below.unwrap_or(path).to_string_lossy()).into_owned()
}

/// Why a folder was not read to its end.
enum ScanError {
    Scan(std::io::Error),
    Command(CommandError),
}

impl From<CommandError> for ScanError {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}
