//! Runs the program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::pictures;

/// A folder to run in, with a folder `in` of things to upload.
pub struct Desk {
    folder: TempDir,
}

/// What a run said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder }
    }

    /// A desk with this many PNG pictures, `in/000.png` and so on.
    pub fn with_pictures(count: u32) -> Self {
        let desk = Self::new();
        for number in 0..count {
            desk.write(&format!("in/{number:03}.png"), pictures::png(number));
        }
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// `mitsuke upload` with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
        command.arg("upload").args(arguments).current_dir(self.folder.path());
        command.env_remove("MITSUKE_API_KEY").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `mitsuke upload` to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        finish(self.command(arguments).spawn().unwrap())
    }

    /// Uploads `in` to a server and expects an exit status.
    pub fn upload(&self, server: &str, more: &[&str], code: i32) -> Said {
        let said = self.run(&[&["in", "--server", server], more].concat());
        assert_eq!(said.code, Some(code), "{said:#?}");
        said
    }

    /// The lines of the log.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("mitsuke-upload.jsonl")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Waits for the end of a run.
pub fn finish(child: Child) -> Said {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Said {
    /// Asserts that the summary has this row.
    pub fn assert_row(&self, count: u32, words: &str) {
        let found = self.stdout.lines().any(|line| {
            line.trim_start().split_once(' ').is_some_and(|(n, rest)| n == count.to_string() && rest.starts_with(words))
        });
        assert!(found, "no row `{count} {words}` in {self:#?}");
    }

    pub fn assert_says(&self, words: &str) {
        assert!(self.stdout.contains(words) || self.stderr.contains(words), "`{words}` is not in {self:#?}");
    }
}

/// The name of a file.
pub fn name(path: &Value) -> &str {
    Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap()
}
