//! `mitsuke backfill`.

use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mitsuke::app::{self, StartError};
use mitsuke::blocking;
use mitsuke::config::Settings;
use secrecy::{ExposeSecret as _, SecretString};
use mitsuke::models::{BackfillState, Backfills, Models};
use mitsuke::store::{Coverage, Store, StoreError};
use reqwest::{Client, Method, Url};
use serde::Deserialize;
use serde_json::json;

/// As shells report a program that Ctrl-C ended (128 + SIGINT).
const INTERRUPTED: u8 = 130;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Between two lines of progress where there is no terminal to draw on.
const LINE: Duration = Duration::from_secs(10);

/// How long a server that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which model to fill up, and where.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Without --server it works on the store itself, with the settings of the server (environment and .env). The embedded \
store belongs to one program at a time: while a server runs on it, drive that server with --server.

Ctrl-C stops cleanly; the same command goes on from there. With --server it stops the backfill on the server.

Exit status: 0 nothing is missing, 1 it could not go on, 130 interrupted.

Examples:
  mitsuke backfill --model jsclip
  mitsuke backfill --model jsclip:1.0.0 --server http://127.0.0.1:8080 --retry-failed")]
pub struct BackfillArguments {
    /// The model: NAME, NAME:VERSION, or its id
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Try the images again whose embedding failed
    #[arg(long)]
    retry_failed: bool,
    /// Let the server at this address do it, and watch
    #[arg(long, value_name = "URL")]
    server: Option<Url>,
    /// A key of the server. Better in the environment or .env, as MITSUKE_API_KEY: other users of this machine can
    /// see command lines
    #[arg(long, value_name = "KEY", requires = "server")]
    api_key: Option<String>,
}

/// Fills a model up, and tells what came of it.
///
/// # Errors
/// What stopped it, as a sentence.
pub fn run(arguments: BackfillArguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(async {
        match arguments.server.clone() {
            Some(url) => remote(&arguments, url).await,
            None => local(&arguments).await,
        }
    })?;
    Ok(end.tell())
}

/// How it ended.
struct End {
    model: String,
    how: How,
    counts: Counts,
}

enum How {
    Finished,
    Interrupted,
    /// Stopped by somebody else.
    Stopped,
    Failed(String),
}

impl End {
    fn tell(self) -> ExitCode {
        let Counts { embedded, failed, total } = self.counts;
        println!("{}: {embedded} of {total} images embedded, {failed} failed", self.model);
        match self.how {
            How::Finished if failed > 0 => {
                println!("GET /models/{{model_id}}/failures says why; --retry-failed tries them again.");
                ExitCode::SUCCESS
            }
            How::Finished => ExitCode::SUCCESS,
            How::Interrupted => {
                println!("interrupted; the same command goes on from here.");
                ExitCode::from(INTERRUPTED)
            }
            How::Stopped => {
                println!("stopped by somebody else; the same command goes on from here.");
                ExitCode::FAILURE
            }
            How::Failed(reason) => {
                println!("not finished: {reason}. The same command goes on from here.");
                ExitCode::FAILURE
            }
        }
    }
}

/// What a model has embedded.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Counts {
    embedded: u64,
    failed: u64,
    total: u64,
}

impl From<Coverage> for Counts {
    fn from(coverage: Coverage) -> Self {
        let Coverage { embedded, failed, total } = coverage;
        Self { embedded, failed, total }
    }
}

/// A bar on a terminal, a line now and then elsewhere.
struct Bar {
    bar: ProgressBar,
    terminal: bool,
    spoke: Instant,
}

impl Bar {
    fn new(model: &str) -> Self {
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}");
        let bar = ProgressBar::new(0)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_prefix(model.to_owned());
        Self { bar, terminal: std::io::stderr().is_terminal(), spoke: Instant::now() }
    }

    fn show(&mut self, counts: Counts, per_second: Option<f64>, waiting: bool) {
        let done = counts.embedded + counts.failed;
        self.bar.set_length(counts.total);
        self.bar.set_position(done);
        let message = match per_second {
            _ if waiting => "waiting: another process does it".to_owned(),
            Some(rate) => {
                let left = counts.total.saturating_sub(done) as f64 / rate;
                format!("{rate:.1} a second, {left:.0} s left")
            }
            None => String::new(),
        };
        if !self.terminal && self.spoke.elapsed() >= LINE {
            self.spoke = Instant::now();
            eprintln!("{done} of {} images {message}", counts.total);
        }
        self.bar.set_message(message);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

// ---- on the store itself -----------------------------------------------------------------------------------

async fn local(arguments: &BackfillArguments) -> Result<End, Box<dyn Error>> {
    let settings = Settings::from_env()?;
    app::check_device(&settings)?;
    let store = app::open_store(&settings).map_err(in_use)?;
    let models = Arc::new(app::open_models(&settings, Arc::clone(&store))?);
    let (limits, options) = (app::decode_limits(&settings.limits), app::encoder_options(&settings));
    let handle = tokio::runtime::Handle::current();
    let backfills = Arc::new(Backfills::new(Arc::clone(&models), limits, &options, handle));
    let end = fill(arguments, &models, &backfills, &store).await;
    backfills.end().await;
    blocking::run(move || {
        models.close();
        store.close()
    })
    .await??;
    end
}

/// The commonest mistake has an answer of its own.
fn in_use(error: StartError) -> Box<dyn Error> {
    match error {
        StartError::Store { cause: StoreError::Locked(folder), .. } => format!(
            "the store in {} belongs to a running server. Let that server do it: add --server http://127.0.0.1:8080 \
             (its address).",
            folder.display()
        )
        .into(),
        error => error.into(),
    }
}

async fn fill(
    arguments: &BackfillArguments,
    models: &Arc<Models>,
    backfills: &Arc<Backfills>,
    store: &Arc<dyn Store>,
) -> Result<End, Box<dyn Error>> {
    let listed = Arc::clone(models);
    let listed = blocking::run(move || listed.list()).await??;
    let known = listed.into_iter().map(|status| Named {
        model_id: status.model.model_id,
        model_name: status.model.model_name,
        model_version: status.model.model_version,
    });
    let model = choose(&arguments.model, known)?;
    let (model_id, name) = (model.model_id, model.to_string());
    backfills.start(model_id, arguments.retry_failed).await?;
    let mut bar = Bar::new(&name);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let how = loop {
        tokio::select! {
            _ = &mut interrupted => break How::Interrupted,
            () = tokio::time::sleep(LOOK) => {}
        }
        let Some(status) = backfills.status(model_id) else { break How::Stopped };
        bar.show(counts(store, model_id).await?, status.per_second, status.state == BackfillState::Waiting);
        match status.state {
            BackfillState::Running | BackfillState::Waiting => {}
            BackfillState::Finished => break How::Finished,
            BackfillState::Stopped => break How::Stopped,
            BackfillState::Failed => break How::Failed(status.reason.unwrap_or_default()),
        }
    };
    // The pictures on their way are stored before anything is counted.
    backfills.end().await;
    bar.end();
    Ok(End { model: name, how, counts: counts(store, model_id).await? })
}

async fn counts(store: &Arc<dyn Store>, model_id: i64) -> Result<Counts, Box<dyn Error>> {
    let store = Arc::clone(store);
    Ok(blocking::run(move || store.coverage(model_id)).await??.into())
}

// ---- through a server --------------------------------------------------------------------------------------

/// What is read of a model that a server describes.
#[derive(Debug, Clone, Deserialize)]
struct Described {
    #[serde(flatten)]
    named: Named,
    #[serde(flatten)]
    counts: Counts,
    backfill: Option<DescribedBackfill>,
}

#[derive(Debug, Clone, Deserialize)]
struct DescribedBackfill {
    state: String,
    reason: Option<String>,
    per_second: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct DescribedList {
    models: Vec<Described>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Named {
    model_id: i64,
    model_name: String,
    model_version: String,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.model_name, self.model_version)
    }
}

/// A server to drive.
struct Server {
    client: Client,
    base: String,
    key: Option<SecretString>,
}

/// Why a server did not do as told.
enum Refusal {
    /// It does not answer now.
    Away(String),
    /// It says no.
    No(String),
}

impl Refusal {
    fn into_message(self) -> String {
        match self {
            Self::Away(message) | Self::No(message) => message,
        }
    }
}

impl Server {
    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<T, Refusal> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let away = |error: reqwest::Error| Refusal::Away(format!("{} does not answer: {error}", self.base));
        let answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let text = answer.text().await.map_err(away)?;
        if status.is_success() {
            return serde_json::from_str(&text)
                .map_err(|error| Refusal::No(format!("{} is no Mitsuke server: {error}", self.base)));
        }
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason is given");
        let message = format!("the server answered {status}: {detail}");
        Err(if status.is_server_error() { Refusal::Away(message) } else { Refusal::No(message) })
    }
}

async fn remote(arguments: &BackfillArguments, url: Url) -> Result<End, Box<dyn Error>> {
    mitsuke::tls::choose_provider();
    let key = arguments.api_key.clone().or_else(|| std::env::var("MITSUKE_API_KEY").ok());
    let server = Server {
        client: Client::builder().timeout(Duration::from_secs(120)).build()?,
        base: url.as_str().trim_end_matches('/').to_owned(),
        key: key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).map(SecretString::from),
    };
    let list: DescribedList = server.ask(Method::GET, "/models", None).await.map_err(Refusal::into_message)?;
    let model = choose(&arguments.model, list.models.into_iter().map(|described| described.named))?;
    let path = format!("/models/{}", model.model_id);
    let start = json!({"retry_failed": arguments.retry_failed});
    let begun = server.ask(Method::POST, &format!("{path}/backfill"), Some(start)).await;
    let mut latest: Described = begun.map_err(Refusal::into_message)?;
    let mut bar = Bar::new(&model.to_string());
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut answered = Instant::now();
    let how = loop {
        let backfill = latest.backfill.clone();
        let state = backfill.as_ref().map_or("stopped", |backfill| backfill.state.as_str());
        bar.show(latest.counts, backfill.as_ref().and_then(|backfill| backfill.per_second), state == "waiting");
        match state {
            "finished" => break How::Finished,
            "stopped" => break How::Stopped,
            "failed" => break How::Failed(backfill.and_then(|backfill| backfill.reason).unwrap_or_default()),
            _ => {}
        }
        tokio::select! {
            _ = &mut interrupted => {
                let stopped = server.ask(Method::DELETE, &format!("{path}/backfill"), None).await;
                latest = stopped.map_err(Refusal::into_message)?;
                break How::Interrupted;
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        match server.ask(Method::GET, &path, None).await {
            // A server that was started anew goes on by itself, but needs a moment to begin.
            Ok(described) => {
                let described: Described = described;
                let begins = described.backfill.is_none() && !is_complete(described.counts);
                if !begins || answered.elapsed() >= PATIENCE {
                    (latest, answered) = (described, Instant::now());
                }
            }
            Err(Refusal::Away(_)) if answered.elapsed() < PATIENCE => {}
            Err(refusal) => break How::Failed(refusal.into_message()),
        }
        if latest.backfill.is_none() && is_complete(latest.counts) {
            break How::Finished;
        }
    };
    bar.end();
    Ok(End { model: model.to_string(), how, counts: latest.counts })
}

fn is_complete(counts: Counts) -> bool {
    counts.embedded + counts.failed >= counts.total
}

/// The one model that NAME, NAME:VERSION or an id means.
fn choose(wanted: &str, known: impl Iterator<Item = Named>) -> Result<Named, String> {
    let known: Vec<Named> = known.collect();
    let names = || known.iter().map(|m| format!("{}:{}", m.model_name, m.model_version)).collect::<Vec<_>>().join(", ");
    let fits = |model: &&Named| {
        wanted == model.model_name
            || wanted == format!("{}:{}", model.model_name, model.model_version)
            || wanted == model.model_id.to_string()
    };
    let mut fitting = known.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(model), None) => Ok(model.clone()),
        (None, _) => Err(format!("--model {wanted}: there is no such model. There are: {}", names())),
        (Some(_), Some(_)) => Err(format!("--model {wanted} can mean several. Add the version: {}", names())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> impl Iterator<Item = Named> {
        [(1, "a", "1"), (2, "a", "2"), (3, "b", "1")].into_iter().map(|(model_id, name, version)| Named {
            model_id,
            model_name: name.to_owned(),
            model_version: version.to_owned(),
        })
    }

    #[test]
    fn a_model_is_chosen_by_name_version_or_id() {
        for (wanted, id) in [("b", 3), ("a:2", 2), ("b:1", 3), ("1", 1)] {
            assert_eq!(choose(wanted, known()).unwrap().model_id, id, "{wanted}");
        }
    }

    #[test]
    fn what_is_unclear_is_asked_back_with_the_names_there_are() {
        assert!(choose("a", known()).unwrap_err().contains("a:1, a:2, b:1"));
        assert!(choose("c", known()).unwrap_err().contains("a:1, a:2, b:1"));
    }
}
