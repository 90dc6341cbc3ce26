//! The one test binary: scenarios through real parts, each in a file of its own.

mod architecture;
