//! Runs a program with a message on its standard input.

use std::{env, io, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use super::{SendError, message::Message, time_limits::TimeLimits};
use crate::redact::one_line;

/// The variables that a program gets. No credential is among them.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];
/// How much of the program's error output is shown.
const STDERR_BYTES_MAX: usize = 300;
/// How long the error output may stay open after the program ended.
const STDERR_REST: Duration = Duration::from_millis(100);

/// Runs the program and waits for its end. It and all its children are killed at the time limit, and when this is
/// dropped.
pub(super) async fn send(
    words: &[String],
    message: &Message,
    limits: &TimeLimits,
) -> Result<String, SendError> {
    let (program, arguments) = words.split_first().ok_or_else(|| SendError::new("no program"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(PASSED_ON.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .env("LIPSYNCD_EVENT", &message.event)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| not_started(program, &error))?;
    let mut running = Running { group: child.id(), child };
    match timeout(limits.command, running.finish(&message.json)).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(SendError::new(format!("{program}: {error}"))),
        Err(_) => Err(SendError::new(format!(
            "{program} did not end within {} s and was killed",
            limits.command.as_secs_f64()
        ))),
    }
}

/// A program and the group of its processes.
struct Running {
    child: Child,
    group: Option<u32>,
}

impl Running {
    async fn finish(&mut self, json: &str) -> io::Result<Result<String, SendError>> {
        let (stdin, stderr) = (self.child.stdin.take(), self.child.stderr.take());
        let mut said = Vec::new();
        let mut talk = Box::pin(async {
            if let Some(mut stdin) = stdin {
                // A program may end without reading the message.
                let _closed = stdin.write_all(json.as_bytes()).await;
            }
            read_beginning(stderr, &mut said).await;
        });
        let status = tokio::select! {
            biased;
            () = &mut talk => self.child.wait().await,
            status = self.child.wait() => {
                // A background process may keep the error output open.
                let _open = timeout(STDERR_REST, &mut talk).await;
                status
            }
        };
        drop(talk);
        // The id may belong to another process from now on.
        self.group = None;
        let status = status?;
        if status.success() {
            return Ok(Ok("ended with exit code 0".to_owned()));
        }
        let said = one_line(&String::from_utf8_lossy(&said), STDERR_BYTES_MAX);
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let message = match status.code() {
            Some(code) => format!("ended with exit code {code}{said}"),
            None => format!("was ended by a signal{said}"),
        };
        Ok(Err(SendError::new(message)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = self.group.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // The group may have ended in the meantime.
            let _ended = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads the error output to its end, and keeps the beginning.
async fn read_beginning(stderr: Option<ChildStderr>, said: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut chunk = [0; 512];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        let room = STDERR_BYTES_MAX.saturating_sub(said.len());
        said.extend(chunk.iter().take(read.min(room)));
    }
}

fn not_started(program: &str, error: &io::Error) -> SendError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "; name it by its complete path, or install it in PATH",
        io::ErrorKind::PermissionDenied => {
            "; the daemon's user must be allowed to execute it (chmod +x)"
        }
        _ => "",
    };
    SendError::new(format!("cannot start {program}: {error}{hint}"))
}
