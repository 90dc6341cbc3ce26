//! Times that are part of sentences of the database.

use std::borrow::Cow;

/// The forms of times in ISO 8601, UTC, that are part of sentences.
const FORMS: [&str; 2] = ["0000-00-00T00:00:00.000Z", "0000-00-00T00:00:00Z"];

/// Replaces each time of a sentence by what `format` makes of it.
pub fn with_times(text: &str, format: impl Fn(&str) -> Option<String>) -> Cow<'_, str> {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, iso)) = first_time(rest) {
        shown += before;
        shown += format(iso).as_deref().unwrap_or(iso);
        rest = &rest[before.len() + iso.len()..];
    }
    if shown.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(shown + rest) }
}

/// Returns the first time in `text`, and what is before it.
fn first_time(text: &str) -> Option<(&str, &str)> {
    text.match_indices('T').find_map(|(at, _)| {
        let start = at.checked_sub("2026-03-01".len())?;
        let of_form = |form: &&str| {
            let time = text.get(start..start + form.len())?;
            has_form(time, form).then_some(time)
        };
        Some((&text[..start], FORMS.iter().find_map(of_form)?))
    })
}

fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.bytes().zip(form.bytes()).all(fits)
}
