//! `mitsuke model add`.

mod child;
mod environment;
mod exporter;
mod plan;
mod python;
mod registration;
mod source;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mitsuke::config::Settings;
use mitsuke_clip::Manifest;
use mitsuke_engine::blocking;
use reqwest::Url;

use self::child::Stopped;
use self::plan::Plan;
use self::registration::Target;
use self::source::{Kind, Source};
use super::check::Check;
use crate::cli::INTERRUPTED;
use crate::cli::interrupt::Signals;
use crate::cli::server::parse_server;

/// The arguments of `mitsuke model add`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
The command exports the model into a folder of its name below MITSUKE_MODELS_DIR, checks the folder, and has the running \
server register it. The export proves that the result equals the original. It runs in a virtual environment of Python, \
which the first run makes in the cache folder (MITSUKE_CACHE_DIR, else $XDG_CACHE_HOME/mitsuke or ~/.cache/mitsuke).

The same command continues after an interruption. A folder that is there already is not exported again, only checked and \
registered.

The server is the one that runs on MITSUKE_DATA_DIR, else the one at http://127.0.0.1:8080, unless --server names one. It \
has to see the same MITSUKE_MODELS_DIR.

Exit status: 0 the model is there, 1 it is not, 130 interrupted.

Examples:
  mitsuke model add rinna/japanese-clip-vit-b-16 --dry-run
  HF_TOKEN=hf_… mitsuke model add stabilityai/japanese-stable-clip-vit-l-16 --trust-remote-code --name jsclip
  mitsuke model add ~/Downloads/siglip2-base-patch16-224 --licence Apache-2.0 --backfill
  mitsuke model add open_clip:ViT-B-32:laion2b_s34b_b79k -- --no-int8")]
pub struct Add {
    /// The model: a name of the Hugging Face hub, a folder with the same files, or open_clip:ARCHITECTURE:WEIGHTS
    #[arg(value_name = "NAME|FOLDER")]
    source: String,
    /// Name of the model and of its folder below MITSUKE_MODELS_DIR. Default: the last part of the source
    #[arg(long)]
    name: Option<String>,
    /// Run the Python code that the model brings along, with your rights
    #[arg(long)]
    trust_remote_code: bool,
    /// Licence of the model, where its model card states none
    #[arg(long)]
    licence: Option<String>,
    /// Branch, tag or commit of the hub's repository. Default: the newest
    #[arg(long)]
    revision: Option<String>,
    /// Export the model anew though its folder is there
    #[arg(long)]
    force: bool,
    /// Folder of model folders. [env: MITSUKE_MODELS_DIR]
    #[arg(long, value_name = "FOLDER")]
    models_dir: Option<PathBuf>,
    /// Python that makes the exporter's environment. Default: the first of python3 and others that is new enough
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Embed the images of the server with the model at the end, and show how far that is
    #[arg(long)]
    backfill: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Address of the server that registers the model
    #[arg(long, value_name = "URL", value_parser = parse_server)]
    server: Option<Url>,
    /// A key of the server. Better in the environment or .env, as MITSUKE_API_KEY: other users of this machine can
    /// see command lines
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// More options for the exporter, after --; `scripts/export_model.py --help` lists them
    #[arg(last = true, value_name = "OPTION")]
    more: Vec<String>,
}

impl Add {
    /// Adds the model, and says why where it cannot be added.
    ///
    /// # Errors
    /// When the async runtime cannot be started.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(self.add());
        // The program does not wait for a check or a question that a signal has ended.
        runtime.shutdown_background();
        done.or_else(|error| {
            if error.is::<Stopped>() {
                eprintln!("stopped; the same command continues from here");
                return Ok(ExitCode::from(INTERRUPTED));
            }
            eprintln!("mitsuke model add: {error}");
            Ok(ExitCode::FAILURE)
        })
    }

    async fn add(mut self) -> Result<ExitCode, Box<dyn Error>> {
        let mut settings = Settings::from_env()?;
        if let Some(folder) = self.models_dir.take() {
            settings.models_dir = folder;
        }
        let source = Source::parse(&self.source)?;
        let folder = settings.models_dir.join(self.folder_name(&source)?);
        let is_there = self.is_there(&source, &folder)?;
        println!(
            "model       {}{}",
            source.given,
            match source.kind {
                Kind::Hub => " from the Hugging Face hub",
                Kind::Folder => ", a folder of this machine",
                Kind::OpenClip => ", weights of open_clip",
            }
        );
        let target = Target::of(self.server.take(), self.api_key.take(), &settings)?;
        let plan = if is_there {
            println!("folder      {} is there; --force would export it anew", folder.display());
            None
        } else {
            println!("licence     {}", source.licence());
            Some(Plan::of(&self, &source, &folder)?)
        };
        println!("server      {}", target.shown());
        if self.dry_run {
            println!("nothing was changed, as --dry-run asks");
            return Ok(ExitCode::SUCCESS);
        }
        let mut signals = Signals::new()?;
        if let Some(plan) = plan {
            plan.run(&mut signals).await?;
        }
        println!("\nchecking {}", folder.display());
        let check = Check::of(folder.clone(), &settings.encoder);
        let checked = blocking::run(move || check.run().map_err(|error| error.to_string()));
        tokio::select! {
            checked = checked => checked??,
            () = signals.next() => return Err(Stopped.into()),
        };
        let Manifest { model_name, model_version, .. } = Manifest::read(&folder)?;
        let registered = tokio::select! {
            registered = target.register(&folder, &model_name, &model_version) => registered?,
            () = signals.next() => return Err(Stopped.into()),
        };
        match registered {
            Some(model) => {
                println!("registered  as model {} of the server at {}", model.model_id, target.shown());
                target.backfill(model, self.backfill, signals).await
            }
            None => {
                drop(signals);
                target.without_server(&model_name, &model_version, self.backfill, &settings).await
            }
        }
    }

    /// Returns the name of the model folder.
    fn folder_name(&self, source: &Source) -> Result<String, String> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                source.folder_name().ok_or_else(|| format!("{} gives the folder no name; give --name", source.given))?
            }
        };
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Err(format!(
                "{name:?} cannot be the name of a model folder. Give a plain word, such as jsclip, with --name"
            ));
        }
        Ok(name)
    }

    /// Tells whether the folder holds the model already, and is not to be exported anew.
    ///
    /// # Errors
    /// When the folder holds something else.
    fn is_there(&self, source: &Source, folder: &Path) -> Result<bool, String> {
        if self.force || !folder.exists() {
            return Ok(false);
        }
        let other = |what: &str| {
            format!("{} is there and {what}. Give another --name, or --force to replace it", folder.display())
        };
        let manifest =
            Manifest::read(folder).map_err(|error| other(&format!("is no model folder that can be used: {error}")))?;
        match manifest.export {
            Some(export) if is_same(&export.source, source) => Ok(true),
            Some(export) => Err(other(&format!("holds a model from {}", export.source))),
            None => Err(other("holds a model that was not exported from anything")),
        }
    }
}

/// Tells whether two sources are the same; folders are compared as files.
fn is_same(recorded: &str, source: &Source) -> bool {
    let path = |text: &str| Path::new(text).canonicalize().ok();
    recorded == source.given
        || (source.kind == Kind::Folder && path(recorded).is_some_and(|r| Some(r) == path(&source.given)))
}
