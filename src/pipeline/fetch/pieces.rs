//! A stream as pieces that are written to disk at once.

use tokio_util::bytes::Bytes;

use crate::{
    kling::{ApiError, Fetched},
    metrics::Metrics,
};

/// How many bytes are written to disk at once.
const WRITE_BYTES: usize = 256 << 10;

/// Bytes that are not written yet.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Before the first write: where the stream starts in the file, and the ETag of the file.
    pub(super) start: Option<(u64, Option<String>)>,
}

/// What follows a piece of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Piece,
    End,
}

/// A stream, in pieces of [`WRITE_BYTES`]. The last piece is shorter, and may be empty.
pub(super) struct Pieces<'a> {
    metrics: &'a Metrics,
    fetched: &'a mut Fetched,
    /// What did not fit into the last piece.
    rest: Bytes,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(metrics: &'a Metrics, fetched: &'a mut Fetched) -> Self {
        Self { metrics, fetched, rest: Bytes::new() }
    }

    /// Receives the next piece into `bytes`, an empty buffer: two of them are enough for a video of any size. After an
    /// error, the piece has the bytes before it.
    pub(super) async fn next(
        &mut self,
        mut bytes: Vec<u8>,
        start: Option<(u64, Option<String>)>,
    ) -> (Piece, Result<Next, ApiError>) {
        let expected = self.fetched.total_bytes.and_then(|total| usize::try_from(total).ok());
        bytes.reserve_exact(expected.map_or(WRITE_BYTES, |total| total.min(WRITE_BYTES)));
        let end = loop {
            let fitting = self.rest.len().min(WRITE_BYTES - bytes.len());
            bytes.extend_from_slice(&self.rest.split_to(fitting));
            if bytes.len() == WRITE_BYTES {
                break Ok(Next::Piece);
            }
            match self.fetched.chunk().await {
                Ok(Some(chunk)) => {
                    self.metrics.record_received_bytes(chunk.len());
                    self.rest = chunk;
                }
                Ok(None) => break Ok(Next::End),
                Err(broken) => break Err(broken),
            }
        };
        (Piece { bytes, start }, end)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;
    use crate::kling::ErrorClass;

    /// Receives chunks of these lengths, and then perhaps an error. Returns the lengths of the pieces.
    async fn pieces_of(chunks: &[usize], is_broken: bool) -> Vec<usize> {
        let mut number = 0;
        let mut chunk = |length: &usize| {
            let bytes = (0..*length).map(|_| {
                number += 1;
                (number % 251) as u8
            });
            Ok(bytes.collect::<Bytes>())
        };
        let mut stream: Vec<_> = chunks.iter().map(&mut chunk).collect();
        let broken = ApiError {
            class: ErrorClass::Transport,
            code: None,
            message: "broken".to_owned(),
            request_id: None,
            retry_after_ms: None,
            never_left: false,
        };
        stream.extend(is_broken.then_some(Err(broken)));
        let mut fetched = Fetched {
            from_byte: 0,
            total_bytes: None,
            etag: None,
            content_type: None,
            body: stream::iter(stream).boxed(),
        };
        let metrics = Metrics::default();
        let mut pieces = Pieces::new(&metrics, &mut fetched);
        let (mut lengths, mut all, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let (mut piece, next) = pieces.next(buffer, None).await;
            lengths.push(piece.bytes.len());
            all.append(&mut piece.bytes);
            assert!(piece.bytes.capacity() <= WRITE_BYTES, "the buffer has grown");
            buffer = piece.bytes;
            match next {
                Ok(Next::Piece) => {}
                end => {
                    assert_eq!(end.is_err(), is_broken);
                    break;
                }
            }
        }
        let expected: Vec<u8> = (1..=number).map(|number| (number % 251) as u8).collect();
        assert!(all == expected, "the bytes are not those of the stream");
        lengths
    }

    #[tokio::test]
    async fn a_stream_arrives_in_pieces_of_one_size_however_it_is_cut() {
        const W: usize = WRITE_BYTES;
        assert_eq!(pieces_of(&[], false).await, [0]);
        assert_eq!(pieces_of(&[0, 7, 0, 5], false).await, [12]);
        assert_eq!(pieces_of(&[W - 1], false).await, [W - 1]);
        assert_eq!(pieces_of(&[W], false).await, [W, 0]);
        assert_eq!(pieces_of(&[W + 1], false).await, [W, 1]);
        assert_eq!(pieces_of(&[W - 1, W + 2], false).await, [W, W, 1]);
        assert_eq!(pieces_of(&[3 * W + 4], false).await, [W, W, W, 4]);
    }

    #[tokio::test]
    async fn a_broken_stream_keeps_all_bytes_before_the_error() {
        assert_eq!(pieces_of(&[WRITE_BYTES + 5], true).await, [WRITE_BYTES, 5]);
        assert_eq!(pieces_of(&[WRITE_BYTES], true).await, [WRITE_BYTES, 0]);
    }
}
