//! When freed memory returns to the system. Only glibc has these settings.

/// Blocks of this size and above return when they are freed. More than the buffers of a download, which are reused.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK_BYTES: libc::c_int = 320 << 10;

/// Makes large blocks return when they are freed. By default, glibc keeps all blocks up to the size of the largest one
/// that was freed, and small blocks between them keep that memory from use.
pub(crate) fn return_large_blocks() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the standard library cannot set this")]
    // SAFETY: it may be called at any time.
    let _is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES) };
}

/// Returns what is free now, of all threads. Takes milliseconds, so it is for the end of work that needed much memory.
pub(crate) fn return_freed() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the standard library cannot do this")]
    // SAFETY: it may be called at any time.
    let _has_returned = unsafe { libc::malloc_trim(0) };
}
