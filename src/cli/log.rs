//! The log: to stderr or the journal, as `log.format` says; how much is `RUST_LOG`'s.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal as _},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
};

use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt::format, layer::SubscriberExt as _};

use crate::{cli::text::safe, config::LogFormat};

/// What is logged when `RUST_LOG` does not say.
const DEFAULT_FILTER: &str = "lipsyncd=info,warn";

/// What the journal calls us, whatever the file of the program is called.
const IDENTIFIER: &str = "lipsyncd";

type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// What is logged where the screen is for something else.
const QUIET_FILTER: &str = "lipsyncd=error";

/// Begins the log of this process; a second beginning changes nothing.
pub(super) fn init(format: LogFormat) {
    init_with(format, DEFAULT_FILTER);
}

/// Like [`init`], with nothing but errors unless `RUST_LOG` asks for more.
pub(super) fn init_quiet(format: LogFormat) {
    init_with(format, QUIET_FILTER);
}

fn init_with(format: LogFormat, default: &str) {
    let (sink, complaint) = sink(format);
    let (filter, fault) = filter(env::var("RUST_LOG").ok(), default);
    // Only a test that runs several commands in one process has one already.
    let _already =
        tracing::subscriber::set_global_default(Registry::default().with(sink.with_filter(filter)));
    for complaint in complaint.into_iter().chain(fault) {
        tracing::warn!("{complaint}");
    }
}

fn sink(format: LogFormat) -> (Sink, Option<String>) {
    match format {
        LogFormat::Json => (json(), None),
        LogFormat::Text => (text(), None),
        LogFormat::Auto if !stderr_is_journal() => (text(), None),
        LogFormat::Auto | LogFormat::Journald => match tracing_journald::layer() {
            Ok(journal) => (as_ours(journal).boxed(), None),
            Err(error) => (text(), Some(format!("no journal here ({error}): logging as text"))),
        },
    }
}

/// Fields by the names that the manual tells, and priorities that `journalctl -p` is used to.
fn as_ours(journal: tracing_journald::Layer) -> tracing_journald::Layer {
    let priorities = PriorityMappings {
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
        ..PriorityMappings::new()
    };
    journal
        .with_field_prefix(None)
        .with_syslog_identifier(IDENTIFIER.to_owned())
        .with_priority_mappings(priorities)
}

fn filter(wanted: Option<String>, default: &str) -> (EnvFilter, Option<String>) {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return (EnvFilter::new(default), None);
    };
    match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => {
            let fault = format!("RUST_LOG is not understood ({error}): using {default}");
            (EnvFilter::new(default), Some(fault))
        }
    }
}

fn text() -> Sink {
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        // The message says it all to people; the fields are for JSON and the journal.
        .fmt_fields(format::debug_fn(|to, field, value| match field.name() {
            "message" => write!(to, "{}", safe_lines(&format!("{value:?}"))),
            _ => Ok(()),
        }))
        .with_ansi(io::stderr().is_terminal() && !plain)
        .boxed()
}

/// Control characters of manifests and of the API must not reach the terminal.
fn safe_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

fn json() -> Sink {
    tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed()
}

/// Whether stderr is the stream that systemd tells of: then the journal would only get bare lines.
pub(super) fn stderr_is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    stderr
        .and_then(|stderr| stderr.metadata())
        .is_ok_and(|stderr| names(&stream, stderr.dev(), stderr.ino()))
}

/// Whether `stream` is `<device>:<inode>` of that file.
fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream
        .split_once(':')
        .is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        assert!(names("8:4711", 8, 4711));
        assert!(!names("8:4712", 8, 4711));
        assert!(!names("4711", 8, 4711));
        assert!(!names("", 0, 0));
    }

    #[test]
    fn a_filter_that_is_not_understood_is_told_and_replaced() {
        let (filter, fault) = filter(Some("lipsyncd=loud".to_owned()), DEFAULT_FILTER);
        assert_eq!(filter.to_string(), EnvFilter::new(DEFAULT_FILTER).to_string());
        assert!(fault.unwrap().contains("RUST_LOG"));
    }
}
