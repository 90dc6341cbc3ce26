//! How what happened is said, in a table of its own: most jobs tell the same story, and differ in names
//! and numbers.
//!
//! A line of history is a phrase and what follows it. What is said of many jobs is found by its plain
//! words alone; the view puts both together.

use rusqlite::{Connection, OptionalExtension as _};

use super::StoreError;

/// A shorter beginning is not worth a row.
const BYTES_MIN: usize = 8;

/// A last word that is as short, with its space, stays with what it stands before: so it shows in the bytes
/// of a row what a name is there for, as in `as NAME` where a create is written down.
const SHORT_BYTES: usize = 3;

/// So many phrases are kept at most: plain words may be a user's or the API's, too, and have no end.
const TEXTS_MAX: i64 = 1_000;

/// Returns the row of the phrase that `what` begins with, and what follows it.
pub(super) fn split<'a>(
    connection: &Connection,
    what: &'a str,
) -> Result<(Option<i64>, &'a str), StoreError> {
    let (phrase, rest) = what.split_at(plain_bytes(what));
    if phrase.len() < BYTES_MIN {
        return Ok((None, what));
    }
    let known = match find(connection, phrase)? {
        None => keep(connection, phrase)?,
        known => known,
    };
    Ok(known.map_or((None, what), |row| (Some(row), rest)))
}

/// How far `text` consists of words without digits, points and the like, such as names have.
fn plain_bytes(text: &str) -> usize {
    let is_plain = |word: &&str| {
        let word = word.trim_end_matches([' ', ',', ';', ':', '.']);
        word.chars().all(|letter| letter.is_alphabetic() || letter == '`' || letter == '\'')
    };
    let plain: usize = text.split_inclusive(' ').take_while(is_plain).map(str::len).sum();
    let last = text[..plain].split_inclusive(' ').next_back().map_or(0, str::len);
    if plain < text.len() && last <= SHORT_BYTES { plain - last } else { plain }
}

fn find(connection: &Connection, phrase: &str) -> Result<Option<i64>, StoreError> {
    let mut known = connection.prepare_cached("SELECT id FROM history_text WHERE text = ?1")?;
    Ok(known.query_row([phrase], |row| row.get(0)).optional()?)
}

/// Returns its row; none: there are enough of them.
fn keep(connection: &Connection, phrase: &str) -> Result<Option<i64>, StoreError> {
    let sql = "INSERT INTO history_text (text)
               SELECT ?1 WHERE coalesce((SELECT max(id) FROM history_text), 0) < ?2 RETURNING id";
    let mut keep = connection.prepare_cached(sql)?;
    Ok(keep.query_row((phrase, TEXTS_MAX), |row| row.get(0)).optional()?)
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
