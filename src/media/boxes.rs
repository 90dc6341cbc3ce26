//! Reads the boxes of MP4 and QuickTime files (ISO/IEC 14496-12): where each begins and ends.
//!
//! Owns the bounds, so that a crafted file costs little: no size from a file is allocated or trusted, nesting is as
//! deep as the calling code, and boxes and table entries are limited. [`movie`] interprets the boxes.

use std::io::{self, BufReader, Read, Seek};

use super::{content::guess, incomplete::Incomplete};

mod edits;
pub(super) mod movie;
mod samples;
mod track;

/// More boxes than any video that the API accepts. One fragment per frame of a minute makes 30,000.
const MOST_BOXES: u32 = 200_000;

/// More entries of tables than any such video has.
const MOST_ENTRIES: u64 = 4_000_000;

/// No file of boxes is smaller: the smallest one begins with a box of 12 bytes.
const SMALLEST_FILE: u64 = 12;

/// Names of top-level boxes. A file that does not begin with one of them has another format.
const TOP_LEVEL: [&[u8; 4]; 19] = [
    b"ftyp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"uuid", b"styp",
    b"sidx", b"ssix", b"mfra", b"meta", b"emsg", b"prft", b"udta", b"pdin", b"junk",
];

/// Whether a file begins as one with boxes does.
pub(super) fn has_boxes(bytes: &[u8]) -> bool {
    bytes.get(4..8).is_some_and(|kind| TOP_LEVEL.iter().any(|known| kind == *known))
}

/// Why the boxes cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoxError {
    #[error("it contains {0}")]
    Foreign(&'static str),
    #[error("it is incomplete ({0})")]
    Incomplete(Incomplete),
    /// Boxes contradict each other, or there are more than a clip can have.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A box: its type, and where what it holds begins and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct BoxSpan {
    kind: [u8; 4],
    body: u64,
    end: u64,
}

/// What is at a position where a box should begin.
enum BoxHeader {
    Box(BoxSpan),
    /// A box that claims more than there is: its type, and where it would end.
    Overrun([u8; 4], u64),
    /// Nothing that could be a box: padding, a terminator, foreign bytes.
    Junk,
}

/// What follows the last complete box of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum FileTail {
    #[default]
    Nothing,
    /// The first bytes of a box that would end at `end`.
    Cut { kind: [u8; 4], end: u64 },
    /// Bytes from `at` that are no box.
    Other { at: u64 },
}

/// A file, or bytes in memory.
trait ReadSeek: Read + Seek {}

impl<R: Read + Seek> ReadSeek for R {}

/// Reads the boxes of a file.
struct BoxReader<'a> {
    inner: BufReader<Box<dyn ReadSeek + 'a>>,
    at: u64,
    len: u64,
    boxes_left: u32,
    entries_left: u64,
    /// Whether something else than a box was found where a box should begin inside another one.
    has_gap: bool,
}

impl<'a> BoxReader<'a> {
    /// Begins at the start of a file of `len` bytes.
    fn new(mut reader: impl Read + Seek + 'a, len: u64) -> Result<Self, BoxError> {
        reader.rewind()?;
        let inner = BufReader::new(Box::new(reader) as Box<dyn ReadSeek>);
        let (boxes_left, entries_left) = (MOST_BOXES, MOST_ENTRIES);
        Ok(Self { inner, at: 0, len, boxes_left, entries_left, has_gap: false })
    }

    /// Visits the file's own boxes in order, and returns what follows the last complete one.
    fn top_level(
        &mut self,
        mut visit: impl FnMut(&mut Self, BoxSpan) -> Result<(), BoxError>,
    ) -> Result<FileTail, BoxError> {
        if self.len < SMALLEST_FILE {
            return Err(BoxError::Incomplete(Incomplete::Tiny(self.len)));
        }
        let mut at = 0;
        while at < self.len {
            match self.find(at, self.len)? {
                BoxHeader::Box(span) if at > 0 || TOP_LEVEL.contains(&&span.kind) => {
                    visit(self, span)?;
                    at = span.end;
                }
                BoxHeader::Overrun(kind, end) if TOP_LEVEL.contains(&&kind) => {
                    return Ok(FileTail::Cut { kind, end });
                }
                _ if at > 0 => return Ok(FileTail::Other { at }),
                _ => match self.guess()? {
                    Some(other) => return Err(BoxError::Foreign(other)),
                    None => return Err(BoxError::Incomplete(Incomplete::Zeros)),
                },
            }
        }
        Ok(FileTail::Nothing)
    }

    /// Visits the boxes inside `parent` in order.
    fn children(
        &mut self,
        parent: BoxSpan,
        mut visit: impl FnMut(&mut Self, BoxSpan) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let mut at = parent.body;
        while at < parent.end {
            match self.find(at, parent.end)? {
                BoxHeader::Box(span) => {
                    visit(self, span)?;
                    at = span.end;
                }
                BoxHeader::Overrun(..) => {
                    return Err(BoxError::Damaged("a box is larger than the box around it"));
                }
                // QuickTime ends some lists with four zeros.
                BoxHeader::Junk => {
                    self.has_gap |= parent.end - at >= 8;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads the header at `at` of a box that must end by `limit`.
    fn find(&mut self, at: u64, limit: u64) -> Result<BoxHeader, BoxError> {
        self.boxes_left = self
            .boxes_left
            .checked_sub(1)
            .ok_or(BoxError::Damaged("it has more boxes than a video can have"))?;
        if limit - at < 8 {
            return Ok(BoxHeader::Junk);
        }
        let [s0, s1, s2, s3, kind @ ..] = self.bytes::<8>(at)?;
        // QuickTime has types such as `©nam`; a type of zeros is padding.
        if kind.iter().any(|byte| !matches!(byte, 0x20..=0x7e | 0xa9)) {
            return Ok(BoxHeader::Junk);
        }
        let (head, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 if limit == self.len => (8, limit - at),
            1 if limit - at < 16 => return Ok(BoxHeader::Overrun(kind, at + 16)),
            1 => (16, u64::from_be_bytes(self.bytes(at + 8)?)),
            size => (8, u64::from(size)),
        };
        if size < head {
            return Ok(BoxHeader::Junk);
        }
        if size > limit - at {
            return Ok(BoxHeader::Overrun(kind, at.saturating_add(size)));
        }
        Ok(BoxHeader::Box(BoxSpan { kind, body: at + head, end: at + size }))
    }

    /// Reads `N` bytes at `at`.
    fn bytes<const N: usize>(&mut self, at: u64) -> Result<[u8; N], BoxError> {
        // Both positions are in the file, whose length is far below 2^63.
        let ahead = at.wrapping_sub(self.at).cast_signed();
        self.inner.seek_relative(ahead)?;
        self.at = at;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// Reads a field of `N` bytes, `offset` into the body of a box.
    fn field<const N: usize>(&mut self, of: BoxSpan, offset: u64) -> Result<[u8; N], BoxError> {
        if of.end - of.body < offset + N as u64 {
            return Err(BoxError::Damaged("a box is too small for its content"));
        }
        self.bytes(of.body + offset)
    }

    fn field_u32(&mut self, of: BoxSpan, offset: u64) -> Result<u32, BoxError> {
        self.field(of, offset).map(u32::from_be_bytes)
    }

    /// Checks that a table of `count` entries fits into its box, and counts them.
    fn table(&mut self, of: BoxSpan, head: u64, count: u32, entry: u64) -> Result<(), BoxError> {
        let count = u64::from(count);
        if of.end - of.body < head + count * entry {
            return Err(BoxError::Damaged("a table is larger than its box"));
        }
        self.entries_left = self
            .entries_left
            .checked_sub(count)
            .ok_or(BoxError::Damaged("its tables are longer than those of a video can be"))?;
        Ok(())
    }

    /// Calls `each` with every entry of a table of `count` entries that begins `head` bytes into its box.
    fn entries<const N: usize>(
        &mut self,
        of: BoxSpan,
        head: u64,
        count: u32,
        mut each: impl FnMut([u8; N]),
    ) -> Result<(), BoxError> {
        self.table(of, head, count, N as u64)?;
        for index in 0..u64::from(count) {
            each(self.bytes(of.body + head + index * N as u64)?);
        }
        Ok(())
    }

    /// Whether the bytes from `start` to `end` are all zeros.
    fn are_zeros(&mut self, start: u64, end: u64) -> Result<bool, BoxError> {
        for at in start..end {
            if self.bytes::<1>(at)? != [0] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Guesses the content of a file without boxes. None: it begins with zeros.
    fn guess(&mut self) -> Result<Option<&'static str>, BoxError> {
        self.inner.rewind()?;
        self.at = 0;
        let mut start = Vec::new();
        self.inner.by_ref().take(512).read_to_end(&mut start)?;
        self.at = start.len() as u64;
        let only_zeros = start.iter().all(|byte| *byte == 0);
        Ok((!only_zeros).then(|| guess(&start)))
    }
}
