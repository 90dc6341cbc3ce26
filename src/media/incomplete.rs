//! What is missing in a file that is not complete.

use std::fmt;

const KB: u64 = 1_000;
const MB: u64 = 1_000_000;

/// Why a file is not complete, by its own format: it is still being written, or was cut short. Only time can
/// distinguish the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incomplete {
    /// It has only these first bytes, which are fewer than any format has.
    Tiny(u64),
    /// The format says how many bytes there are.
    Bytes {
        /// The bytes that are in the file.
        present: u64,
        /// The bytes that the format says.
        expected: u64,
    },
    /// The header of an MP3 says how many frames there are.
    Frames {
        /// The frames that are in the file.
        present: u64,
        /// The frames that the header says.
        expected: u64,
    },
    /// It ends with zeros where the format has none: the space is reserved, and not filled yet.
    Zeros,
    /// A part that every complete file has is missing: "no …".
    Part(&'static str),
    /// The last frame is cut off. Also true for a complete recording of a stream.
    LastFrame,
}

/// A clause for the parentheses after "is still being written" or "is incomplete".
impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tiny(0) => f.write_str("it is empty"),
            Self::Tiny(1) => f.write_str("it has 1 byte"),
            Self::Tiny(bytes) => write!(f, "it has {bytes} bytes"),
            Self::Bytes { present, expected } => f.write_str(&sizes(present, expected)),
            Self::Frames { present, expected } => write!(f, "{present} of {expected} frames"),
            Self::Zeros => f.write_str("its end is only zeros"),
            Self::Part(name) => write!(f, "it has no {name}"),
            Self::LastFrame => f.write_str("its last frame is cut off"),
        }
    }
}

/// Two sizes in one unit, which is small enough to show the difference.
fn sizes(present: u64, expected: u64) -> String {
    for (unit, name) in [(MB, "MB"), (KB, "kB")] {
        let tenths = |bytes: u64| bytes / (unit / 10);
        let is_shown = present == 0 || tenths(present) > 0;
        if expected >= unit && is_shown && tenths(present) != tenths(expected) {
            let shown = |bytes| format!("{}.{}", tenths(bytes) / 10, tenths(bytes) % 10);
            return format!("{} of {} {name}", shown(present), shown(expected));
        }
    }
    format!("{present} of {expected} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_largest_unit_that_shows_the_difference() {
        let shown = |present, expected| Incomplete::Bytes { present, expected }.to_string();
        assert_eq!(shown(1_234_567, 3_400_000), "1.2 of 3.4 MB");
        assert_eq!(shown(0, 3_400_000), "0.0 of 3.4 MB");
        assert_eq!(shown(3_310_000, 3_399_900), "3310.0 of 3399.9 kB");
        assert_eq!(shown(12_345, 34_000), "12.3 of 34.0 kB");
        assert_eq!(shown(3_400_001, 3_400_007), "3400001 of 3400007 bytes");
        assert_eq!(shown(12, 44), "12 of 44 bytes");
    }
}
