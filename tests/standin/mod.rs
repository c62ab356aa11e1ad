//! Tests of the Oracle store load the stand-in client library (crates/oracle-standin) through this module, and control
//! it: each test has a database of its own, and failures are set up through a session that none of them strikes.

use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

use oracle::{Connection, InitParams};
use tempfile::TempDir;

/// The user and the password of the tests.
pub const USER: &str = "mitsuke";
/// See [`USER`].
pub const PASSWORD: &str = "a-password";

/// A folder that holds the stand-in under the name that Oracle's client has. It is made once for each process.
///
/// Cargo puts the library beside the test programs under a name of its own; it must not lie there under Oracle's
/// name, because cargo has that folder searched by whatever it runs.
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

fn built_library() -> PathBuf {
    let name = format!("{}oracle_standin{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().expect("a test program lies in a folder");
    let library = folder.join(&name);
    assert!(library.is_file(), "{} is missing: cargo builds it with the tests", library.display());
    library
}

/// Makes the driver load the stand-in. The first one to call it in a process decides.
pub fn load_client() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        let mut params = InitParams::new();
        params.oracle_client_lib_dir(client_dir().to_str().expect("a path that is text")).unwrap();
        assert!(params.init().unwrap(), "another client library was loaded before");
    });
}

/// Settings of a server that keeps its images in a database below this folder.
pub fn settings_below(folder: &Path) -> Vec<(&'static str, String)> {
    load_client();
    vec![
        ("DB_USER", USER.to_owned()),
        ("DB_PASSWORD", PASSWORD.to_owned()),
        ("DB_DSN", dsn_below(folder)),
        // A machine with too much to do is no reason for a server that starts before its schema is there.
        ("MITSUKE_DB_CONNECT_TIMEOUT_MS", "30000".to_owned()),
    ]
}

/// The connect string of a database below a folder.
fn dsn_below(folder: &Path) -> String {
    format!("standin.test{}/oracle", folder.display())
}

/// A database of its own, removed when dropped.
pub struct Database {
    folder: Folder,
}

/// A folder, and whether it is ours to remove.
enum Folder {
    Own(TempDir),
    Other(PathBuf),
}

impl Database {
    pub fn new() -> Self {
        load_client();
        Self { folder: Folder::Own(tempfile::tempdir().unwrap()) }
    }

    /// The database of a server with [`settings_below`] that folder.
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

    /// Its connect string.
    pub fn dsn(&self) -> String {
        dsn_below(self.folder())
    }

    /// A session of the tests' user.
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
            failure.point, failure.pattern, failure.action, failure.code, failure.message, failure.skip, failure.ms
        ));
    }

    /// Forgets all failures, denied privileges and the log.
    pub fn clear(&self) {
        self.call("BEGIN standin.clear; END;");
    }

    /// Ends all sessions, as a restart of the database does.
    pub fn kill_sessions(&self) {
        self.call("BEGIN standin.kill_sessions; END;");
    }

    /// Takes a privilege or role away.
    pub fn deny(&self, privilege: &str) {
        self.call(&format!("BEGIN standin.deny('{privilege}'); END;"));
    }

    /// Notes statements from now on.
    pub fn start_log(&self) {
        self.call("BEGIN standin.start_log; END;");
    }

    /// Noted statements that hold a text (upper case, single spaces).
    pub fn logged(&self, text: &str) -> Vec<String> {
        let control = self.control();
        let rows = control.query_as::<String>("SELECT sql_text FROM standin_calls", &[]).unwrap();
        rows.map(Result::unwrap).filter(|sql| sql.contains(text)).collect()
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// `attach`, `login`, `ping`, `execute`, `fetch`, `commit`, `rollback` or `lob`.
    pub point: &'a str,
    /// Part of the statement; any when empty.
    pub pattern: &'a str,
    /// `error`, `kill_before`, `kill_inside`, `kill_after`, `hang`, `hang_after` or `delay`.
    pub action: &'a str,
    pub code: i32,
    pub message: &'a str,
    /// How often; always when `None`.
    pub times: Option<u32>,
    /// How many calls it lets pass first.
    pub skip: u32,
    /// Milliseconds before it strikes.
    pub ms: u32,
}

impl<'a> Failure<'a> {
    fn new(point: &'a str, action: &'a str) -> Self {
        Self { point, pattern: "", action, code: 0, message: "", times: None, skip: 0, ms: 0 }
    }

    /// The call is answered with an ORA error.
    pub fn error(point: &'a str, code: i32, message: &'a str) -> Self {
        Self { code, message, ..Self::new(point, "error") }
    }

    /// The session ends before the call does anything.
    pub fn kill_before(point: &'a str) -> Self {
        Self::new(point, "kill_before")
    }

    /// The session ends in the middle of the call, which leaves what it was making half made.
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

    /// Only calls whose statement holds this text.
    pub fn when(self, pattern: &'a str) -> Self {
        Self { pattern, ..self }
    }

    /// Only that often.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Lets some calls pass first.
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }
}
