//! `mitsuke serve` as a process with a data directory of its own, to start, kill and start again.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::Client;
use crate::figures::{Faults, text_setting};

/// The longest time that a start may take.
const MAX_START: Duration = Duration::from_secs(180);

/// The longest time that the server may take to end after SIGTERM.
const MAX_END: Duration = Duration::from_secs(60);

/// Returns the program to check: `SOAK_PROGRAM`, or the one that cargo built with the tests.
pub fn program() -> PathBuf {
    let program = text_setting("SOAK_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_mitsuke").to_owned());
    let program = repository().join(program);
    program.canonicalize().unwrap_or_else(|error| panic!("{}: {error}. Build it first.", program.display()))
}

/// Returns the folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Sends a signal to a process that has not been waited for yet.
pub fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("a process id");
    kill_process(id, signal).expect("the process is there");
}

/// A running server. It is killed and its data removed when dropped.
pub struct Server {
    folder: TempDir,
    address: String,
    settings: Vec<(&'static str, OsString)>,
    child: Child,
}

impl Server {
    /// Starts a server on a free port with an empty data directory and waits until it is ready.
    ///
    /// The server inherits the environment of the caller, except for its address, its data, its keys and its database.
    /// `settings` wins over both.
    pub async fn start(settings: &[(&'static str, &Path)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port");
        let (address, data) = (address.to_string(), folder.path().join("data"));
        let own = [("MITSUKE_BIND", OsString::from(&address)), ("MITSUKE_DATA_DIR", data.into())];
        let blank = ["MITSUKE_IMAGES_DIR", "MITSUKE_API_KEYS", "DB_USER", "DB_PASSWORD", "DB_DSN"];
        let settings: Vec<_> = own
            .into_iter()
            .chain(blank.map(|name| (name, OsString::new())))
            .chain(settings.iter().map(|(name, value)| (*name, (*value).into())))
            .collect();
        let begin = Instant::now();
        let child = spawn(folder.path(), &settings);
        let mut server = Self { folder, address, settings, child };
        server.wait_until_ready(begin).await;
        println!("server ready after {:.1} s at {}", begin.elapsed().as_secs_f64(), server.url());
        server
    }

    /// Starts a killed server again on the same address and data, and waits until it is ready.
    pub async fn start_again(&mut self) {
        let begin = Instant::now();
        self.child = spawn(self.folder.path(), &self.settings);
        self.wait_until_ready(begin).await;
        println!("server ready again after {:.1} s", begin.elapsed().as_secs_f64());
    }

    async fn wait_until_ready(&mut self, begin: Instant) {
        let client = self.client();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                panic!("the server ended with {status}");
            }
            assert!(begin.elapsed() < MAX_START, "the server is not ready after {} s", MAX_START.as_secs());
            let request = client.request(reqwest::Method::GET, "/readyz").timeout(Duration::from_secs(5));
            if client.send(request).await.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url(), None)
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("its end");
    }

    /// Prints how much memory the server has and had at most, where the system tells it.
    pub fn print_memory(&self) {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())) else { return };
        let megabytes = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
            rest.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
        };
        if let (Some(now), Some(most)) = (megabytes("VmRSS:"), megabytes("VmHWM:")) {
            println!("memory of the server: {now} MiB, at most {most} MiB");
        }
    }

    /// Asks the server to end with SIGTERM and notes a fault unless it ends cleanly.
    pub async fn stop(mut self, faults: &Faults) {
        signal(&self.child, Signal::TERM);
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                break status;
            }
            assert!(begin.elapsed() < MAX_END, "the server did not end within {} s of SIGTERM", MAX_END.as_secs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        faults.check(ExitStatus::success(&status), || {
            format!("after SIGTERM the server ended with {status}. Its last words:\n{}", self.last_words())
        });
    }

    fn last_words(&self) -> String {
        let log = std::fs::read(log_file(self.folder.path())).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("last words of the server:\n{}", self.last_words());
        }
        // An error means that the server has ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(folder: &Path, settings: &[(&'static str, OsString)]) -> Child {
    let log: File = OpenOptions::new().create(true).append(true).open(log_file(folder)).expect("a log file");
    Command::new(program())
        .arg("serve")
        .current_dir(repository())
        .envs(settings.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log file"))
        .stderr(log)
        .spawn()
        .expect("the program starts")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}
