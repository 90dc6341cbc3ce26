//! One frame of an audio stream, as its header describes it.

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// With its header.
    pub(super) bytes: usize,
    pub(super) samples: u32,
    /// Samples per second.
    pub(super) rate: u32,
    /// Equal for frames of one encoder: version, profile and rate.
    pub(super) kind: u32,
}
