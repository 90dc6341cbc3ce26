//! `status --watch` on a terminal: a real pseudo terminal, and a terminal emulator that shows what people would see.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::*;

/// `status --watch` on a terminal of its own.
pub(super) struct Watching {
    child: Child,
    terminal: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Watching {
    /// Runs a command on a terminal of so many columns and rows.
    pub(super) fn start(watch: &Command, (columns, rows): (u16, u16)) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        set_size(&terminal, columns, rows);
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let end =
            || File::options().read(true).write(true).open(OsStr::from_bytes(name.as_bytes()));
        // Makes the terminal that of the command, so that its size and its changes are found.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg("--wait").arg(watch.get_program()).args(watch.get_args());
        command.current_dir(watch.get_current_dir().unwrap());
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
        command.envs(watch.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(end().unwrap()).stdout(end().unwrap()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let (shown, mut out) = (Arc::clone(&screen), File::from(terminal.try_clone().unwrap()));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal reports an error when the command has ended.
            while let Ok(count) = out.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { child, terminal, screen }
    }

    /// Waits until the screen shows this, and returns the screen.
    pub(super) fn until(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().screen().clone();
            if holds(&screen) {
                return screen.contents();
            }
            let late = began.elapsed() > Duration::from_secs(30);
            assert!(!late, "the screen does not show {what}:\n{}", screen.contents());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn until_shown(&self, words: &str) -> String {
        self.until(words, |screen| screen.contents().contains(words))
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(rows, columns);
        set_size(&self.terminal, columns, rows);
    }

    pub(super) fn press(&self, keys: &str) {
        File::from(self.terminal.try_clone().unwrap()).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end of the command, which gives the screen back.
    pub(super) fn ended(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        let last = self.until("the normal screen", |screen| {
            !screen.alternate_screen() && screen.contents().contains("next ")
        });
        assert!(!self.screen.lock().unwrap().screen().hide_cursor());
        last
    }
}

fn set_size(terminal: &OwnedFd, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

fn has_colors(screen: &vt100::Screen) -> bool {
    let (rows, columns) = screen.size();
    let mut cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    cells.any(|(row, column)| {
        screen.cell(row, column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
    })
}

#[tokio::test]
async fn watch_uses_the_screen_that_it_has() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let watching = Watching::start(&env.command(&["status", "--watch"]), (80, 24));
    // A frame arrives in pieces.
    for words in [
        "done       [",
        "] 2/6",
        "jobs       6: 1 waiting, 1 queued, 1 submitted, 1 succeeded, 1 failed, 1",
        "submitted   promo/submitted",
        "manifests in progress",
        "promo.yaml",
        "2/6, 1 failed",
        "last failures",
        "promo/failed",
        "needs you",
        "lipsyncd run",
        "lipsyncd list --state unresolved  1 job needs your decision",
    ] {
        watching.until_shown(words);
    }
    let small = watching.until_shown("slots with a task");
    assert!(small.lines().count() <= 24 && small.lines().all(|line| line.chars().count() <= 80));
    assert!(watching.until("colors", has_colors).contains("promo/failed"));
    // Side by side on a wide screen.
    watching.resize(140, 40);
    watching.until("both parts in one row", |screen| {
        let contents = screen.contents();
        contents.lines().any(|line| line.contains("promo/submitted") && line.contains("2/6"))
    });
    for (columns, rows) in [(200, 60), (20, 5), (1, 1), (80, 24)] {
        watching.resize(columns, rows);
    }
    watching.until("the small screen", |screen| screen.contents().contains("needs you"));
    watching.press("q");
    assert!(watching.ended().contains("lipsyncd run"));
}

#[tokio::test]
async fn watch_shows_no_colors_with_no_color_and_ends_with_control_c() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let mut watch = env.command(&["status", "--watch"]);
    watch.env("NO_COLOR", "1");
    let watching = Watching::start(&watch, (100, 30));
    watching.until_shown("promo/failed");
    assert!(!has_colors(watching.screen.lock().unwrap().screen()));
    watching.press("\x03");
    watching.ended();
}
