//! Reads a movie from its boxes: tracks, samples, shape and length, plain and fragmented.
//!
//! Does not know what the API allows.

use std::io::{Read, Seek};

use super::{BoxError, BoxReader, BoxSpan, FileTail, track::Track};
use crate::media::incomplete::Incomplete;

/// More tracks than any clip has.
const MOST_TRACKS: usize = 256;

/// So many bytes at the end of a file or a sample are compared with zeros.
const TAIL_BYTES: u64 = 4_096;

/// A sample that is smaller may be zeros in some format.
const SMALLEST_SAMPLE: u64 = 4;

/// What the boxes of a movie file say.
#[derive(Debug, Default)]
pub(in crate::media) struct Movie {
    /// The size of the file.
    len: u64,
    /// Whether there is a `moov` box at all.
    has_description: bool,
    /// A `moof` box whose `mdat` box has not come yet; none for a file without fragments.
    open_fragment: Option<bool>,
    rest: FileTail,
    /// Where the last sample of any track ends.
    samples_end: u64,
    /// Whether there are only zeros where the last compressed sample should be.
    has_zero_tail: bool,
    timescale: u32,
    tracks: Vec<Track>,
}

impl Movie {
    /// Reads the boxes of a file of `len` bytes.
    pub(in crate::media) fn read(reader: impl Read + Seek, len: u64) -> Result<Self, BoxError> {
        let mut movie = Self { len, ..Self::default() };
        let mut reader = BoxReader::new(reader, len)?;
        let mut last_mdat = None;
        movie.rest = reader.top_level(|reader, span| {
            match &span.kind {
                b"moov" if !movie.has_description => {
                    movie.has_description = true;
                    movie.read_moov(reader, span)?;
                    // The boxes inside the last one are not written yet.
                    movie.has_zero_tail |= span.end == len && reader.has_gap;
                }
                b"moof" => {
                    movie.open_fragment = Some(true);
                    movie.read_moof(reader, span)?;
                }
                b"mdat" => {
                    movie.open_fragment = movie.open_fragment.map(|_| false);
                    last_mdat = Some(span);
                }
                _ => {}
            }
            Ok(())
        })?;
        movie.find_last_samples(&mut reader, last_mdat)?;
        Ok(movie)
    }

    /// Returns what is missing, if the movie is not complete: `moov`, or a sample that is not inside the file.
    /// Whatever follows the samples is not looked at.
    pub(in crate::media) fn missing(&self) -> Option<Incomplete> {
        let cut = match self.rest {
            FileTail::Cut { end, .. } => {
                Some(Incomplete::Bytes { present: self.len, expected: end })
            }
            FileTail::Nothing | FileTail::Other { .. } => None,
        };
        if !self.has_description {
            return Some(cut.unwrap_or(Incomplete::Part("`moov` box")));
        }
        if self.samples_end > self.len {
            let tables = Incomplete::Bytes { present: self.len, expected: self.samples_end };
            return Some(cut.unwrap_or(tables));
        }
        match (self.open_fragment, self.rest) {
            (
                Some(_),
                FileTail::Cut { kind: [b'm', b'o', b'o', b'f'] | [b'm', b'd', b'a', b't'], .. },
            ) => cut,
            (Some(true), _) => Some(Incomplete::Part("`mdat` box")),
            _ => None,
        }
    }

    /// Returns what is missing in a file that somebody may still be writing: as [`missing`](Self::missing), and
    /// boxes behind the samples that are cut off, and space that is reserved and not filled yet.
    pub(in crate::media) fn unwritten(&self) -> Option<Incomplete> {
        if let Some(missing) = self.missing() {
            return Some(missing);
        }
        match self.rest {
            FileTail::Cut { end, .. } => {
                Some(Incomplete::Bytes { present: self.len, expected: end })
            }
            FileTail::Nothing | FileTail::Other { .. } => {
                self.has_zero_tail.then_some(Incomplete::Zeros)
            }
        }
    }

    /// Returns the audio track that players play: the first that is enabled and has samples.
    pub(in crate::media) fn audio(&self) -> Option<&Track> {
        self.tracks_of(b"soun").next()
    }

    /// Returns the track of pictures that players show: the largest that is enabled and has samples, the first of
    /// equals. A track of one picture, such as a cover, only if there is no other.
    pub(in crate::media) fn pictures(&self) -> Option<&Track> {
        let size = |track: &&Track| {
            let (width, height) = track.shape();
            (track.samples() > 1, u64::from(width) * u64::from(height))
        };
        // `max_by_key` returns the last of equals.
        let tracks: Vec<&Track> = self.tracks_of(b"vide").collect();
        tracks.into_iter().rev().max_by_key(size)
    }

    /// Some writers enable no track at all: then all count.
    fn tracks_of(&self, handler: &[u8; 4]) -> impl Iterator<Item = &Track> {
        let has_samples = |track: &&Track| track.handler == *handler && track.samples() > 0;
        let of_kind = self.tracks.iter().filter(has_samples);
        let some_enabled = of_kind.clone().any(|track| track.is_enabled);
        of_kind.filter(move |track| track.is_enabled || !some_enabled)
    }

    /// Returns the length of the samples of a track that its edit list shows, rounded down. None: unknown.
    pub(in crate::media) fn shown_ms(&self, track: &Track) -> Option<i64> {
        track.edits.shown_ms(track.media(), track.timescale, self.timescale)
    }

    /// Returns when a track ends in the movie: its length, after the delay that the edit list sets. None: unknown.
    pub(in crate::media) fn end_ms(&self, track: &Track) -> Option<i64> {
        Some(self.shown_ms(track)?.saturating_add(track.edits.delay_ms(self.timescale)))
    }

    fn find_last_samples(
        &mut self,
        reader: &mut BoxReader<'_>,
        last_mdat: Option<BoxSpan>,
    ) -> Result<(), BoxError> {
        for track in &self.tracks {
            let Some(sample) = track.last_sample() else { continue };
            self.samples_end = self.samples_end.max(sample.end);
            let can_be_zeros =
                !track.is_compressed() || sample.end - sample.start < SMALLEST_SAMPLE;
            if !can_be_zeros && sample.end <= self.len {
                let from = sample.start.max(sample.end.saturating_sub(TAIL_BYTES));
                self.has_zero_tail |= reader.are_zeros(from, sample.end)?;
            }
        }
        // Fragments do not say where the last one is: it is the end of the last box, or the zeros after that.
        if self.open_fragment.is_some()
            && let Some(mdat) = last_mdat.filter(|mdat| mdat.end - mdat.body >= SMALLEST_SAMPLE)
        {
            let from = mdat.body.max(mdat.end.saturating_sub(TAIL_BYTES));
            self.has_zero_tail |= reader.are_zeros(from, mdat.end)?;
            if let FileTail::Other { at } = self.rest {
                let end = self.len.min(at + TAIL_BYTES);
                self.has_zero_tail |= end - at >= SMALLEST_SAMPLE && reader.are_zeros(at, end)?;
            }
        }
        Ok(())
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
