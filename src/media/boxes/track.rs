//! What the boxes inside `trak`, and the runs of its fragments, say of one track.

use std::io::{Read, Seek};

use super::{BoxError, Span, Walk};

/// One track of a movie.
#[derive(Debug, Default)]
pub(in crate::media) struct Track {
    pub(super) id: u32,
    pub(super) handler: [u8; 4],
    pub(super) timescale: u32,
    coded: (u32, u32),
    framed: (u32, u32),
    turned: bool,
    pub(super) samples: u64,
    /// The sum of the samples' durations, in `timescale`.
    pub(super) media_units: u64,
    /// What the edit list shows of the samples, and the delay before it, in the movie's timescale.
    pub(super) shown_units: u64,
    pub(super) delay_units: u64,
    pub(super) default_units: u32,
}

impl Track {
    /// Width and height in pixels as the video is to be seen: those of its samples, turned as the
    /// matrix of `tkhd` says.
    pub(in crate::media) fn shape(&self) -> (u32, u32) {
        let (width, height) = match self.coded {
            (0, _) | (_, 0) => self.framed,
            coded => coded,
        };
        if self.turned { (height, width) } else { (width, height) }
    }

    pub(super) fn read_trak<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        trak: Span,
    ) -> Result<(), BoxError> {
        walk.children(trak, |walk, span| match &span.kind {
            b"tkhd" => self.read_tkhd(walk, span),
            b"edts" => walk.children(span, |walk, span| match &span.kind {
                b"elst" => self.read_elst(walk, span),
                _ => Ok(()),
            }),
            b"mdia" => walk.children(span, |walk, span| self.read_media(walk, span)),
            _ => Ok(()),
        })
    }

    fn read_tkhd<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
    ) -> Result<(), BoxError> {
        let (id_at, matrix_at) = if walk.version(span)? == 1 { (20, 52) } else { (12, 40) };
        self.id = walk.field_u32(span, id_at)?;
        let [a, b] = [walk.field_u32(span, matrix_at)?, walk.field_u32(span, matrix_at + 4)?];
        let [c, d] = [walk.field_u32(span, matrix_at + 12)?, walk.field_u32(span, matrix_at + 16)?];
        self.turned = a == 0 && d == 0 && b != 0 && c != 0;
        // Fixed point, 16.16.
        let width = walk.field_u32(span, matrix_at + 36)? >> 16;
        self.framed = (width, walk.field_u32(span, matrix_at + 40)? >> 16);
        Ok(())
    }

    fn read_elst<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
    ) -> Result<(), BoxError> {
        let wide = walk.version(span)? == 1;
        let count = walk.field_u32(span, 4)?;
        let entry = if wide { 20 } else { 12 };
        walk.table(span, 8, count, entry)?;
        for index in 0..u64::from(count) {
            let at = 8 + index * entry;
            let (units, empty) = if wide {
                let units = u64::from_be_bytes(walk.field(span, at)?);
                (units, i64::from_be_bytes(walk.field(span, at + 8)?) == -1)
            } else {
                (u64::from(walk.field_u32(span, at)?), walk.field_u32(span, at + 4)? == u32::MAX)
            };
            let sum = if empty { &mut self.delay_units } else { &mut self.shown_units };
            *sum = sum.saturating_add(units);
        }
        Ok(())
    }

    /// Reads a box inside `mdia`, and goes on inwards to the sample tables.
    fn read_media<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
    ) -> Result<(), BoxError> {
        match &span.kind {
            b"mdhd" => self.timescale = walk.timescale(span)?,
            b"hdlr" => self.handler = walk.field(span, 8)?,
            b"minf" => walk.children(span, |walk, span| match &span.kind {
                b"stbl" => walk.children(span, |walk, span| self.read_table(walk, span)),
                _ => Ok(()),
            })?,
            _ => {}
        }
        Ok(())
    }

    fn read_table<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
    ) -> Result<(), BoxError> {
        match &span.kind {
            b"stsd" if &self.handler == b"vide" && walk.field_u32(span, 4)? > 0 => {
                let [w0, w1, h0, h1] = walk.field(span, 40)?;
                self.coded =
                    (u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into());
            }
            b"stsz" | b"stz2" => self.samples += u64::from(walk.field_u32(span, 8)?),
            b"stts" => {
                let count = walk.field_u32(span, 4)?;
                walk.table(span, 8, count, 8)?;
                for index in 0..u64::from(count) {
                    let samples = walk.field_u32(span, 8 + index * 8)?;
                    let units = walk.field_u32(span, 12 + index * 8)?;
                    self.add_units(u64::from(samples) * u64::from(units));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds a run of a fragment, whose samples last `default_units` unless it says otherwise.
    pub(super) fn read_trun<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
        default_units: u32,
    ) -> Result<(), BoxError> {
        let flags = walk.field_u32(span, 0)?;
        let count = walk.field_u32(span, 4)?;
        let sized = |bits: &[u32]| bits.iter().filter(|bit| flags & **bit != 0).count() as u64 * 4;
        let head = 8 + sized(&[0x1, 0x4]);
        let entry = sized(&[0x100, 0x200, 0x400, 0x800]);
        walk.table(span, head, count, entry)?;
        self.samples += u64::from(count);
        if flags & 0x100 == 0 {
            self.add_units(u64::from(count) * u64::from(default_units));
            return Ok(());
        }
        for index in 0..u64::from(count) {
            let units = walk.field_u32(span, head + index * entry)?;
            self.add_units(units.into());
        }
        Ok(())
    }

    fn add_units(&mut self, units: u64) {
        self.media_units = self.media_units.saturating_add(units);
    }
}

impl<R: Read + Seek> Walk<R> {
    fn version(&mut self, span: Span) -> Result<u8, BoxError> {
        self.field::<1>(span, 0).map(|[version]| version)
    }

    /// The units a second of `mvhd` and `mdhd`.
    pub(super) fn timescale(&mut self, span: Span) -> Result<u32, BoxError> {
        let at = if self.version(span)? == 1 { 20 } else { 12 };
        self.field_u32(span, at)
    }
}
