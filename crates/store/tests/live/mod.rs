//! The checklist: what the documentation promises and only a server can confirm, an item each.
//!
//! `scripts/test-oracle.sh` runs it on a server. The tests over the stand-in run it too, so that its code is known to
//! work; there, some items cannot be tried. A further item is a function in one of these files and a row of [`ITEMS`].

mod plans;
mod searches;
mod statements;
mod upkeep;
pub mod vector_indexes;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use oracle::Connection;
use secrecy::ExposeSecret as _;

/// The result of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The server does what is believed, with a figure or a remark.
    Confirmed(String),
    /// The server does something else.
    Refuted(String),
    /// The item needs what is not there, such as a grant.
    NotTried(String),
}

/// A line of the printed checklist.
#[derive(Debug)]
pub struct Line {
    /// The belief that the item confirms or refutes.
    pub what: &'static str,
    /// The result.
    pub answer: Answer,
}

/// An item: what is to be confirmed, and the check, which begins with an empty schema.
type Item = (&'static str, fn(&Live) -> Answer);

/// All items.
pub const ITEMS: [Item; 14] = [
    ("the grants suffice, and the doctor can read every view", upkeep::grants),
    ("an upload of 5 MB takes RETURNING beside LONG RAW", statements::long_raw_beside_returning),
    ("the round trips of a search, a list and an upload are those that the tests count", statements::round_trips),
    ("an exact search finds the nearest of all", searches::exact),
    ("an approximate search finds most of the nearest", searches::approximate),
    ("an inverted file is built, rebuilt and finds most of the nearest", vector_indexes::inverted_file),
    ("a graph in memory is built, rebuilt and finds most of the nearest", vector_indexes::graph),
    ("the plan of an approximate search names the vector index", plans::approximate),
    ("the plan of a filtered approximate search names the vector index", plans::filtered),
    ("the plan of the best matches of a word sorts nothing", plans::keywords),
    ("ties at the end of a page are settled by the threshold operator", searches::ties),
    ("the job that optimizes the text indexes runs", upkeep::optimize_job),
    ("automatic maintenance of the text index is switched on and off", upkeep::automatic_maintenance),
    ("the next numbers of identity columns are seen by the doctor", upkeep::identity_columns),
];

/// A server whose schema may be erased.
pub struct Live {
    settings: OracleSettings,
}

impl Live {
    fn settings(&self) -> OracleSettings {
        self.settings.clone()
    }

    fn store(&self) -> OracleStore {
        Self::open(self.settings())
    }

    fn open(settings: OracleSettings) -> OracleStore {
        OracleStore::new(settings, |_, _| ForeignFacts::default())
    }

    /// Connects apart from the store.
    fn connect(&self) -> Connection {
        connect(&self.settings)
    }
}

/// Runs every item, each on an empty schema. An item that panics is not confirmed, and the others go on.
pub fn run(settings: &OracleSettings) -> Vec<Line> {
    let live = Live { settings: settings.clone() };
    let one = |(what, check): &Item| {
        let answer = catch_unwind(AssertUnwindSafe(|| {
            erase(settings);
            check(&live)
        }));
        let answer = answer.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Answer::Refuted(format!("it broke off: {}", text.unwrap_or_default()))
        });
        Line { what, answer }
    };
    let lines = ITEMS.iter().map(one).collect();
    erase(settings);
    lines
}

/// Prints the checklist.
pub fn print(lines: &[Line]) {
    println!("\nWhat this server confirms:");
    for Line { what, answer } in lines {
        match answer {
            Answer::Confirmed(remark) => println!("  confirmed      {what} ({remark})"),
            Answer::Refuted(why) => println!("  NOT confirmed  {what}: {why}"),
            Answer::NotTried(why) => println!("  not tried      {what}: {why}"),
        }
    }
    println!();
}

fn connect(settings: &OracleSettings) -> Connection {
    Connection::connect(&settings.user, settings.password.expose_secret(), &settings.dsn).unwrap()
}

/// Removes all rows and all models.
pub fn erase(settings: &OracleSettings) {
    let connection = connect(settings);
    let tables = "SELECT table_name FROM user_tables WHERE table_name LIKE 'IMAGE\\_EMBEDDINGS\\_%' ESCAPE '\\'";
    for table in texts(&connection, tables) {
        // The table of the original application has no number.
        if table.ends_with(|c: char| c.is_ascii_digit()) {
            connection.execute(&format!("DROP TABLE {table} CASCADE CONSTRAINTS PURGE"), &[]).unwrap();
        }
    }
    for table in ["embedding_failures", "images", "embedding_models", "prompt_words", "prompt_word_changes"] {
        connection.execute(&format!("DELETE FROM {table}"), &[]).unwrap();
    }
    connection.commit().unwrap();
}

/// Returns the texts of a query with one column.
fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let rows = connection.query_as::<Option<String>>(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.map(|row| row.unwrap().unwrap_or_default()).collect()
}

/// The log of the store on the calling thread, which is the thread that sends its statements.
struct Recorder;

thread_local! {
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl log::Log for Recorder {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "mitsuke_store::statements" || metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "mitsuke_store::statements" {
            STATEMENTS.with_borrow_mut(|all| all.push(record.args().to_string()));
        } else if record.level() <= log::Level::Warn {
            WARNINGS.with_borrow_mut(|all| all.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// Runs `work` and returns the statements that it sent and the warnings that it logged on this thread.
fn recorded(work: impl FnOnce()) -> (Vec<String>, Vec<String>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Recorder).expect("no other logger");
        log::set_max_level(log::LevelFilter::Trace);
    });
    STATEMENTS.take();
    WARNINGS.take();
    work();
    (STATEMENTS.take(), WARNINGS.take())
}

/// Returns whether an error is the ORA error of this number.
fn is_ora(error: &oracle::Error, code: i32) -> bool {
    error.oci_code() == Some(code)
}
