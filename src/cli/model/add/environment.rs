//! The virtual environment in which the exporter runs.

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::child::Child;
use super::exporter::Exporter;
use super::python::Python;
use crate::cli::interrupt::Signals;

/// The download and the room on the disk that the packages take on Linux, measured with the versions of
/// `python/pyproject.toml`, for people.
const COST: &str = if cfg!(target_os = "linux") {
    "2.8 GB are downloaded (PyTorch with its libraries for GPUs) and take 5 GB of disk: about 4 minutes at 100 Mbit/s and \
     2 minutes of unpacking"
} else {
    "PyTorch and other packages are downloaded"
};

/// The file in the environment that says what is installed. It is written last.
const COMPLETE: &str = "complete";

/// Prints the packages that the exporter needs, one a line.
const REQUIREMENTS: &str = "\
import sys, tomllib
with open(sys.argv[1], 'rb') as file:
    print(*tomllib.load(file)['project']['optional-dependencies']['export'], sep='\\n')";

/// The virtual environment, which may have to be made.
pub struct Environment {
    /// The folder of the environment.
    pub folder: PathBuf,
    /// The packages that pip installs, one a line, as the complete environment has them in writing.
    requirements: String,
}

impl Environment {
    /// Returns the environment of an exporter in the cache folder.
    ///
    /// # Errors
    /// When there is no cache folder, or the exporter does not say what it needs.
    pub fn of(exporter: &Exporter, python: &Python) -> Result<Self, Box<dyn Error>> {
        let cache = cache_folder(|name| std::env::var_os(name)).ok_or(
            "there is no folder for the exporter's environment, because HOME is not set. Set MITSUKE_CACHE_DIR to one",
        )?;
        let folder = std::path::absolute(cache)?.join(concat!("exporter-", env!("CARGO_PKG_VERSION")));
        let project = exporter.project();
        let output = Command::new(&python.path).args(["-I", "-c", REQUIREMENTS]).arg(&project).output()?;
        if !output.status.success() {
            return Err(format!("{} does not say which packages the exporter needs", project.display()).into());
        }
        Ok(Self { folder, requirements: String::from_utf8(output.stdout)? })
    }

    /// Returns the interpreter in the environment.
    pub fn python(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
    }

    /// Returns the command that logs in to the hub, which the packages bring along.
    pub fn hub_command(&self) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts/hf.exe" } else { "bin/hf" })
    }

    /// Tells whether the environment holds everything that the exporter needs, and its interpreter runs. The interpreter
    /// no longer does when the system has taken the Python away that it was made with.
    pub fn is_complete(&self) -> bool {
        fs::read_to_string(self.folder.join(COMPLETE)).is_ok_and(|written| written == self.requirements)
            && Command::new(self.python())
                .args(["-I", "-c", ""])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }

    /// Describes what making the environment costs.
    pub fn cost(&self) -> String {
        format!("{COST}{}", self.free().map(|gb| format!(" ({gb} GB of disk are free)")).unwrap_or_default())
    }

    /// Makes the environment unless it is complete. An environment whose installation was stopped is begun again.
    ///
    /// # Errors
    /// When the folder cannot be made, the installation fails, or a signal stops it.
    pub async fn make(&self, python: &Python, signals: &mut Signals) -> Result<(), Box<dyn Error>> {
        let cache = self.folder.parent().unwrap_or(Path::new("."));
        let no_cache = |error: std::io::Error| {
            format!(
                "the cache folder {} cannot be used: {error}. Set MITSUKE_CACHE_DIR to a folder that you may write to",
                cache.display()
            )
        };
        fs::create_dir_all(cache).map_err(no_cache)?;
        // Another process may be making the same environment. The lock ends with this process.
        let mut name = OsString::from(&self.folder);
        name.push(".lock");
        let lock = File::create(name).map_err(no_cache)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                println!("another installation is running; waiting for it");
                lock.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(no_cache(error).into()),
        }
        if self.is_complete() {
            return Ok(());
        }
        println!("\ninstalling the exporter's packages, once, into {}; pip's own settings hold", self.folder.display());
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(no_cache)?;
        }
        let mut venv = Command::new(&python.path);
        venv.args(["-I", "-m", "venv"]).arg(&self.folder);
        if !Child::start(&mut venv)?.finish(signals).await?.success() {
            return Err(format!(
                "{} cannot make the virtual environment {} (its message is above)",
                python.path.display(),
                self.folder.display()
            )
            .into());
        }
        let list = self.folder.join("requirements.txt");
        fs::write(&list, &self.requirements)?;
        let mut pip = Command::new(self.python());
        pip.args(["-I", "-m", "pip", "install", "--disable-pip-version-check", "--requirement"]).arg(&list);
        if !Child::start(&mut pip)?.finish(signals).await?.success() {
            return Err(
                "pip could not install the exporter's packages (its message is above). Check the network and, if \
                        you use one, the mirror in pip's settings, and run the same command again"
                    .into(),
            );
        }
        fs::write(self.folder.join(COMPLETE), &self.requirements)?;
        Ok(())
    }

    /// Returns the free disk in GB.
    #[cfg(unix)]
    fn free(&self) -> Option<u64> {
        let nearest = self.folder.ancestors().find(|folder| folder.is_dir())?;
        let room = rustix::fs::statvfs(nearest).ok()?;
        Some(room.f_bavail.saturating_mul(room.f_frsize) / 1_000_000_000)
    }

    /// Returns nothing, because the system is not asked.
    #[cfg(not(unix))]
    fn free(&self) -> Option<u64> {
        None
    }
}

/// Returns the folder for downloads and tools, which the scripts of a checkout use too.
fn cache_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MITSUKE_CACHE_DIR")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("mitsuke")))
        .or_else(|| Some(set("HOME").or_else(|| set("USERPROFILE"))?.join(".cache/mitsuke")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_is_that_of_the_scripts() {
        let of = |variables: &[(&str, &str)]| {
            cache_folder(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        let home = ("HOME", "/home/a");
        assert_eq!(of(&[home]), Some(PathBuf::from("/home/a/.cache/mitsuke")));
        assert_eq!(of(&[home, ("XDG_CACHE_HOME", "/x")]), Some(PathBuf::from("/x/mitsuke")));
        assert_eq!(of(&[home, ("XDG_CACHE_HOME", "/x"), ("MITSUKE_CACHE_DIR", "/m")]), Some(PathBuf::from("/m")));
        assert_eq!(of(&[home, ("XDG_CACHE_HOME", "")]), Some(PathBuf::from("/home/a/.cache/mitsuke")));
        assert_eq!(of(&[]), None);
    }
}
