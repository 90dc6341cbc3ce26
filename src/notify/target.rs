//! A target of messages, ready to send.

use std::time::Duration;

use super::{
    SendError, command, message::Message, test_message::test_message, time_limits::TimeLimits,
    webhook::Webhook,
};
use crate::config::{NotifyChannel, NotifySecret, NotifyTarget};

/// A target of messages.
pub struct MessageTarget {
    name: String,
    channel: Channel,
    limits: TimeLimits,
}

enum Channel {
    Webhook(Webhook),
    Command(Vec<String>),
}

impl MessageTarget {
    /// Makes a target. `secret` signs the messages of webhooks.
    #[must_use]
    pub fn new(target: &NotifyTarget, secret: Option<&NotifySecret>, limits: TimeLimits) -> Self {
        let channel = match &target.channel {
            NotifyChannel::Webhook { url, format } => {
                Channel::Webhook(Webhook::new(url.clone(), *format, secret.cloned()))
            }
            NotifyChannel::Command(words) => Channel::Command(words.clone()),
        };
        Self { name: target.name(), channel, limits }
    }

    /// The name for people, without the parts of a URL that may be secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a test message at `now_ms` (Unix time). Returns what the target answered.
    ///
    /// # Errors
    /// The message did not arrive.
    pub async fn send_test(&self, now_ms: i64) -> Result<String, SendError> {
        self.send(&test_message(now_ms), now_ms).await
    }

    pub(super) async fn send(&self, message: &Message, now_ms: i64) -> Result<String, SendError> {
        match &self.channel {
            Channel::Webhook(webhook) => webhook.send(message, &self.limits, now_ms).await,
            Channel::Command(words) => command::send(words, message, &self.limits).await,
        }
    }

    /// The longest time of one try.
    pub(super) fn longest_try(&self) -> Duration {
        match &self.channel {
            Channel::Webhook(_) => self.limits.webhook,
            Channel::Command(_) => self.limits.command,
        }
    }
}
