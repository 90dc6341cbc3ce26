//! The listener of `web.listen`. A reload gives it other settings, or moves it.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_service::Service as _;
use tracing::{info, warn};

use super::{
    changes::Changes,
    player::Files,
    readers::Readers,
    router::router,
    sessions::Sessions,
    site::{Site, WebSettings},
};
use crate::{
    http_server::{self, MovableServer, ServerLimits},
    store::Store,
};

const LIMITS: ServerLimits = ServerLimits {
    name: "web",
    // Streams of live updates and videos are open for long.
    connections: 256,
    connection: Duration::from_mins(15),
    head: Duration::from_secs(5),
    // A browser stops reading while a video is paused, and asks for the rest later.
    stalled: Duration::from_secs(30),
    keep_alive: true,
};

/// The configured address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "web.listen: cannot listen on {listen}: {source}; stop the program that listens there, or set another address of this \
     machine (`null` serves no page)"
)]
pub struct WebError {
    listen: SocketAddr,
    source: io::Error,
}

/// Serves the page until it is dropped; open connections end with it.
pub struct WebServer {
    store: Store,
    changes: Arc<Changes>,
    watching: JoinHandle<Infallible>,
    current: Mutex<Arc<Mutex<Current>>>,
    serving: MovableServer,
}

/// The settings that a listener uses, and the routes with them.
struct Current {
    settings: WebSettings,
    sessions: Arc<Sessions>,
    router: Router,
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Current {
    fn new(
        store: &Store,
        changes: &Arc<Changes>,
        sessions: Arc<Sessions>,
        settings: WebSettings,
    ) -> Self {
        let site = Site {
            settings: settings.clone(),
            store: store.clone(),
            readers: Readers::new(store.path().to_owned()),
            sessions: Arc::clone(&sessions),
            changes: Arc::clone(changes),
            files: Files::new(&settings.config),
        };
        Self { settings, sessions, router: router(&Arc::new(site)) }
    }
}

impl WebServer {
    /// Serves the page as `settings` say.
    ///
    /// # Errors
    /// The address is in use, or is none of this machine.
    pub async fn start(store: &Store, settings: WebSettings) -> Result<Self, WebError> {
        let changes = Arc::new(Changes::new());
        let readers = Readers::new(store.path().to_owned());
        let watched = Arc::clone(&changes);
        let watching = tokio::spawn(async move { watched.run(readers).await });
        let listen = settings.config.web.listen;
        let current = Current::new(store, &changes, Arc::default(), settings);
        let current = Mutex::new(Arc::new(Mutex::new(current)));
        let (store, serving) = (store.clone(), MovableServer::default());
        let server = Self { store, changes, watching, current, serving };
        server.move_to(listen, server.current()).await?;
        Ok(server)
    }

    /// Serves the page with other settings from now on. After a failure, the earlier settings stay in use.
    ///
    /// # Errors
    /// The address is in use, or is none of this machine.
    pub async fn apply(&self, settings: WebSettings) -> Result<(), WebError> {
        let (current, listen) = (self.current(), settings.config.web.listen);
        let next = {
            let before = locked(&current);
            let same_password = before.settings.password == settings.password;
            // A login with the earlier password that is checked right now opens no session.
            let sessions =
                if same_password { Arc::clone(&before.sessions) } else { Arc::default() };
            Current::new(&self.store, &self.changes, sessions, settings)
        };
        if locked(&current).settings.config.web.listen == listen {
            *locked(&current) = next;
            return Ok(());
        }
        // No address is ever served with the settings, such as no password, of another one.
        let next = Arc::new(Mutex::new(next));
        self.move_to(listen, Arc::clone(&next)).await?;
        *locked(&self.current) = next;
        Ok(())
    }

    /// Returns the settings in use.
    #[must_use]
    pub fn settings(&self) -> WebSettings {
        locked(&self.current()).settings.clone()
    }

    /// Serves another address with the settings `next`.
    async fn move_to(
        &self,
        listen: Option<SocketAddr>,
        next: Arc<Mutex<Current>>,
    ) -> Result<(), WebError> {
        let open = async |at| {
            let current = if Some(at) == listen { Arc::clone(&next) } else { self.current() };
            Ok(tokio::spawn(serve(bind(at).await?, current)))
        };
        self.serving.move_to(listen, open).await
    }

    fn current(&self) -> Arc<Mutex<Current>> {
        Arc::clone(&locked(&self.current))
    }
}

fn locked<T>(current: &Mutex<T>) -> MutexGuard<'_, T> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, WebError> {
    let failed = |source| WebError { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?;
    info!("web page at http://{at}/");
    if !at.ip().is_loopback() {
        warn!(
            "web.listen: the password is sent to {at} unencrypted, unless a reverse proxy adds TLS"
        );
    }
    Ok(listener)
}

async fn serve(listener: TcpListener, current: Arc<Mutex<Current>>) -> Infallible {
    let answer = move |request: Request<Incoming>| {
        let mut router = locked(&current).router.clone();
        async move { router.call(request).await }
    };
    http_server::serve(listener, LIMITS, answer).await
}
