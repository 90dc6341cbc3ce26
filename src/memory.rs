//! When freed memory returns to the system. Only glibc has these settings.

/// Blocks of this size and above return when they are freed. The buffers of a download are smaller: they are reused.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK_BYTES: libc::c_int = 320 << 10;

/// Makes large blocks return when they are freed. By default, glibc raises this limit to the size of each freed block,
/// and a freed block below it returns only if nothing in use follows it.
///
/// Call it before other threads start.
pub(crate) fn return_large_blocks() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the standard library cannot set this")]
    // SAFETY: it uses no memory of the program. There is one thread: glibc does not guard its settings.
    let _is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES) };
}

/// Returns what is free now, of all threads. Takes milliseconds, so it is for the end of work that needed much memory.
pub(crate) fn return_freed() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the standard library cannot do this")]
    // SAFETY: it may be called at any time.
    let _has_returned = unsafe { libc::malloc_trim(0) };
}
