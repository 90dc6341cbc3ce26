//! What the package's unit hides from the daemon, which no try from a shell shows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{finding::Finding, who::Who};
use crate::config::Config;

const NAME: &str = "sandbox";

/// The unit may write nothing but its state folder, and sees no home (`ProtectSystem=`, `ProtectHome=`).
pub(super) fn check(config: &Config, who: &Who, findings: &mut Vec<Finding>) {
    let Some(unit) = who.unit() else { return };
    let state = match unit.strip_prefix("lipsyncd@") {
        Some(name) => PathBuf::from(format!("/var/lib/lipsyncd-{name}")),
        None => PathBuf::from("/var/lib/lipsyncd"),
    };
    let Some((message, lines)) = hidden(config, &unit, &state, &drop_ins(&unit)) else { return };
    let lines: String = lines.iter().map(|line| format!("{line}\\n")).collect();
    let mend = format!(
        "{}\nprintf '[Service]\\n{lines}' | {}\n{} && {}",
        who.root(&format!("mkdir -p /etc/systemd/system/{unit}.service.d")),
        who.root(&format!("tee /etc/systemd/system/{unit}.service.d/folders.conf")),
        who.root("systemctl daemon-reload"),
        who.restart()
    );
    findings.push(if is_replaced(&unit) {
        let message = format!("{message}, unless the unit that stands in its place does");
        Finding::warning(NAME, message, mend)
    } else {
        Finding::error(NAME, message, mend)
    });
}

/// Whether somebody put a whole unit in place of the package's.
fn is_replaced(unit: &str) -> bool {
    let template = unit.split_once('@').map(|(name, _)| format!("{name}@"));
    let names = [Some(unit.to_owned()), template];
    let mut names = names.iter().flatten();
    names.any(|name| Path::new(&format!("/etc/systemd/system/{name}.service")).exists())
}

/// What the daemon can neither write nor see, and the lines of a drop-in that let it.
fn hidden(
    config: &Config,
    unit: &str,
    state: &Path,
    drop_ins: &str,
) -> Option<(String, Vec<String>)> {
    let mut lines = Vec::new();
    let mut hidden = Vec::new();
    let written = [Some(config.output_dir.as_path()), config.state_db.parent()];
    for folder in written.into_iter().flatten() {
        let allowed = grants(drop_ins, "ReadWritePaths=", folder);
        if !folder.starts_with(state) && !allowed {
            hidden.push(format!("write {}", folder.display()));
            lines.push(format!("ReadWritePaths={}", folder.display()));
        }
    }
    let home = |folder: &&Path| {
        ["/home", "/root", "/run/user"].iter().any(|home| folder.starts_with(home))
    };
    let read = [config.jobs_dir.as_path(), &config.output_dir];
    let read = read.into_iter().chain(config.media.dirs.iter().map(PathBuf::as_path));
    for folder in read.filter(home) {
        if !drop_ins.contains("ProtectHome=") {
            hidden.push(format!("see {}", folder.display()));
            lines.push("ProtectHome=read-only".to_owned());
        }
    }
    lines.dedup();
    let message = format!("{unit}.service does not let the daemon {}", hidden.join(", nor "));
    (!hidden.is_empty()).then_some((message, lines))
}

/// Whether a drop-in grants `folder`, or one above it.
fn grants(drop_ins: &str, key: &str, folder: &Path) -> bool {
    let values = drop_ins.lines().filter_map(|line| line.trim().strip_prefix(key));
    values
        .flat_map(str::split_whitespace)
        .any(|granted| folder.starts_with(granted.trim_start_matches(['-', '+'])))
}

/// All that stands in the unit's drop-ins.
fn drop_ins(unit: &str) -> String {
    let template = unit.split_once('@').map(|(name, _)| format!("{name}@"));
    let names = [Some(unit.to_owned()), template];
    let mut text = String::new();
    for folder in ["/etc/systemd/system", "/run/systemd/system"] {
        for name in names.iter().flatten() {
            let Ok(entries) = fs::read_dir(format!("{folder}/{name}.service.d")) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.extension().is_some_and(|ending| ending == "conf") {
                    text.push_str(&fs::read_to_string(path).unwrap_or_default());
                    text.push('\n');
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_in_grants_what_lies_beneath() {
        let text = "[Service]\nReadWritePaths=-/srv/a /srv/b\n";
        let grants = |folder| grants(text, "ReadWritePaths=", Path::new(folder));
        assert!(grants("/srv/a") && grants("/srv/b/c"));
        assert!(!grants("/srv") && !grants("/srv/bc"));
    }

    #[test]
    fn what_the_unit_hides_is_told_with_the_lines_that_show_it() {
        let state = Path::new("/var/lib/lipsyncd");
        let config = Config {
            jobs_dir: "/home/anna/jobs".into(),
            output_dir: "/srv/dub".into(),
            state_db: "/var/lib/lipsyncd/lipsyncd.db".into(),
            ..Config::default()
        };
        let (message, lines) = hidden(&config, "lipsyncd", state, "").unwrap();
        assert!(message.ends_with("write /srv/dub, nor see /home/anna/jobs"), "{message}");
        assert_eq!(lines, ["ReadWritePaths=/srv/dub", "ProtectHome=read-only"]);
        let granted = "[Service]\nReadWritePaths=/srv\nProtectHome=read-only\n";
        assert_eq!(hidden(&config, "lipsyncd", state, granted), None);
    }
}
