//! Error messages without ids and paths, so that failures can be grouped by their reason.

/// Returns `message` with `…` for each id, path or URL. HTTP statuses and short numbers stay: they are part of the
/// reason.
pub(super) fn without_numbers(message: &str) -> String {
    let differs = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        digits > 4 || digits > 0 && word.len() > 12 || word.contains('/') || word.contains(".mp")
    };
    let words = message.split(' ').map(|word| if differs(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_neither_ids_nor_names_of_files() {
        for (message, reason) in [
            ("refused by content security (code 1301)", "refused by content security (code 1301)"),
            ("the API no longer knows task 8127364: gone", "the API no longer knows task … gone"),
            ("a/b.mp3 is shorter than 2 s", "… is shorter than 2 s"),
            ("no session 0a1b2c3d-44e5-6677", "no session …"),
        ] {
            assert_eq!(without_numbers(message), reason);
        }
    }
}
