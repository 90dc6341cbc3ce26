//! What the boxes say of a movie: its tracks, their samples, shape and length.
//!
//! Owns the meaning of the few boxes that tell it, plain and fragmented; decides nothing about what
//! the API allows.

use std::io::{Read, Seek};

use super::{BoxError, Span, Walk, track::Track};

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

impl Movie {
    /// Reads the boxes of a file of `len` bytes.
    pub(in crate::media) fn read(reader: impl Read + Seek, len: u64) -> Result<Self, BoxError> {
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
        of_kind.rev().filter(|track| track.samples > 0).max_by_key(|track| self.length_ms(track))
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
    ) -> Result<(), BoxError> {
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
    ) -> Result<(), BoxError> {
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

impl<R: Read + Seek> Walk<R> {
    /// The track of a `tfhd`, and how long its samples last unless a run says otherwise.
    fn fragment_header(&mut self, span: Span) -> Result<(u32, Option<u32>), BoxError> {
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

/// Rounded down, so that no crop that ends there is past the end; none for no units at all.
fn milliseconds(units: u64, timescale: u32) -> Option<i64> {
    if units == 0 || timescale == 0 {
        return None;
    }
    let ms = u128::from(units) * 1000 / u128::from(timescale);
    Some(i64::try_from(ms).unwrap_or(i64::MAX))
}
