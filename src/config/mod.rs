//! Typed settings from the environment and `.env`, checked before anything starts.

mod origins;

pub use origins::CorsOrigins;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::clip::{DeviceChoice, PrecisionChoice};
use crate::store::oracle::OracleSettings;

/// A setting that cannot be used, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting {name} is not usable: {reason}")]
pub struct ConfigError {
    /// Name of the environment variable.
    pub name: &'static str,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A value that never appears in logs or debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What one request may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole upload body.
    pub body_bytes: usize,
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Files in one upload.
    pub files: usize,
    /// Pixels of a picture, known from its header before anything is decoded.
    pub pixels: u64,
    /// Longer edge of a picture in pixels.
    pub edge: u32,
    /// Characters of a query text.
    pub query_chars: usize,
    /// Characters of a caption or generation prompt that a caller sends.
    pub text_chars: usize,
    /// Images on one page.
    pub page: usize,
    /// Uploads that may be read and decoded at once, and as many image searches.
    pub concurrent_uploads: usize,
    /// Bytes of pictures that may be on their way to callers at once.
    pub sending_bytes: usize,
    /// Time for a body to arrive.
    pub body_timeout: Duration,
}

/// How encoders work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Where they run.
    pub device: DeviceChoice,
    /// Which of a model's number formats they compute in.
    pub precision: PrecisionChoice,
    /// Most items encoded together.
    pub batch_size: usize,
    /// How long an item may wait for others to share its batch.
    pub batch_wait: Duration,
    /// Items that may wait in one tower's queue.
    pub queue_capacity: usize,
    /// Threads inside one tensor operation.
    pub torch_threads: usize,
    /// How long a model that is not current stays in memory when nobody uses it.
    pub model_idle: Duration,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on.
    pub bind: SocketAddr,
    /// Where the embedded store lives.
    pub data_dir: PathBuf,
    /// The database, when it is not the embedded store.
    pub oracle: Option<OracleSettings>,
    /// Folder of model folders.
    pub models_dir: PathBuf,
    /// Pictures registered when the store is empty.
    pub images_dir: Option<PathBuf>,
    /// Keys of which callers must show one; empty lets everybody in.
    pub api_keys: Vec<Secret>,
    /// Pages of other servers that may call from a browser.
    pub cors_origins: CorsOrigins,
    /// HTTP worker threads.
    pub workers: usize,
    /// What one request may cost.
    pub limits: Limits,
    /// How encoders work.
    pub encoder: EncoderSettings,
    /// How long running requests may take to finish at shutdown.
    pub shutdown_timeout: Duration,
}

/// Fills what the environment does not set from `.env` in the working directory, where there is one. The first
/// thing a program does: even its log level may stand there.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn load_env_file() -> Result<(), ConfigError> {
    env_file_outcome(dotenvy::dotenv())
}

fn env_file_outcome(outcome: dotenvy::Result<PathBuf>) -> Result<(), ConfigError> {
    let reason = match outcome {
        Ok(_) => return Ok(()),
        Err(error) if error.not_found() => return Ok(()),
        // The error holds the line, and the line may hold a password.
        Err(dotenvy::Error::LineParse(..)) => {
            "a line is not of the form NAME=value. Put values with spaces, quotes, `$` or `#` in 'single quotes'"
                .to_owned()
        }
        Err(dotenvy::Error::Io(cause)) => format!("the file cannot be read: {cause}"),
        Err(_) => "the file cannot be understood".to_owned(),
    };
    Err(ConfigError { name: ".env", reason })
}

/// Reads one variable; a function so that tests need no process environment.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Settings from the process environment; call [`load_env_file`] before.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if (name.starts_with("MITSUKE_") || name.starts_with("DB_")) && value.to_str().is_none() {
                return Err(ConfigError { name: "environment", reason: format!("{name} is not UTF-8 text") });
            }
        }
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Settings from any source of variables. A variable that is set but blank counts as not set, except
    /// MITSUKE_IMAGES_DIR, where blank means "none".
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn from_lookup(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let settings = Self {
            bind: bind(lookup)?,
            data_dir: path(lookup, "MITSUKE_DATA_DIR", "./data"),
            oracle: oracle(lookup)?,
            models_dir: path(lookup, "MITSUKE_MODELS_DIR", "./models"),
            images_dir: match lookup("MITSUKE_IMAGES_DIR") {
                None => Some(PathBuf::from("./images")),
                Some(text) if text.trim().is_empty() => None,
                Some(text) => Some(PathBuf::from(text.trim())),
            },
            api_keys: api_keys(lookup)?,
            cors_origins: parsed(lookup, "MITSUKE_CORS_ORIGINS", CorsOrigins::None)?,
            workers: number(lookup, "MITSUKE_WORKERS", cores.clamp(2, 8), 1, 256)?,
            limits: Limits {
                body_bytes: number(lookup, "MITSUKE_MAX_BODY_BYTES", 128 << 20, 1 << 10, 1 << 40)?,
                file_bytes: number(lookup, "MITSUKE_MAX_FILE_BYTES", 32 << 20, 1 << 10, 1 << 32)?,
                files: number(lookup, "MITSUKE_MAX_FILES", 64, 1, 10_000)?,
                pixels: number(lookup, "MITSUKE_MAX_PIXELS", 50_000_000, 1, 1 << 32)?,
                edge: number(lookup, "MITSUKE_MAX_EDGE", 20_000, 1, 65_535)?,
                query_chars: number(lookup, "MITSUKE_MAX_QUERY_CHARS", 1_000, 1, 100_000)?,
                text_chars: number(lookup, "MITSUKE_MAX_TEXT_CHARS", 100_000, 1, 10_000_000)?,
                page: number(lookup, "MITSUKE_MAX_PAGE", 200, 1, 10_000)?,
                concurrent_uploads: number(lookup, "MITSUKE_MAX_CONCURRENT_UPLOADS", 16, 1, 10_000)?,
                sending_bytes: number(lookup, "MITSUKE_MAX_SENDING_BYTES", 256 << 20, 1 << 20, 1 << 40)?,
                body_timeout: Duration::from_secs(number(lookup, "MITSUKE_BODY_TIMEOUT_S", 120, 1, 86_400)?),
            },
            encoder: EncoderSettings {
                device: parsed(lookup, "MITSUKE_DEVICE", DeviceChoice::Auto)?,
                precision: parsed(lookup, "MITSUKE_PRECISION", PrecisionChoice::Auto)?,
                batch_size: number(lookup, "MITSUKE_BATCH_SIZE", 8, 1, 1_024)?,
                batch_wait: Duration::from_millis(number(lookup, "MITSUKE_BATCH_WAIT_MS", 0, 0, 10_000)?),
                queue_capacity: number(lookup, "MITSUKE_QUEUE_CAPACITY", 512, 1, 1_000_000)?,
                torch_threads: number(lookup, "MITSUKE_TORCH_THREADS", 1, 1, 256)?,
                model_idle: Duration::from_secs(number(lookup, "MITSUKE_MODEL_IDLE_S", 600, 1, 31_536_000)?),
            },
            shutdown_timeout: Duration::from_secs(number(lookup, "MITSUKE_SHUTDOWN_TIMEOUT_S", 30, 1, 3_600)?),
        };
        settings.check_exposure(lookup)?;
        Ok(settings)
    }

    /// A server that anybody can reach must not be open to anybody by accident.
    fn check_exposure(&self, lookup: Lookup<'_>) -> Result<(), ConfigError> {
        let anonymous = flag(lookup, "MITSUKE_ALLOW_ANONYMOUS")?;
        if self.bind.ip().is_loopback() || !self.api_keys.is_empty() || anonymous {
            return Ok(());
        }
        Err(ConfigError {
            name: "MITSUKE_BIND",
            reason: format!(
                "{} can be reached from other machines. Set MITSUKE_API_KEYS, or MITSUKE_ALLOW_ANONYMOUS=true \
                 if everybody may read, upload and delete",
                self.bind
            ),
        })
    }
}

/// The value of a variable that is set and not blank.
fn set(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The Oracle database, when DB_USER, DB_PASSWORD and DB_DSN name one.
fn oracle(lookup: Lookup<'_>) -> Result<Option<OracleSettings>, ConfigError> {
    const NAMES: [&str; 3] = ["DB_USER", "DB_PASSWORD", "DB_DSN"];
    // A password may begin or end with a space.
    let password = lookup("DB_PASSWORD").filter(|text| !text.is_empty());
    let values = [set(lookup, "DB_USER"), password, set(lookup, "DB_DSN")];
    let missing: Vec<&'static str> =
        NAMES.into_iter().zip(&values).filter(|(_, v)| v.is_none()).map(|(n, _)| n).collect();
    if let Some(first) = missing.first()
        && missing.len() < NAMES.len()
    {
        return Err(ConfigError {
            name: first,
            reason: format!(
                "an Oracle database needs DB_USER, DB_PASSWORD and DB_DSN, and {} not set. Set all three, or none to \
                 use the embedded store",
                match missing.as_slice() {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(" and ")),
                }
            ),
        });
    }
    let [Some(user), Some(password), Some(dsn)] = values else { return Ok(None) };
    let defaults = OracleSettings::new(user, Secret::new(password), dsn);
    let milliseconds = |name, default: Duration, min| -> Result<Duration, ConfigError> {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        Ok(Duration::from_millis(number(lookup, name, default, min, 3_600_000)?))
    };
    Ok(Some(OracleSettings {
        pool_size: number(lookup, "MITSUKE_DB_POOL_SIZE", defaults.pool_size, 2, 1_000)?,
        connect_timeout: milliseconds("MITSUKE_DB_CONNECT_TIMEOUT_MS", defaults.connect_timeout, 100)?,
        call_timeout: milliseconds("MITSUKE_DB_CALL_TIMEOUT_MS", defaults.call_timeout, 100)?,
        target_accuracy: number(lookup, "MITSUKE_VECTOR_TARGET_ACCURACY", defaults.target_accuracy, 1, 100)?,
        ..defaults
    }))
}

fn path(lookup: Lookup<'_>, name: &str, default: &str) -> PathBuf {
    PathBuf::from(set(lookup, name).unwrap_or_else(|| default.to_owned()))
}

fn parsed<T>(lookup: Lookup<'_>, name: &'static str, default: T) -> Result<T, ConfigError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    match set(lookup, name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|error: T::Err| ConfigError { name, reason: error.to_string() }),
    }
}

/// A switch, off unless told.
fn flag(lookup: Lookup<'_>, name: &'static str) -> Result<bool, ConfigError> {
    match set(lookup, name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(ConfigError { name, reason: format!("it is `{other}`, and may be `true` or `false`") }),
    }
}

fn number<T>(lookup: Lookup<'_>, name: &'static str, default: T, min: T, max: T) -> Result<T, ConfigError>
where
    T: FromStr + PartialOrd + fmt::Display + Copy,
{
    let Some(text) = set(lookup, name) else { return Ok(default) };
    match text.parse() {
        Ok(value) if value >= min && value <= max => Ok(value),
        _ => {
            Err(ConfigError { name, reason: format!("it is `{text}`, and must be a whole number from {min} to {max}") })
        }
    }
}

fn bind(lookup: Lookup<'_>) -> Result<SocketAddr, ConfigError> {
    let text = set(lookup, "MITSUKE_BIND").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| ConfigError {
        name: "MITSUKE_BIND",
        reason: format!("`{text}` is not an address with a port, such as 127.0.0.1:8080"),
    })
}

fn api_keys(lookup: Lookup<'_>) -> Result<Vec<Secret>, ConfigError> {
    let text = set(lookup, "MITSUKE_API_KEYS").unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .map(|key| {
            if key.len() < 16 || !key.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(ConfigError {
                    name: "MITSUKE_API_KEYS",
                    reason: "every key needs at least 16 visible ASCII characters; separate keys with commas".into(),
                });
            }
            Ok(Secret::new(key))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::from_lookup(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.data_dir, PathBuf::from("./data"));
        assert_eq!(settings.images_dir, Some(PathBuf::from("./images")));
        assert!(settings.api_keys.is_empty());
    }

    #[test]
    fn a_blank_images_dir_means_none_and_other_blanks_mean_not_set() {
        let settings = read(&[("MITSUKE_IMAGES_DIR", ""), ("MITSUKE_DATA_DIR", " "), ("DB_USER", "")]).unwrap();
        assert_eq!(settings.images_dir, None);
        assert_eq!(settings.data_dir, PathBuf::from("./data"));
    }

    #[test]
    fn a_bad_value_names_its_variable_and_what_is_allowed() {
        let error = read(&[("MITSUKE_MAX_FILES", "many")]).unwrap_err();
        assert_eq!(error.name, "MITSUKE_MAX_FILES");
        assert!(error.reason.contains("from 1 to 10000"), "{error}");
        assert_eq!(read(&[("MITSUKE_MAX_PAGE", "0")]).unwrap_err().name, "MITSUKE_MAX_PAGE");
        assert_eq!(read(&[("MITSUKE_DEVICE", "tpu")]).unwrap_err().name, "MITSUKE_DEVICE");
        assert_eq!(read(&[("MITSUKE_CORS_ORIGINS", "example.com")]).unwrap_err().name, "MITSUKE_CORS_ORIGINS");
        assert_eq!(read(&[("MITSUKE_BIND", "8080")]).unwrap_err().name, "MITSUKE_BIND");
        let error = read(&[("MITSUKE_ALLOW_ANONYMOUS", "yes")]).unwrap_err();
        assert!(error.to_string().contains("may be `true` or `false`"), "{error}");
    }

    #[test]
    fn three_settings_select_oracle_and_a_missing_one_is_named() {
        let all = [("DB_USER", "mitsuke"), ("DB_PASSWORD", " top secret "), ("DB_DSN", "db:1521/FREEPDB1")];
        assert_eq!(read(&[]).unwrap().oracle, None);
        let oracle = read(&all).unwrap().oracle.unwrap();
        assert_eq!((oracle.user.as_str(), oracle.dsn.as_str()), ("mitsuke", "db:1521/FREEPDB1"));
        assert_eq!(oracle.password.expose(), " top secret ");
        assert_eq!((oracle.pool_size, oracle.target_accuracy), (8, 95));
        for missing in 0..3 {
            let two: Vec<_> = all.iter().copied().filter(|(name, _)| *name != all[missing].0).collect();
            let error = read(&two).unwrap_err();
            assert_eq!(error.name, all[missing].0);
        }
        assert!(read(&all[..1]).unwrap_err().reason.contains("DB_PASSWORD and DB_DSN are not set"));
        assert!(!format!("{:?}", read(&all).unwrap()).contains("top secret"));
    }

    #[test]
    fn limits_of_the_database_are_checked() {
        let with = |pair| {
            let all = [("DB_USER", "u"), ("DB_PASSWORD", "p"), ("DB_DSN", "d"), pair];
            read(&all).map(|settings| settings.oracle.unwrap())
        };
        assert_eq!(with(("MITSUKE_DB_CALL_TIMEOUT_MS", "1500")).unwrap().call_timeout, Duration::from_millis(1500));
        assert_eq!(with(("MITSUKE_VECTOR_TARGET_ACCURACY", "101")).unwrap_err().name, "MITSUKE_VECTOR_TARGET_ACCURACY");
        assert_eq!(with(("MITSUKE_DB_POOL_SIZE", "1")).unwrap_err().name, "MITSUKE_DB_POOL_SIZE");
    }

    #[test]
    fn an_open_server_must_be_asked_for() {
        let open = ("MITSUKE_BIND", "0.0.0.0:8080");
        assert_eq!(read(&[open]).unwrap_err().name, "MITSUKE_BIND");
        assert!(read(&[open, ("MITSUKE_ALLOW_ANONYMOUS", "true")]).is_ok());
        assert!(read(&[open, ("MITSUKE_API_KEYS", "0123456789abcdef")]).is_ok());
    }

    #[test]
    fn a_bad_line_of_the_env_file_is_not_printed() {
        let line = "DB_PASSWORD=hush hush".to_owned();
        let error = env_file_outcome(Err(dotenvy::Error::LineParse(line, 12))).unwrap_err();
        assert_eq!(error.name, ".env");
        assert!(!error.to_string().contains("hush"), "{error}");
    }

    #[test]
    fn keys_are_long_and_never_printed() {
        assert_eq!(read(&[("MITSUKE_API_KEYS", "short")]).unwrap_err().name, "MITSUKE_API_KEYS");
        let settings = read(&[("MITSUKE_API_KEYS", "0123456789abcdef, fedcba9876543210")]).unwrap();
        assert_eq!(settings.api_keys.len(), 2);
        assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    }
}
