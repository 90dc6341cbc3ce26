//! Sends callbacks when they are due: to this machine only, whatever a `callback_url` says.
//!
//! A simulator that POSTed to hosts named in requests would be a nuisance to others; those callbacks
//! are not sent.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use url::Url;

use super::{rules::Sim, shared::Shared, url_target::is_loopback};

const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the task sleeps when no callback is due.
const IDLE: Duration = Duration::from_secs(3600);

/// A callback to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Callback {
    pub(super) url: String,
    pub(super) body: Value,
}

impl Sim {
    /// When the next callback is due, if any is.
    pub(super) fn next_callback_at_ms(&self) -> Option<i64> {
        self.due_callbacks.first().map(|callback| callback.at_ms)
    }

    /// Takes the callbacks that are due.
    pub(super) fn take_callbacks(&mut self, now_ms: i64) -> Vec<Callback> {
        let mut due = Vec::new();
        while self.next_callback_at_ms().is_some_and(|at_ms| at_ms <= now_ms)
            && let Some(next) = self.due_callbacks.pop_first()
        {
            let task = &self.tasks[next.index];
            let body = task.queried(next.at_ms, &self.base_url, true);
            due.extend(task.callback_url.clone().map(|url| Callback { url, body }));
        }
        due
    }
}

/// Sends callbacks until the server stops.
pub(super) async fn send_all(shared: Arc<Shared>, client: reqwest::Client) {
    loop {
        let due = {
            let now_ms = shared.now_ms();
            shared.sim().take_callbacks(now_ms)
        };
        for callback in due {
            tokio::spawn(send(client.clone(), callback));
        }
        let next_at_ms = shared.sim().next_callback_at_ms();
        let wait = next_at_ms.map_or(IDLE, |at_ms| {
            let wait_ms = at_ms.saturating_sub(shared.now_ms()).max(1);
            Duration::from_millis(wait_ms.unsigned_abs())
        });
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// A client that follows no redirects, so that it stays on this machine, and uses no proxy.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    // Fails only when a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
}

async fn send(client: reqwest::Client, callback: Callback) {
    let Callback { url, body } = callback;
    if !is_on_this_machine(&url) {
        tracing::warn!(url, "the simulator sends callbacks to this machine only");
        return;
    }
    if let Err(error) = client.post(&url).json(&body).send().await {
        tracing::warn!(url, %error, "the simulator could not deliver a callback");
    }
}

fn is_on_this_machine(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_never_leave_the_machine() {
        for url in ["http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:80/"] {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in ["http://192.168.0.1/", "https://example.com/", "http://localhost.example/"] {
            assert!(!is_on_this_machine(url), "{url}");
        }
    }
}
