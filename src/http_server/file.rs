//! Sends a file that is open already, or the range of it that is asked for.

use std::{fs::File, os::fd::AsRawFd as _};

use axum::body::Body;
use hyper::{
    Request, Response,
    header::{self, HeaderValue},
};
use tower_http::services::ServeFile;

/// Answers with the file that was opened, whatever has its path by now; none: it cannot be read.
pub(crate) async fn send_file<B: Send + 'static>(
    file: &File,
    content_type: &'static str,
    request: Request<B>,
) -> Option<Response<Body>> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut response = ServeFile::new(path).try_call(request).await.ok()?.map(Body::new);
    if response.status().is_success() {
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    Some(response)
}
