//! From the bytes of a manifest to its jobs.

use super::{
    batch,
    manifest_job::Manifest,
    path::ManifestPath,
    problem::{ProblemCollector, Problems},
    yaml,
};

/// Reads a manifest's bytes. `path` begins the keys of its jobs. Does not use the disk.
///
/// # Errors
/// All problems of the text at once. No job of a manifest with errors is returned.
pub fn read(text: &[u8], path: &ManifestPath) -> Result<Manifest, Problems> {
    let mut problems = ProblemCollector::default();
    let text = yaml::decode(text)?;
    let stem = match path.problem() {
        Some(problem) => {
            problems.add(problem);
            // Keys made from the path would only repeat that problem.
            "unnamed"
        }
        None => path.stem(),
    };
    let jobs = yaml::parse(text, &mut problems)
        .map(|root| batch::read(&root, stem, &mut problems))
        .unwrap_or_default();
    problems.conclude()?;
    Ok(Manifest { jobs })
}
