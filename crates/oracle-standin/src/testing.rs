//! The tools of tests over the stand-in. They load the stand-in as Oracle's client library, give each test a database
//! of its own, and set up failures through a session that no failure strikes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use oracle::{Connection, InitParams};
use tempfile::TempDir;

/// The user of the tests.
pub const USER: &str = "mitsuke";
/// The password of [`USER`].
pub const PASSWORD: &str = "a-password";

/// Returns a folder that holds the stand-in under the name of Oracle's client library. The folder is made once for each
/// process.
///
/// Cargo puts the library beside the test programs under a name of its own. The library must not lie there under
/// Oracle's name, because cargo adds that folder to the search path of every program that cargo runs.
///
/// # Panics
/// When the folder cannot be made, or cargo has not built the library.
pub fn client_dir() -> &'static Path {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let library = built_library();
        for name in ["libclntsh.so", "libclntsh.dylib"] {
            std::os::unix::fs::symlink(&library, dir.path().join(name)).unwrap();
        }
        dir
    })
    .path()
}

/// Returns the path of the library that cargo built for the running test program, in the program's own folder.
fn built_library() -> PathBuf {
    let name = format!("{}oracle_standin{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().expect("a test program lies in a folder");
    let library = folder.join(&name);
    assert!(library.is_file(), "{} is missing: cargo builds it with the tests", library.display());
    library
}

/// Makes the driver load the stand-in. A process loads one client library, so the first call decides.
///
/// # Panics
/// When the process has loaded another client library already.
pub fn load_client() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        let mut params = InitParams::new();
        params.oracle_client_lib_dir(client_dir().to_str().expect("a path that is text")).unwrap();
        assert!(params.init().unwrap(), "another client library was loaded before");
    });
}

/// Returns the settings (name and value) of a server that keeps its images in a database below this folder.
pub fn settings_below(folder: &Path) -> Vec<(&'static str, String)> {
    load_client();
    vec![
        ("DB_USER", USER.to_owned()),
        ("DB_PASSWORD", PASSWORD.to_owned()),
        ("DB_DSN", dsn_below(folder)),
        // Making the schema may take that long on a busy machine, and the server's first call waits for the schema.
        ("MITSUKE_DB_CONNECT_TIMEOUT_MS", "30000".to_owned()),
    ]
}

/// Returns the connect string of a database below a folder.
fn dsn_below(folder: &Path) -> String {
    format!("standin.test{}/oracle", folder.display())
}

/// A database of one test. Its methods panic when the stand-in refuses a call.
pub struct Database {
    folder: Folder,
}

/// The folder of a database.
enum Folder {
    /// A folder that is removed with the database.
    Own(TempDir),
    /// A folder of the caller, which stays.
    Other(PathBuf),
}

impl Database {
    /// Makes an empty database, which is removed when it is dropped.
    pub fn temporary() -> Self {
        load_client();
        Self { folder: Folder::Own(tempfile::tempdir().unwrap()) }
    }

    /// Returns the database of a server with the settings of [`settings_below`] for the same folder.
    pub fn below(folder: &Path) -> Self {
        load_client();
        Self { folder: Folder::Other(folder.to_owned()) }
    }

    fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Own(folder) => folder.path(),
            Folder::Other(folder) => folder,
        }
    }

    /// Returns the connect string.
    pub fn dsn(&self) -> String {
        dsn_below(self.folder())
    }

    /// Opens a session of [`USER`].
    pub fn connect(&self) -> Connection {
        Connection::connect(USER, PASSWORD, self.dsn()).unwrap()
    }

    /// Opens a session that no failure strikes.
    fn control(&self) -> Connection {
        Connection::connect("standin", "standin", format!("{}?control=yes", self.dsn())).unwrap()
    }

    fn call(&self, block: &str) {
        self.control().execute(block, &[]).unwrap_or_else(|error| panic!("{block}: {error}"));
    }

    /// Sets up a failure.
    pub fn fail(&self, failure: &Failure<'_>) {
        let times = failure.times.map_or_else(|| "NULL".to_owned(), |times| times.to_string());
        self.call(&format!(
            "BEGIN standin.fail(point => '{}', pattern => q'[{}]', action => '{}', code => {}, message => q'[{}]', \
             times => {times}, skip => {}, ms => {}); END;",
            failure.point,
            failure.pattern,
            failure.action,
            failure.code,
            failure.message,
            failure.skip,
            failure.delay.as_millis()
        ));
    }

    /// Forgets all failures, denied privileges, the log and the count.
    pub fn clear(&self) {
        self.call("BEGIN standin.clear; END;");
    }

    /// Ends all sessions, as a restart of the database does.
    pub fn kill_sessions(&self) {
        self.call("BEGIN standin.kill_sessions; END;");
    }

    /// Takes a privilege or role away until [`Self::clear`].
    pub fn deny(&self, privilege: &str) {
        self.call(&format!("BEGIN standin.deny('{privilege}'); END;"));
    }

    /// Makes the server report another release, such as "23.5". It reports 23.26 otherwise.
    pub fn set_release(&self, release: &str) {
        self.call(&format!("BEGIN standin.release('{release}'); END;"));
    }

    /// Makes the reports about the accuracy of indexes say this percentage. They say 100 otherwise.
    pub fn set_accuracy(&self, percentage: u32) {
        self.call(&format!("BEGIN standin.accuracy('{percentage}'); END;"));
    }

    /// Lets this many texts wait for a text index, as CTX_USER_PENDING shows them.
    pub fn pend(&self, index: &str, texts: u32) {
        self.call(&format!("BEGIN standin.pend('{index}', {texts}); END;"));
    }

    /// Starts the log: every statement is noted from now on.
    pub fn start_log(&self) {
        self.call("BEGIN standin.start_log; END;");
    }

    /// Starts to count the round trips of all sessions, from 0.
    pub fn start_count(&self) {
        self.call("BEGIN standin.start_count; END;");
    }

    /// Returns the round trips since [`Self::start_count`]. Connecting and closing are left out.
    pub fn round_trips(&self) -> RoundTrips {
        let control = self.control();
        let rows = control.query_as::<(String, u64)>("SELECT kind, count_ FROM standin_trips", &[]).unwrap();
        RoundTrips(rows.map(Result::unwrap).collect())
    }

    /// Returns the noted statements that contain a text. The statements are in upper case, with single spaces.
    pub fn logged(&self, text: &str) -> Vec<String> {
        let control = self.control();
        let rows = control.query_as::<String>("SELECT sql_text FROM standin_calls", &[]).unwrap();
        rows.map(Result::unwrap).filter(|sql| sql.contains(text)).collect()
    }
}

/// The calls that went to the server, by kind. Each is a round trip.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RoundTrips(BTreeMap<String, u64>);

impl RoundTrips {
    /// Returns the number of calls of a kind: `execute`, `fetch`, `lob`, `commit`, `rollback` or `ping`.
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// Returns the number of all calls.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl fmt::Display for RoundTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total())?;
        let kinds = ["execute", "fetch", "lob", "commit", "rollback", "ping"].into_iter();
        for (n, kind) in kinds.filter(|kind| self.of(kind) > 0).enumerate() {
            write!(f, "{}{} {kind}", if n == 0 { ": " } else { ", " }, self.of(kind))?;
        }
        Ok(())
    }
}

/// A failure at a point of the client library, in those calls to which it is limited.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// The point: `attach`, `login`, `ping`, `execute`, `fetch`, `commit`, `rollback` or `lob`.
    point: &'a str,
    /// A part of the statement; any statement when empty.
    pattern: &'a str,
    /// The action: `error`, `kill_before`, `kill_inside`, `kill_after`, `hang`, `hang_after` or `delay`.
    action: &'a str,
    code: i32,
    message: &'a str,
    /// The number of calls that the failure strikes; all calls when `None`.
    times: Option<u32>,
    /// The number of calls that pass before the failure strikes.
    skip: u32,
    delay: Duration,
}

impl<'a> Failure<'a> {
    fn new(point: &'a str, action: &'a str) -> Self {
        Self { point, pattern: "", action, code: 0, message: "", times: None, skip: 0, delay: Duration::ZERO }
    }

    /// Makes a failure that answers the call with the ORA error of this code and message.
    pub fn error(point: &'a str, code: i32, message: &'a str) -> Self {
        Self { code, message, ..Self::new(point, "error") }
    }

    /// Makes a failure that ends the session before the call does anything.
    pub fn kill_before(point: &'a str) -> Self {
        Self::new(point, "kill_before")
    }

    /// Makes a failure that ends the session in the middle of the call, whose work stays half done.
    pub fn kill_inside(point: &'a str) -> Self {
        Self::new(point, "kill_inside")
    }

    /// Makes a failure that lets the call do its work and then ends the session, so that the answer is lost.
    pub fn kill_after(point: &'a str) -> Self {
        Self::new(point, "kill_after")
    }

    /// Makes a failure in which the call does not return.
    pub fn hang(point: &'a str) -> Self {
        Self::new(point, "hang")
    }

    /// Makes a failure in which the call does its work and does not return.
    pub fn hang_after(point: &'a str) -> Self {
        Self::new(point, "hang_after")
    }

    /// Makes a failure that makes the call take this much longer.
    pub fn delay(point: &'a str, delay: Duration) -> Self {
        Self { delay, ..Self::new(point, "delay") }
    }

    /// Limits the failure to calls whose statement contains this text.
    #[must_use]
    pub fn when(self, pattern: &'a str) -> Self {
        Self { pattern, ..self }
    }

    /// Limits the failure to this many calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Lets this many calls pass before the failure strikes.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }
}
