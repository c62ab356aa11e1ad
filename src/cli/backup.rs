//! `mitsuke backup`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use mitsuke::api::{BackupRequest, BackupsBody};
use mitsuke::config::{Flags, Settings};
use mitsuke::local::{self, LocalServer};
use mitsuke::stores::StoreChoice;
use mitsuke_store::{BackupError, BackupOptions, StoreError};
use reqwest::{Client, Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::backup_progress::Bar;

/// Exit status of a command that cannot do its work at all.
const CANNOT: u8 = 2;

/// The time between two requests for the progress.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// The arguments of `mitsuke backup`.
#[derive(Args)]
#[command(after_long_help = "\
The folder gets one file for each original, shared by all copies, and a small folder for each copy. A further copy writes \
only the rows and the originals that are new. A copy is whole or is not there: it is read again and compared before it gets \
its name.

The command works beside a running server: it then has the server on the same data directory make the copy, and follows it.

Originals are copied out of the database and out of the folder of originals. Of pictures that were registered where they lie \
the copy has the facts and the hash; the files are left to the backup of their own folders.

A picture that is deleted from the store stays in the backup until the copies that name it are removed (--keep).

Exit status: 0 everything is backed up, 1 the backup failed, or the store has damaged originals that are in no copy, 2 it \
cannot be made (an Oracle database, or a folder of another store).

Examples:
  mitsuke backup /mnt/backup/mitsuke
  mitsuke backup /mnt/backup/mitsuke --keep 7 --verify")]
pub struct BackupArguments {
    /// Folder of the backup; MITSUKE_BACKUP_DIR unless given.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Read every original of the backup again and compare it with its hash.
    #[arg(long)]
    verify: bool,
    /// Copies to keep, the new one included. A named folder keeps all unless this is given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    #[command(flatten)]
    pub flags: Flags,
}

/// Backs the store up, through the server that has it open if there is one.
///
/// # Errors
/// The reason why there is no copy.
pub fn run(arguments: &BackupArguments) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::from_flags(&arguments.flags)?;
    let keep = arguments.keep.map(usize::from);
    let (directory, keep) = match (&arguments.directory, &settings.backup.backup_dir) {
        (Some(directory), _) => (directory, keep),
        (None, Some(directory)) => (directory, keep.or(Some(settings.backup.backup_keep))),
        (None, None) => {
            eprintln!("mitsuke: name the folder of the backup, or set MITSUKE_BACKUP_DIR");
            return Ok(ExitCode::from(CANNOT));
        }
    };
    let directory = std::path::absolute(directory)?;
    let options = BackupOptions { verify: arguments.verify, keep };
    // Opening a store that is not there would make an empty one.
    if settings.oracle.is_none() && !settings.data_dir.join("mitsuke.db").is_file() {
        eprintln!("mitsuke: there is no store in {} (MITSUKE_DATA_DIR)", settings.data_dir.display());
        return Ok(ExitCode::from(CANNOT));
    }
    let store = match StoreChoice::new(&settings).open() {
        Ok(store) => store,
        Err(error) if matches!(error.cause, StoreError::Locked(_)) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            return runtime.block_on(through_server(&settings.data_dir, &directory, options));
        }
        Err(error) => return Err(error.into()),
    };
    let bar = Bar::new();
    let made = store.back_up(&directory, options, &mut |progress| bar.show(progress), &|| false);
    bar.finish();
    store.close()?;
    match made {
        Ok(manifest) => {
            let megabytes = bar.written() / 1_000_000;
            println!(
                "{} images in {} ({megabytes} MB new)",
                manifest.images,
                directory.join("copies").join(&manifest.name).display()
            );
            tell_linked(manifest.linked);
            Ok(told(&manifest.damaged))
        }
        Err(error @ (BackupError::NotHere(_) | BackupError::Unusable(_))) => {
            eprintln!("mitsuke: {error}");
            Ok(ExitCode::from(CANNOT))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says how many pictures lie in place, of which a backup has the facts alone.
fn tell_linked(linked: u64) {
    if linked > 0 {
        println!("{linked} pictures lie in place and are not in the backup; back their folders up as well");
    }
}

/// Names the damaged images, and returns the exit status.
fn told(damaged: &[i64]) -> ExitCode {
    if damaged.is_empty() {
        return ExitCode::SUCCESS;
    }
    let ids: Vec<String> = damaged.iter().take(20).map(ToString::to_string).collect();
    println!(
        "The originals of {} images are damaged in the store, and no copy has them: {}{}. `mitsuke check` says more.",
        damaged.len(),
        ids.join(", "),
        if damaged.len() > ids.len() { " …" } else { "" }
    );
    ExitCode::FAILURE
}

/// Has the server on the data directory make the copy, and follows it to its end.
async fn through_server(data_dir: &Path, directory: &Path, options: BackupOptions) -> Result<ExitCode, Box<dyn Error>> {
    let Some(server) = local::find(data_dir) else {
        return Err(format!(
            "another program has {} open, and it is no server that can be asked. Try again when it has ended",
            data_dir.display()
        )
        .into());
    };
    mitsuke_client::tls::choose_provider();
    // The server speaks http on this machine, so no certificates are looked for, which a bare system does not have.
    let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let server = LocalClient { client, server };
    let request = BackupRequest {
        directory: Some(directory.to_str().ok_or("the path of the backup is not UTF-8 text")?.to_owned()),
        verify: options.verify,
        keep: options.keep,
    };
    let begun = server.send(Method::POST, Some(&request)).await?;
    let started_at = begun.running.as_ref().map(|running| running.started_at);
    let bar = Bar::new();
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let backups = server.send(Method::GET, None).await?;
        match (backups.running, backups.last) {
            (Some(running), _) if Some(running.started_at) == started_at => bar.show_body(&running),
            (_, Some(last)) if started_at.is_none_or(|started_at| last.started_at == started_at) => {
                bar.finish();
                let Some(copy) = last.copy else {
                    return Err(last.reason.unwrap_or_default().into());
                };
                let path = directory.join("copies").join(&copy.name);
                println!("{} images in {} ({} MB new)", copy.images, path.display(), last.written_bytes / 1_000_000);
                return Ok(told(&copy.damaged_images));
            }
            _ => return Err("the server has ended the backup. Its log has the reason".into()),
        }
    }
}

/// A client of the server on this machine.
struct LocalClient {
    client: Client,
    server: LocalServer,
}

impl LocalClient {
    async fn send(&self, method: Method, body: Option<&BackupRequest>) -> Result<BackupsBody, Box<dyn Error>> {
        let url = format!("{}/backups", self.server.url);
        let request = self.client.request(method, &url).bearer_auth(self.server.token.expose_secret());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(|error| {
            format!(
                "the server at {url} does not answer, although its data directory is in use ({error}). Stop the program that \
                 has it open, or try again in a moment"
            )
        })?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if status == StatusCode::OK || status == StatusCode::ACCEPTED {
            return Ok(serde_json::from_slice(&body)?);
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let detail = problem["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        Err(format!("the server makes no backup: {detail}").into())
    }
}
