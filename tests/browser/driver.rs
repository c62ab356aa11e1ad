//! Finds and starts ChromeDriver.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The programs these tests need.
pub struct Programs {
    pub browser: PathBuf,
    pub driver: PathBuf,
}

/// Finds the programs. Returns `None` when MITSUKE_SKIP_BROWSER leaves the tests out.
///
/// # Panics
/// When a program is missing and the tests are not left out.
pub fn programs() -> Option<Programs> {
    if std::env::var("MITSUKE_SKIP_BROWSER").is_ok_and(|value| value == "1") {
        eprintln!("NOT TESTED: MITSUKE_SKIP_BROWSER=1 leaves the browser tests of the gallery page out.");
        return None;
    }
    let browser = BROWSERS.iter().find_map(|name| find(name));
    let driver = find("chromedriver");
    let (Some(browser), Some(driver)) = (browser, driver) else {
        panic!(
            "The gallery page is tested in Chromium, and `chromium` or `chromedriver` was not found. Debian, Ubuntu: \
             sudo apt-get install chromium chromium-driver. Set MITSUKE_SKIP_BROWSER=1 to leave these tests out."
        );
    };
    Some(Programs { browser, driver })
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A running ChromeDriver. Killed when dropped.
pub struct Driver {
    process: Child,
    pub url: String,
}

impl Driver {
    /// Starts ChromeDriver on a free port.
    pub fn start(program: &Path) -> Self {
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| {
                let (_, rest) = line.split_once("started successfully on port ")?;
                rest.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says its port");
        // ChromeDriver would block once the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, url: format!("http://127.0.0.1:{port}") }
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A driver that has ended by itself cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
