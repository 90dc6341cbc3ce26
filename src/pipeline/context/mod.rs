//! What all steps share, and how they record outcomes.

mod folder_cache;
mod free_outputs;
mod not_found_timer;
mod record;
mod step_context;

pub(crate) use record::history_answer;
pub(crate) use step_context::{POLLS_PER_REST, StepContext, query_rest_max};

use folder_cache::FolderCache;
use free_outputs::FreeOutputs;
use not_found_timer::NotFoundTimer;
