//! Beginnings of history sentences in a table of their own, because most jobs have the same sentences with other
//! names and numbers.
//!
//! A sentence is split into its first plain words, which are stored once, and the rest. The view joins both.

use rusqlite::Connection;

use super::{StoreError, sql::Sql as _};

/// A shorter beginning gets no row.
const BYTES_MIN: usize = 8;

/// A last word of at most this length, with its space, goes to the rest: `as NAME` stays together.
const SHORT_BYTES: usize = 3;

/// The limit of rows: plain words may also come from users or the API, without an end.
const TEXTS_MAX: i64 = 1_000;

pub(super) fn split<'a>(
    connection: &Connection,
    what: &'a str,
) -> Result<(Option<i64>, &'a str), StoreError> {
    let (phrase, rest) = what.split_at(plain_bytes(what));
    if phrase.len() < BYTES_MIN {
        return Ok((None, what));
    }
    let known = "SELECT id FROM history_text WHERE text = ?1";
    let insert = "INSERT INTO history_text (text)
                  SELECT ?1 WHERE coalesce((SELECT max(id) FROM history_text), 0) < ?2 RETURNING id";
    let row = match connection.first(known, [phrase], |row| row.get(0))? {
        None => connection.first(insert, (phrase, TEXTS_MAX), |row| row.get(0))?,
        known => known,
    };
    Ok(row.map_or((None, what), |row| (Some(row), rest)))
}

/// Returns the length of the plain words at the beginning of `text`: words without digits, dots and the like.
fn plain_bytes(text: &str) -> usize {
    let is_plain = |word: &&str| {
        let word = word.trim_end_matches([' ', ',', ';', ':', '.']);
        word.chars().all(|letter| letter.is_alphabetic() || letter == '`' || letter == '\'')
    };
    let plain: usize = text.split_inclusive(' ').take_while(is_plain).map(str::len).sum();
    let last = text[..plain].split_inclusive(' ').next_back().map_or(0, str::len);
    if plain < text.len() && last <= SHORT_BYTES { plain - last } else { plain }
}

#[cfg(test)]
mod tests {
    use super::plain_bytes;

    #[test]
    fn a_phrase_ends_where_names_and_numbers_begin() {
        for (phrase, rest) in [
            ("found in its manifest; its media are there", ""),
            ("create written down ", "as lipsyncd-0a1b"),
            ("accepted as task ", "842 and on"),
            ("delivered: ", "9 bytes, sha256 abc"),
            ("waits: ", "a.mp4, which is not there"),
            ("renamed from ", "a/b to c/d"),
        ] {
            let what = format!("{phrase}{rest}");
            assert_eq!(what.split_at(plain_bytes(&what)), (phrase, rest));
        }
    }
}
