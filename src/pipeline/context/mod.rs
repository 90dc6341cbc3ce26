//! What all steps share, and how they record outcomes.

mod folder_cache;
mod not_found_timer;
mod record;
mod step_context;

pub(crate) use record::history_answer;
pub(crate) use step_context::StepContext;

use folder_cache::FolderCache;
use not_found_timer::NotFoundTimer;
