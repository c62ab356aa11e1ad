//! Runs the program in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::pictures;

/// A temporary folder to run the program in, with a folder `in` of files to upload.
pub struct Workspace {
    folder: TempDir,
}

/// The output and the exit status of a run; the status is `None` when a signal ended it.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder }
    }

    /// Makes a workspace with PNG pictures `in/000.png` and so on.
    pub fn with_pictures(count: u32) -> Self {
        let workspace = Self::new();
        for number in 0..count {
            workspace.write(&format!("in/{number:03}.png"), pictures::png(number));
        }
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Returns `mitsuke upload` with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.subcommand("upload", arguments)
    }

    /// Returns a subcommand of `mitsuke` with these arguments, not started yet.
    pub fn subcommand(&self, subcommand: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
        command.arg(subcommand).args(arguments).current_dir(self.folder.path());
        command.env_remove("MITSUKE_API_KEY").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `mitsuke upload` and waits for its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        finish(self.command(arguments).spawn().unwrap())
    }

    /// Uploads `in` to a server and asserts the exit status.
    pub fn upload(&self, server: &str, more: &[&str], code: i32) -> Output {
        let output = self.run(&[&["in", "--server", server], more].concat());
        assert_eq!(output.code, Some(code), "{output:#?}");
        output
    }

    /// Returns the lines of the log.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("mitsuke-upload.jsonl")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Waits for the end of a run.
pub fn finish(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Output {
    /// Asserts that the summary has a row with this count that begins with these words.
    pub fn assert_row(&self, count: u32, words: &str) {
        let found = self.stdout.lines().any(|line| {
            line.trim_start().split_once(' ').is_some_and(|(n, rest)| n == count.to_string() && rest.starts_with(words))
        });
        assert!(found, "no row `{count} {words}` in {self:#?}");
    }

    /// Asserts that standard output or standard error contains these words.
    pub fn assert_prints(&self, words: &str) {
        assert!(self.stdout.contains(words) || self.stderr.contains(words), "`{words}` is not in {self:#?}");
    }
}

/// Sends a signal to a run.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Returns the file name of a path in the log.
pub fn name(path: &Value) -> &str {
    Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap()
}
