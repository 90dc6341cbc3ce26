//! What the checks share: the settings, the users, and what earlier checks found out.

use super::Users;
use crate::{
    config::{Config, Credentials},
    kling::{Client, LookupStyle, RemoteTask},
    store::{LockHolder, QueueStatus, Reader},
};

/// A check is left out without this. The check that provides it reports why it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Configuration,
    Database,
}

pub(super) struct DoctorContext {
    /// The defaults where the configuration has errors.
    pub(super) config: Config,
    pub(super) config_is_valid: bool,
    pub(super) users: Users,
    /// Set by the check of the credentials.
    pub(super) credentials: Option<Credentials>,
    /// Set by the check of the API.
    pub(super) account: Option<AccountAnswer>,
    /// Set by the check of the database.
    pub(super) database: Option<OpenDatabase>,
    /// Set by the check of the lookups.
    pub(super) lookups: LookupProof,
}

pub(super) struct AccountAnswer {
    pub(super) client: Client,
    pub(super) tasks: Vec<RemoteTask>,
}

pub(super) struct OpenDatabase {
    pub(super) reader: Reader,
    pub(super) queue_status: QueueStatus,
    pub(super) daemon: Option<LockHolder>,
}

/// Whether the account finds tasks by `external_task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookupProof {
    /// A task that exists was found by its name.
    Works(LookupStyle),
    /// A task that exists was not found by its name, in any style.
    Fails,
    Unknown,
}

impl DoctorContext {
    pub(super) fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Configuration => self.config_is_valid,
            Needs::Database => self.database.is_some(),
        }
    }
}
