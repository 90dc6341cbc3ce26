//! A service manager that only listens: a datagram socket, as `$NOTIFY_SOCKET` names it.

use std::{cell::RefCell, io::ErrorKind, os::unix::net::UnixDatagram};

use crate::support::daemon::TestEnv;

/// The longest datagram that is read.
const BYTES_MAX: usize = 4096;

/// What was heard so far, line by line.
pub struct Manager {
    socket: UnixDatagram,
    heard: RefCell<Vec<String>>,
}

impl Manager {
    pub fn listen(test_env: &TestEnv) -> Self {
        let socket = UnixDatagram::bind(test_env.path("notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, heard: RefCell::default() }
    }

    /// Starts the daemon under it, with more in its environment.
    pub fn start(&self, test_env: &mut TestEnv, environment: &[(&str, &str)]) {
        let socket = test_env.path("notify");
        let mut all = vec![("NOTIFY_SOCKET", socket.to_str().unwrap())];
        all.extend(environment);
        test_env.spawn_with(&["run"], &all);
    }

    /// Has no room for anything more, until it is [heard](Self::heard).
    pub fn is_full(&self, test_env: &TestEnv) {
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_nonblocking(true).unwrap();
        loop {
            match sender.send_to(b"FILLED=1", test_env.path("notify")) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// All lines that were heard.
    pub fn heard(&self) -> Vec<String> {
        let mut heard = self.heard.borrow_mut();
        let mut datagram = [0; BYTES_MAX];
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(length) => {
                    let text = String::from_utf8(datagram[..length].to_vec()).unwrap();
                    heard.extend(text.lines().map(str::to_owned));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return heard.clone(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// How often exactly this was heard.
    pub fn count(&self, line: &str) -> usize {
        self.heard().iter().filter(|heard| *heard == line).count()
    }

    /// The line of status that was heard last.
    pub fn status(&self) -> String {
        let heard = self.heard();
        let status = heard.iter().rev().find_map(|line| line.strip_prefix("STATUS="));
        status.unwrap_or_default().to_owned()
    }
}
