//! `mitsuke serve` in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// The longest wait for a server. It is far above what any step takes, so it only bounds a test that fails.
pub const TIMEOUT: Duration = Duration::from_secs(180);

/// Returns a command of the program, not started yet: an embedded store in `data_dir`, the tiny model, no pictures to
/// register and no keys, whatever the environment of the tests says.
pub fn mitsuke(subcommand: &str, data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
    command
        .arg(subcommand)
        .current_dir(data_dir)
        .env("MITSUKE_DATA_DIR", data_dir)
        .env("MITSUKE_MODELS_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models"))
        .env("MITSUKE_IMAGES_DIR", "")
        .env("MITSUKE_DEVICE", "cpu")
        .env("MITSUKE_PRECISION", "float32")
        .env("RUST_LOG", "info")
        .envs(["DB_USER", "DB_PASSWORD", "DB_DSN", "MITSUKE_API_KEYS"].map(|name| (name, "")))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Returns an address with a port that was free a moment ago.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A server process, killed when dropped. Its log is printed, so that a test that fails shows it.
pub struct Server {
    process: Child,
    pub address: String,
    pub client: Client,
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended by itself cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts `mitsuke serve` on a free port.
    pub fn start(command: &mut Command) -> Self {
        let address = free_address();
        command.env("MITSUKE_BIND", &address);
        Self::start_at(address, command)
    }

    /// Starts a server whose command line or environment holds this address.
    pub fn start_at(address: String, command: &mut Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().expect("standard error is piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                println!("{line}");
                written.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        mitsuke_client::tls::choose_provider();
        Self { process, address, client: Client::new(), log: lines }
    }

    /// Returns the lines of the log so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what the server prints on standard output, which its command has to pipe.
    pub fn output(&mut self) -> ChildStdout {
        self.process.stdout.take().expect("standard output is piped")
    }

    /// Waits until the server answers, ready or not.
    pub async fn listening(self) -> Self {
        self.wait_for("/healthz", |_| true).await;
        self
    }

    /// Waits until the server is ready.
    pub async fn ready(self) -> Self {
        self.wait_for("/readyz", |status| status == 200).await;
        self
    }

    async fn wait_for(&self, path: &str, is_expected: impl Fn(u16) -> bool) {
        let started = Instant::now();
        loop {
            if let Ok(response) = self.client.get(self.url(path)).send().await
                && is_expected(response.status().as_u16())
            {
                return;
            }
            assert!(started.elapsed() < TIMEOUT, "{path} is not answered as expected");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sends a request and returns status and JSON of the answer; the JSON is null when there is none.
    pub async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.client.get(self.url(path))).await
    }

    /// Sends the signal of Ctrl-C.
    pub fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Returns the id of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits until the server ends by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < TIMEOUT, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
