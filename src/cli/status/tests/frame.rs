//! The screen of `status --watch` at every size.

use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    cli::status::frame::View,
    store::{ManifestProgress, RecentFailure, SlotTask},
};

fn view(rows: usize) -> View {
    let queue =
        QueueStatus { folder_problem: Some("jobs_dir is gone".to_owned()), ..queue_status() };
    let slot = |n| SlotTask {
        key: format!("promo/{n}"),
        state: State::Processing,
        sent_at_ms: NOW_MS - 90_000,
    };
    let manifest = |n| ManifestProgress {
        path: format!("promo-{n}.yaml"),
        error: None,
        jobs: 120,
        succeeded: 40,
        failed: 20,
        cancelled: 0,
        unresolved: 0,
    };
    let failure = |n| RecentFailure {
        key: format!("promo/{n}"),
        at_ms: NOW_MS,
        code: Some("1301".to_owned()),
        error: Some("文 refused\u{1b}[2J".to_owned()),
    };
    View {
        report: with_commands(StatusReport::of(queue, running(4711), NOW_MS, setup())),
        slots: (0..rows).map(slot).collect(),
        failures: (0..rows).map(failure).collect(),
        manifests: (0..rows).map(manifest).collect(),
        has_colors: true,
    }
}

fn drawn(view: &View, (columns, rows): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view.draw(frame)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn every_size_is_drawn() {
    for rows in [0, 1, 60] {
        let view = view(rows);
        for columns in [1, 2, 11, 80, 119, 120, 200] {
            for height in [1, 2, 3, 5, 10, 24, 60] {
                drawn(&view, (columns, height));
            }
        }
    }
}

#[test]
fn what_has_no_room_is_counted() {
    let screen = drawn(&view(60), (80, 24));
    for words in [
        "slots with a task (and 5",
        "1m 30s    processing  promo/0",
        "manifests in progress (and 5",
        "promo-0.yaml",
        "[=========         ]  60/120, 20 failed",
        "last failures",
        "1301 文",
        "refused\\u{1b}[2J",
        "lipsyncd doctor  shows how to fix the folder of manifests",
    ] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
    // On a wide screen, both parts have all the rows.
    let screen = drawn(&view(60), (140, 40));
    let side_by_side = |line: &str| line.contains("slots with a") && line.contains("manifests in");
    assert!(screen.lines().any(side_by_side), "{screen}");
}
