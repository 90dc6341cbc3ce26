//! The body of an upload: bytes that are hashed while they are sent. The last of them are only sent if they are the
//! hashed content, so the storage never gets a complete object of other content.

use std::{
    fs::File,
    io::{self, Read as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::stream;
use reqwest::Body;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

use super::error::UploadError;
use crate::media::{LocateError, Located, hash::hex};

/// The size of the blocks in which a file is read and sent.
const BLOCK_BYTES: usize = 256 << 10;
/// How many blocks are read ahead.
const BLOCKS_AHEAD: usize = 4;

type Block = io::Result<Bytes>;

/// Reads a file for a body. It blocks until the body is taken or dropped.
pub(super) struct BodyReader {
    located: Located,
    sha256: String,
    blocks: mpsc::Sender<Block>,
}

/// Returns a body with the content of a file, and its reader. `sent` counts the bytes that the HTTP library took.
pub(super) fn of_file(
    located: Located,
    sha256: String,
    sent: Arc<AtomicU64>,
) -> (Body, BodyReader) {
    let (blocks, taken) = mpsc::channel::<Block>(BLOCKS_AHEAD);
    let stream = stream::unfold((taken, sent), |(mut taken, sent)| async move {
        let block = taken.recv().await?;
        if let Ok(bytes) = &block {
            sent.fetch_add(bytes.len() as u64, Ordering::AcqRel);
        }
        Some((block, (taken, sent)))
    });
    (Body::wrap_stream(stream), BodyReader { located, sha256, blocks })
}

impl BodyReader {
    /// Reads the file into the body. Blocks. An upload that ended early is no error of the file.
    pub(super) fn read(self) -> Result<(), UploadError> {
        let path = self.located.path.display().to_string();
        match self.located.open() {
            Ok(file) => self.read_from(file).map_err(|error| {
                // Makes the HTTP library close the connection before the body is complete.
                let _ = self.blocks.blocking_send(Err(io::Error::other("the file changed")));
                match error {
                    None => UploadError::Changed(format!(
                        "video {path} changed while it was uploaded; it is checked again"
                    )),
                    Some(error) => {
                        UploadError::failed(format!("video {path} cannot be read: {error}"))
                    }
                }
            }),
            Err(LocateError::Changed(_)) => Err(UploadError::Changed(format!(
                "video {path} changed after it was measured; it is checked again"
            ))),
            Err(error) => Err(UploadError::failed(error.describe("video"))),
        }
    }

    /// An error without a cause: the file has other content.
    fn read_from(&self, mut file: File) -> Result<(), Option<io::Error>> {
        let mut hasher = Sha256::new();
        let mut left = self.located.stamp.bytes();
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            let mut block = vec![0; wanted];
            file.read_exact(&mut block).map_err(|error| {
                Some(error).filter(|error| error.kind() != io::ErrorKind::UnexpectedEof)
            })?;
            hasher.update(&block);
            left -= wanted as u64;
            let is_last = left == 0;
            let is_same = || hex(hasher.clone().finalize().as_slice()) == self.sha256;
            if is_last && !is_same() {
                return Err(None);
            }
            if self.blocks.blocking_send(Ok(Bytes::from(block))).is_err() {
                break;
            }
        }
        Ok(())
    }
}
