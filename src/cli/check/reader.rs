//! Reads the paths that `check` is about, and collects what it finds.

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    conflicts::Conflicts,
    name::{NameMeaning, NamedPath},
    plan::{plan, timing_error},
    price::CheckedPrices,
    report::{CheckReport, CheckedManifest, Finding, PlannedJob},
    text,
};
use crate::{
    cli::{CommandError, ExitCode, Result, open::now_ms, safe},
    config::Config,
    daemon,
    inbox::{
        self, FolderListing, MediaCheck, MediaChecker, ReadJob, ScanEntry, read_manifest, scan,
        scan_entry,
    },
    manifest::{Location, Problem, Problems},
};

/// Without `--plan`, no more jobs that would wait are shown.
const WAITING_SHOWN: usize = 20;

pub(super) struct Check<'a> {
    config: &'a Config,
    /// Where each manifest is printed as it is read; none: with `--json`, all are printed at the end.
    out: Option<&'a mut dyn Write>,
    /// Whether each job is printed.
    plans: bool,
    conflicts: Conflicts,
    prices: CheckedPrices,
    /// Manifests that were read already, because paths can overlap.
    read: BTreeSet<PathBuf>,
    report: CheckReport,
}

struct ManifestFolder {
    root: PathBuf,
    media_checker: MediaChecker,
}

impl<'a> Check<'a> {
    pub(super) fn new(config: &'a Config, out: Option<&'a mut dyn Write>, plans: bool) -> Self {
        let mut report = CheckReport::default();
        config.notes.iter().for_each(|note| report.add_warning(None, note));
        Self {
            config,
            out,
            plans,
            conflicts: Conflicts::default(),
            prices: CheckedPrices::open(config),
            read: BTreeSet::new(),
            report,
        }
    }

    pub(super) fn path(&mut self, path: &Path) -> Result<()> {
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
                ScanEntry::Invalid(why) => {
                    self.odd(&full, &why);
                    Ok(())
                }
                ScanEntry::File(_) => self.manifest(&mut folder, &named.path, true),
            },
            NameMeaning::Ignored(why) => self.ignored(&full, &why),
            NameMeaning::Suspicious(why) => {
                self.odd(&full, &format!("lipsyncd ignores it: {why}"));
                Ok(())
            }
        }
    }

    /// Returns what was found.
    pub(super) fn end(mut self) -> CheckReport {
        (self.report.tasks, self.report.shared_tasks) = self.conflicts.tasks();
        (self.report.price, self.report.texts.price) = self.prices.total().unzip();
        self.report
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
            self.report.add_error(&safe(path), &format!("cannot be read: {why}"));
        }
        for (name, found) in listing.manifests {
            if !Path::new(&name).starts_with(below) {
                continue;
            }
            match found {
                ScanEntry::Invalid(why) => self.odd(&folder.root.join(&name), &why),
                ScanEntry::File(_) => self.manifest(folder, &name, false)?,
            }
        }
        for (name, why) in listing.suspicious {
            if Path::new(&name).starts_with(below) {
                let (name, why) = (shown(&folder.root.join(name)), safe(&why).into_owned());
                self.report.add_warning(Some(&name), &format!("lipsyncd ignores it: {why}"));
            }
        }
        Ok(())
    }

    /// `is_named`: it is an argument of the command.
    fn manifest(&mut self, folder: &mut ManifestFolder, name: &str, is_named: bool) -> Result<()> {
        let path = folder.root.join(name);
        let shown = shown(&path);
        if !self.read.insert(path.clone()) {
            return Ok(());
        }
        let mut manifest = CheckedManifest { path: shown.clone(), ..CheckedManifest::default() };
        let checker = &mut folder.media_checker;
        let media = |_: &_| crate::job::Media::default();
        match read_manifest(&folder.root, name, checker, media, now_ms()) {
            Err(rejected) if rejected.is_foreign => {
                return if is_named {
                    self.ignored(&path, inbox::NO_JSON_MANIFEST)
                } else {
                    Ok(())
                };
            }
            Err(rejected) => {
                manifest.errors = self.problems(&rejected.problems, &shown, &rejected.text);
            }
            Ok(reading) => {
                if let Some((warnings, text)) = &reading.warnings {
                    self.problems(warnings, &shown, text);
                }
                manifest.plan = self.plans.then(Vec::new);
                manifest.jobs = reading.jobs.len();
                reading.jobs.iter().for_each(|job| self.job(job, &mut manifest));
                (manifest.price, manifest.price_text) = self.prices.end_manifest().unzip();
            }
        }
        self.report.jobs += manifest.jobs;
        match &mut self.out {
            Some(out) => text::write_manifest(*out, &manifest)?,
            None => self.report.manifests.push(manifest),
        }
        Ok(())
    }

    fn odd(&mut self, path: &Path, why: &str) {
        if self.read.insert(path.to_owned()) {
            self.report.add_error(&shown(path), &safe(why));
        }
    }

    fn ignored(&mut self, path: &Path, why: &str) -> Result<()> {
        let (path, why) = (shown(path), safe(why));
        if let Some(out) = &mut self.out {
            writeln!(out, "{path}  ignored: {why}")?;
        }
        self.report.ignored.push(Finding::of_file(Some(&path), &why));
        Ok(())
    }

    /// Returns how many errors there are.
    fn problems(&mut self, problems: &Problems, shown: &str, source: &str) -> usize {
        let text = problems.render(shown, source, std::io::stderr().is_terminal());
        self.report.add_problems(problems, shown, text)
    }

    fn job(&mut self, job: &ReadJob, manifest: &mut CheckedManifest) {
        let spec = &job.spec;
        let (video_place, audio_place) = job.media_places;
        for warning in &job.media_warnings {
            self.at(manifest, Problem::at(video_place, warning).warning());
        }
        let media = match &job.media_check {
            MediaCheck::Ready(media) => Some(media),
            _ => None,
        };
        let shared = match self.conflicts.add(spec, media, &manifest.path) {
            Ok(shared) => shared,
            Err(conflict) => return self.error_at(manifest, job.place, &conflict),
        };
        let mut planned = PlannedJob {
            key: safe(&spec.key).into_owned(),
            plan: None,
            waits_for: None,
            shares_task_of: shared.as_ref().map(|other| safe(other).into_owned()),
        };
        match &job.media_check {
            MediaCheck::Unusable { audio, error, .. } => {
                let place = if *audio { audio_place } else { video_place };
                return self.error_at(manifest, place, &error.message);
            }
            MediaCheck::Missing { what, .. } => {
                manifest.waiting += 1;
                self.report.waiting += 1;
                if !self.plans && self.report.texts.waiting.len() < WAITING_SHOWN {
                    self.report.texts.waiting.push(text::waits(&planned.key, &safe(what)));
                }
                planned.waits_for = Some(safe(what).into_owned());
            }
            MediaCheck::Ready(media) => {
                if let Some(error) = timing_error(spec, media) {
                    return self.error_at(manifest, job.place, &error);
                }
                if shared.is_none() {
                    self.prices.add(spec, media);
                }
                planned.plan = self.plans.then(|| plan(spec, media));
            }
        }
        if let Some(plan) = &mut manifest.plan {
            plan.push(planned);
        }
    }

    fn error_at(&mut self, manifest: &mut CheckedManifest, place: Location, what: &str) {
        self.at(manifest, Problem::at(place, what));
    }

    fn at(&mut self, manifest: &mut CheckedManifest, problem: Problem) {
        let problems = Problems::from(problem);
        let text = format!("{}\n", problems.one_line(&manifest.path));
        manifest.errors += self.report.add_problems(&problems, &manifest.path, text);
    }
}

/// Returns a path relative to the current folder, without control characters. In the root folder, the path stays
/// absolute.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok().filter(|here| here.parent().is_some());
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    safe(&below.unwrap_or(path).to_string_lossy()).into_owned()
}
