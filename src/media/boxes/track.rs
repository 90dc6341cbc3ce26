//! Reads one track from the boxes inside `trak` and the runs of its fragments.

use std::ops::Range;

use super::{BoxError, BoxReader, BoxSpan, edits::EditList, samples::SampleTables};

/// Formats of samples that may be zeros: audio and pictures that are not compressed.
const RAW: [&[u8; 4]; 15] = [
    b"raw ", b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"fl64", b"lpcm", b"ipcm",
    b"fpcm", b"alaw", b"ulaw", b"2vuy", b"yuv2",
];

/// One track of a movie.
#[derive(Debug, Default)]
pub(in crate::media) struct Track {
    pub(super) id: u32,
    pub(super) handler: [u8; 4],
    pub(super) timescale: u32,
    coded_size: (u32, u32),
    display_size: (u32, u32),
    is_rotated: bool,
    /// The track is to be shown. Players ignore the others, such as previews.
    pub(super) is_enabled: bool,
    /// The samples in fragments.
    fragment_samples: u64,
    tables: SampleTables,
    is_raw: bool,
    /// The sum of the samples' durations, in `timescale`.
    media_units: u64,
    /// How long after the start of decoding the first sample is shown: pictures are not stored in the order in which
    /// they are shown.
    first_offset: Option<u32>,
    pub(super) edits: EditList,
    pub(super) default_units: u32,
}

impl Track {
    /// Returns width and height in pixels as the video is shown: those of its samples, rotated by the matrix of `tkhd`.
    pub(in crate::media) fn shape(&self) -> (u32, u32) {
        let (width, height) = match self.coded_size {
            (0, _) | (_, 0) => self.display_size,
            coded_size => coded_size,
        };
        if self.is_rotated { (height, width) } else { (width, height) }
    }

    /// Returns the number of samples.
    pub(super) fn samples(&self) -> u64 {
        self.tables.samples + self.fragment_samples
    }

    /// Returns when its samples are shown, in `timescale`, as edits count.
    pub(super) fn media(&self) -> Range<u64> {
        // A negative offset shows the first sample at 0 at the earliest.
        let start = self.first_offset.and_then(|offset| i32::try_from(offset).ok()).unwrap_or(0);
        let start = u64::from(start.unsigned_abs());
        start..start.saturating_add(self.media_units)
    }

    /// Returns where the sample is that ends last in the file. None: unknown, such as for samples in fragments.
    pub(super) fn last_sample(&self) -> Option<Range<u64>> {
        // QuickTime counts uncompressed samples in compressed audio of one size: the size is none of the file's.
        let is_nominal = &self.handler == b"soun" && !self.is_raw && self.tables.has_common_size();
        if is_nominal { None } else { self.tables.last_sample() }
    }

    /// Whether its samples are compressed audio or pictures, of which none is only zeros.
    pub(super) fn is_compressed(&self) -> bool {
        matches!(&self.handler, b"vide" | b"soun") && !self.is_raw
    }

    pub(super) fn read_trak(
        &mut self,
        reader: &mut BoxReader<'_>,
        trak: BoxSpan,
    ) -> Result<(), BoxError> {
        reader.children(trak, |reader, span| match &span.kind {
            b"tkhd" => self.read_tkhd(reader, span),
            b"edts" => reader.children(span, |reader, span| match &span.kind {
                b"elst" => self.edits.read(reader, span),
                _ => Ok(()),
            }),
            b"mdia" => reader.children(span, |reader, span| self.read_media(reader, span)),
            _ => Ok(()),
        })
    }

    fn read_tkhd(&mut self, reader: &mut BoxReader<'_>, span: BoxSpan) -> Result<(), BoxError> {
        let (id_at, matrix_at) = if reader.version(span)? == 1 { (20, 52) } else { (12, 40) };
        self.is_enabled = reader.field_u32(span, 0)? & 1 != 0;
        self.id = reader.field_u32(span, id_at)?;
        let [a, b] = [reader.field_u32(span, matrix_at)?, reader.field_u32(span, matrix_at + 4)?];
        let [c, d] =
            [reader.field_u32(span, matrix_at + 12)?, reader.field_u32(span, matrix_at + 16)?];
        self.is_rotated = a == 0 && d == 0 && b != 0 && c != 0;
        // Fixed point, 16.16.
        let width = reader.field_u32(span, matrix_at + 36)? >> 16;
        self.display_size = (width, reader.field_u32(span, matrix_at + 40)? >> 16);
        Ok(())
    }

    /// Reads a box inside `mdia`, down to the sample tables.
    fn read_media(&mut self, reader: &mut BoxReader<'_>, span: BoxSpan) -> Result<(), BoxError> {
        match &span.kind {
            b"mdhd" => self.timescale = reader.timescale(span)?,
            b"hdlr" => self.handler = reader.field(span, 8)?,
            b"minf" => reader.children(span, |reader, span| match &span.kind {
                b"stbl" => reader.children(span, |reader, span| self.read_table(reader, span)),
                _ => Ok(()),
            })?,
            _ => {}
        }
        Ok(())
    }

    fn read_table(&mut self, reader: &mut BoxReader<'_>, span: BoxSpan) -> Result<(), BoxError> {
        match &span.kind {
            b"stsd" if reader.field_u32(span, 4)? > 0 => {
                self.is_raw = RAW.contains(&&reader.field(span, 12)?);
                if &self.handler == b"vide" {
                    let [w0, w1, h0, h1] = reader.field(span, 40)?;
                    self.coded_size =
                        (u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into());
                }
            }
            b"stts" => {
                let count = reader.field_u32(span, 4)?;
                reader.table(span, 8, count, 8)?;
                for index in 0..u64::from(count) {
                    let samples = reader.field_u32(span, 8 + index * 8)?;
                    let units = reader.field_u32(span, 12 + index * 8)?;
                    self.add_units(u64::from(samples) * u64::from(units));
                }
            }
            b"ctts" if reader.field_u32(span, 4)? > 0 => {
                self.first_offset = Some(reader.field_u32(span, 12)?);
            }
            _ => self.tables.read(reader, span)?,
        }
        Ok(())
    }

    /// Adds a run of a fragment. `default_units`: the length of its samples, unless the run gives another one.
    pub(super) fn read_trun(
        &mut self,
        reader: &mut BoxReader<'_>,
        span: BoxSpan,
        default_units: u32,
    ) -> Result<(), BoxError> {
        let flags = reader.field_u32(span, 0)?;
        let count = reader.field_u32(span, 4)?;
        let sized = |bits: &[u32]| bits.iter().filter(|bit| flags & **bit != 0).count() as u64 * 4;
        let head = 8 + sized(&[0x1, 0x4]);
        let entry = sized(&[0x100, 0x200, 0x400, 0x800]);
        reader.table(span, head, count, entry)?;
        self.fragment_samples += u64::from(count);
        if count > 0 && self.first_offset.is_none() {
            // The last field of an entry.
            let offset =
                if flags & 0x800 == 0 { 0 } else { reader.field_u32(span, head + entry - 4)? };
            self.first_offset = Some(offset);
        }
        if flags & 0x100 == 0 {
            self.add_units(u64::from(count) * u64::from(default_units));
            return Ok(());
        }
        for index in 0..u64::from(count) {
            let units = reader.field_u32(span, head + index * entry)?;
            self.add_units(units.into());
        }
        Ok(())
    }

    fn add_units(&mut self, units: u64) {
        self.media_units = self.media_units.saturating_add(units);
    }
}

impl BoxReader<'_> {
    pub(super) fn version(&mut self, span: BoxSpan) -> Result<u8, BoxError> {
        self.field::<1>(span, 0).map(|[version]| version)
    }

    /// Returns the units per second of `mvhd` and `mdhd`.
    pub(super) fn timescale(&mut self, span: BoxSpan) -> Result<u32, BoxError> {
        let at = if self.version(span)? == 1 { 20 } else { 12 };
        self.field_u32(span, at)
    }
}
