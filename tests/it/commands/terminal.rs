//! A command that asks on a terminal: its standard input is a pseudo terminal of its own.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    process::{Child, Stdio},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{CommandEnv, Ran};

/// A command that has printed its question and waits for the answer.
pub(super) struct Asking {
    child: Child,
    terminal: File,
    /// What it printed to stderr so far, which ends with the question.
    pub(super) question: String,
}

impl CommandEnv {
    /// Runs a command on a terminal until it asks.
    pub(super) fn ask(&self, arguments: &[&str]) -> Asking {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let mut options = File::options();
        let end = options.read(true).write(true).custom_flags(libc::O_NOCTTY);
        let end = end.open(OsStr::from_bytes(name.as_bytes())).unwrap();
        let mut command = self.command(arguments);
        let child = command.stdin(end).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let (mut said, mut byte) = (Vec::new(), [0]);
        let err = child.stderr.as_mut().unwrap();
        while !said.ends_with(b"[y/N] ") && err.read(&mut byte).unwrap() > 0 {
            said.extend(byte);
        }
        let question = String::from_utf8(said).unwrap();
        assert!(question.ends_with("[y/N] "), "it ended without a question: {question}");
        Asking { child, terminal: terminal.into(), question }
    }
}

impl Asking {
    /// Types the answer, and returns what the command did then.
    pub(super) fn answer(mut self, answer: &str) -> Ran {
        writeln!(self.terminal, "{answer}").unwrap();
        let output = self.child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
