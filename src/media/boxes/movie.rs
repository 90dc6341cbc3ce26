//! What the boxes say of a movie: its tracks, their samples, shape and length.
//!
//! Owns the meaning of the few boxes that tell it, plain and fragmented; decides nothing about what
//! the API allows.

use std::io::{Read, Seek};

use super::{BoxFault, Span, Walk};

/// More tracks than any clip has.
const MOST_TRACKS: usize = 256;

/// A movie file, as far as its boxes tell.
#[derive(Debug, Default)]
pub(in crate::media) struct Movie {
    /// Whether there is a `moov` box at all.
    pub(in crate::media) described: bool,
    /// Whether any `mdat` box holds something.
    pub(in crate::media) has_media: bool,
    /// Whether the file's boxes fill it exactly.
    pub(in crate::media) tiled: bool,
    timescale: u32,
    tracks: Vec<Track>,
}

/// One track of a movie.
#[derive(Debug, Default)]
pub(in crate::media) struct Track {
    id: u32,
    handler: [u8; 4],
    timescale: u32,
    coded: (u32, u32),
    framed: (u32, u32),
    turned: bool,
    samples: u64,
    /// The sum of the samples' durations, in `timescale`.
    media_units: u64,
    /// What the edit list shows of the samples, and the delay before it, in the movie's timescale.
    shown_units: u64,
    delay_units: u64,
    default_units: u32,
}

impl Movie {
    /// Reads the boxes of a file of `len` bytes.
    pub(in crate::media) fn read(reader: impl Read + Seek, len: u64) -> Result<Self, BoxFault> {
        let mut movie = Self::default();
        let tiled = Walk::new(reader, len)?.top_level(|walk, span| {
            match &span.kind {
                b"moov" if !movie.described => {
                    movie.described = true;
                    movie.read_moov(walk, span)?;
                }
                b"moof" => movie.read_moof(walk, span)?,
                b"mdat" => movie.has_media |= span.end > span.body,
                _ => {}
            }
            Ok(())
        })?;
        movie.tiled = tiled;
        Ok(movie)
    }

    /// The longest track of `handler` (`vide`, `soun`) that has samples.
    pub(in crate::media) fn track(&self, handler: &[u8; 4]) -> Option<&Track> {
        let of_kind = self.tracks.iter().filter(|track| track.handler == *handler);
        // Of equals the first: the maximum of a reversed list.
        of_kind
            .rev()
            .filter(|track| track.samples > 0)
            .max_by_key(|track| self.length_ms(track))
    }

    /// How long a track lasts, rounded down: its samples as far as its edit list shows them, and
    /// the delay that the edit list puts before. None when it does not say.
    pub(in crate::media) fn length_ms(&self, track: &Track) -> Option<i64> {
        let media_ms = milliseconds(track.media_units, track.timescale)?;
        let shown_ms = match milliseconds(track.shown_units, self.timescale) {
            Some(shown_ms) => media_ms.min(shown_ms),
            None => media_ms,
        };
        let delay_ms = milliseconds(track.delay_units, self.timescale).unwrap_or(0);
        Some(shown_ms.saturating_add(delay_ms))
    }

    fn read_moov<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        moov: Span,
    ) -> Result<(), BoxFault> {
        let mut defaults = Vec::new();
        walk.children(moov, |walk, span| {
            match &span.kind {
                b"mvhd" => self.timescale = walk.timescale(span)?,
                b"trak" if self.tracks.len() < MOST_TRACKS => {
                    let mut track = Track::default();
                    track.read_trak(walk, span)?;
                    self.tracks.push(track);
                }
                b"mvex" => walk.children(span, |walk, span| {
                    if &span.kind == b"trex" && defaults.len() < MOST_TRACKS {
                        defaults.push((walk.field_u32(span, 4)?, walk.field_u32(span, 12)?));
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        for (id, units) in defaults {
            if let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) {
                track.default_units = units;
            }
        }
        Ok(())
    }

    /// Adds what a fragment holds to its tracks.
    fn read_moof<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        moof: Span,
    ) -> Result<(), BoxFault> {
        walk.children(moof, |walk, traf| {
            if &traf.kind != b"traf" {
                return Ok(());
            }
            let mut header = None;
            walk.children(traf, |walk, span| {
                match (&span.kind, header) {
                    (b"tfhd", _) => header = Some(walk.fragment_header(span)?),
                    (b"trun", Some((id, units))) => {
                        let track = self.tracks.iter_mut().find(|track| track.id == id);
                        if let Some(track) = track {
                            track.read_trun(walk, span, units.unwrap_or(track.default_units))?;
                        }
                    }
                    _ => {}
                }
                Ok(())
            })
        })
    }
}

impl Track {
    /// Width and height in pixels as the video is to be seen: those of its samples, turned as the
    /// matrix of `tkhd` says.
    pub(in crate::media) fn shape(&self) -> (u32, u32) {
        let (width, height) = match self.coded {
            (0, _) | (_, 0) => self.framed,
            coded => coded,
        };
        if self.turned {
            (height, width)
        } else {
            (width, height)
        }
    }

    fn read_trak<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        trak: Span,
    ) -> Result<(), BoxFault> {
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
    ) -> Result<(), BoxFault> {
        let (id_at, matrix_at) = if walk.version(span)? == 1 {
            (20, 52)
        } else {
            (12, 40)
        };
        self.id = walk.field_u32(span, id_at)?;
        let [a, b] = [
            walk.field_u32(span, matrix_at)?,
            walk.field_u32(span, matrix_at + 4)?,
        ];
        let [c, d] = [
            walk.field_u32(span, matrix_at + 12)?,
            walk.field_u32(span, matrix_at + 16)?,
        ];
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
    ) -> Result<(), BoxFault> {
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
                (
                    u64::from(walk.field_u32(span, at)?),
                    walk.field_u32(span, at + 4)? == u32::MAX,
                )
            };
            let sum = if empty {
                &mut self.delay_units
            } else {
                &mut self.shown_units
            };
            *sum = sum.saturating_add(units);
        }
        Ok(())
    }

    /// Reads a box inside `mdia`, and goes on inwards to the sample tables.
    fn read_media<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
    ) -> Result<(), BoxFault> {
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
    ) -> Result<(), BoxFault> {
        match &span.kind {
            b"stsd" if &self.handler == b"vide" && walk.field_u32(span, 4)? > 0 => {
                let [w0, w1, h0, h1] = walk.field(span, 40)?;
                self.coded = (
                    u16::from_be_bytes([w0, w1]).into(),
                    u16::from_be_bytes([h0, h1]).into(),
                );
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
    fn read_trun<R: Read + Seek>(
        &mut self,
        walk: &mut Walk<R>,
        span: Span,
        default_units: u32,
    ) -> Result<(), BoxFault> {
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
    fn version(&mut self, span: Span) -> Result<u8, BoxFault> {
        self.field::<1>(span, 0).map(|[version]| version)
    }

    /// The units a second of `mvhd` and `mdhd`.
    fn timescale(&mut self, span: Span) -> Result<u32, BoxFault> {
        let at = if self.version(span)? == 1 { 20 } else { 12 };
        self.field_u32(span, at)
    }

    /// The track of a `tfhd`, and how long its samples last unless a run says otherwise.
    fn fragment_header(&mut self, span: Span) -> Result<(u32, Option<u32>), BoxFault> {
        let flags = self.field_u32(span, 0)?;
        let id = self.field_u32(span, 4)?;
        if flags & 0x8 == 0 {
            return Ok((id, None));
        }
        let base_offset = if flags & 0x1 == 0 { 0 } else { 8 };
        let description = if flags & 0x2 == 0 { 0 } else { 4 };
        Ok((
            id,
            Some(self.field_u32(span, 8 + base_offset + description)?),
        ))
    }
}

/// Rounded down, so that no crop that ends there is past the end; none for no units at all.
fn milliseconds(units: u64, timescale: u32) -> Option<i64> {
    if units == 0 || timescale == 0 {
        return None;
    }
    let ms = u128::from(units) * 1000 / u128::from(timescale);
    Some(i64::try_from(ms).unwrap_or(i64::MAX))
}
