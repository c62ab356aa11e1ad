//! Every setting, stated once: variable, default, what is allowed, and what it means.
//!
//! The flags of `mitsuke serve`, the reading of the environment, `.env.example` and docs/configuration.md are all
//! made from the structs of this folder. A new setting is a new field here:
//!
//! - `env` is its variable. The flag follows from it (MITSUKE_MAX_FILES ↔ `--max-files`).
//! - The doc comment is its explanation, for the person who runs the server.
//! - `value_parser` says what is allowed (see [`super::parsers`]), and `value_name` which unit or kind of value it is.
//! - `hide` marks a secret. A secret has no flag, because other users of the machine can see command lines.

mod access;
mod backup;
mod budget;
mod integrity;
mod originals;

pub use access::AccessSettings;
pub(super) use access::AccessValues;
pub use backup::BackupSettings;
pub use budget::Limits;
pub use integrity::IntegritySettings;
pub(super) use originals::OriginalsValues;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::parsers::{address, choice, count_or_auto, folder_or_none, milliseconds, seconds, threads, whole};
use crate::logging::LogFormat;
use mitsuke_clip::{DeviceChoice, PrecisionChoice, TorchThreads, WorkerCount};
use mitsuke_store::oracle::{IndexKind, OracleSettings, TextMaintenance};

/// The log filter of `mitsuke serve` when no flag or variable sets one.
pub const DEFAULT_LOG: &str = "info,actix_server=warn";

/// The value of every setting; each one is usable by itself.
#[derive(clap::Parser)]
pub(super) struct Values {
    #[command(flatten)]
    pub server: ServerValues,
    #[command(flatten)]
    pub storage: StorageValues,
    #[command(flatten)]
    pub originals: OriginalsValues,
    #[command(flatten)]
    pub oracle: OracleValues,
    #[command(flatten)]
    pub models: ModelValues,
    #[command(flatten)]
    pub encoder: EncoderSettings,
    #[command(flatten)]
    pub integrity: IntegritySettings,
    #[command(flatten)]
    pub backup: BackupSettings,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub access: AccessValues,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerValues {
    /// Address to listen on, with its port. Addresses beyond loopback need MITSUKE_API_KEYS, MITSUKE_API_KEYS_FILE or
    /// MITSUKE_ALLOW_ANONYMOUS=true.
    #[arg(env = "MITSUKE_BIND", value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    pub bind: SocketAddr,

    /// HTTP worker threads; auto takes one per core, at least 2 and at most 8.
    #[arg(env = "MITSUKE_WORKERS", value_name = "N", default_value = "auto", value_parser = threads(256, 2, 8))]
    pub workers: usize,

    /// Seconds that running requests may take to finish after Ctrl-C or SIGTERM.
    #[arg(
        env = "MITSUKE_SHUTDOWN_TIMEOUT_S",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = seconds(1, 3_600)
    )]
    pub shutdown_timeout: Duration,

    /// Log filter of the server: error, warn, info, debug, trace or off, for everything or per module.
    // The logger starts before the settings are read and takes this from `Flags::log_filter`.
    #[arg(env = "RUST_LOG", value_name = "FILTER", default_value = DEFAULT_LOG)]
    pub log: String,

    /// Format of the log: text for people, or json for programs that collect logs, one object a line.
    // The logger starts before the settings are read and takes this from `Flags::log_format`.
    #[arg(
        env = "MITSUKE_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = LogFormat::default().name(),
        value_parser = choice::<LogFormat>(&LogFormat::NAMES)
    )]
    pub log_format: LogFormat,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Storage")]
pub(super) struct StorageValues {
    /// Folder of the embedded store; one process at a time may use it.
    #[arg(env = "MITSUKE_DATA_DIR", value_name = "FOLDER", default_value = "./data")]
    pub data_dir: PathBuf,

    /// Folder of pictures that are registered when the store is empty; without a value, the sample pictures of a package
    /// come before ./images. A blank value registers none.
    // The path to `Option` is written out because clap reads a bare one as "may be left out".
    #[arg(
        env = "MITSUKE_IMAGES_DIR",
        value_name = "FOLDER",
        default_value = "./images",
        value_parser = folder_or_none
    )]
    pub images_dir: std::option::Option<PathBuf>,
}

/// The defaults of the Oracle store, which states them itself.
fn oracle_defaults() -> OracleSettings {
    OracleSettings::new("", SecretString::default(), "")
}

fn as_millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[derive(clap::Args)]
#[command(next_help_heading = "Oracle")]
pub(super) struct OracleValues {
    /// User of an Oracle Database 23ai, which takes the place of the embedded store when user, password and DSN are all
    /// set.
    #[arg(env = "DB_USER", value_name = "NAME")]
    pub user: Option<String>,

    /// Password of that user.
    #[arg(env = "DB_PASSWORD", value_name = "TEXT", hide = true)]
    pub password: Option<String>,

    /// File that holds the password and nothing else, in place of DB_PASSWORD. The line end after the password is not part
    /// of it.
    #[arg(env = "DB_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Connect string of the database: host:port/service (such as localhost:1521/FREEPDB1), a TNS name, or a
    /// description in parentheses.
    #[arg(env = "DB_DSN", value_name = "TEXT")]
    pub dsn: Option<String>,

    /// Most connections of this process to the database.
    #[arg(
        env = "MITSUKE_DB_POOL_SIZE",
        value_name = "N",
        default_value_t = oracle_defaults().pool_size,
        value_parser = whole(2_u32, 1_000)
    )]
    pub pool_size: u32,

    /// Milliseconds that connecting, or waiting for a free connection, may take.
    #[arg(
        env = "MITSUKE_DB_CONNECT_TIMEOUT_MS",
        value_name = "MILLISECONDS",
        default_value = as_millis(oracle_defaults().connect_timeout),
        value_parser = milliseconds(100, 3_600_000)
    )]
    pub connect_timeout: Duration,

    /// Milliseconds that one round trip to the database may take.
    #[arg(
        env = "MITSUKE_DB_CALL_TIMEOUT_MS",
        value_name = "MILLISECONDS",
        default_value = as_millis(oracle_defaults().call_timeout),
        value_parser = milliseconds(100, 3_600_000)
    )]
    pub call_timeout: Duration,

    /// Percent of the true nearest images that a vector search of the database aims at; 100 compares all embeddings.
    #[arg(
        env = "MITSUKE_VECTOR_TARGET_ACCURACY",
        value_name = "PERCENT",
        default_value_t = oracle_defaults().target_accuracy,
        value_parser = whole(1_u8, 100)
    )]
    pub target_accuracy: u8,

    /// Kind of vector index that a new model gets: ivf lies on disk, hnsw in the memory of the database, and none compares
    /// all embeddings. `mitsuke index build` changes the index of a model.
    #[arg(
        env = "MITSUKE_DB_VECTOR_INDEX",
        value_name = "KIND",
        default_value = oracle_defaults().vector_index.name(),
        value_parser = choice::<IndexKind>(&IndexKind::NAMES)
    )]
    pub vector_index: IndexKind,

    /// Embeddings from which on a model of the database has a vector index; searches compare all of fewer.
    #[arg(
        env = "MITSUKE_DB_INDEX_AFTER",
        value_name = "N",
        default_value_t = oracle_defaults().index_after,
        value_parser = whole(1_u64, 1_000_000_000)
    )]
    pub index_after: u64,

    /// How the full-text indexes of the database follow the images: commit brings them up to date with every commit; auto
    /// leaves that to the database, which does it in the background, so that uploads are quicker and new pictures are found
    /// by their words some time later.
    #[arg(
        env = "MITSUKE_DB_TEXT_MAINTENANCE",
        value_name = "KIND",
        default_value = "commit",
        value_parser = choice::<TextMaintenance>(&TextMaintenance::NAMES)
    )]
    pub text_maintenance: TextMaintenance,

    /// Makes full-text indexes on GENERATION_PROMPT and DESCRIPTION, for programs of the original application that search
    /// these columns. Indexes that exist stay in either case.
    #[arg(
        env = "MITSUKE_DB_ORIGINAL_TEXT_INDEXES",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = choice::<bool>(&["true", "false"]),
        action = clap::ArgAction::Set
    )]
    pub original_text_indexes: bool,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Models and encoders")]
pub(super) struct ModelValues {
    /// Folder of model folders; without a value, that of a package where there is no ./models.
    #[arg(env = "MITSUKE_MODELS_DIR", value_name = "FOLDER", default_value = "./models")]
    pub models_dir: PathBuf,
}

/// The settings of encoders.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Models and encoders")]
pub struct EncoderSettings {
    /// Device that encoders run on; auto takes CUDA when there is a usable device, else the CPU.
    #[arg(
        env = "MITSUKE_DEVICE",
        value_name = "DEVICE",
        default_value = "auto",
        value_parser = choice::<DeviceChoice>(&DeviceChoice::NAMES)
    )]
    pub device: DeviceChoice,

    /// Number format that encoders compute in; auto takes the fastest of the model's variants that the hardware has
    /// instructions for, and measures which one that is when there are several. A format that the model has no file in, or
    /// that the device does not run, leaves the model's full file.
    #[arg(
        env = "MITSUKE_PRECISION",
        value_name = "FORMAT",
        default_value = "auto",
        value_parser = choice::<PrecisionChoice>(&PrecisionChoice::NAMES)
    )]
    pub precision: PrecisionChoice,

    /// Most pictures or texts that are encoded together. A CPU encodes at most 2 pictures together, because more gain
    /// nothing there.
    #[arg(env = "MITSUKE_BATCH_SIZE", value_name = "N", default_value_t = 8, value_parser = whole(1_usize, 1_024))]
    pub batch_size: usize,

    /// Milliseconds that a picture or text waits for others to share its batch.
    #[arg(
        env = "MITSUKE_BATCH_WAIT_MS",
        value_name = "MILLISECONDS",
        default_value = "0",
        value_parser = milliseconds(0, 10_000)
    )]
    pub batch_wait: Duration,

    /// Pictures or texts that may wait for one encoder; more are answered 503 with Retry-After.
    #[arg(
        env = "MITSUKE_QUEUE_CAPACITY",
        value_name = "N",
        default_value_t = 512,
        value_parser = whole(1_usize, 1_000_000)
    )]
    pub queue_capacity: usize,

    /// Batches that an encoder works on at once; all share one copy of the weights. auto takes one per core, divided by
    /// MITSUKE_TORCH_THREADS where that is a number, at most 16, and one on CUDA. Uploads and backfills have as many
    /// workers as searches by picture, and theirs give way to everything else.
    #[arg(
        env = "MITSUKE_ENCODER_WORKERS",
        value_name = "N",
        default_value = "auto",
        value_parser = count_or_auto::<WorkerCount>(WorkerCount::MOST)
    )]
    pub encoder_workers: WorkerCount,

    /// Threads that compute one batch on a CPU. auto gives a batch the cores that nothing else uses when it starts, at most
    /// 16: a single search then uses all cores, and each of many uses one. A number is used whatever else runs.
    #[arg(
        env = "MITSUKE_TORCH_THREADS",
        value_name = "N",
        default_value = "auto",
        value_parser = count_or_auto::<TorchThreads>(TorchThreads::MOST)
    )]
    pub torch_threads: TorchThreads,

    /// Seconds until a model that is not current and that nobody uses is unloaded.
    #[arg(
        env = "MITSUKE_MODEL_IDLE_S",
        value_name = "SECONDS",
        default_value = "600",
        value_parser = seconds(1, 31_536_000)
    )]
    pub model_idle: Duration,
}
