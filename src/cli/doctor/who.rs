//! Whom things belong to: as which user doctor runs, as which the daemon does, and how commands are typed so
//! that they reach the right one.

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use super::{finding::Finding, patience};
use crate::cli::{text::shell_word, unit};

/// A user by number and, where it has one, name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) name: Option<String>,
    /// Its own group, by number; none where the user is not known here.
    pub(super) gid: Option<u32>,
}

/// Who runs what.
#[derive(Debug, Clone)]
pub(super) struct Who {
    /// As whom doctor runs.
    pub(super) me: User,
    /// As whom the daemon runs: whoever owns the database, or the folder that is to hold it.
    pub(super) daemon: User,
    /// The configuration in force, if it is a file.
    pub(super) file: Option<PathBuf>,
}

impl Who {
    pub(super) fn of(database: Option<&Path>, file: Option<&Path>) -> Self {
        let me = User::of(geteuid().as_raw());
        let database = database.map(Path::to_owned);
        let owner = patience::within(patience::FILES, move || {
            let owner = |path: &Path| fs::metadata(path).ok().map(|file| file.uid());
            let database = database?;
            owner(&database).or_else(|| owner(database.parent()?))
        })
        .flatten();
        let daemon = owner.map_or_else(|| me.clone(), User::of);
        Self { me, daemon, file: file.map(Path::to_owned) }
    }

    /// Whether what doctor may do is what the daemon may do.
    pub(super) fn is_daemon(&self) -> bool {
        self.me.uid == self.daemon.uid
    }

    pub(super) fn is_root(&self) -> bool {
        self.me.uid == 0
    }

    /// The unit of the package that goes by this configuration.
    pub(super) fn unit(&self) -> Option<String> {
        unit::name(self.file.as_deref()?)
    }

    /// Where the credentials lie that systemd hands over: beside the configuration.
    pub(super) fn credentials_folder(&self) -> Option<PathBuf> {
        let file = self.file.as_deref()?;
        let name = match file.file_stem()?.to_str()? {
            "lipsyncd" => "credentials".to_owned(),
            name => format!("{name}.credentials"),
        };
        Some(file.parent()?.join(name))
    }

    /// `command` as the daemon's user types it, or whoever is at the keyboard types it for them.
    pub(super) fn lipsyncd(&self, command: &str) -> String {
        let typed = format!("lipsyncd{} {command}", self.config_option());
        match &self.daemon.name {
            _ if self.is_daemon() => typed,
            Some(name) => format!("sudo -u {name} {typed}"),
            None => format!("sudo -u '#{}' {typed}", self.daemon.uid),
        }
    }

    /// `command` as root.
    pub(super) fn root(&self, command: &str) -> String {
        if self.is_root() { command.to_owned() } else { format!("sudo {command}") }
    }

    /// What starts the daemon.
    pub(super) fn start(&self) -> String {
        match self.unit() {
            Some(unit) => self.root(&format!("systemctl start {unit}")),
            None => self.lipsyncd("run"),
        }
    }

    /// What has a daemon read its settings anew, if it runs: as this process.
    pub(super) fn reload(&self, pid: Option<u32>) -> String {
        match (pid, self.unit()) {
            (None, _) => self.start(),
            (Some(_), Some(unit)) => self.root(&format!("systemctl reload {unit}")),
            (Some(pid), None) if self.is_daemon() => format!("kill -HUP {pid}"),
            (Some(pid), None) => self.root(&format!("kill -HUP {pid}")),
        }
    }

    /// What has the daemon begin anew, with new settings and credentials.
    pub(super) fn restart(&self) -> String {
        match self.unit() {
            Some(unit) => self.root(&format!("systemctl restart {unit}")),
            None => format!("end the daemon, then: {}", self.lipsyncd("run")),
        }
    }

    /// Doctor as the daemon's user, with the credentials that systemd hands over.
    pub(super) fn doctor(&self) -> String {
        let Some(folder) = self.credentials_folder().filter(|_| self.unit().is_some()) else {
            return self.lipsyncd("doctor");
        };
        let user = self.daemon.name.as_deref().unwrap_or("lipsyncd");
        let group = self.daemon.name.as_ref().map_or_else(|| user.to_owned(), |_| self.group());
        let program = env::current_exe().unwrap_or_else(|_| "/usr/bin/lipsyncd".into());
        self.root(&format!(
            "systemd-run --quiet --pipe --wait --collect -p User={user} -p Group={group} -p \
             LoadCredential=kling:{} {}{} doctor",
            folder.display(),
            shell_word(&program.display().to_string()),
            self.config_option()
        ))
    }

    /// The user of whom a command speaks.
    pub(super) fn owner(&self) -> String {
        self.daemon.name.clone().unwrap_or_else(|| self.daemon.uid.to_string())
    }

    /// That user's own group.
    pub(super) fn group(&self) -> String {
        let Some(gid) = self.daemon.gid else { return self.owner() };
        of_number("/etc/group", gid).map_or_else(|| gid.to_string(), |group| group.name)
    }

    /// Whether systemd handed over credentials, be it none.
    pub(super) fn was_handed_credentials() -> bool {
        env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| !folder.is_empty())
    }

    /// A finding where doctor runs as another user than the daemon.
    pub(super) fn check(&self) -> Vec<Finding> {
        if self.is_daemon() {
            return vec![Finding::ok("user", format!("runs as {}", self.me.shown()))];
        }
        let message = format!(
            "runs as {}, the daemon as {}: what follows is what {} may do; run it as that user",
            self.me.shown(),
            self.daemon.shown(),
            self.me.shown()
        );
        vec![Finding::warning("user", message, self.doctor())]
    }

    fn config_option(&self) -> String {
        let file = self.file.as_deref();
        let named = file.filter(|file| *file != Path::new("/etc/lipsyncd/lipsyncd.yaml"));
        let option = |file: &Path| format!(" --config {}", shell_word(&file.display().to_string()));
        named.map(option).unwrap_or_default()
    }
}

impl User {
    fn of(uid: u32) -> Self {
        let known = of_number("/etc/passwd", uid);
        let gid = known.as_ref().and_then(|user| user.next);
        Self { uid, name: known.map(|user| user.name), gid }
    }

    /// Whether the user is in that group, its own or by the list of groups; none where that is not known.
    pub(super) fn is_in(&self, gid: u32) -> Option<bool> {
        if self.gid? == gid {
            return Some(true);
        }
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        Some(groups.lines().any(|line| {
            let mut fields = line.split(':').skip(2);
            let is_it = fields.next().is_some_and(|own| own.parse() == Ok(gid));
            let members = fields.next().unwrap_or_default();
            is_it && members.split(',').any(|member| Some(member) == self.name.as_deref())
        }))
    }

    pub(super) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("user {}", self.uid))
    }
}

/// A line of the users, or of the groups.
struct Line {
    name: String,
    /// The number after its own: of a user, its group's.
    next: Option<u32>,
}

/// Those that a server itself has; those of a directory go by their number.
fn of_number(list: &str, number: u32) -> Option<Line> {
    let list = fs::read_to_string(list).unwrap_or_default();
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, own) = (fields.next()?, fields.next()?, fields.next()?);
        let next = fields.next().and_then(|next| next.parse().ok());
        (own.parse() == Ok(number)).then(|| Line { name: name.to_owned(), next })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Root or anna, where lipsyncd is the daemon's user.
    pub(in super::super) fn who(me: u32, file: &str) -> Who {
        let user = |uid, name: &str| User { uid, name: Some(name.to_owned()), gid: None };
        let me = if me == 0 { user(0, "root") } else { user(me, "anna") };
        Who { me, daemon: user(990, "lipsyncd"), file: Some(file.into()) }
    }

    #[test]
    fn commands_reach_the_daemons_user() {
        let packaged = who(1000, "/etc/lipsyncd/lipsyncd.yaml");
        assert_eq!(packaged.lipsyncd("resume"), "sudo -u lipsyncd lipsyncd resume");
        assert_eq!(packaged.start(), "sudo systemctl start lipsyncd");
        assert_eq!(packaged.reload(Some(7)), "sudo systemctl reload lipsyncd");
        assert_eq!(packaged.reload(None), packaged.start());
        let own = who(990, "/srv/dub/lipsyncd.yaml");
        assert_eq!(own.lipsyncd("resume"), "lipsyncd --config /srv/dub/lipsyncd.yaml resume");
        assert_eq!(own.start(), "lipsyncd --config /srv/dub/lipsyncd.yaml run");
    }

    #[test]
    fn a_second_account_has_its_own_unit_and_credentials() {
        let second = who(0, "/etc/lipsyncd/film.yaml");
        assert_eq!(second.unit().unwrap(), "lipsyncd@film");
        assert_eq!(second.restart(), "systemctl restart lipsyncd@film");
        let folder = second.credentials_folder().unwrap();
        assert_eq!(folder, Path::new("/etc/lipsyncd/film.credentials"));
        let doctor = second.doctor();
        assert!(doctor.starts_with("systemd-run --quiet --pipe --wait --collect -p User=lipsyncd"));
        assert!(doctor.contains(" -p LoadCredential=kling:/etc/lipsyncd/film.credentials "));
        assert!(doctor.ends_with(" --config /etc/lipsyncd/film.yaml doctor"), "{doctor}");
    }
}
