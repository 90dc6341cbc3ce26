//! Settings: their names, types and defaults, and where they are found. Owns `lipsyncd.yaml`; secrets are never in it.

mod base_url;
mod bucket_keys;
mod check;
mod credential_error;
mod credential_lookup;
mod credentials;
mod example;
mod find;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod kinds;
mod notify;
mod notify_secret;
mod read;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod web_password;

pub use bucket_keys::{BucketKeys, FoundBucketKeys};
pub use credential_error::CredentialsError;
pub use credentials::{Credentials, FoundCredentials};
pub use example::{EXAMPLE, Setting, settings};
pub use find::ConfigError;
pub use notify::{NotifyChannel, NotifyEvent, NotifyTarget, WebhookFormat};
pub use notify_secret::NotifySecret;
pub use schema::schema;
pub use settings::{Config, LogFormat, OnChangeSetting, S3Config, UploadConfig, WebConfig};
pub use web_password::{WebPassword, WebPasswordError};
