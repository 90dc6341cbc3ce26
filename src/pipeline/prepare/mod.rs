//! What happens to a task before it is paid for: its audio is measured, its video identified, and its media and its
//! output are checked.

pub(crate) mod identify;
pub(crate) mod local_media;
pub(crate) mod measure_audio;
pub(crate) mod output_check;
