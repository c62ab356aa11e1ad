//! What has to be right before Mitsuke can serve, looked at one by one, with what to do where it is not.

use std::path::Path;

use crate::clip::Manifest;
use crate::config::Settings;
use crate::store::Finding;
use crate::store::oracle::OracleStore;

/// Looks at the models and at the store that `settings` select. Blocks; changes nothing that stays.
#[must_use]
pub fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = models(&settings.models_dir);
    match &settings.oracle {
        Some(oracle) => findings.extend(OracleStore::new(oracle.clone(), |_, _| Default::default()).diagnose()),
        None => findings.push(data_dir(&settings.data_dir)),
    }
    findings
}

/// The folders of models, as far as their manifests say; loading one is what the server does.
fn models(folder: &Path) -> Vec<Finding> {
    const ADVICE: &str = "MITSUKE_MODELS_DIR names the folder of model folders; the README says how to export a model.";
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
    // The server serves with the others.
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

/// Whether the embedded store can live in a folder.
fn data_dir(folder: &Path) -> Finding {
    // A folder that is not there yet is made by the server, below the nearest one that is.
    let nearest = folder.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty()).unwrap_or(folder);
    let probe = nearest.join(".mitsuke-doctor");
    match std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => Finding::good("embedded store", format!("{} can be written", folder.display())),
        Err(error) => Finding::problem(
            "embedded store",
            format!("{} cannot be written: {error}", folder.display()),
            "Set MITSUKE_DATA_DIR to a folder on a local disk that this user owns.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_looked_at_and_left_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!data_dir(folder.path()).is_problem());
        assert!(!data_dir(&folder.path().join("not/there/yet")).is_problem());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(folder.path().join("file"), b"x").unwrap();
        assert!(data_dir(&folder.path().join("file")).is_problem());
        assert!(models(folder.path())[0].is_problem());
        assert!(models(&folder.path().join("none"))[0].is_problem());
        std::fs::create_dir(folder.path().join("broken")).unwrap();
        std::fs::write(folder.path().join("broken/model.json"), b"{}").unwrap();
        let broken = &models(folder.path())[0];
        assert!(broken.to_string().contains("is not usable") && broken.is_problem());
        std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/models/demo"), folder.path().join("demo"))
            .unwrap();
        let with_another = models(folder.path());
        assert!(with_another.len() == 2 && with_another.iter().all(|finding| !finding.is_problem()));
    }
}
