//! Manifests that are not taken in, and why.

use tracing::warn;

use super::{
    keep::{Inbox, Pass},
    read::Unfit,
    scan::Stamp,
};
use crate::store::{KnownManifest, StoreError};

/// Stands for the size and time of a file that could not be read: it is tried again in each pass.
const UNREADABLE: &str = "unreadable";

impl Inbox {
    /// Forgets why `path` was refused, and has those read again that it may have stood in the way of.
    pub(super) fn forget(&mut self, path: &str) {
        self.refused.remove(path);
        self.clashing.remove(path);
        self.changed_at_ms.remove(path);
        self.again.extend(self.clashing.iter().cloned());
    }

    pub(super) async fn refuse_odd(
        &mut self,
        path: &str,
        why: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        self.refuse(path, "odd", "", &format!("{path}: {why}"), pass).await
    }

    pub(super) async fn refuse_unfit(
        &mut self,
        path: &str,
        stamp: &Stamp,
        unfit: &Unfit,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        self.clashing.remove(path);
        let print = if unfit.may_pass { UNREADABLE.to_owned() } else { stamp.print() };
        self.refuse(path, &print, &stamp.file_id, &unfit.problems.one_line(path), pass).await
    }

    pub(super) async fn refuse(
        &mut self,
        path: &str,
        print: &str,
        file_id: &str,
        error: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let is_news = self.refused.get(path).map(String::as_str) != Some(error);
        if !is_news && self.known.get(path).is_some_and(|known| known.print == print) {
            return Ok(());
        }
        if is_news {
            warn!(manifest = path, "refused: {error}");
        }
        pass.changed = true;
        self.refused.insert(path.to_owned(), error.to_owned());
        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
        self.store.refuse(path, print, file_id, error, moment, policy).await?;
        self.remember(path, print.to_owned(), file_id.to_owned(), true).await
    }

    pub(super) async fn remember(
        &mut self,
        path: &str,
        print: String,
        file_id: String,
        refused: bool,
    ) -> Result<(), StoreError> {
        let Some(id) = self.store.manifest_id(path).await? else { return Ok(()) };
        let known = KnownManifest { id, path: path.to_owned(), print, file_id, refused };
        self.known.insert(path.to_owned(), known);
        Ok(())
    }
}
