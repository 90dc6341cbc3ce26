//! The user that runs doctor, the user that runs the daemon, and commands that work for the right one.

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::geteuid;

use super::{CheckResult, ok, timeout, warning};
use crate::cli::{text::shell_word, unit};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    /// None where the system does not know the user.
    pub(super) name: Option<String>,
    pub(super) group: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Users {
    pub(super) me: User,
    /// Runs the daemon: the owner of the database, or of the folder for it.
    pub(super) daemon: User,
    /// The configuration that is used, if it is a file.
    pub(super) config_file: Option<PathBuf>,
}

pub(super) fn quoted(path: &Path) -> String {
    shell_word(&path.display().to_string()).into_owned()
}

impl Users {
    pub(super) fn new(database: Option<&Path>, config_file: Option<&Path>) -> Self {
        let (me, database) = (geteuid().as_raw(), database.map(Path::to_owned));
        let found = timeout::within(timeout::FILES, move || {
            let owner = |path: &Path| fs::metadata(path).ok().map(|file| file.uid());
            let database = database?;
            owner(&database).or_else(|| owner(database.parent()?))
        });
        let daemon = found.flatten().unwrap_or(me);
        let config_file = config_file.map(Path::to_owned);
        Self { me: User::of(me), daemon: User::of(daemon), config_file }
    }

    /// Whether doctor may do exactly what the daemon may do.
    pub(super) fn is_daemon(&self) -> bool {
        self.me.uid == self.daemon.uid
    }

    pub(super) fn is_root(&self) -> bool {
        self.me.uid == 0
    }

    /// The package's unit for this configuration.
    pub(super) fn unit(&self) -> Option<String> {
        unit::name(self.config_file.as_deref()?)
    }

    /// The folder of the credentials that systemd passes to the daemon, beside the configuration.
    pub(super) fn credentials_folder(&self) -> Option<PathBuf> {
        let file = self.config_file.as_deref()?;
        let name = match file.file_stem()?.to_str()? {
            "lipsyncd" => "credentials".to_owned(),
            name => format!("{name}.credentials"),
        };
        Some(file.parent()?.join(name))
    }

    /// The same, where the configuration has a unit.
    pub(super) fn unit_credentials(&self) -> Option<PathBuf> {
        self.credentials_folder().filter(|_| self.unit().is_some())
    }

    /// `command` of lipsyncd, as the daemon's user.
    pub(super) fn lipsyncd(&self, command: &str) -> String {
        let typed = format!("lipsyncd{} {command}", self.config_option());
        match &self.daemon.name {
            _ if self.is_daemon() => typed,
            Some(name) => format!("sudo -u {name} {typed}"),
            None => format!("sudo -u '#{}' {typed}", self.daemon.uid),
        }
    }

    pub(super) fn root(&self, command: &str) -> String {
        if self.is_root() { command.to_owned() } else { format!("sudo {command}") }
    }

    pub(super) fn start(&self) -> String {
        match self.unit() {
            Some(unit) => self.root(&format!("systemctl start {unit}")),
            None => self.lipsyncd("run"),
        }
    }

    /// Makes the daemon with this process id read its settings again; starts it if none runs.
    pub(super) fn reload(&self, pid: Option<u32>) -> String {
        match (pid, self.unit()) {
            (None, _) => self.start(),
            (Some(_), Some(unit)) => self.root(&format!("systemctl reload {unit}")),
            (Some(pid), None) if self.is_daemon() => format!("kill -HUP {pid}"),
            (Some(pid), None) => self.root(&format!("kill -HUP {pid}")),
        }
    }

    pub(super) fn restart(&self) -> String {
        match self.unit() {
            Some(unit) => self.root(&format!("systemctl restart {unit}")),
            None => format!("stop the daemon, then: {}", self.lipsyncd("run")),
        }
    }

    /// Adds a drop-in with these lines of `[Service]` to the unit, and restarts the daemon.
    pub(super) fn add_drop_in(&self, unit: &str, file: &str, lines: &[String]) -> String {
        let folder = format!("/etc/systemd/system/{unit}.service.d");
        let lines: String = lines.iter().map(|line| format!("{line}\\n")).collect();
        format!(
            "{}\nprintf '[Service]\\n{lines}' | {}\n{} && {}",
            self.root(&format!("mkdir -p {folder}")),
            self.root(&format!("tee {folder}/{file}")),
            self.root("systemctl daemon-reload"),
            self.restart()
        )
    }

    /// Runs doctor as the daemon's user, with the credentials that systemd passes to the daemon.
    pub(super) fn doctor(&self) -> String {
        let Some(folder) = self.unit_credentials() else {
            return self.lipsyncd("doctor");
        };
        let user = self.daemon.name.as_deref().unwrap_or("lipsyncd");
        let group = self.daemon.group.as_deref().unwrap_or(user);
        let program = env::current_exe().unwrap_or_else(|_| "/usr/bin/lipsyncd".into());
        self.root(&format!(
            "systemd-run --quiet --pipe --wait --collect -p User={user} -p Group={group} -p \
             LoadCredential=kling:{} {}{} doctor",
            folder.display(),
            quoted(&program),
            self.config_option()
        ))
    }

    /// The daemon's user, for `chown`.
    pub(super) fn owner(&self) -> String {
        self.daemon.name.clone().unwrap_or_else(|| self.daemon.uid.to_string())
    }

    /// The daemon's group, for `chgrp`.
    pub(super) fn group(&self) -> String {
        self.daemon.group.clone().unwrap_or_else(|| self.owner())
    }

    pub(super) fn has_systemd_credentials() -> bool {
        env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| !folder.is_empty())
    }

    /// Whether the daemon's user passes `test -r FILE` or the like; none where that cannot be tried. Only root can
    /// try it for another user.
    pub(super) fn daemon_may(&self, test: &str, path: &Path) -> Option<bool> {
        let (user, group) = (self.daemon.name.as_deref()?, self.daemon.group.as_deref()?);
        let mut tried = Command::new("setpriv");
        tried.args(["--reuid", user, "--regid", group, "--init-groups", "test", test]).arg(path);
        match tried.stderr(Stdio::null()).status().ok()?.code()? {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        }
    }

    pub(super) fn check(&self) -> Vec<CheckResult> {
        let (me, daemon) = (self.me.shown(), self.daemon.shown());
        if self.is_daemon() {
            return vec![ok(format!("doctor runs as {me}, like the daemon"))];
        }
        let message = format!(
            "doctor runs as {me}, the daemon as {daemon}: the checks below report what {me} may do; run doctor as \
             {daemon}"
        );
        vec![warning(message, self.doctor())]
    }

    fn config_option(&self) -> String {
        let file = self.config_file.as_deref();
        let named = file.filter(|file| *file != Path::new("/etc/lipsyncd/lipsyncd.yaml"));
        named.map(|file| format!(" --config {}", quoted(file))).unwrap_or_default()
    }
}

impl User {
    fn of(uid: u32) -> Self {
        Self { uid, name: id("-un", uid), group: id("-gn", uid) }
    }

    pub(super) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("user {}", self.uid))
    }
}

/// Asks `id` for a name; it also knows the users of a directory service, which may not answer.
fn id(option: &'static str, uid: u32) -> Option<String> {
    let output = timeout::within(timeout::FILES, move || {
        Command::new("id").args([option, &uid.to_string()]).output().ok()
    })??;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Root or anna, where lipsyncd is the daemon's user.
    fn users(me: u32, config_file: &str) -> Users {
        let user = |uid, name: &str| User { uid, name: Some(name.to_owned()), group: None };
        let me = if me == 0 { user(0, "root") } else { user(me, "anna") };
        Users { me, daemon: user(990, "lipsyncd"), config_file: Some(config_file.into()) }
    }

    #[test]
    fn commands_run_as_the_right_user() {
        let packaged = users(1000, "/etc/lipsyncd/lipsyncd.yaml");
        assert_eq!(packaged.lipsyncd("resume"), "sudo -u lipsyncd lipsyncd resume");
        assert_eq!(packaged.start(), "sudo systemctl start lipsyncd");
        assert_eq!(packaged.reload(Some(7)), "sudo systemctl reload lipsyncd");
        assert_eq!(packaged.reload(None), packaged.start());
        let own = users(990, "/srv/dub/lipsyncd.yaml");
        assert_eq!(own.lipsyncd("resume"), "lipsyncd --config /srv/dub/lipsyncd.yaml resume");
        assert_eq!(own.start(), "lipsyncd --config /srv/dub/lipsyncd.yaml run");
    }

    #[test]
    fn second_account_has_its_own_unit_and_credentials() {
        let second = users(0, "/etc/lipsyncd/film.yaml");
        assert_eq!(second.unit().unwrap(), "lipsyncd@film");
        assert_eq!(second.restart(), "systemctl restart lipsyncd@film");
        let folder = second.credentials_folder().unwrap();
        assert_eq!(folder, Path::new("/etc/lipsyncd/film.credentials"));
        let doctor = second.doctor();
        assert!(doctor.starts_with("systemd-run --quiet --pipe --wait --collect -p User=lipsyncd"));
        assert!(doctor.contains(" -p LoadCredential=kling:/etc/lipsyncd/film.credentials "));
        assert!(doctor.ends_with(" --config /etc/lipsyncd/film.yaml doctor"), "{doctor}");
    }

    #[test]
    fn id_knows_root_and_no_strangers() {
        let root = User { uid: 0, name: Some("root".into()), group: Some("root".into()) };
        assert_eq!(User::of(0), root);
        assert_eq!(User::of(3_999_999_999).shown(), "user 3999999999");
    }
}
