//! Short forms of the ways to run a statement. Each statement is compiled once per connection.

use rusqlite::{
    Connection, OptionalExtension as _, Params, Row, Statement, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};

use super::StoreError;
use crate::job::{State, Verdict};

/// Named parameters of a statement: `:column`.
pub(super) type Bound<'a> = [(&'a str, &'a dyn ToSql)];

/// Returns `column, …`, `:column, …` and `column = :column, …` for named parameters.
pub(super) fn lists(bound: &Bound<'_>) -> [String; 3] {
    let join = |form: &dyn Fn(&str) -> String| {
        bound.iter().map(|(name, _)| form(&name[1..])).collect::<Vec<_>>().join(", ")
    };
    [
        join(&str::to_owned),
        join(&|column| format!(":{column}")),
        join(&|column| format!("{column} = :{column}")),
    ]
}

/// Binds the values whose parameters are in the statement.
pub(super) fn bind_known(statement: &mut Statement<'_>, bound: &Bound<'_>) -> rusqlite::Result<()> {
    for (name, value) in bound {
        if let Some(at) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(at, value)?;
        }
    }
    Ok(())
}

/// Stores an enum by the names of its variants.
macro_rules! by_name {
    ($($type:ty),+) => {
        $(
            impl FromSql for $type {
                fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                    let name = value.as_str()?;
                    Self::named(name).ok_or_else(|| nonsense(name))
                }
            }

            impl ToSql for $type {
                fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                    Ok(self.name().into())
                }
            }
        )+
    };
}

by_name!(State, Verdict);

/// A digest: hexadecimal text in the program, half as many bytes in the database. Other text is stored as NULL, and so
/// equals nothing.
#[derive(Clone)]
pub(super) struct Hex<T>(pub(super) T);

impl<T: AsRef<str>> ToSql for Hex<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let digit = |letter: &u8| char::from(*letter).to_digit(16);
        let byte = |pair: &[u8]| match pair {
            [high, low] => u8::try_from(16 * digit(high)? + digit(low)?).ok(),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = self.0.as_ref().as_bytes().chunks(2).map(byte).collect();
        Ok(ToSqlOutput::Owned(bytes.into()))
    }
}

impl FromSql for Hex<String> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let digits = value.as_blob()?.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Ok(Self(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()))
    }
}

/// Makes the error for a value that lipsyncd never writes: somebody edited the database.
pub(super) fn nonsense(value: &str) -> FromSqlError {
    FromSqlError::Other(format!("the column holds {value:?}, which lipsyncd never writes").into())
}

/// Reads a struct from the columns that have the names of its fields.
macro_rules! columns {
    ($row:ident => $type:ident: $($field:ident)+) => {
        Ok($type { $($field: $row.get(stringify!($field))?),+ })
    };
}
pub(super) use columns;

pub(super) trait Sql {
    /// Does the same as `changed`, without looking up the names of the parameters: in a long statement that takes as long
    /// as to run it. The parameters are in the order in which the statement first names them; a debug build checks that.
    fn changed_in_order(&self, sql: &str, bound: &Bound<'_>) -> Result<usize, StoreError>;

    /// Returns the number of changed rows.
    fn changed(&self, sql: &str, parameters: impl Params) -> Result<usize, StoreError>;

    fn run(&self, sql: &str, parameters: impl Params) -> Result<(), StoreError>;

    fn exists(&self, sql: &str, parameters: impl Params) -> Result<bool, StoreError>;

    /// Returns the first column of the only row.
    fn value<T: FromSql>(&self, sql: &str, parameters: impl Params) -> Result<T, StoreError>;

    /// Returns the only row.
    fn row<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError>;

    fn first<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError>;

    fn all<T, A: FromIterator<T>>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<A, StoreError>;
}

impl Sql for Connection {
    fn changed_in_order(&self, sql: &str, bound: &Bound<'_>) -> Result<usize, StoreError> {
        let mut statement = self.prepare_cached(sql)?;
        debug_assert_eq!(statement.parameter_count(), bound.len(), "{sql}");
        for (number, (name, value)) in (1..).zip(bound) {
            debug_assert_eq!(statement.parameter_name(number), Some(*name), "{sql}");
            statement.raw_bind_parameter(number, value)?;
        }
        Ok(statement.raw_execute()?)
    }

    fn changed(&self, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
        Ok(self.prepare_cached(sql)?.execute(parameters)?)
    }

    fn run(&self, sql: &str, parameters: impl Params) -> Result<(), StoreError> {
        self.changed(sql, parameters).map(drop)
    }

    fn exists(&self, sql: &str, parameters: impl Params) -> Result<bool, StoreError> {
        Ok(self.prepare_cached(sql)?.exists(parameters)?)
    }

    fn value<T: FromSql>(&self, sql: &str, parameters: impl Params) -> Result<T, StoreError> {
        self.row(sql, parameters, |row| row.get(0))
    }

    fn row<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        Ok(self.prepare_cached(sql)?.query_row(parameters, read)?)
    }

    fn first<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.prepare_cached(sql)?.query_row(parameters, read).optional()?)
    }

    fn all<T, A: FromIterator<T>>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<A, StoreError> {
        Ok(self.prepare_cached(sql)?.query_map(parameters, read)?.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(digest: &str) -> Option<Vec<u8>> {
        let connection = Connection::open_in_memory().unwrap();
        connection.query_row("SELECT ?1", [Hex(digest)], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_digest_is_stored_as_bytes_and_read_as_it_was() {
        assert_eq!(stored("00ff5Ae1"), Some(vec![0, 255, 0x5a, 0xe1]));
        let connection = Connection::open_in_memory().unwrap();
        let digest = "09af".repeat(16);
        let read = |row: &Row<'_>| row.get(0);
        let Hex(again) = connection.query_row("SELECT ?1", [Hex(&digest)], read).unwrap();
        assert_eq!(again, digest);
    }

    #[test]
    fn text_that_is_no_digest_is_stored_as_null() {
        for text in ["abc", "0g", "+1", "é", "0x"] {
            assert_eq!(stored(text), None, "{text}");
        }
    }
}
