//! Checks of everything that Mitsuke needs before it can serve, with advice about what is wrong.

mod access;
mod backup;
mod integrity;
mod originals;

use std::path::Path;

use crate::config::Settings;
use crate::stores::StoreChoice;
use mitsuke_clip::Manifest;
use mitsuke_store::Finding;

/// Checks the models and the store that the settings select. Blocks, and leaves everything as it was.
#[must_use]
pub fn diagnose(settings: &Settings) -> Vec<Finding> {
    let mut findings = diagnose_models(&settings.models_dir);
    findings.extend(StoreChoice::new(settings).diagnose());
    findings.extend(integrity::findings(settings));
    findings.extend(backup::findings(settings));
    findings.extend(originals::finding(settings));
    findings.extend(access::findings(settings));
    findings
}

/// Checks the manifests in a folder of model folders. It does not load the models, which the server does.
fn diagnose_models(folder: &Path) -> Vec<Finding> {
    const ADVICE: &str =
        "MITSUKE_MODELS_DIR names the folder of model folders; docs/models.md says how to add a model.";
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            return vec![Finding::problem("models", format!("{} cannot be read: {error}", folder.display()), ADVICE)];
        }
    };
    let mut folders: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.join("model.json").is_file()).collect();
    folders.sort();
    if folders.is_empty() {
        return vec![Finding::problem("models", format!("{} holds no model", folder.display()), ADVICE)];
    }
    let manifests: Vec<_> = folders.into_iter().map(|folder| (Manifest::read(&folder), folder)).collect();
    // A server with one usable model serves, so a folder that is not usable is a problem only when all are.
    let one_is_usable = manifests.iter().any(|(manifest, _)| manifest.is_ok());
    manifests
        .iter()
        .map(|(manifest, folder)| match manifest {
            Ok(manifest) => Finding::good(
                "models",
                format!(
                    "{} {} ({} components) in {}",
                    manifest.model_name,
                    manifest.model_version,
                    manifest.vector_dimension,
                    folder.display()
                ),
            ),
            Err(error) => {
                let found = format!("{} is not usable: {error}", folder.display());
                let advice = "Export the model again, or move the folder away.";
                let finding = if one_is_usable { Finding::note } else { Finding::problem };
                finding("models", &found, advice)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_model_is_a_problem_unless_another_one_is_usable() {
        let folder = tempfile::tempdir().unwrap();
        assert!(diagnose_models(folder.path())[0].is_problem());
        assert!(diagnose_models(&folder.path().join("none"))[0].is_problem());
        std::fs::create_dir(folder.path().join("broken")).unwrap();
        std::fs::write(folder.path().join("broken/model.json"), b"{}").unwrap();
        let broken = &diagnose_models(folder.path())[0];
        assert!(broken.to_string().contains("is not usable") && broken.is_problem());
        std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/models/demo"), folder.path().join("demo"))
            .unwrap();
        let with_another = diagnose_models(folder.path());
        assert!(with_another.len() == 2 && with_another.iter().all(|finding| !finding.is_problem()));
    }
}
