//! What is noticed while the daemon lives: what the folder asks, and each call that costs.

use std::{collections::BTreeSet, time::Duration};

use lipsyncd::{
    kling::{CreateRequest, VideoRef},
    sim::Endpoint,
};
use rusqlite::OptionalExtension as _;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    asked,
    folder::Folder,
    world::{Sent, World},
};

/// A create request may be on its way for so long when its manifest changes, beside the time between two scans.
const GRACE: Duration = Duration::from_secs(60);

impl World {
    /// The folder asks for something else, perhaps.
    pub fn note_asked(&self, folder: &mut Folder) {
        std::mem::take(&mut folder.log).iter().for_each(|what| self.act(what));
        let mut asked = self.asked.lock().unwrap();
        let mut now = BTreeSet::new();
        for wish in folder.wishes() {
            if let Some(made) = wish.made {
                asked.entry(made.clone()).or_default().insert(wish.ask.take.unwrap_or(1));
                now.insert(made);
            }
        }
        let mut until = self.asked_until.lock().unwrap();
        for made in asked.keys() {
            if now.contains(made) {
                until.remove(made);
            } else {
                until.entry(made.clone()).or_insert_with(Instant::now);
            }
        }
    }

    /// Nothing is created that the folder does not ask for any more, unless a scan cannot know yet.
    fn require_asked(&self, request: &CreateRequest) {
        let name = request.external_task_id.clone().unwrap_or_default();
        let sent = Sent { at: Instant::now(), host: self.place().host };
        self.sent.lock().unwrap().insert(name.clone(), sent);
        let was_sent = !self.sent_names.lock().unwrap().insert(name.clone());
        let sessions = self.sessions.lock().unwrap();
        let video = sessions.get(&request.session_id);
        let made = video.and_then(|video| asked::made_of(request, video));
        let grace = *self.rescan.lock().unwrap() + GRACE;
        let until = made.and_then(|made| self.asked_until.lock().unwrap().get(&made).copied());
        if !was_sent
            && !self.folder().was_away
            && until.is_some_and(|until| until.elapsed() > grace)
        {
            self.accuse(format!("{name} is created though nobody asks for it any more"));
        }
    }

    /// With the task that is about to be created, no more run than there are slots. What Kling has not shown for long
    /// holds none, and neither does what waits for a person or was paid again at a person's word.
    fn require_slot(&self) {
        if *self.lost_database.lock().unwrap() {
            return;
        }
        let sql = "SELECT count(*) FROM task WHERE state = 'unresolved' OR slot_released = 1";
        let unseen: usize = self.read(|database| {
            let mut unseen = database.prepare_cached(sql).unwrap();
            unseen.query_row([], |row| row.get(0)).unwrap()
        });
        let again: usize = self.paid_again.lock().unwrap().values().sum();
        let (running, slots) = (self.running_at(self.place().host), self.settings.slots);
        if running + 1 > slots + unseen + again {
            self.accuse(format!("{running} tasks run, and another is created with {slots} slots"));
        }
    }

    /// A call that costs is about to be sent.
    pub fn note_paid_call(&self, call: Endpoint) {
        let paused = *self.paused.lock().unwrap();
        // The pause in the database counts right before the call.
        if paused.is_some_and(|since| !since.elapsed().is_zero()) {
            self.accuse(format!("{call:?} is sent though a person paused the queue"));
        }
        if !*self.is_scanned.lock().unwrap() {
            self.accuse(format!("{call:?} is sent before the first scan of the folder"));
        }
    }

    /// A session is known by its id.
    pub fn note_session(&self, session_id: &str, video: &VideoRef) {
        if let VideoRef::Url(url) = video {
            self.sessions.lock().unwrap().insert(session_id.to_owned(), url.clone());
        }
    }

    /// A create request is about to be sent: that must be written already.
    pub fn note_create(&self, request: &CreateRequest) {
        self.note_paid_call(Endpoint::Create);
        self.require_asked(request);
        let sql = "SELECT state FROM task WHERE external_task_id = ?1";
        let state: Option<String> = self.read(|database| {
            let mut state = database.prepare_cached(sql).unwrap();
            state.query_row([&request.external_task_id], |row| row.get(0)).optional().unwrap()
        });
        if state.as_deref() != Some("creating") {
            let name = &request.external_task_id;
            self.accuse(format!("create of {name:?} is sent while it is {state:?}"));
        }
        self.require_slot();
        let digest = digest(&request.body().unwrap());
        self.requests.lock().unwrap().insert(digest, request.clone());
    }
}

/// The SHA-256 of some bytes, in hex.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
