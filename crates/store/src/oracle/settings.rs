//! The settings of the Oracle store.

use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::vector_index::organization::IndexKind;

/// The default number of embeddings from which on a model has a vector index. An inverted file has as many partitions
/// as the square root of the number of rows, and just as many rows in each of them. Partitions of at most 100 rows are
/// those that the AI Vector Search User's Guide ("Inverted File Flat CREATE INDEX") calls too small.
const INDEX_AFTER: u64 = 10_000;

/// The address of the database, and this process's share of it.
#[derive(Debug, Clone)]
pub struct OracleSettings {
    /// The user that owns the schema.
    pub user: String,
    /// The password of the user.
    pub password: SecretString,
    /// The connect string: `host:port/service`, a TNS name, or a description in parentheses.
    pub dsn: String,
    /// The largest number of connections of this process.
    pub pool_size: u32,
    /// The limit for connecting, and for waiting for a free connection.
    pub connect_timeout: Duration,
    /// The limit for one round trip to the database.
    pub call_timeout: Duration,
    /// The percentage of the true nearest images that an approximate vector search aims at; 100 makes every search
    /// exact.
    pub target_accuracy: u8,
    /// The kind of vector index that a new model gets.
    pub vector_index: IndexKind,
    /// The number of embeddings from which on a model has a vector index.
    pub index_after: u64,
    /// How the text indexes follow the images.
    pub text_maintenance: TextMaintenance,
    /// Whether GENERATION_PROMPT and DESCRIPTION get text indexes for programs of the original application.
    pub original_text_indexes: bool,
}

/// How the text indexes follow the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextMaintenance {
    /// Every commit brings them up to date.
    #[default]
    Commit,
    /// The database brings them up to date in the background, some time after a commit.
    Auto,
}

impl TextMaintenance {
    /// The names that settings use.
    pub const NAMES: [&str; 2] = ["commit", "auto"];
}

impl FromStr for TextMaintenance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "commit" => Ok(Self::Commit),
            "auto" => Ok(Self::Auto),
            other => Err(format!("`{other}` is no kind of maintenance")),
        }
    }
}

impl OracleSettings {
    /// Makes the default settings for an account.
    #[must_use]
    pub fn new(user: impl Into<String>, password: SecretString, dsn: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password,
            dsn: dsn.into(),
            pool_size: 8,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            target_accuracy: 95,
            vector_index: IndexKind::Ivf,
            index_after: INDEX_AFTER,
            text_maintenance: TextMaintenance::Commit,
            original_text_indexes: false,
        }
    }

    /// Returns the accuracy that indexes are made for. An exact search needs no index, but the setting may change
    /// later.
    pub(super) fn index_accuracy(&self) -> u8 {
        self.target_accuracy.min(99)
    }

    /// Returns the connect string with a limit of time. Without a limit, a host that accepts the connection and stays
    /// silent holds the connecting thread for ever.
    pub(super) fn dsn_with_timeout(&self) -> String {
        let dsn = self.dsn.trim();
        let easy = !dsn.starts_with('(') && (dsn.contains('/') || dsn.contains(':'));
        if !easy || dsn.to_ascii_lowercase().contains("connect_timeout") {
            return dsn.to_owned();
        }
        let separator = if dsn.contains('?') { '&' } else { '?' };
        let seconds = self.connect_timeout.as_millis().div_ceil(1000).max(1);
        format!("{dsn}{separator}connect_timeout={seconds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_timeout(dsn: &str) -> String {
        OracleSettings::new("u", SecretString::from("p"), dsn).dsn_with_timeout()
    }

    #[test]
    fn an_easy_connect_string_gets_a_limit_of_time() {
        assert_eq!(with_timeout("db:1521/FREEPDB1"), "db:1521/FREEPDB1?connect_timeout=5");
        assert_eq!(with_timeout("tcps://db/x?retry_count=1"), "tcps://db/x?retry_count=1&connect_timeout=5");
        assert_eq!(with_timeout("db/x?CONNECT_TIMEOUT=9"), "db/x?CONNECT_TIMEOUT=9");
    }

    #[test]
    fn names_and_descriptions_say_it_themselves() {
        for dsn in ["MYDB", "(DESCRIPTION=(ADDRESS=(HOST=a)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=b)))"] {
            assert_eq!(with_timeout(dsn), dsn);
        }
    }
}
