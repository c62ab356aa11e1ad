//! The registration of a model folder with a running server, and the backfill that may follow.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use mitsuke::config::Settings;
use mitsuke::local;
use mitsuke_client::models::Model;
use mitsuke_client::{Client, ConnectError, FIRST_CONTACT, FailureKind, RetryPolicy};
use mitsuke_engine::blocking;
use reqwest::Url;
use secrecy::SecretString;

use super::child::Stopped;
use crate::cli::backfill;
use crate::cli::interrupt::Signals;
use crate::cli::server;

/// The patience with the server, which reads all model folders before it answers.
const RETRY: RetryPolicy =
    RetryPolicy { attempt_timeout: Duration::from_secs(120), give_up_after: Duration::from_secs(300) };

/// The address of a server that is not named.
const USUAL_SERVER: &str = "http://127.0.0.1:8080";

/// The server that is told of the model.
pub struct Target {
    pub url: Url,
    key: Option<SecretString>,
    /// True where the command line names the server.
    is_named: bool,
}

impl Target {
    /// Returns the server of the command line, else the one that has announced itself in the data directory, else the
    /// usual one.
    ///
    /// # Errors
    /// When the address in the data directory is none.
    pub fn of(named: Option<Url>, key: Option<String>, settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let is_named = named.is_some();
        if let Some(url) = named {
            return Ok(Self { url, key: server::api_key(key), is_named });
        }
        Ok(match local::find(&settings.data_dir) {
            Some(found) => Self { url: Url::parse(&found.url)?, key: Some(found.token), is_named },
            None => Self { url: Url::parse(USUAL_SERVER)?, key: server::api_key(key), is_named },
        })
    }

    /// Has the server read its model folders again, and returns the model as the server has registered it. Returns `None`
    /// where no server answers.
    ///
    /// # Errors
    /// When the server refuses, cannot use the folder, or does not see it.
    pub async fn register(&self, folder: &Path, name: &str, version: &str) -> Result<Option<Model>, Box<dyn Error>> {
        let client = Client::new(&self.url, self.key.as_ref(), RETRY)?;
        let found = match client.giving_up_after(FIRST_CONTACT).refresh_models().await {
            Ok(found) => found,
            Err(failure) if failure.kind == FailureKind::Unreachable => return Ok(None),
            Err(failure) => return Err(ConnectError::new(client.server(), failure).into()),
        };
        let is_it = |model: &Model| model.model_name == name && model.model_version == version;
        if let Some(model) = found.models.into_iter().find(is_it) {
            return Ok(Some(model));
        }
        let folder_name = folder.file_name().unwrap_or_default();
        if let Some(broken) =
            found.broken.iter().find(|broken| Path::new(&broken.folder).file_name() == Some(folder_name))
        {
            return Err(format!("the server at {} cannot use {}: {}", self.url, broken.folder, broken.reason).into());
        }
        Err(format!(
            "the server at {} does not see {}: its MITSUKE_MODELS_DIR is another folder, or it runs on another machine. \
             Give this command the same MITSUKE_MODELS_DIR, or move the folder there, and run it again",
            self.url,
            folder.display()
        )
        .into())
    }

    /// Backfills the model on the server, or prints the command that does it.
    ///
    /// # Errors
    /// When the backfill cannot begin, or a signal stops the question.
    pub async fn backfill(&self, model: Model, wanted: bool, mut signals: Signals) -> Result<ExitCode, Box<dyn Error>> {
        let full_name = format!("{}:{}", model.model_name, model.model_version);
        let coverage = model.coverage;
        let missing = coverage.total.saturating_sub(coverage.embedded + coverage.failed);
        if missing == 0 {
            println!("backfill    not needed: {} of {} images are embedded", coverage.embedded, coverage.total);
        } else if wanted || ask(missing, &mut signals).await? {
            drop(signals);
            let code = backfill::on_server(&full_name, &self.url, self.key.as_ref()).await?;
            if code != ExitCode::SUCCESS {
                return Ok(code);
            }
        } else {
            println!(
                "backfill    {missing} images are to be embedded: mitsuke backfill --model {full_name} --server {}",
                self.shown()
            );
        }
        println!(
            "use it      on the page under \"Search models\", or: curl -X PUT {}/models/current \
             -H 'content-type: application/json' -d '{{\"model_id\": {}}}'",
            self.shown(),
            model.model_id
        );
        Ok(ExitCode::SUCCESS)
    }

    /// Says that no server answers, and backfills the model in this process if that is wanted.
    ///
    /// # Errors
    /// When the backfill is wanted and cannot begin.
    pub async fn without_server(
        &self,
        name: &str,
        version: &str,
        wanted: bool,
        settings: &Settings,
    ) -> Result<ExitCode, Box<dyn Error>> {
        let full_name = format!("{name}:{version}");
        println!("registered  at the next start of the server: none answers at {}", self.shown());
        if !wanted {
            println!("backfill    then, or without a server: mitsuke backfill --model {full_name}");
            return Ok(ExitCode::SUCCESS);
        }
        if self.is_named {
            return Err(format!(
                "no server answers at {}, so that there is no backfill. Start it and run this again",
                self.shown()
            )
            .into());
        }
        // The backfill would make a store where there is none.
        if settings.oracle.is_none() && !settings.data_dir.join("mitsuke.db").is_file() {
            println!("backfill    not needed: there is no store in {} yet", settings.data_dir.display());
            return Ok(ExitCode::SUCCESS);
        }
        backfill::in_this_process(&full_name).await
    }

    /// Returns the address without the slash at its end.
    pub fn shown(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }
}

/// Asks the person at the terminal whether the server's images are to be embedded now. Without a terminal the answer is
/// no.
async fn ask(missing: u64, signals: &mut Signals) -> Result<bool, Box<dyn Error>> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(false);
    }
    print!("Embed the {missing} images of the server with this model now? [y/N] ");
    io::stdout().flush()?;
    let answer = blocking::run(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => Ok(matches!(answer??.trim(), "y" | "Y" | "yes")),
        () = signals.next() => {
            println!();
            Err(Stopped.into())
        }
    }
}
