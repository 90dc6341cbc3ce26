//! Disk space for the results and for the database.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{StatVfs, statvfs};

use super::{CheckResult, DoctorContext, error, ok, quoted, timeout, warning};
use crate::{
    cli::text::{bytes, counted},
    job::State,
};

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The database cannot be kept with less than this.
const BYTES_MIN: u64 = 64 << 20;

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    vec![results(context), database(&context.config.state_db)]
}

fn results(context: &DoctorContext) -> CheckResult {
    let (folder, bytes_max) = (&context.config.output_dir, context.config.download.max_bytes);
    let Some(disk) = disk_of(folder) else { return unknown(folder) };
    let (free, shown) = (free(&disk), folder.display());
    let message = format!("{} free for results in {shown}", bytes(free));
    if disk.f_files > 0 && disk.f_favail == 0 {
        let message = format!("no file can be created in {shown}: no inode is free");
        return error(message, format!("df -i {}", quoted(folder)));
    }
    if free < BYTES_MIN {
        return error(message, free_space(folder));
    }
    if let Some(database) = &context.database {
        let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
        let jobs = database.queue_status.count(&unfinished.collect::<Vec<_>>());
        let average = database.reader.average_result_bytes().ok().flatten().unwrap_or_default();
        let needed = average.saturating_mul(jobs.unsigned_abs());
        if needed > free {
            let message = format!(
                "{message}, and {} will need about {}",
                counted(jobs, "job"),
                bytes(needed)
            );
            return warning(message, free_space(folder));
        }
    }
    if free < bytes_max {
        let message = format!("{message}, less than download.max_bytes ({})", bytes(bytes_max));
        let fix = free_space(folder);
        let lower = "or lower download.max_bytes, if your results are smaller";
        return warning(message, format!("{fix}\n{lower}"));
    }
    ok(message)
}

fn database(file: &Path) -> CheckResult {
    let folder = file.parent().unwrap_or(file);
    let Some(disk) = disk_of(folder) else { return unknown(folder) };
    let size = std::fs::metadata(file).map_or(0, |file| file.len());
    let message = format!("{} free for the database in {}", bytes(free(&disk)), folder.display());
    match free(&disk) {
        ..BYTES_MIN => error(message, free_space(folder)),
        free if free < size => {
            let message =
                format!("{message}, less than the size of the database ({})", bytes(size));
            warning(message, free_space(folder))
        }
        _ => ok(message),
    }
}

/// The disk of a folder, or of the folder in which it will be made.
fn disk_of(folder: &Path) -> Option<StatVfs> {
    let ancestors: Vec<PathBuf> = folder.ancestors().map(Path::to_owned).collect();
    timeout::within(TIME_LIMIT, move || ancestors.iter().find_map(|path| statvfs(path).ok()))
        .flatten()
}

/// What a user other than root may fill.
const fn free(disk: &StatVfs) -> u64 {
    disk.f_bavail.saturating_mul(disk.f_frsize)
}

fn free_space(folder: &Path) -> String {
    format!("free some space: df -h {}", quoted(folder))
}

fn unknown(folder: &Path) -> CheckResult {
    let message = format!("the free space in {} cannot be read", folder.display());
    warning(message, free_space(folder))
}
