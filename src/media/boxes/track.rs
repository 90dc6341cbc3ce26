//! Reads one track from the boxes inside `trak` and the runs of its fragments.

use super::{BoxError, BoxReader, BoxSpan};

/// One track of a movie.
#[derive(Debug, Default)]
pub(in crate::media) struct Track {
    pub(super) id: u32,
    pub(super) handler: [u8; 4],
    pub(super) timescale: u32,
    coded_size: (u32, u32),
    display_size: (u32, u32),
    is_rotated: bool,
    pub(super) samples: u64,
    /// The sum of the samples' durations, in `timescale`.
    pub(super) media_units: u64,
    /// What the edit list shows of the samples, and the delay before it, in the movie's timescale.
    pub(super) shown_units: u64,
    pub(super) delay_units: u64,
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

    pub(super) fn read_trak(
        &mut self,
        reader: &mut BoxReader<'_>,
        trak: BoxSpan,
    ) -> Result<(), BoxError> {
        reader.children(trak, |reader, span| match &span.kind {
            b"tkhd" => self.read_tkhd(reader, span),
            b"edts" => reader.children(span, |reader, span| match &span.kind {
                b"elst" => self.read_elst(reader, span),
                _ => Ok(()),
            }),
            b"mdia" => reader.children(span, |reader, span| self.read_media(reader, span)),
            _ => Ok(()),
        })
    }

    fn read_tkhd(&mut self, reader: &mut BoxReader<'_>, span: BoxSpan) -> Result<(), BoxError> {
        let (id_at, matrix_at) = if reader.version(span)? == 1 { (20, 52) } else { (12, 40) };
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

    fn read_elst(&mut self, reader: &mut BoxReader<'_>, span: BoxSpan) -> Result<(), BoxError> {
        let wide = reader.version(span)? == 1;
        let count = reader.field_u32(span, 4)?;
        let entry = if wide { 20 } else { 12 };
        reader.table(span, 8, count, entry)?;
        for index in 0..u64::from(count) {
            let at = 8 + index * entry;
            let (units, empty) = if wide {
                let units = u64::from_be_bytes(reader.field(span, at)?);
                (units, i64::from_be_bytes(reader.field(span, at + 8)?) == -1)
            } else {
                (
                    u64::from(reader.field_u32(span, at)?),
                    reader.field_u32(span, at + 4)? == u32::MAX,
                )
            };
            let sum = if empty { &mut self.delay_units } else { &mut self.shown_units };
            *sum = sum.saturating_add(units);
        }
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
            b"stsd" if &self.handler == b"vide" && reader.field_u32(span, 4)? > 0 => {
                let [w0, w1, h0, h1] = reader.field(span, 40)?;
                self.coded_size =
                    (u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into());
            }
            b"stsz" | b"stz2" => self.samples += u64::from(reader.field_u32(span, 8)?),
            b"stts" => {
                let count = reader.field_u32(span, 4)?;
                reader.table(span, 8, count, 8)?;
                for index in 0..u64::from(count) {
                    let samples = reader.field_u32(span, 8 + index * 8)?;
                    let units = reader.field_u32(span, 12 + index * 8)?;
                    self.add_units(u64::from(samples) * u64::from(units));
                }
            }
            _ => {}
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
        self.samples += u64::from(count);
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
    fn version(&mut self, span: BoxSpan) -> Result<u8, BoxError> {
        self.field::<1>(span, 0).map(|[version]| version)
    }

    /// Returns the units per second of `mvhd` and `mdhd`.
    pub(super) fn timescale(&mut self, span: BoxSpan) -> Result<u32, BoxError> {
        let at = if self.version(span)? == 1 { 20 } else { 12 };
        self.field_u32(span, at)
    }
}
