//! A service manager that only receives: a datagram socket for `$NOTIFY_SOCKET`.

use std::{cell::RefCell, io::ErrorKind, os::unix::net::UnixDatagram};

use crate::support::daemon::TestEnv;

/// Size limit of a datagram.
const BYTES_MAX: usize = 4096;

/// All received lines.
pub struct Manager {
    socket: UnixDatagram,
    received: RefCell<Vec<String>>,
}

impl Manager {
    pub fn listen(test_env: &TestEnv) -> Self {
        let socket = UnixDatagram::bind(test_env.path("notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, received: RefCell::default() }
    }

    /// Starts the daemon with this socket and more environment variables.
    pub fn start(&self, test_env: &mut TestEnv, environment: &[(&str, &str)]) {
        let socket = test_env.path("notify");
        let mut all = vec![("NOTIFY_SOCKET", socket.to_str().unwrap())];
        all.extend(environment);
        test_env.spawn_with(&["run"], &all);
    }

    /// Fills the socket's buffer until its lines are [read](Self::received).
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

    /// Reads and returns all lines.
    pub fn received(&self) -> Vec<String> {
        let mut received = self.received.borrow_mut();
        let mut datagram = [0; BYTES_MAX];
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(length) => {
                    let text = String::from_utf8(datagram[..length].to_vec()).unwrap();
                    received.extend(text.lines().map(str::to_owned));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return received.clone(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// How often exactly this line was received.
    pub fn count(&self, line: &str) -> usize {
        self.received().iter().filter(|received| *received == line).count()
    }

    /// The last received status.
    pub fn status(&self) -> String {
        let received = self.received();
        let status = received.iter().rev().find_map(|line| line.strip_prefix("STATUS="));
        status.unwrap_or_default().to_owned()
    }
}
