//! What happens to a task before it is paid for: its audio is measured, its video identified, and its media and its
//! output are checked.

pub(crate) mod identify;
pub(crate) mod local_media;
pub(crate) mod measure_audio;
pub(crate) mod output_check;
pub(crate) mod upload;
mod video_link;

use identify::{Identify, check_task};
use local_media::{check_video, object_of, video_key, video_ref};
use output_check::{Obstacle, check_output};
