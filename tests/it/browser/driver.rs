//! A real browser, controlled by WebDriver: what a person sees and does.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use url::{Position, Url};

use crate::support::{counts::is_full, programs::find};

/// Nothing on a page takes longer, even on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);
const DRIVER_STARTS_MAX: usize = 3;
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const AXE: &str = "target/tools/lib/node_modules/axe-core/axe.min.js";

/// The member of a JSON object that names an element, by the WebDriver standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser window without a screen. It ends with the test.
///
/// The few commands of the WebDriver standard (<https://www.w3.org/TR/webdriver2/>) that are needed here are one
/// request each. The crates for it bring licenses and implementations of `String + …` that the tests would have to live with.
pub struct Browser {
    runtime: Runtime,
    client: reqwest::Client,
    /// Of the session, at the driver.
    url: String,
    program: Child,
    axe: String,
    /// The home of the browser: its profile and cache.
    _home: TempDir,
}

impl Browser {
    /// Starts a browser; none if a program is missing, which the full counts do not allow.
    #[expect(clippy::print_stderr, reason = "the person who runs the tests must know")]
    pub fn start() -> Option<Self> {
        let axe = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE)).ok();
        let (Some(program), Some(axe)) = (find("chromedriver"), axe) else {
            assert!(!is_full(), "chromedriver or axe-core is missing: run .ci/install");
            eprintln!("skipped: chromedriver or axe-core is missing; .ci/install installs both");
            return None;
        };
        let home = tempfile::tempdir().unwrap();
        let (program, port) = start_driver(&program, home.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let url = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { runtime, client, url, program, axe, _home: home };
        let request = browser.client.post(&browser.url);
        let session = browser.send(request.json(&json!({"capabilities": capabilities()})));
        browser.url = format!("{}/{}", browser.url, session["sessionId"].as_str().unwrap());
        browser.post("timeouts", json!({"script": DEADLINE.as_millis() as u64}));
        Some(browser)
    }

    /// Sends a command to the driver. Returns its result.
    fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = async { request.send().await.unwrap().json::<Value>().await.unwrap() };
        let mut answer = self.runtime.block_on(answer);
        assert!(!answer["value"]["error"].is_string(), "{}", answer["value"]);
        answer["value"].take()
    }

    fn get(&self, command: &str) -> Value {
        self.send(self.client.get(format!("{}/{command}", self.url)))
    }

    fn post(&self, command: &str, parameters: Value) -> Value {
        self.send(self.client.post(format!("{}/{command}", self.url)).json(&parameters))
    }

    /// Sends a command of Chromium's own protocol (<https://chromedevtools.github.io/devtools-protocol/>).
    fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({"cmd": command, "params": parameters}))
    }

    pub fn open(&self, url: &str) {
        self.post("url", json!({"url": url}));
    }

    /// The address of the page, without its host.
    pub fn address(&self) -> String {
        let url = self.get("url");
        let url: Url = url.as_str().unwrap().parse().unwrap();
        url[Position::BeforePath..].to_owned()
    }

    /// What this expression is on the page.
    pub fn eval(&self, expression: &str) -> Value {
        self.post("execute/sync", json!({"script": format!("return {expression}"), "args": []}))
    }

    pub fn number(&self, expression: &str) -> f64 {
        let value = self.eval(expression);
        value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// The path of the first element of this selector, for commands.
    fn element(&self, css: &str) -> String {
        let found = self.post("element", json!({"using": "css selector", "value": css}));
        format!("element/{}", found[ELEMENT].as_str().unwrap())
    }

    /// Clicks an element, as a person does: it must be visible.
    pub fn click(&self, css: &str) {
        self.post(&format!("{}/click", self.element(css)), json!({}));
    }

    /// Types into a field. The keys of <https://www.w3.org/TR/webdriver2/#keyboard-actions> have characters of their own.
    pub fn write(&self, css: &str, text: &str) {
        self.post(&format!("{}/value", self.element(css)), json!({"text": text}));
    }

    /// Presses a key of the keyboard.
    pub fn press(&self, key: &str) {
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("actions", json!({"actions": [keyboard]}));
    }

    /// The visible text of the page.
    pub fn text(&self) -> String {
        self.text_of("body")
    }

    /// The visible text of an element.
    pub fn text_of(&self, css: &str) -> String {
        let text = self.get(&format!("{}/text", self.element(css)));
        text.as_str().unwrap().to_owned()
    }

    /// Waits until this script returns true.
    pub fn until(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.eval(script) != json!(true) {
            assert!(
                began.elapsed() < DEADLINE,
                "timed out waiting for {what}; console: {:?}; page at {}:\n{}",
                self.console_errors(),
                self.address(),
                self.text()
            );
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Sets the size of the page in CSS pixels.
    pub fn set_size(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false
        });
        self.chromium("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Makes the browser prefer dark or light pages.
    pub fn set_dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.chromium("Emulation.setEmulatedMedia", features);
    }

    /// Allows or prevents scripts of pages, from the next page on.
    pub fn set_scripts(&self, are_allowed: bool) {
        self.chromium("Emulation.setScriptExecutionDisabled", json!({"value": !are_allowed}));
    }

    /// A picture of the visible part of the page, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        let picture = self.get("screenshot");
        BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    /// What axe-core finds wrong with the page, one line per rule.
    pub fn accessibility_violations(&self) -> Vec<String> {
        const RUN: &str = "const done = arguments[0];
            axe.run({resultTypes: ['violations']}).then(found => done(found.violations.map(rule =>
                rule.id + ': ' + rule.help + ': ' + rule.nodes.map(node => node.html).join(' | '))));";
        self.post("execute/sync", json!({"script": self.axe, "args": []}));
        let found = self.post("execute/async", json!({"script": RUN, "args": []}));
        serde_json::from_value(found).unwrap()
    }

    /// Errors and warnings that the browser has logged since the last call: of scripts, of the network, of the
    /// Content-Security-Policy.
    pub fn console_errors(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({"type": "browser"}));
        let entries = entries.as_array().unwrap().iter();
        entries.map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser. The driver would leave it alone.
        let ended = self.client.delete(&self.url).send();
        let _ = self.runtime.block_on(ended);
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Starts the driver at a free port, which it reports. If it ends before that, such as when another program took the port,
/// it is started again.
fn start_driver(program: &Path, home: &Path) -> (Child, u16) {
    let started = (0..DRIVER_STARTS_MAX).find_map(|_| try_driver(program, home));
    started.expect("the driver ends each time before it reports its port")
}

fn try_driver(program: &Path, home: &Path) -> Option<(Child, u16)> {
    let mut command = Command::new(program);
    command.arg("--port=0").env("HOME", home).env("TMPDIR", home).current_dir(home);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, port) = mpsc::channel();
    // Reads on, so that the driver can write.
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let port = line.strip_prefix("ChromeDriver was started successfully on port ");
            if let Some(port) = port.and_then(|port| port.trim_end_matches('.').parse().ok()) {
                let _ = sender.send(port);
            }
        }
    });
    match port.recv_timeout(DEADLINE) {
        Ok(port) => Some((child, port)),
        Err(RecvTimeoutError::Disconnected) => {
            child.wait().unwrap();
            None
        }
        Err(RecvTimeoutError::Timeout) => panic!("the driver reports no port"),
    }
}

fn capabilities() -> Value {
    // Root has no sandbox. Only loopback addresses are reached: no name is looked up.
    let mut options = json!({"args": [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--mute-audio",
        // Otherwise a click may come while the page still scrolls there.
        "--force-prefers-reduced-motion",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ]});
    // Otherwise the driver finds the browser itself.
    if let Some(program) = find("chromium") {
        options["binary"] = json!(program);
    }
    json!({"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "WARNING"}}})
}
