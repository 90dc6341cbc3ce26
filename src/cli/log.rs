//! Starts the log: `log.format` sets its target and format, `RUST_LOG` its level.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal as _},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
};

use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt::format, layer::SubscriberExt as _};

use crate::{cli::text::safe, config::LogFormat};

/// The filter if `RUST_LOG` is not set.
const DEFAULT_FILTER: &str = "lipsyncd=info,warn";

/// The name in the journal, whatever the program's file is called.
const IDENTIFIER: &str = "lipsyncd";

type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// The filter of commands that use the terminal for other output.
pub(super) const QUIET_FILTER: &str = "lipsyncd=error";

/// Starts the log of this process; a second call changes nothing.
pub(super) fn init(format: LogFormat) {
    init_with(format, DEFAULT_FILTER);
}

pub(super) fn init_with(format: LogFormat, default: &str) {
    let (sink, sink_warning) = sink(format);
    let (filter, filter_warning) = filter(env::var("RUST_LOG").ok(), default);
    // Only a test that runs several commands in one process has set one before.
    let _already_set =
        tracing::subscriber::set_global_default(Registry::default().with(sink.with_filter(filter)));
    for warning in sink_warning.into_iter().chain(filter_warning) {
        tracing::warn!("{warning}");
    }
}

fn sink(format: LogFormat) -> (Sink, Option<String>) {
    match format {
        LogFormat::Json => (json(), None),
        LogFormat::Text => (text(), None),
        LogFormat::Auto if !stderr_is_journal() => (text(), None),
        LogFormat::Auto | LogFormat::Journald => match tracing_journald::layer() {
            Ok(journal) => (configured(journal).boxed(), None),
            Err(error) => {
                (text(), Some(format!("cannot reach the journal ({error}); logging as text")))
            }
        },
    }
}

/// Sets the documented field names, and the priorities that `journalctl -p` expects.
fn configured(journal: tracing_journald::Layer) -> tracing_journald::Layer {
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
            let warning = format!("RUST_LOG is not valid ({error}); using {default}");
            (EnvFilter::new(default), Some(warning))
        }
    }
}

fn text() -> Sink {
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        // People read the message; the fields are for JSON and the journal.
        .fmt_fields(format::debug_fn(|to, field, value| match field.name() {
            "message" => write!(to, "{}", safe_lines(&format!("{value:?}"))),
            _ => Ok(()),
        }))
        .with_ansi(io::stderr().is_terminal() && !plain)
        .boxed()
}

/// Escapes control characters, so that text from manifests and the API cannot control the terminal.
fn safe_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

fn json() -> Sink {
    tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed()
}

/// Whether stderr goes to the journal, by `$JOURNAL_STREAM`. The journal would then get lines without fields.
pub(super) fn stderr_is_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    stderr
        .and_then(|stderr| stderr.metadata())
        .is_ok_and(|stderr| is_stream(&stream, stderr.dev(), stderr.ino()))
}

/// Whether `stream` is `<device>:<inode>` of this file.
fn is_stream(stream: &str, device: u64, inode: u64) -> bool {
    stream
        .split_once(':')
        .is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_recognised_by_device_and_inode() {
        assert!(is_stream("8:4711", 8, 4711));
        assert!(!is_stream("8:4712", 8, 4711));
        assert!(!is_stream("4711", 8, 4711));
        assert!(!is_stream("", 0, 0));
    }

    #[test]
    fn an_invalid_filter_is_reported_and_replaced() {
        let (filter, warning) = filter(Some("lipsyncd=loud".to_owned()), DEFAULT_FILTER);
        assert_eq!(filter.to_string(), EnvFilter::new(DEFAULT_FILTER).to_string());
        assert!(warning.unwrap().contains("RUST_LOG"));
    }
}
