//! Checks of each paid call, and a record of what the folder asks for.

use std::{collections::BTreeSet, time::Duration};

use lipsyncd::{
    kling::{CreateRequest, VideoRef},
    sim::Endpoint,
};
use rusqlite::OptionalExtension as _;
use tokio::time::Instant;

use super::{
    folder::Folder,
    requests,
    world::{Sent, World},
};
use crate::support::sha256;

/// A create request may be on its way for so long when its manifest changes, besides the time between two scans.
const GRACE: Duration = Duration::from_secs(60);

impl World {
    /// Records what the folder asks for now.
    pub fn record_requests(&self, folder: &mut Folder) {
        std::mem::take(&mut folder.log).iter().for_each(|what| self.log(what));
        let mut requested = self.requested.lock().unwrap();
        let mut now = BTreeSet::new();
        for job in folder.jobs() {
            if let Some(request_key) = job.request_key {
                requested
                    .entry(request_key.clone())
                    .or_default()
                    .insert(job.request.take.unwrap_or(1));
                now.insert(request_key);
            }
        }
        let mut until = self.requested_until.lock().unwrap();
        for request_key in requested.keys() {
            if now.contains(request_key) {
                until.remove(request_key);
            } else {
                until.entry(request_key.clone()).or_insert_with(Instant::now);
            }
        }
    }

    /// Nothing is created that the folder no longer asks for, unless no scan can have noticed it yet.
    fn check_requested(&self, request: &CreateRequest) {
        let name = request.external_task_id.clone().unwrap_or_default();
        let sent = Sent { at: Instant::now(), host: self.account_ref().host };
        self.sent.lock().unwrap().insert(name.clone(), sent);
        let was_sent = !self.sent_names.lock().unwrap().insert(name.clone());
        let sessions = self.sessions.lock().unwrap();
        let video = sessions.get(&request.session_id);
        let request_key = video.and_then(|video| requests::request_key_of(request, video));
        let grace = *self.rescan.lock().unwrap() + GRACE;
        let until = request_key.and_then(|request_key| {
            self.requested_until.lock().unwrap().get(&request_key).copied()
        });
        if !was_sent
            && !self.folder().was_away
            && until.is_some_and(|until| until.elapsed() > grace)
        {
            self.report_violation(format!("{name} is created though nobody asks for it any more"));
        }
    }

    /// With the task that is about to be created, no more tasks run than there are slots. A task that Kling has not shown
    /// for long holds no slot, and neither does a task that waits for a person or was paid again by a person's decision.
    fn check_slots(&self) {
        if *self.lost_database.lock().unwrap() {
            return;
        }
        let sql = "SELECT count(*) FROM task WHERE state = 'unresolved' OR slot_released = 1";
        let unseen: usize = self.read(|database| {
            let mut unseen = database.prepare_cached(sql).unwrap();
            unseen.query_row([], |row| row.get(0)).unwrap()
        });
        let again: usize = self.paid_again.lock().unwrap().values().sum();
        let (running, slots) = (self.running_at(self.account_ref().host), self.settings.slots);
        if running + 1 > slots + unseen + again {
            self.report_violation(format!(
                "{running} tasks run, and another is created with {slots} slots"
            ));
        }
    }

    /// A paid call is about to be sent.
    pub fn check_paid_call(&self, call: Endpoint) {
        let paused = *self.paused.lock().unwrap();
        // The pause in the database counts right before the call.
        if paused.is_some_and(|since| !since.elapsed().is_zero()) {
            self.report_violation(format!("{call:?} is sent though a person paused the queue"));
        }
        if !*self.is_scanned.lock().unwrap() {
            self.report_violation(format!("{call:?} is sent before the first scan of the folder"));
        }
    }

    /// Records the video of a session.
    pub fn record_session(&self, session_id: &str, video: &VideoRef) {
        if let VideoRef::Url(url) = video {
            self.sessions.lock().unwrap().insert(session_id.to_owned(), url.clone());
        }
    }

    /// A create request is about to be sent: the database must show it as `creating` already.
    pub fn check_create(&self, request: &CreateRequest) {
        self.check_paid_call(Endpoint::Create);
        self.check_requested(request);
        let sql = "SELECT state FROM task WHERE external_task_id = ?1";
        let state: Option<String> = self.read(|database| {
            let mut state = database.prepare_cached(sql).unwrap();
            state.query_row([&request.external_task_id], |row| row.get(0)).optional().unwrap()
        });
        if state.as_deref() != Some("creating") {
            let name = &request.external_task_id;
            self.report_violation(format!("create of {name:?} is sent while it is {state:?}"));
        }
        self.check_slots();
        let digest = sha256(&request.body().unwrap());
        self.requests.lock().unwrap().insert(digest, request.clone());
    }
}
