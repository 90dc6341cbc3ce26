//! Settings: their names, types and defaults, and where they are found.
//!
//! Owns `lipsyncd.yaml`. `keys` lists what each value may be, `check` compares values, `read` turns the text
//! into values, `example` knows default and meaning of each key in words, and `credentials` finds the
//! secrets, which are never in the file.

mod check;
mod credentials;
mod example;
mod find;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod kinds;
mod read;
mod schema;
mod settings;
#[cfg(test)]
mod tests;

pub use credentials::{Credentials, CredentialsError};
pub use example::{Setting, settings};
pub use find::ConfigError;
pub use schema::schema;
pub use settings::{Config, LogFormat, OnChangeSetting};
