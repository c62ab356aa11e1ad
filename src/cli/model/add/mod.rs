//! `mitsuke model add`.

mod child;
mod environment;
mod exporter;
mod python;
mod registration;
mod source;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use mitsuke::config::Settings;
use mitsuke_clip::Manifest;
use mitsuke_engine::blocking;
use reqwest::Url;

use self::child::{Child, Stopped};
use self::environment::Environment;
use self::exporter::Exporter;
use self::python::Python;
use self::registration::Target;
use self::source::{Hub, Kind, Source};
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
            Some(self.plan(&source, &folder)?)
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
        match target.register(&folder, &model_name, &model_version).await? {
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

    /// Finds everything that an export needs, and prints it.
    ///
    /// # Errors
    /// When something is missing, with what to do about it.
    fn plan(&self, source: &Source, folder: &Path) -> Result<Plan, Box<dyn Error>> {
        let exporter = Exporter::find(&std::env::current_exe()?, &std::env::current_dir()?)?;
        let python = Python::find(self.python.as_deref(), exporter.oldest_python()?)?;
        let environment = Environment::of(&exporter, &python)?;
        println!("folder      {}, to be written", folder.display());
        println!("exporter    {}", exporter.folder.display());
        println!("python      {} ({}.{})", python.path.display(), python.version.0, python.version.1);
        let state =
            if environment.is_complete() { "there".to_owned() } else { format!("to be made: {}", environment.cost()) };
        println!("packages    {}, {state}", environment.folder.display());
        let plan = Plan { arguments: self.exporter_arguments(source, folder), exporter, python, environment };
        println!("export      {}", plan.line());
        if self.dry_run {
            return Ok(plan);
        }
        let open: Vec<String> =
            [self.open_trust(source), open_access(source, &plan.environment)].into_iter().flatten().collect();
        if open.is_empty() { Ok(plan) } else { Err(open.join("\n").into()) }
    }

    /// Returns what the person has to decide before a model runs that is known to bring code. The exporter finds that out
    /// of the others.
    fn open_trust(&self, source: &Source) -> Option<String> {
        (!self.trust_remote_code && source.brings_code()).then(|| {
            format!(
                "{} brings Python code of its own, which runs on this machine with your rights. Read it at {}/tree/main, and \
                 if you trust it, add --trust-remote-code.",
                source.given,
                source.page()
            )
        })
    }

    fn exporter_arguments(&self, source: &Source, folder: &Path) -> Vec<String> {
        let mut arguments = vec![source.given.clone(), folder.to_string_lossy().into_owned()];
        let licence = self.licence.as_deref().or_else(|| source.licence_to_tell());
        for (option, value) in
            [("--name", self.name.as_deref()), ("--licence", licence), ("--revision", self.revision.as_deref())]
        {
            if let Some(value) = value {
                arguments.extend([option.to_owned(), value.to_owned()]);
            }
        }
        for (option, is_set) in [("--trust-remote-code", self.trust_remote_code), ("--force", self.force)] {
            if is_set {
                arguments.push(option.to_owned());
            }
        }
        arguments.extend(self.more.iter().cloned());
        arguments
    }
}

/// Returns what the person has to do before the hub gives a gated model out. A token that is found is printed.
fn open_access(source: &Source, environment: &Environment) -> Option<String> {
    let hub = Hub::new(|name: &str| std::env::var_os(name));
    if !source.is_gated() || hub.has(source) {
        return None;
    }
    if let Some(place) = hub.token() {
        println!("token       found ({place})");
        return None;
    }
    let login = match environment.is_complete() {
        true => format!(", or `{} auth login`", environment.hub_command().display()),
        false => String::new(),
    };
    Some(format!(
        "{name} is gated: its owner asks you to accept a licence first, and this machine has no token.\n  \
         1. Log in at {page} (an account is free) and accept the licence shown there.\n  \
         2. Make an access token that may read gated repositories: https://huggingface.co/settings/tokens\n  \
         3. Give it to this machine: set HF_TOKEN{login}, and run this command again.",
        name = source.given,
        page = source.page(),
    ))
}

/// Tells whether two sources are the same; folders are compared as files.
fn is_same(recorded: &str, source: &Source) -> bool {
    let path = |text: &str| Path::new(text).canonicalize().ok();
    recorded == source.given
        || (source.kind == Kind::Folder && path(recorded).is_some_and(|r| Some(r) == path(&source.given)))
}

/// An export that is ready to run.
struct Plan {
    exporter: Exporter,
    python: Python,
    environment: Environment,
    /// The arguments of the exporter.
    arguments: Vec<String>,
}

impl Plan {
    /// Returns the command of the export as a line for people.
    fn line(&self) -> String {
        let script = self.exporter.script();
        let words = [self.environment.python().display().to_string(), script.display().to_string()];
        let quoted = |word: &String| if word.contains(' ') { format!("'{word}'") } else { word.clone() };
        words.iter().chain(&self.arguments).map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Makes the environment if need be, and exports the model.
    ///
    /// # Errors
    /// When one of them fails, or a signal stops it.
    async fn run(&self, signals: &mut Signals) -> Result<(), Box<dyn Error>> {
        self.environment.make(&self.python, signals).await?;
        println!(
            "\nexporting; a ViT-B takes some minutes, a ViT-L a quarter of an hour of one core, besides the download"
        );
        let mut export = Command::new(self.environment.python());
        // -B leaves the folder of the exporter as it is. The progress is on standard error; the one line on standard
        // output says what this command does next.
        export.args(["-I", "-B"]).arg(self.exporter.script()).args(&self.arguments);
        export.stdin(Stdio::null()).stdout(Stdio::null());
        let status = Child::start(&mut export)?.finish(signals).await?;
        match status.code() {
            Some(0) => Ok(()),
            Some(_) => {
                Err("the model was not exported; the exporter's message is above. The same command continues from here".into())
            }
            None => Err(format!(
                "the system ended the exporter ({status}). It does so when memory runs out; a model like a ViT-L takes about 7 \
                 GB. The same command continues from here"
            )
            .into()),
        }
    }
}
