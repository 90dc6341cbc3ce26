//! A real S3 server, started once for all tests of this process.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Once, OnceLock, mpsc},
    thread::{self, sleep},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use reqwest::Method;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use tokio::runtime::Runtime;
use url::Url;

use crate::support::{counts::is_full, programs::find};

pub const ACCESS_KEY: &str = "seaweed-access-key";
pub const SECRET_KEY: &str = "seaweed-secret-key-of-the-tests";

/// The keys that may read and write objects of [`SMALLEST_BUCKET`] alone, and list nothing.
pub const SMALLEST_ACCESS_KEY: &str = "smallest-access-key";
pub const SMALLEST_SECRET_KEY: &str = "smallest-secret-key-of-the-tests";
pub const SMALLEST_BUCKET: &str = "smallest-rights";

const START_MAX: Duration = Duration::from_secs(60);
const LIFE: Duration = Duration::from_secs(60);

/// The server, and a client with all rights.
pub struct S3 {
    pub endpoint: String,
    http: reqwest::Client,
    runtime: Runtime,
}

/// Returns the server; none if SeaweedFS is missing, which the full counts do not allow.
#[expect(clippy::print_stderr, reason = "the person who runs the tests must know")]
pub fn s3() -> Option<&'static S3> {
    static SERVER: OnceLock<Option<S3>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let program = find("weed")?;
        Some(S3::start(&program))
    });
    if server.is_none() {
        static REPORTED: Once = Once::new();
        assert!(!is_full(), "weed (SeaweedFS) is not there: run .ci/install");
        REPORTED.call_once(|| {
            eprintln!("skipped: weed (SeaweedFS) is missing; .ci/install installs it")
        });
    }
    server.as_ref()
}

impl S3 {
    fn start(program: &Path) -> Self {
        let folder = data_folder();
        let identities = serde_json::json!({"identities": [
            {
                "name": "tests",
                "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {
                "name": "smallest",
                "credentials": [{"accessKey": SMALLEST_ACCESS_KEY, "secretKey": SMALLEST_SECRET_KEY}],
                "actions": [format!("Read:{SMALLEST_BUCKET}"), format!("Write:{SMALLEST_BUCKET}")],
            },
        ]});
        let config = folder.join("s3.json");
        fs::write(&config, identities.to_string()).unwrap();
        // Held until all are known, so that no two are the same.
        let ports: Vec<u16> = {
            let free: Vec<TcpListener> =
                (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            free.iter().map(|port| port.local_addr().unwrap().port()).collect()
        };
        let mut command = Command::new("setpriv");
        // The kernel ends it with the tests.
        command.args(["--pdeathsig", "KILL"]).arg(program).arg("server");
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-volume.max=1000"]);
        command.args([
            "-master.volumeSizeLimitMB=64",
            "-volume.minFreeSpace=1",
            "-master.telemetry=false",
        ]);
        // These have fixed ports, which another server of this machine may use.
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.arg(format!("-dir={}", folder.display()));
        command.arg(format!("-s3.config={}", config.display()));
        let names = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port"];
        let names = names.into_iter().chain(["volume.port.grpc", "filer.port", "filer.port.grpc"]);
        for (name, port) in names.zip(&ports) {
            command.arg(format!("-{name}={port}"));
        }
        let log = fs::File::create(folder.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // The signal comes when the thread ends that started the program.
        let (ended, has_ended) = mpsc::channel();
        thread::spawn(move || {
            let mut child = command.spawn().unwrap();
            let status = child.wait();
            let _ = ended.send(format!("{status:?}"));
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let server = Self { endpoint: format!("http://127.0.0.1:{}", ports[0]), http, runtime };
        server.wait_until_ready(&folder, &has_ended);
        server
    }

    /// Ready is what takes an object.
    fn wait_until_ready(&self, folder: &Path, has_ended: &mpsc::Receiver<String>) {
        let began = Instant::now();
        while !self.is_ready() {
            if began.elapsed() > START_MAX || has_ended.try_recv().is_ok() {
                panic!("no S3 server: {}", fs::read_to_string(folder.join("log")).unwrap());
            }
            sleep(Duration::from_millis(200));
        }
    }

    fn is_ready(&self) -> bool {
        let Ok(bucket) = self.bucket("ready") else { return false };
        let keys = keys();
        let put = |url: Url| self.send(Method::PUT, url).is_some_and(|(status, _)| status < 300);
        put(bucket.create_bucket(&keys).sign_with_time(LIFE, &Timestamp::now()))
            || put(bucket.put_object(Some(&keys), "x").sign_with_time(LIFE, &Timestamp::now()))
    }

    /// Creates a bucket.
    pub fn create(&self, bucket: &str) {
        let url = self
            .bucket(bucket)
            .unwrap()
            .create_bucket(&keys())
            .sign_with_time(LIFE, &Timestamp::now());
        let (status, text) = self.send(Method::PUT, url).unwrap();
        assert!(status < 300, "{status}: {text}");
    }

    /// The keys of all objects in a bucket, sorted.
    pub fn objects(&self, bucket: &str) -> Vec<String> {
        let keys = keys();
        let bucket = self.bucket(bucket).unwrap();
        // The list is a GET of the bucket itself.
        let mut list = bucket.get_object(Some(&keys), "");
        list.query_mut().insert("list-type", "2");
        let (status, text) =
            self.send(Method::GET, list.sign_with_time(LIFE, &Timestamp::now())).unwrap();
        assert!(status < 300, "{status}: {text}");
        let mut found: Vec<String> = text
            .split("<Key>")
            .skip(1)
            .map(|rest| rest.split("</Key>").next().unwrap().to_owned())
            .collect();
        found.sort();
        found
    }

    /// Deletes an object.
    pub fn delete(&self, bucket: &str, object: &str) {
        let keys = keys();
        let bucket = self.bucket(bucket).unwrap();
        let url = bucket.delete_object(Some(&keys), object).sign_with_time(LIFE, &Timestamp::now());
        let (status, text) = self.send(Method::DELETE, url).unwrap();
        assert!(status < 300, "{status}: {text}");
    }

    /// Length and content type of an object.
    pub fn head(&self, bucket: &str, object: &str) -> (u64, String) {
        let keys = keys();
        let bucket = self.bucket(bucket).unwrap();
        let url = bucket.head_object(Some(&keys), object).sign_with_time(LIFE, &Timestamp::now());
        let response = self.runtime.block_on(self.http.head(url).send()).unwrap();
        let text = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        (text("content-length").parse().unwrap(), text("content-type"))
    }

    fn bucket(&self, name: &str) -> Result<Bucket, rusty_s3::BucketError> {
        let endpoint: Url = self.endpoint.parse().unwrap();
        Bucket::new(endpoint, UrlStyle::Path, name.to_owned(), "us-east-1")
    }

    fn send(&self, method: Method, url: Url) -> Option<(u16, String)> {
        self.runtime.block_on(async {
            let response = self.http.request(method, url).body(Vec::new()).send().await.ok()?;
            Some((response.status().as_u16(), response.text().await.ok()?))
        })
    }
}

fn keys() -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY)
}

/// A folder of this process; those of processes that have ended are removed.
fn data_folder() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("s3");
    fs::create_dir_all(&all).unwrap();
    for entry in fs::read_dir(&all).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !Path::new("/proc").join(name).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let own = all.join(std::process::id().to_string());
    let _ = fs::remove_dir_all(&own);
    fs::create_dir(&own).unwrap();
    own
}

/// A name of a bucket that no other test has.
pub fn bucket_name(test: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("{test}-{}", now.as_millis())
}
