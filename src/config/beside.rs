//! The folders of a package, which lie beside its program.

use std::path::{Path, PathBuf};

/// A file that every package holds and that hardly lies beside another program.
const MARK: &str = "licences/mitsuke.txt";

/// Returns a folder or file that lies beside the program in a package, such as `models` or `exporter`. A program that is
/// no part of a package has none. A link to the program is followed.
#[must_use]
pub fn beside_program(name: &str) -> Option<PathBuf> {
    in_package_of(&std::env::current_exe().ok()?.canonicalize().ok()?, name)
}

fn in_package_of(program: &Path, name: &str) -> Option<PathBuf> {
    let package = program.parent()?;
    let found = package.join(name);
    (package.join(MARK).is_file() && found.exists()).then_some(found)
}

/// Returns the folder of models that is used when no setting names one: the one in the working folder, which holds
/// models of the user's own, and that of the package where the working folder has none.
pub(super) fn models_dir(default: PathBuf, in_package: Option<PathBuf>) -> PathBuf {
    if default.is_dir() { default } else { in_package.unwrap_or(default) }
}

/// Returns the folder of sample pictures that is used when no setting names one. The samples of a package come first,
/// because a folder `images` in a working folder of the user's may hold anything.
pub(super) fn images_dir(default: PathBuf, in_package: Option<PathBuf>) -> PathBuf {
    in_package.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_the_program_of_a_package_has_folders_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("mitsuke");
        fs::create_dir(folder.path().join("models")).unwrap();
        assert_eq!(in_package_of(&program, "models"), None);
        fs::create_dir(folder.path().join("licences")).unwrap();
        fs::write(folder.path().join(MARK), "MIT").unwrap();
        assert_eq!(in_package_of(&program, "models"), Some(folder.path().join("models")));
        assert_eq!(in_package_of(&program, "images"), None);
    }

    #[test]
    fn models_of_the_user_and_samples_of_the_package_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, missing) = (folder.path().to_owned(), folder.path().join("missing"));
        let package = || Some(PathBuf::from("/package"));
        assert_eq!(models_dir(mine.clone(), package()), mine);
        assert_eq!(models_dir(missing.clone(), package()), PathBuf::from("/package"));
        assert_eq!(models_dir(missing.clone(), None), missing);
        assert_eq!(images_dir(mine.clone(), package()), PathBuf::from("/package"));
        assert_eq!(images_dir(mine.clone(), None), mine);
    }
}
