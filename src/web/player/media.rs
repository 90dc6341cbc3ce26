//! The addresses of media: results by task and SHA-256, sources by task. No address has the name of a file in it.

use std::{fs::File, path::Path, sync::Arc};

use axum::{
    extract::{Path as Parts, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use tokio::task::spawn_blocking;

use super::files::Unread;
use crate::{
    http_server::send_file,
    job::{Source, Task, TaskId},
    store::ResultId,
    web::{error::PageError, site::Site},
};

/// `GET /media/result/TASK/SHA256`
pub(in crate::web) async fn result(
    State(site): State<Arc<Site>>,
    Parts((task, sha256)): Parts<(TaskId, String)>,
    request: Request,
) -> Response {
    let result = ResultId { task, sha256 };
    let found = match site.store.result_files(&result).await {
        Ok(found) => found,
        Err(error) => return PageError::from(error).into_response(),
    };
    let Some((bytes, outputs)) = found else { return PageError::NotFound.into_response() };
    match open(site, result, bytes, outputs).await {
        Some(file) => send(&file, "video/mp4", request).await,
        None => PageError::NotFound.into_response(),
    }
}

async fn open(site: Arc<Site>, result: ResultId, bytes: u64, outputs: Vec<String>) -> Option<File> {
    let (reader, asked) = (Arc::clone(&site), (result, outputs));
    let known = spawn_blocking(move || {
        let (result, outputs) = &asked;
        (reader.files.open_result(result, bytes, outputs, Unread::Skip), asked)
    });
    let (known, (result, outputs)) = known.await.ok()?;
    if known.is_some() {
        return known;
    }
    // A browser that goes away while it waits leaves no work behind.
    let turn = site.files.turn().await;
    let read = spawn_blocking(move || {
        let _turn = turn;
        site.files.open_result(&result, bytes, &outputs, Unread::Read)
    });
    read.await.ok()?
}

/// `GET /media/video/TASK`
pub(in crate::web) async fn video(
    site: State<Arc<Site>>,
    task: Parts<TaskId>,
    request: Request,
) -> Response {
    source(site, task, request, |task| &task.spec.video).await
}

/// `GET /media/audio/TASK`
pub(in crate::web) async fn audio(
    site: State<Arc<Site>>,
    task: Parts<TaskId>,
    request: Request,
) -> Response {
    source(site, task, request, |task| &task.spec.audio).await
}

async fn source(
    State(site): State<Arc<Site>>,
    Parts(task): Parts<TaskId>,
    request: Request,
    which: fn(&Task) -> &Source,
) -> Response {
    let task = match site.store.task(task).await {
        Ok(Some(task)) => task,
        Ok(None) => return PageError::NotFound.into_response(),
        Err(error) => return PageError::from(error).into_response(),
    };
    let content_type = content_type(which(&task).as_written());
    let opening = spawn_blocking(move || site.files.open_source(&task, which(&task))).await;
    match opening {
        Ok(Some(file)) => send(&file, content_type, request).await,
        _ => PageError::NotFound.into_response(),
    }
}

/// The endings that manifests allow. A QuickTime file with H.264 plays under the name of its relative.
fn content_type(name: &str) -> &'static str {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("mp3") => "audio/mpeg",
        Some("wav") => "audio/wav",
        Some("m4a") => "audio/mp4",
        Some("aac") => "audio/aac",
        _ => "video/mp4",
    }
}

async fn send(file: &File, content_type: &'static str, request: Request) -> Response {
    let Some(mut response) = send_file(file, content_type, request).await else {
        return PageError::NotFound.into_response();
    };
    // A person who looks again asks whether the file is still the same.
    let cache = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
