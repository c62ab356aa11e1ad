//! `mitsuke serve` as a process with a data directory of its own, to start, kill and start again.

use std::ffi::{OsStr, OsString};
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

/// Tells whether the program has a command. Earlier programs, which are checked too, lack some.
pub fn has_command(name: &str) -> bool {
    let help = Command::new(program()).args([name, "--help"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    help.expect("the program starts").success()
}

/// Returns the folder of the small test models, which load in milliseconds.
pub fn small_models() -> PathBuf {
    repository().join("tests/models")
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
    data: PathBuf,
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
        let mut server = Self::spawn_on(|folder| folder.join("data"), settings);
        let took = server.wait_until_ready().await;
        println!("server ready after {:.1} s at {}", took.as_secs_f64(), server.url());
        server
    }

    /// Starts a server on the data directory that `place` makes or names, and does not wait. `place` gets the folder of
    /// the server, which is removed with it.
    pub fn spawn_on(place: impl FnOnce(&Path) -> PathBuf, settings: &[(&'static str, &Path)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port");
        let (address, data) = (address.to_string(), place(folder.path()));
        let own = [("MITSUKE_BIND", OsString::from(&address)), ("MITSUKE_DATA_DIR", data.clone().into())];
        let blank = ["MITSUKE_IMAGES_DIR", "MITSUKE_API_KEYS", "DB_USER", "DB_PASSWORD", "DB_DSN"];
        let settings: Vec<_> = own
            .into_iter()
            .chain(blank.map(|name| (name, OsString::new())))
            .chain(settings.iter().map(|(name, value)| (*name, (*value).into())))
            .collect();
        let child = spawn(folder.path(), &settings);
        Self { folder, data, address, settings, child }
    }

    /// Starts a killed server again on the same address and data, and waits until it is ready.
    pub async fn start_again(&mut self) {
        self.spawn_again();
        let took = self.wait_until_ready().await;
        println!("server ready again after {:.1} s", took.as_secs_f64());
    }

    /// Starts a killed server again and does not wait.
    pub fn spawn_again(&mut self) {
        self.child = spawn(self.folder.path(), &self.settings);
    }

    /// Waits until the server is ready, and returns how long that took.
    pub async fn wait_until_ready(&mut self) -> Duration {
        let begin = Instant::now();
        let client = self.client();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                panic!("the server ended with {status}. Its last words:\n{}", self.last_words());
            }
            assert!(begin.elapsed() < MAX_START, "the server is not ready after {} s", MAX_START.as_secs());
            let request = client.request(reqwest::Method::GET, "/readyz").timeout(Duration::from_secs(5));
            if client.send(request).await.is_ok_and(|answer| answer.status == 200) {
                return begin.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the folder of the server, which holds its log and is removed with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the process id of the server.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Returns everything that the server has written to its log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(log_file(self.folder.path())).unwrap_or_default()).into_owned()
    }

    /// Returns a command of the program with the settings of this server.
    pub fn command(&self, arguments: &[&OsStr]) -> Command {
        let mut command = self.command_of(program());
        command.args(arguments);
        command
    }

    /// Returns a command of any program with the settings of this server.
    pub fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(repository()).envs(self.settings.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Waits until the server ends by itself; `None` when it does not in that time.
    pub async fn wait_for_end(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let begin = Instant::now();
        while begin.elapsed() < at_most {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url(), None)
    }

    /// Kills the server with SIGKILL, unless it has ended already.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server was started");
        self.child.wait().expect("its end");
    }

    /// Prints how much memory the server has and had at most, where the system tells it.
    pub fn print_memory(&self) {
        if let (Some(now), Some(most)) = (self.megabytes("VmRSS:"), self.megabytes("VmHWM:")) {
            println!("memory of the server: {now} MiB, at most {most} MiB");
        }
    }

    /// Returns a size that the system tells of the server: `VmRSS:` is its memory now, `VmHWM:` the most it had.
    pub fn megabytes(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
    }

    /// Asks the server to end with SIGTERM.
    pub fn terminate(&self) {
        signal(&self.child, Signal::TERM);
    }

    /// Asks the server to end with SIGTERM and notes a fault unless it ends cleanly.
    pub async fn stop(mut self, faults: &Faults) {
        self.stop_to_start_again(faults).await;
    }

    /// Does what [`Self::stop`] does; the server may be started again.
    pub async fn stop_to_start_again(&mut self, faults: &Faults) {
        self.terminate();
        let status = self.wait_for_end(MAX_END).await;
        let status =
            status.unwrap_or_else(|| panic!("the server did not end within {} s of SIGTERM", MAX_END.as_secs()));
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
