//! From the bytes of a manifest to its jobs.

use super::{
    batch,
    file_name::stem,
    finish::ManifestJob,
    path::path_problem,
    problem::{ProblemCollector, Problems},
    yaml,
};

/// The jobs of a manifest without errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// In the order of the text; at least one.
    pub jobs: Vec<ManifestJob>,
    /// What is probably not as meant, if there is something.
    pub warnings: Option<Problems>,
}

/// Reads a manifest's bytes. Its `path` under `jobs_dir`, such as `promo/fr.yaml`, begins the keys of its jobs. Does not use the disk.
///
/// # Errors
/// All problems of the text at once. No job of a manifest with errors is returned.
pub fn read(text: &[u8], path: &str) -> Result<Manifest, Problems> {
    let mut problems = ProblemCollector::default();
    let text = yaml::decode(text)?;
    let stem = match path_problem(path) {
        Some(problem) => {
            problems.add(problem);
            // Keys made from the path would only repeat that problem.
            "unnamed"
        }
        None => stem(path),
    };
    let jobs = yaml::parse(text, &mut problems)
        .map(|root| batch::read(&root, stem, &mut problems))
        .unwrap_or_default();
    let warnings = problems.conclude()?;
    Ok(Manifest { jobs, warnings })
}
