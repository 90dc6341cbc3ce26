//! The page of one scrape.

use super::{page::ScrapePage, recorder::Metrics, snapshot};

impl Metrics {
    /// Renders all metrics as they are at `now_ms` (Unix time).
    pub(super) async fn render(&self, now_ms: i64) -> Result<String, std::fmt::Error> {
        let (measured, has_problem) = self.store().metrics_snapshot(now_ms).await;
        let mut page = ScrapePage::default();
        snapshot::add_problem(&mut page, has_problem);
        if let Some(measured) = measured {
            snapshot::add(&mut page, &measured, now_ms);
        }
        self.inbox().add(&mut page, now_ms);
        page.render(self.registry())
    }
}
