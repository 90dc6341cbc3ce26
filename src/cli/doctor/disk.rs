//! Room on the disks of the results and of the database.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{StatVfs, statvfs};

use super::{database::Known, finding::Finding, patience};
use crate::{
    cli::text::{bytes, counted, shell_word},
    config::Config,
    job::State,
};

const NAME: &str = "disk";
const TIME: Duration = Duration::from_secs(5);
/// With less than this, the database cannot be kept.
const LEAST_BYTES: u64 = 64 << 20;

pub(super) fn check(config: &Config, known: Option<&Known>, findings: &mut Vec<Finding>) {
    findings.push(results(config, known));
    findings.push(database(config));
}

fn results(config: &Config, known: Option<&Known>) -> Finding {
    let Some(disk) = disk_of(&config.output_dir) else {
        return unknown(&config.output_dir);
    };
    let (free, mend) = (free(&disk), room(&config.output_dir));
    let shown = format!("{} free for results in {}", bytes(free), config.output_dir.display());
    if disk.f_files > 0 && disk.f_favail == 0 {
        let message =
            format!("no file can be made in {}: no inode is free", config.output_dir.display());
        let mend = format!("df -i {}", shell_word(&config.output_dir.display().to_string()));
        return Finding::error(NAME, message, mend);
    }
    if free < LEAST_BYTES {
        return Finding::error(NAME, shown, mend);
    }
    if let Some(known) = known {
        let open = State::ALL.into_iter().filter(|state| !state.is_finished());
        let open = known.standing.count(&open.collect::<Vec<_>>());
        let average = known.reader.average_result_bytes().ok().flatten().unwrap_or_default();
        let wanted = average.saturating_mul(open.unsigned_abs());
        if wanted > free {
            let message =
                format!("{shown}, and {} will take about {}", counted(open, "job"), bytes(wanted));
            return Finding::warning(NAME, message, mend);
        }
    }
    if free < config.download.max_bytes {
        let message = format!(
            "{shown}, less than one result may have ({})",
            bytes(config.download.max_bytes)
        );
        return Finding::warning(
            NAME,
            message,
            format!("{mend}\nor lower download.max_bytes, if your results are smaller"),
        );
    }
    Finding::ok(NAME, shown)
}

fn database(config: &Config) -> Finding {
    let folder = config.state_db.parent().unwrap_or(&config.state_db);
    let Some(disk) = disk_of(folder) else { return unknown(folder) };
    let size = std::fs::metadata(&config.state_db).map_or(0, |file| file.len());
    let free = free(&disk);
    let shown = format!("{} free for the database in {}", bytes(free), folder.display());
    if free < LEAST_BYTES {
        Finding::error(NAME, shown, room(folder))
    } else if free < size {
        let message = format!("{shown}, less than it has now ({})", bytes(size));
        Finding::warning(NAME, message, room(folder))
    } else {
        Finding::ok(NAME, shown)
    }
}

/// The disk of a folder, or of where it will be made.
fn disk_of(folder: &Path) -> Option<StatVfs> {
    let ancestors: Vec<PathBuf> = folder.ancestors().map(Path::to_owned).collect();
    patience::within(TIME, move || ancestors.iter().find_map(|path| statvfs(path).ok())).flatten()
}

/// What somebody who is not root may fill.
const fn free(disk: &StatVfs) -> u64 {
    disk.f_bavail.saturating_mul(disk.f_frsize)
}

fn room(folder: &Path) -> String {
    format!("make room: df -h {}", shell_word(&folder.display().to_string()))
}

fn unknown(folder: &Path) -> Finding {
    let message = format!("what is free in {} cannot be told", folder.display());
    Finding::warning(NAME, message, room(folder))
}
