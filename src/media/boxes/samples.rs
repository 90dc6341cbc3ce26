//! Where the samples of a track are in the file, by the tables of its `stbl` box.

use std::ops::Range;

use super::{BoxError, BoxReader, BoxSpan};

/// The tables that say where samples are.
#[derive(Debug, Default)]
pub(super) struct SampleTables {
    /// Where each chunk begins.
    chunks: Vec<u64>,
    /// From which chunk on (counted from 1) a chunk has how many samples.
    runs: Vec<(u32, u32)>,
    /// The size of each sample; empty if all have `common_bytes`.
    bytes: Vec<u32>,
    common_bytes: u32,
    pub(super) samples: u64,
}

impl SampleTables {
    /// Reads a box inside `stbl`, if it is one of these tables.
    pub(super) fn read(
        &mut self,
        reader: &mut BoxReader<'_>,
        span: BoxSpan,
    ) -> Result<(), BoxError> {
        match &span.kind {
            b"stsz" => {
                self.common_bytes = reader.field_u32(span, 4)?;
                let count = reader.field_u32(span, 8)?;
                self.samples += u64::from(count);
                if self.common_bytes == 0 {
                    reader.entries::<4>(span, 12, count, |size| {
                        self.bytes.push(u32::from_be_bytes(size));
                    })?;
                }
            }
            // Sizes of 4, 8 or 16 bits. No writer of videos uses them: only their number counts.
            b"stz2" => self.samples += u64::from(reader.field_u32(span, 8)?),
            b"stco" => {
                let count = reader.field_u32(span, 4)?;
                reader.entries::<4>(span, 8, count, |at| {
                    self.chunks.push(u32::from_be_bytes(at).into());
                })?;
            }
            b"co64" => {
                let count = reader.field_u32(span, 4)?;
                reader.entries::<8>(span, 8, count, |at| {
                    self.chunks.push(u64::from_be_bytes(at));
                })?;
            }
            b"stsc" => {
                let count = reader.field_u32(span, 4)?;
                reader.entries::<12>(span, 8, count, |[c0, c1, c2, c3, s0, s1, s2, s3, ..]| {
                    let first_chunk = u32::from_be_bytes([c0, c1, c2, c3]);
                    self.runs.push((first_chunk, u32::from_be_bytes([s0, s1, s2, s3])));
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether all samples have one size.
    pub(super) fn has_common_size(&self) -> bool {
        self.common_bytes > 0
    }

    /// Returns where the sample is that ends last. None: there is none, or the tables do not say where.
    pub(super) fn last_sample(&self) -> Option<Range<u64>> {
        let mut last: Option<Range<u64>> = None;
        let mut runs = self.runs.iter().peekable();
        let (mut in_chunk, mut next_sample) = (0, 0);
        for (number, chunk_at) in (1..).zip(&self.chunks) {
            while let Some((_, samples)) = runs.next_if(|(first, _)| u64::from(*first) <= number) {
                in_chunk = u64::from(*samples);
            }
            let behind = self.samples.min(next_sample + in_chunk);
            let found = self.last_in_chunk(*chunk_at, next_sample..behind);
            next_sample = behind;
            let is_later = |last: &Range<u64>| found.as_ref().is_some_and(|it| it.end > last.end);
            if last.as_ref().is_none_or(is_later) {
                last = found.or(last);
            }
        }
        last
    }

    fn last_in_chunk(&self, chunk_at: u64, samples: Range<u64>) -> Option<Range<u64>> {
        let (count, common) = (samples.end.checked_sub(samples.start)?, self.common_bytes.into());
        if count == 0 {
            return None;
        }
        if self.bytes.is_empty() {
            let start = chunk_at.saturating_add((count - 1).saturating_mul(common));
            return Some(start..start.saturating_add(common));
        }
        let index = |at| usize::try_from(at).ok();
        let sizes = self.bytes.get(index(samples.start)?..index(samples.end)?)?;
        let all: u64 = sizes.iter().map(|size| u64::from(*size)).sum();
        let end = chunk_at.saturating_add(all);
        Some(end.saturating_sub(u64::from(*sizes.last()?))..end)
    }
}
