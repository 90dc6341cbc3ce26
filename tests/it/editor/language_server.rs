//! A client of the YAML language server, which completes and checks YAML in editors.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use url::Url;

use crate::support::{counts::is_full, programs::find};

const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The server, with an editor's view of a folder.
pub struct LanguageServer {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    folder: PathBuf,
    /// The number of requests and documents so far.
    count: u64,
}

impl LanguageServer {
    /// Starts the server; none if it is missing, which the full counts do not allow.
    #[expect(clippy::print_stderr, reason = "the person who runs the tests must know")]
    pub fn start(folder: &Path) -> Option<Self> {
        let Some(program) = find("yaml-language-server") else {
            assert!(!is_full(), "yaml-language-server is missing: run .ci/install");
            eprintln!("skipped: yaml-language-server is missing; .ci/install installs it");
            return None;
        };
        let mut command = Command::new(program);
        command.arg("--stdio").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || read_messages(output, &sender));
        let mut server = Self { child, input, messages, folder: folder.to_owned(), count: 0 };
        let capabilities = server
            .request("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
        assert!(capabilities["capabilities"]["completionProvider"].is_object(), "{capabilities}");
        server.send(&json!({"method": "initialized", "params": {}}));
        Some(server)
    }

    /// Returns what an editor marks in a file: the line, counted from 1, and the message.
    pub fn marks(&mut self, file: &str, text: &str) -> Vec<String> {
        self.open(file, text).1
    }

    /// Returns what an editor offers at `|` in the text, sorted.
    pub fn offers(&mut self, file: &str, text: &str) -> Vec<String> {
        let (before, after) = text.split_once('|').unwrap();
        let (uri, _) = self.open(file, &format!("{before}{after}"));
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap().len();
        let position = json!({"line": line, "character": character});
        let found = self.request(
            "textDocument/completion",
            json!({"textDocument": {"uri": uri}, "position": position}),
        );
        let items = found.get("items").unwrap_or(&found).as_array().unwrap();
        // A snippet of several keys has another kind.
        const PROPERTY: u64 = 10;
        const VALUE: u64 = 12;
        let items = items.iter().filter(|item| {
            item["kind"].as_u64().is_none_or(|kind| kind == PROPERTY || kind == VALUE)
        });
        let mut labels: Vec<String> =
            items.map(|item| item["label"].as_str().unwrap().to_owned()).collect();
        labels.sort();
        labels.dedup();
        labels
    }

    /// Opens a document beside `file` and waits until it is checked.
    fn open(&mut self, file: &str, text: &str) -> (String, Vec<String>) {
        self.count += 1;
        let path = self.folder.join(file).with_extension(format!("{}.yaml", self.count));
        let uri = Url::from_file_path(path).unwrap().to_string();
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.send(&json!({"method": "textDocument/didOpen", "params": {"textDocument": document}}));
        let checked = self.receive(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == json!(uri)
        });
        let marks = checked["params"]["diagnostics"].as_array().unwrap().iter().map(|mark| {
            let line = mark["range"]["start"]["line"].as_u64().unwrap() + 1;
            format!("{line}: {}", mark["message"].as_str().unwrap())
        });
        let mut marks: Vec<String> = marks.collect();
        marks.sort();
        (uri, marks)
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let id = self.count;
        self.send(&json!({"id": id, "method": method, "params": params}));
        let answer = self.receive(|message| message["id"] == id && message.get("method").is_none());
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn send(&mut self, message: &Value) {
        let mut message = message.clone();
        message["jsonrpc"] = json!("2.0");
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for a message. Answers requests of the server in the meantime, as an editor without settings.
    fn receive(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(ANSWER_MAX).unwrap();
            if is_wanted(&message) {
                return message;
            }
            assert_ne!(message["params"]["name"], "yaml.completion.error", "{message}");
            if message.get("method").is_some() && message.get("id").is_some() {
                let asked = message["params"]["items"].as_array().map_or(0, Vec::len);
                self.send(&json!({"id": message["id"], "result": vec![Value::Null; asked]}));
            }
        }
    }
}

impl Drop for LanguageServer {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn read_messages(output: ChildStdout, sender: &Sender<Value>) {
    let mut output = BufReader::new(output);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut content = vec![0; length];
        if output.read_exact(&mut content).is_err()
            || sender.send(serde_json::from_slice(&content).unwrap()).is_err()
        {
            return;
        }
    }
}
