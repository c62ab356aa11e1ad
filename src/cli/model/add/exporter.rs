//! The exporter: `scripts/export_model.py` and the Python code beside it.

use std::fs;
use std::path::{Path, PathBuf};

/// The name of the folder beside the program into which a package lays the exporter.
const IN_PACKAGE: &str = "exporter";
/// The script that exports a model, in the folder of the exporter.
const SCRIPT: &str = "scripts/export_model.py";
/// The file that names the Python and the packages that the exporter needs, in the folder of the exporter.
const PROJECT: &str = "python/pyproject.toml";
/// The code that the script runs, in the folder of the exporter.
const CODE: &str = "python/mitsuke_export/cli.py";

/// The exporter on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exporter {
    /// The folder that holds `scripts` and `python`.
    pub folder: PathBuf,
}

impl Exporter {
    /// Finds the exporter: in `exporter` beside the program, else in the repository above the program, else in the one
    /// above the working folder.
    ///
    /// # Errors
    /// When there is none, with the folders that were looked at.
    pub fn find(program: &Path, working: &Path) -> Result<Self, String> {
        let beside = program.parent().map(|folder| folder.join(IN_PACKAGE));
        let above = program.ancestors().skip(1).chain(working.ancestors()).map(Path::to_path_buf);
        let complete = |folder: &PathBuf| [SCRIPT, PROJECT, CODE].iter().all(|file| folder.join(file).is_file());
        if let Some(folder) = beside.iter().cloned().chain(above).find(complete) {
            return Ok(Self { folder });
        }
        Err(format!(
            "the exporter is missing. A package has it in {}, and a checkout of Mitsuke has it as {SCRIPT}. Unpack the \
             package again, or run this in a folder of a checkout",
            beside.unwrap_or_else(|| PathBuf::from(IN_PACKAGE)).display()
        ))
    }

    /// Returns the script that exports a model.
    pub fn script(&self) -> PathBuf {
        self.folder.join(SCRIPT)
    }

    /// Returns the file that names what the exporter needs.
    pub fn project(&self) -> PathBuf {
        self.folder.join(PROJECT)
    }

    /// Returns the oldest version of Python that the exporter runs with, as (major, minor).
    ///
    /// # Errors
    /// When the exporter does not say it.
    pub fn oldest_python(&self) -> Result<(u32, u32), String> {
        let path = self.project();
        let text = fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        oldest_python(&text)
            .ok_or_else(|| format!("{} does not say which Python it needs: the file is damaged", path.display()))
    }
}

/// Returns the version in the line `requires-python = ">=3.11"`.
fn oldest_python(project: &str) -> Option<(u32, u32)> {
    let line = project.lines().find(|line| line.starts_with("requires-python"))?;
    let (major, minor) = line.split_once(">=")?.1.split_once('.')?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    Some((digits(major.trim())?, digits(minor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_exporter(folder: &Path) -> PathBuf {
        for file in [SCRIPT, PROJECT, CODE] {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "requires-python = \">=3.11\"\n").unwrap();
        }
        folder.to_path_buf()
    }

    #[test]
    fn the_exporter_of_the_package_comes_before_that_of_a_repository() {
        let root = tempfile::tempdir().unwrap();
        let (program, working) = (root.path().join("a/b/mitsuke"), root.path().join("c/d"));
        let missing = Exporter::find(&program, &working).unwrap_err();
        assert!(missing.contains("a/b/exporter") && missing.contains("checkout"), "{missing}");
        for folder in [root.path().join("c"), root.path().join("a"), root.path().join("a/b/exporter")] {
            let folder = put_exporter(&folder);
            assert_eq!(Exporter::find(&program, &working), Ok(Exporter { folder }));
        }
        fs::remove_file(root.path().join("a/b/exporter").join(CODE)).unwrap();
        let found = Exporter::find(&program, &working).unwrap();
        assert_eq!(found.folder, root.path().join("a"), "half an exporter is none");
        assert_eq!(found.oldest_python(), Ok((3, 11)));
    }

    #[test]
    fn the_repository_says_which_python_it_needs() {
        let repository = Exporter { folder: env!("CARGO_MANIFEST_DIR").into() };
        assert!(repository.oldest_python().unwrap() >= (3, 9));
        assert_eq!(oldest_python("requires-python = '>= 3.12.1, <4'"), Some((3, 12)));
        assert_eq!(oldest_python("name = 'x'"), None);
    }
}
