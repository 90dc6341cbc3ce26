//! A disk that fails under the real binary: at every write, sync and rename, and at none it must not.

mod faults;
mod intent;
mod shim;
