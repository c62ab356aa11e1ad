//! The tools of tests over the stand-in: they load it as Oracle's client library, give each test a database of its
//! own, and set up failures through a session that no failure strikes.

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

/// A folder that holds the stand-in under the name of Oracle's client library. It is made once for each process.
///
/// Cargo puts the library beside the test programs under a name of its own. It must not lie there under Oracle's name,
/// because cargo adds that folder to the search path of every program that it runs.
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

/// The library that cargo built for the running test program, in the program's own folder.
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

/// Settings (name and value) of a server that keeps its images in a database below this folder.
pub fn settings_below(folder: &Path) -> Vec<(&'static str, String)> {
    load_client();
    vec![
        ("DB_USER", USER.to_owned()),
        ("DB_PASSWORD", PASSWORD.to_owned()),
        ("DB_DSN", dsn_below(folder)),
        // On a busy machine the schema may take that long, and the server's first call waits for it.
        ("MITSUKE_DB_CONNECT_TIMEOUT_MS", "30000".to_owned()),
    ]
}

/// The connect string of a database below a folder.
fn dsn_below(folder: &Path) -> String {
    format!("standin.test{}/oracle", folder.display())
}

/// A database of one test. Its methods panic when the stand-in refuses a call.
pub struct Database {
    folder: Folder,
}

/// Where a database lies.
enum Folder {
    /// In a folder that is removed with the database.
    Own(TempDir),
    /// In a folder of the caller's.
    Other(PathBuf),
}

impl Database {
    /// An empty database, which is removed when it is dropped.
    pub fn temporary() -> Self {
        load_client();
        Self { folder: Folder::Own(tempfile::tempdir().unwrap()) }
    }

    /// The database of a server with the settings of [`settings_below`] for the same folder.
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

    /// The connect string.
    pub fn dsn(&self) -> String {
        dsn_below(self.folder())
    }

    /// A session of [`USER`].
    pub fn connect(&self) -> Connection {
        Connection::connect(USER, PASSWORD, self.dsn()).unwrap()
    }

    /// A session that no failure strikes.
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

    /// Notes every statement from now on.
    pub fn start_log(&self) {
        self.call("BEGIN standin.start_log; END;");
    }

    /// Counts the round trips of all sessions from now on, from 0.
    pub fn start_count(&self) {
        self.call("BEGIN standin.start_count; END;");
    }

    /// The round trips since [`Self::start_count`]. Connecting and closing are left out.
    pub fn round_trips(&self) -> RoundTrips {
        let control = self.control();
        let rows = control.query_as::<(String, u64)>("SELECT kind, count_ FROM standin_trips", &[]).unwrap();
        RoundTrips(rows.map(Result::unwrap).collect())
    }

    /// The noted statements that contain a text. They are in upper case, with single spaces.
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
    /// The number of calls of a kind: `execute`, `fetch`, `lob`, `commit`, `rollback` or `ping`.
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// The number of all calls.
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

/// Something that goes wrong at a point of the client library, for the calls that it is limited to.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// `attach`, `login`, `ping`, `execute`, `fetch`, `commit`, `rollback` or `lob`.
    point: &'a str,
    /// A part of the statement; any statement when empty.
    pattern: &'a str,
    /// `error`, `kill_before`, `kill_inside`, `kill_after`, `hang`, `hang_after` or `delay`.
    action: &'a str,
    code: i32,
    message: &'a str,
    /// How many calls it strikes; all when `None`.
    times: Option<u32>,
    /// How many calls it lets pass first.
    skip: u32,
    delay: Duration,
}

impl<'a> Failure<'a> {
    fn new(point: &'a str, action: &'a str) -> Self {
        Self { point, pattern: "", action, code: 0, message: "", times: None, skip: 0, delay: Duration::ZERO }
    }

    /// The call is answered with the ORA error of this code and message.
    pub fn error(point: &'a str, code: i32, message: &'a str) -> Self {
        Self { code, message, ..Self::new(point, "error") }
    }

    /// The session ends before the call does anything.
    pub fn kill_before(point: &'a str) -> Self {
        Self::new(point, "kill_before")
    }

    /// The session ends in the middle of the call and leaves its work half done.
    pub fn kill_inside(point: &'a str) -> Self {
        Self::new(point, "kill_inside")
    }

    /// The call does its work, but its answer is lost with the session.
    pub fn kill_after(point: &'a str) -> Self {
        Self::new(point, "kill_after")
    }

    /// The call does not come back.
    pub fn hang(point: &'a str) -> Self {
        Self::new(point, "hang")
    }

    /// The call does its work and does not come back.
    pub fn hang_after(point: &'a str) -> Self {
        Self::new(point, "hang_after")
    }

    /// The call takes this much longer.
    pub fn delay(point: &'a str, delay: Duration) -> Self {
        Self { delay, ..Self::new(point, "delay") }
    }

    /// Limits it to calls whose statement contains this text.
    #[must_use]
    pub fn when(self, pattern: &'a str) -> Self {
        Self { pattern, ..self }
    }

    /// Limits it to this many calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Lets this many calls pass first.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }
}
