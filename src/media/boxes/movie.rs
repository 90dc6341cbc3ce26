//! Reads a movie from its boxes: tracks, samples, shape and length, plain and fragmented.
//!
//! Does not know what the API allows.

use std::io::{Read, Seek};

use super::{BoxError, BoxReader, BoxSpan, track::Track};

/// More tracks than any clip has.
const MOST_TRACKS: usize = 256;

/// What the boxes of a movie file say.
#[derive(Debug, Default)]
pub(in crate::media) struct Movie {
    /// Whether there is a `moov` box at all.
    pub(in crate::media) has_description: bool,
    /// Whether any `mdat` box has content.
    pub(in crate::media) has_media: bool,
    /// Whether the boxes fill the file exactly.
    pub(in crate::media) is_filled: bool,
    timescale: u32,
    tracks: Vec<Track>,
}

impl Movie {
    /// Reads the boxes of a file of `len` bytes.
    pub(in crate::media) fn read(reader: impl Read + Seek, len: u64) -> Result<Self, BoxError> {
        let mut movie = Self::default();
        let is_filled = BoxReader::new(reader, len)?.top_level(|reader, span| {
            match &span.kind {
                b"moov" if !movie.has_description => {
                    movie.has_description = true;
                    movie.read_moov(reader, span)?;
                }
                b"moof" => movie.read_moof(reader, span)?,
                b"mdat" => movie.has_media |= span.end > span.body,
                _ => {}
            }
            Ok(())
        })?;
        movie.is_filled = is_filled;
        Ok(movie)
    }

    /// Returns the longest track of `handler` (`vide`, `soun`) that has samples.
    pub(in crate::media) fn track(&self, handler: &[u8; 4]) -> Option<&Track> {
        let of_kind = self.tracks.iter().filter(|track| track.handler == *handler);
        // `max_by_key` returns the last of equals: the list is reversed, so that the first one counts.
        of_kind.rev().filter(|track| track.samples > 0).max_by_key(|track| self.length_ms(track))
    }

    /// Returns the length of a track, rounded down: its samples as far as its edit list shows them, after the delay
    /// that the edit list sets. None: unknown.
    pub(in crate::media) fn length_ms(&self, track: &Track) -> Option<i64> {
        let media_ms = milliseconds(track.media_units, track.timescale)?;
        let shown_ms = match milliseconds(track.shown_units, self.timescale) {
            Some(shown_ms) => media_ms.min(shown_ms),
            None => media_ms,
        };
        let delay_ms = milliseconds(track.delay_units, self.timescale).unwrap_or(0);
        Some(shown_ms.saturating_add(delay_ms))
    }

    fn read_moov(&mut self, reader: &mut BoxReader<'_>, moov: BoxSpan) -> Result<(), BoxError> {
        let mut defaults = Vec::new();
        reader.children(moov, |reader, span| {
            match &span.kind {
                b"mvhd" => self.timescale = reader.timescale(span)?,
                b"trak" if self.tracks.len() < MOST_TRACKS => {
                    let mut track = Track::default();
                    track.read_trak(reader, span)?;
                    self.tracks.push(track);
                }
                b"mvex" => reader.children(span, |reader, span| {
                    if &span.kind == b"trex" && defaults.len() < MOST_TRACKS {
                        defaults.push((reader.field_u32(span, 4)?, reader.field_u32(span, 12)?));
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

    /// Adds a fragment to its tracks.
    fn read_moof(&mut self, reader: &mut BoxReader<'_>, moof: BoxSpan) -> Result<(), BoxError> {
        reader.children(moof, |reader, traf| {
            if &traf.kind != b"traf" {
                return Ok(());
            }
            let mut header = None;
            reader.children(traf, |reader, span| {
                match (&span.kind, header) {
                    (b"tfhd", _) => header = Some(reader.fragment_header(span)?),
                    (b"trun", Some((id, units))) => {
                        let track = self.tracks.iter_mut().find(|track| track.id == id);
                        if let Some(track) = track {
                            track.read_trun(reader, span, units.unwrap_or(track.default_units))?;
                        }
                    }
                    _ => {}
                }
                Ok(())
            })
        })
    }
}

impl BoxReader<'_> {
    /// Returns the track of a `tfhd`, and the default length of its samples.
    fn fragment_header(&mut self, span: BoxSpan) -> Result<(u32, Option<u32>), BoxError> {
        let flags = self.field_u32(span, 0)?;
        let id = self.field_u32(span, 4)?;
        if flags & 0x8 == 0 {
            return Ok((id, None));
        }
        let base_offset = if flags & 0x1 == 0 { 0 } else { 8 };
        let description = if flags & 0x2 == 0 { 0 } else { 4 };
        Ok((id, Some(self.field_u32(span, 8 + base_offset + description)?)))
    }
}

/// Rounded down, so that a crop that ends there is not past the end. None for zero units.
fn milliseconds(units: u64, timescale: u32) -> Option<i64> {
    if units == 0 || timescale == 0 {
        return None;
    }
    let ms = u128::from(units) * 1000 / u128::from(timescale);
    Some(i64::try_from(ms).unwrap_or(i64::MAX))
}
