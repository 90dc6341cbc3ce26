//! A line of `status`.

/// A name and its text. An empty name continues the line before it.
pub(super) type StatusLine = (&'static str, String);

pub(super) fn format_line((name, text): StatusLine) -> String {
    format!("{name:<9}  {text}")
}
