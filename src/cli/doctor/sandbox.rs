//! What the unit's sandbox hides from the daemon; trying it from a shell does not show that.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{CheckResult, DoctorContext, error, timeout};
use crate::config::Config;

const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Compares the folders with the settings that systemd uses for the unit, drop-ins included. Without a running
/// systemd there is no sandbox, and no finding.
pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let Some(unit) = context.users.unit() else { return Vec::new() };
    let name = format!("{unit}.service");
    let shown = timeout::within(TIME_LIMIT, move || {
        let properties = "LoadState,ProtectSystem,ProtectHome,ReadWritePaths,StateDirectory";
        Command::new("systemctl").args(["show", "-p", properties, &name]).output().ok()
    });
    let Some(shown) = shown.flatten().filter(|shown| shown.status.success()) else {
        return Vec::new();
    };
    let sandbox = Sandbox(String::from_utf8_lossy(&shown.stdout).into_owned());
    let (hidden, settings) = sandbox.hidden(&context.config);
    if hidden.is_empty() {
        return Vec::new();
    }
    let message = format!("{unit}.service does not let the daemon {}", hidden.join(" or "));
    vec![error(message, context.users.add_drop_in(&unit, "folders.conf", &settings))]
}

/// What `systemctl show` prints: one `Property=value` per line.
struct Sandbox(String);

impl Sandbox {
    fn property(&self, name: &str) -> &str {
        let mut lines = self.0.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default()
    }

    /// What the daemon cannot write or see, and the settings that allow it.
    fn hidden(&self, config: &Config) -> (Vec<String>, Vec<String>) {
        let (mut hidden, mut settings) = (Vec::new(), Vec::new());
        if self.property("LoadState") != "loaded" {
            return (hidden, settings);
        }
        let written = [Some(config.output_dir.as_path()), config.state_db.parent()];
        for folder in written.into_iter().flatten().filter(|folder| !self.is_writable(folder)) {
            hidden.push(format!("write {}", folder.display()));
            settings.push(format!("ReadWritePaths={}", folder.display()));
        }
        let read = [config.jobs_dir.as_path(), &config.output_dir];
        let read = read.into_iter().chain(config.media.dirs.iter().map(PathBuf::as_path));
        for folder in read.filter(|folder| !self.is_visible(folder)) {
            hidden.push(format!("see {}", folder.display()));
            settings.push("ProtectHome=read-only".to_owned());
        }
        settings.dedup();
        (hidden, settings)
    }

    fn is_writable(&self, folder: &Path) -> bool {
        let state = self.property("StateDirectory").split_whitespace();
        let state = state.map(|name| Path::new("/var/lib").join(name));
        let granted = self.property("ReadWritePaths").split_whitespace();
        let granted = granted.map(|path| PathBuf::from(path.trim_start_matches(['-', '+'])));
        self.property("ProtectSystem") != "strict"
            || state.chain(granted).any(|path| folder.starts_with(path))
    }

    fn is_visible(&self, folder: &Path) -> bool {
        let in_home = ["/home", "/root", "/run/user"].iter().any(|home| folder.starts_with(home));
        !in_home || !["yes", "tmpfs"].contains(&self.property("ProtectHome"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox(home: &str, granted: &str) -> Sandbox {
        Sandbox(format!(
            "LoadState=loaded\nProtectSystem=strict\nProtectHome={home}\nReadWritePaths={granted}\n\
             StateDirectory=lipsyncd\n"
        ))
    }

    #[test]
    fn unit_grants_the_folders_in_a_granted_folder() {
        let sandbox = sandbox("yes", "-/srv/a /srv/b");
        let is_writable = |folder| sandbox.is_writable(Path::new(folder));
        assert!(is_writable("/srv/a") && is_writable("/srv/b/c"));
        assert!(is_writable("/var/lib/lipsyncd/output"));
        assert!(!is_writable("/srv") && !is_writable("/srv/bc"));
    }

    #[test]
    fn hidden_folders_are_named_with_the_settings_that_show_them() {
        let config = Config {
            jobs_dir: "/home/anna/jobs".into(),
            output_dir: "/srv/dub".into(),
            state_db: "/var/lib/lipsyncd/lipsyncd.db".into(),
            ..Config::default()
        };
        let (hidden, settings) = sandbox("yes", "").hidden(&config);
        assert_eq!(hidden, ["write /srv/dub", "see /home/anna/jobs"]);
        assert_eq!(settings, ["ReadWritePaths=/srv/dub", "ProtectHome=read-only"]);
        assert_eq!(sandbox("read-only", "/srv").hidden(&config).0, [""; 0]);
        let replaced = Sandbox("LoadState=loaded\nProtectSystem=no\nProtectHome=no\n".into());
        assert_eq!(replaced.hidden(&config).0, [""; 0]);
        let absent = Sandbox("LoadState=not-found\nProtectSystem=no\nProtectHome=no\n".into());
        assert_eq!(absent.hidden(&config).0, [""; 0]);
    }
}
