//! What `check` found, and its shape in JSON.

use serde::Serialize;

use crate::{
    cli::price::PriceReport,
    manifest::{Problem, Problems, Severity},
};

#[derive(Debug, Default, Serialize)]
pub(super) struct CheckReport {
    pub(super) manifests: Vec<CheckedManifest>,
    /// Files and folders that were named and are no manifests.
    pub(super) ignored: Vec<Finding>,
    pub(super) errors: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
    pub(super) jobs: usize,
    /// Jobs that would wait for files.
    pub(super) waiting: usize,
    /// What the jobs need at Kling.
    pub(super) tasks: usize,
    /// Tasks that several jobs share.
    pub(super) shared_tasks: usize,
    /// None: nothing is to be paid.
    pub(super) price: Option<PriceReport>,
    #[serde(skip)]
    pub(super) texts: Texts,
}

/// The same for a terminal, with excerpts.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// The first jobs that would wait.
    pub(super) waiting: Vec<String>,
    pub(super) price: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct CheckedManifest {
    pub(super) path: String,
    pub(super) jobs: usize,
    pub(super) waiting: usize,
    pub(super) errors: usize,
    /// None: nothing is to be paid, or all of it waits or has errors.
    pub(super) price: Option<PriceReport>,
    /// With `--plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Vec<PlannedJob>>,
    #[serde(skip)]
    pub(super) price_text: Option<String>,
}

/// What lipsyncd would do with a job.
#[derive(Debug, Serialize)]
pub(super) struct PlannedJob {
    pub(super) key: String,
    /// None: it would wait.
    pub(super) plan: Option<String>,
    pub(super) waits_for: Option<String>,
    pub(super) shares_task_of: Option<String>,
}

/// An error, a warning, or why something is ignored.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// None: it is about the configuration.
    pub(super) path: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Finding {
    pub(super) fn of_file(path: Option<&str>, message: &str) -> Self {
        let path = path.map(str::to_owned);
        Self { path, line: None, column: None, message: message.to_owned(), help: None }
    }

    fn of_problem(problem: &Problem, path: &str) -> Self {
        let (line, column) =
            problem.location.map(|location| (location.line, location.column)).unzip();
        let help = problem.help.clone();
        Self { line, column, help, ..Self::of_file(Some(path), &problem.what) }
    }
}

impl CheckReport {
    /// Adds the problems of a manifest; `text`: the same for a terminal. Returns how many of them are errors.
    pub(super) fn add_problems(&mut self, problems: &Problems, path: &str, text: String) -> usize {
        for problem in problems {
            let finding = Finding::of_problem(problem, path);
            match problem.severity {
                Severity::Error => self.errors.push(finding),
                Severity::Warning => self.warnings.push(finding),
            }
        }
        let errors = problems.errors();
        let texts = if errors > 0 { &mut self.texts.errors } else { &mut self.texts.warnings };
        texts.push(text);
        errors
    }

    /// Adds an error of a file or folder.
    pub(super) fn add_error(&mut self, path: &str, message: &str) {
        self.errors.push(Finding::of_file(Some(path), message));
        self.texts.errors.push(format!("{path}: {message}\n"));
    }

    /// Adds a warning; without a path it is about the configuration.
    pub(super) fn add_warning(&mut self, path: Option<&str>, message: &str) {
        self.warnings.push(Finding::of_file(path, message));
        let path = path.map(|path| format!("{path}: ")).unwrap_or_default();
        self.texts.warnings.push(format!("{path}warning: {message}\n"));
    }
}
