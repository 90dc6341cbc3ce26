//! What users do to manifests, at once or in two steps with time between.

use super::{
    changes::{Changes, Later},
    folder::{Folder, Manifest, Shape},
    requests::JobRequest,
};

const MANIFESTS_MAX: usize = 6;
const JOBS_MAX: usize = 5;

impl Changes {
    pub fn edit(
        &self,
        folder: &mut Folder,
        now_ms: i64,
        change: impl FnOnce(&Self, &mut JobRequest),
    ) {
        let Some(path) = self.any(folder) else { return };
        let mut manifest = folder.manifests[&path].clone();
        let job = self.chance.index(manifest.jobs.len());
        change(self, &mut manifest.jobs[job].1);
        manifest.shape = Shape::Complete;
        folder.put(&path, manifest, self.chance.happens(0.5), now_ms);
    }

    /// A job of a batch under another id: the same request, or another one.
    pub fn add_job(&self, folder: &mut Folder, now_ms: i64) {
        let Some(path) = self.any(folder) else { return };
        let mut manifest = folder.manifests[&path].clone();
        let Some((Some(_), request)) = manifest.jobs.first() else { return };
        let is_copy = self.chance.happens(0.6);
        let request = if is_copy { request.clone() } else { self.request(now_ms) };
        let id = format!("j{}", self.chance.between(0, 6));
        let is_taken = manifest.jobs.iter().any(|(taken, _)| taken.as_ref() == Some(&id));
        if manifest.jobs.len() >= JOBS_MAX || is_taken {
            return;
        }
        manifest.jobs.push((Some(id), request));
        folder.put(&path, manifest, self.chance.happens(0.5), now_ms);
    }

    pub fn remove_job(&mut self, folder: &mut Folder, now_ms: i64) {
        let Some(path) = self.any(folder) else { return };
        let before = Manifest { shape: Shape::Complete, ..folder.manifests[&path].clone() };
        if before.jobs.len() < 2 {
            return;
        }
        let mut manifest = before.clone();
        manifest.jobs.remove(self.chance.index(manifest.jobs.len()));
        folder.put(&path, manifest, true, now_ms);
        if self.chance.happens(0.6) {
            self.later(Later::Put(path, before));
        }
    }

    /// From one manifest to another, in one step or with time between.
    pub fn move_job(&mut self, folder: &mut Folder, now_ms: i64) {
        let (Some(from), Some(to)) = (self.any(folder), self.any(folder)) else { return };
        let (mut source, mut target) =
            (folder.manifests[&from].clone(), folder.manifests[&to].clone());
        let is_batch = |manifest: &Manifest| manifest.jobs.iter().all(|(id, _)| id.is_some());
        if from == to || !is_batch(&source) || !is_batch(&target) || source.jobs.len() < 2 {
            return;
        }
        let (id, request) = source.jobs.remove(self.chance.index(source.jobs.len()));
        if target.jobs.len() >= JOBS_MAX || target.jobs.iter().any(|(taken, _)| *taken == id) {
            return;
        }
        target.jobs.push((id, request));
        folder.put(&from, source, true, now_ms);
        match self.chance.happens(0.5) {
            true => folder.put(&to, target, true, now_ms),
            false => self.later(Later::Put(to, target)),
        }
    }

    pub fn copy(&self, folder: &mut Folder, now_ms: i64) {
        let (Some(path), Some(to)) = (self.any(folder), self.free_path(folder)) else { return };
        if folder.manifests.len() < MANIFESTS_MAX {
            let manifest = folder.manifests[&path].clone();
            folder.put(&to, manifest, false, now_ms);
        }
    }

    /// By a rename, by a copy and then a removal, or by a removal and then a copy.
    pub fn rename(&mut self, folder: &mut Folder, now_ms: i64) {
        let (Some(path), Some(to)) = (self.any(folder), self.free_path(folder)) else { return };
        match self.chance.between(0, 3) {
            0 | 1 => folder.rename(&path, &to),
            2 => {
                let manifest = folder.manifests[&path].clone();
                folder.put(&to, manifest, true, now_ms);
                self.later(Later::Remove(path));
            }
            _ => {
                let manifest = folder.remove(&path);
                manifest
                    .into_iter()
                    .for_each(|manifest| self.later(Later::Put(to.clone(), manifest)));
            }
        }
    }

    pub fn swap(&self, folder: &mut Folder) {
        if let (Some(one), Some(other)) = (self.any(folder), self.any(folder))
            && one != other
        {
            folder.swap(&one, &other);
        }
    }

    pub fn remove(&mut self, folder: &mut Folder) {
        let Some(path) = self.any(folder) else { return };
        let Some(manifest) = folder.remove(&path) else { return };
        if self.chance.happens(0.7) {
            self.later(Later::Put(path, manifest));
        }
    }

    /// Writes half of a manifest. The rest comes later.
    pub fn half(&mut self, folder: &mut Folder, now_ms: i64) {
        let Some(path) = self.any(folder) else { return };
        let manifest = folder.manifests[&path].clone();
        let half = Manifest { shape: Shape::Half, ..manifest.clone() };
        folder.put(&path, half, false, now_ms);
        self.later(Later::Put(path, Manifest { shape: Shape::Complete, ..manifest }));
    }
}
