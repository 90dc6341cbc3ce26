//! Creates whose answer is lost: each is paid for once, and its task is found.
