//! The Python of this machine that can run the exporter.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The names under which Python is looked for, the usual one first.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];

/// Prints the path of the interpreter, its version, and whether it makes virtual environments with pip.
const PROBE: &str = "\
import sys
print(sys.executable)
print(*sys.version_info[:2])
try:
    import ensurepip, venv
    print('venv')
except ImportError:
    print('none')";

/// A Python that is new enough and makes virtual environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The interpreter.
    pub path: PathBuf,
    /// The version, as (major, minor).
    pub version: (u32, u32),
}

/// The answer of one interpreter.
struct Found {
    python: Python,
    makes_environments: bool,
}

impl Python {
    /// Finds a Python of version `oldest` or newer with venv. `given` is the only one that is looked at if it is there.
    ///
    /// # Errors
    /// When there is none, with what is there instead and what to install.
    pub fn find(given: Option<&Path>, oldest: (u32, u32)) -> Result<Self, String> {
        let (major, minor) = oldest;
        let found: Vec<Found> = match given {
            Some(path) => vec![probe(path).ok_or_else(|| format!("--python {} does not run", path.display()))?],
            None => NAMES.iter().filter_map(|name| probe(Path::new(name))).collect(),
        };
        let is_new = |found: &&Found| found.python.version >= oldest;
        if let Some(found) = found.iter().filter(is_new).find(|found| found.makes_environments) {
            return Ok(found.python.clone());
        }
        if let Some(Found { python, .. }) = found.iter().find(is_new) {
            return Err(format!(
                "{} cannot make virtual environments: its modules venv and ensurepip are missing. Debian, Ubuntu: sudo \
                 apt-get install python3-venv",
                python.path.display()
            ));
        }
        let there = match found.first() {
            Some(Found { python, .. }) => {
                format!("{} is {}.{}", python.path.display(), python.version.0, python.version.1)
            }
            None => "there is none".to_owned(),
        };
        Err(format!(
            "the exporter needs Python {major}.{minor} or newer, and {there}. Debian 12, Ubuntu 24.04 and newer: sudo \
             apt-get install python3 python3-venv. --python FILE names one that is elsewhere"
        ))
    }
}

/// Asks an interpreter about itself. Returns `None` where it does not run.
fn probe(path: &Path) -> Option<Found> {
    let output = Command::new(path).args(["-I", "-c", PROBE]).stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let path = PathBuf::from(lines.next()?);
    let (major, minor) = lines.next()?.split_once(' ')?;
    let version = (major.parse().ok()?, minor.parse().ok()?);
    Some(Found { python: Python { path, version }, makes_environments: lines.next()? == "venv" })
}
