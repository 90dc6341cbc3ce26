//! The edit list of a track: which part of its samples is shown, and when.

use std::ops::Range;

use super::{BoxError, BoxReader, BoxSpan};

/// More edits than any clip has.
const MOST_EDITS: usize = 10_000;

/// The edits of a track.
#[derive(Debug, Default)]
pub(super) struct EditList(Vec<Edit>);

#[derive(Debug)]
struct Edit {
    /// How long it is, in the movie's timescale.
    units: u64,
    /// Where it begins in the media, in the track's timescale. None: it shows nothing.
    media_start: Option<u64>,
}

impl EditList {
    pub(super) fn read(
        &mut self,
        reader: &mut BoxReader<'_>,
        span: BoxSpan,
    ) -> Result<(), BoxError> {
        let wide = reader.version(span)? == 1;
        let count = reader.field_u32(span, 4)?;
        if count as usize > MOST_EDITS {
            return Err(BoxError::Damaged("its edit list is longer than that of a video can be"));
        }
        if wide {
            return reader.entries::<20>(span, 8, count, |entry| {
                let [units, start] = [0, 8].map(|at| u64::from_be_bytes(part(&entry, at)));
                self.add(units, i64::try_from(start).ok());
            });
        }
        reader.entries::<12>(span, 8, count, |entry| {
            let [units, start] = [0, 4].map(|at| u32::from_be_bytes(part(&entry, at)));
            self.add(units.into(), i32::try_from(start).ok().map(i64::from));
        })
    }

    /// A negative start is the mark of an empty edit.
    fn add(&mut self, units: u64, media_start: Option<i64>) {
        self.0.push(Edit { units, media_start: media_start.map(i64::unsigned_abs) });
    }

    /// Returns how much of the samples is shown, in milliseconds, of a track whose samples are shown during `media`
    /// (in `timescale`): each edit as far as there are samples behind its start. `movie_timescale` is that of the
    /// edits.
    pub(super) fn shown_ms(
        &self,
        media: Range<u64>,
        timescale: u32,
        movie_timescale: u32,
    ) -> Option<i64> {
        let all = media.end.saturating_sub(media.start);
        let all_ms = milliseconds(all.into(), timescale)?;
        let mut shown = self.0.iter().filter_map(|edit| Some((edit.units, edit.media_start?)));
        let (track, movie) = (u128::from(timescale), u128::from(movie_timescale));
        // In both timescales at once, so that nothing is rounded before the end.
        let product = |(units, start): (u64, u64)| {
            let there = u128::from(media.end.saturating_sub(start.max(media.start))) * movie;
            // A length of 0 shows all, as in fragmented files.
            if units == 0 { there } else { there.min(u128::from(units) * track) }
        };
        match (shown.next(), movie) {
            (None, _) | (_, 0) => Some(all_ms),
            (Some(first), _) => {
                let sum = shown.map(product).fold(product(first), u128::saturating_add);
                i64::try_from(sum.saturating_mul(1000) / (track * movie)).ok()
            }
        }
    }

    /// Returns how long nothing is shown before the first sample, in milliseconds.
    pub(super) fn delay_ms(&self, movie_timescale: u32) -> i64 {
        let empty = self.0.iter().take_while(|edit| edit.media_start.is_none());
        let units = empty.map(|edit| u128::from(edit.units)).sum();
        milliseconds(units, movie_timescale).unwrap_or(0)
    }
}

fn part<const N: usize>(entry: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&entry[at..at + N]);
    part
}

/// Rounded down, so that a crop that ends there is not past the end. None for zero units.
fn milliseconds(units: u128, timescale: u32) -> Option<i64> {
    if units == 0 || timescale == 0 {
        return None;
    }
    Some(i64::try_from(units.saturating_mul(1000) / u128::from(timescale)).unwrap_or(i64::MAX))
}
