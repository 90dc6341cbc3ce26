//! The targets of notifications: one entry of the list `notify`.

use std::{fmt, net::IpAddr, path::Path};

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Value, json};
use url::{Host, Url};

use crate::loopback::is_loopback;

/// A target of notifications, and the events that it gets.
#[derive(Debug, Clone, PartialEq)]
pub struct NotifyTarget {
    /// Where messages go.
    pub channel: NotifyChannel,
    /// What is reported there.
    pub events: Vec<NotifyEvent>,
}

/// Where messages go.
#[derive(Clone, PartialEq)]
pub enum NotifyChannel {
    /// An HTTP POST to this URL, which may be secret.
    Webhook {
        /// https, or http to this machine or to a private address.
        url: Url,
        /// The form of the request.
        format: WebhookFormat,
    },
    /// A program with its arguments. The program is an absolute path, or a name that is looked up in `PATH`.
    Command(Vec<String>),
}

/// The form of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    /// A JSON object, as Standard Webhooks describes it.
    #[default]
    Json,
    /// A text with headers, as ntfy expects it.
    Ntfy,
}

/// What can be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NotifyEvent {
    ManifestFinished,
    ManifestError,
    JobsFailed,
    JobUnresolved,
    JobSucceeded,
    QueuePaused,
    QueueResumed,
    BudgetReached,
}

impl NotifyEvent {
    /// All events.
    pub const ALL: [Self; 8] = [
        Self::ManifestFinished,
        Self::ManifestError,
        Self::JobsFailed,
        Self::JobUnresolved,
        Self::JobSucceeded,
        Self::QueuePaused,
        Self::QueueResumed,
        Self::BudgetReached,
    ];

    /// The name in the configuration, in messages and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ManifestFinished => "manifest.finished",
            Self::ManifestError => "manifest.error",
            Self::JobsFailed => "jobs.failed",
            Self::JobUnresolved => "job.unresolved",
            Self::JobSucceeded => "job.succeeded",
            Self::QueuePaused => "queue.paused",
            Self::QueueResumed => "queue.resumed",
            Self::BudgetReached => "budget.reached",
        }
    }

    /// Returns the events of a target that names none: all, except the one that each job has.
    fn usual() -> Vec<Self> {
        Self::ALL.into_iter().filter(|event| *event != Self::JobSucceeded).collect()
    }
}

impl NotifyTarget {
    /// Makes a relative path of a program start at `folder`. A name without a `/` is no path.
    pub(super) fn root_at(&mut self, folder: &Path) {
        let NotifyChannel::Command(words) = &mut self.channel else { return };
        let program = words.first_mut().filter(|program| program.contains('/'));
        if let Some(program) = program
            && let Ok(path) =
                folder.join(program.trim_start_matches("./")).into_os_string().into_string()
        {
            *program = path;
        }
    }

    /// Returns a name for messages and logs, without the parts of a URL that may be secret.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.channel {
            NotifyChannel::Webhook { url, .. } => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("webhook {}{port}", url.host_str().unwrap_or_default())
            }
            NotifyChannel::Command(words) => {
                format!("command {}", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// Only the host: the rest of the URL may be secret.
impl fmt::Debug for NotifyChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { url, format } => {
                write!(f, "Webhook({}, {format:?})", url.host_str().unwrap_or_default())
            }
            Self::Command(words) => f.debug_tuple("Command").field(&words.first()).finish(),
        }
    }
}

impl<'de> Deserialize<'de> for NotifyEvent {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let name = String::deserialize(input)?;
        let known = Self::ALL.into_iter().find(|event| event.name() == name);
        known.ok_or_else(|| D::Error::custom(format!("contains `{name}`, which is no event")))
    }
}

impl<'de> Deserialize<'de> for NotifyTarget {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            webhook: Option<String>,
            format: Option<WebhookFormat>,
            command: Option<Vec<String>>,
            events: Option<Vec<NotifyEvent>>,
        }
        let Entry { webhook, format, command, events } = Entry::deserialize(input)?;
        let channel = match (webhook, command) {
            (Some(url), None) => {
                let url = webhook_url(&url).map_err(D::Error::custom)?;
                NotifyChannel::Webhook { url, format: format.unwrap_or_default() }
            }
            (None, Some(words)) if format.is_none() => {
                if words.first().is_none_or(String::is_empty) {
                    return Err(D::Error::custom("has a command without a program"));
                }
                if words.iter().any(|word| word.contains('\0')) {
                    return Err(D::Error::custom("has a command with a NUL character"));
                }
                NotifyChannel::Command(words)
            }
            (None, Some(_)) => return Err(D::Error::custom("has a `format` without a `webhook`")),
            _ => return Err(D::Error::custom("needs either `webhook` or `command` in each entry")),
        };
        let events = events.unwrap_or_else(NotifyEvent::usual);
        if events.is_empty() {
            return Err(D::Error::custom("has an entry without events"));
        }
        Ok(Self { channel, events })
    }
}

/// Reads the URL of a webhook. Unlike `kling.base_url`, it gets no credentials: plain http may also stay in the local
/// network. No error quotes the URL, which may be secret.
fn webhook_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("has a webhook that is no URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a webhook with a user name or password".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local(&url) => Ok(url),
        "http" => {
            Err("has a webhook that sends messages unencrypted; plain http is allowed to this \
                       machine and to private IP addresses only"
                .to_owned())
        }
        _ => Err("has a webhook that is not an http(s) URL".to_owned()),
    }
}

/// Whether a URL's host is this machine, or an address of a private network. A name may belong to any address.
fn is_local(url: &Url) -> bool {
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical(),
        _ => return is_loopback(url),
    };
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Returns the JSON Schema of the list.
pub(super) fn schema() -> Value {
    let events = json!({
        "type": "array", "minItems": 1, "items": {"enum": NotifyEvent::ALL.map(NotifyEvent::name)}
    });
    let webhook = json!({
        "type": "object",
        "properties": {
            "webhook": {"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?:"},
            "format": {"enum": ["json", "ntfy"]},
            "events": events,
        },
        "required": ["webhook"],
        "additionalProperties": false,
    });
    let command = json!({
        "type": "object",
        "properties": {
            "command": {"type": "array", "minItems": 1, "items": {"type": "string"}},
            "events": events,
        },
        "required": ["command"],
        "additionalProperties": false,
    });
    json!({"type": "array", "items": {"anyOf": [webhook, command]}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_of_a_program_starts_at_the_folder_of_the_configuration() {
        for (program, rooted) in [
            ("./report.sh", "/etc/lipsyncd/report.sh"),
            ("bin/report", "/etc/lipsyncd/bin/report"),
            ("/bin/report", "/bin/report"),
            ("report", "report"),
        ] {
            let words = |program: &str| vec![program.to_owned(), "./a".to_owned()];
            let channel = NotifyChannel::Command(words(program));
            let mut target = NotifyTarget { channel, events: NotifyEvent::usual() };
            target.root_at(Path::new("/etc/lipsyncd"));
            assert_eq!(target.channel, NotifyChannel::Command(words(rooted)));
        }
    }
}
