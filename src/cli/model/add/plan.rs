//! An export that is ready to run: everything that it needs is there or can be made.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Add;
use super::child::Child;
use super::environment::Environment;
use super::exporter::Exporter;
use super::python::Python;
use super::source::{Hub, Source};
use crate::cli::interrupt::Signals;

/// An export that is ready to run.
pub struct Plan {
    exporter: Exporter,
    python: Python,
    environment: Environment,
    /// The arguments of the exporter.
    arguments: Vec<String>,
}

impl Plan {
    /// Finds everything that an export needs, and prints it.
    ///
    /// # Errors
    /// When something is missing, with what to do about it.
    pub fn of(add: &Add, source: &Source, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let exporter = Exporter::find(&std::env::current_exe()?, &std::env::current_dir()?)?;
        let python = Python::find(add.python.as_deref(), exporter.oldest_python()?)?;
        let environment = Environment::of(&exporter, &python)?;
        println!("folder      {}, to be written", folder.display());
        println!("exporter    {}", exporter.folder.display());
        println!("python      {} ({}.{})", python.path.display(), python.version.0, python.version.1);
        let state = match environment.is_complete() {
            true => "there".to_owned(),
            false => format!("to be made: {}", environment.cost()),
        };
        println!("packages    {}, {state}", environment.folder.display());
        let plan = Self { arguments: arguments(add, source, folder), exporter, python, environment };
        println!("export      {}", plan.line());
        let open: Vec<String> = trust(add, source).into_iter().chain(plan.access(source)).collect();
        if add.dry_run {
            open.iter().for_each(|point| println!("to do       {point}"));
        } else if !open.is_empty() {
            return Err(open.join("\n").into());
        }
        Ok(plan)
    }

    /// Returns what the person has to do before the hub gives a gated model out. A token that is found is printed.
    fn access(&self, source: &Source) -> Option<String> {
        let hub = Hub::new(|name: &str| std::env::var_os(name));
        if !source.is_gated() || hub.has(source) {
            return None;
        }
        if let Some(place) = hub.token() {
            println!("token       found ({place})");
            return None;
        }
        let login = match self.environment.is_complete() {
            true => format!(", or `{} auth login`", self.environment.hub_command().display()),
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
    pub async fn run(&self, signals: &mut Signals) -> Result<(), Box<dyn Error>> {
        self.environment.make(&self.python, signals).await?;
        println!("\nexporting; a model like ViT-L/16 takes about 12 minutes of one core, besides the download");
        let mut export = Command::new(self.environment.python());
        // -B leaves the folder of the exporter as it is. The progress is on standard error; the one line on standard
        // output says what this command does next.
        export.args(["-I", "-B"]).arg(self.exporter.script()).args(&self.arguments);
        export.stdin(Stdio::null()).stdout(Stdio::null());
        let status = Child::start(&mut export)?.finish(signals).await?;
        match status.code() {
            Some(0) => Ok(()),
            Some(_) => Err("the model was not exported; the exporter's message is above. The same command continues from \
                            here"
                .into()),
            None => Err(format!(
                "the system ended the exporter ({status}). It does so when memory runs out; a model like ViT-L/16 takes about \
                 6.5 GB. The same command continues from here"
            )
            .into()),
        }
    }
}

/// Returns what the person has to decide before a model runs that is known to bring code. The exporter finds that out of
/// the others.
fn trust(add: &Add, source: &Source) -> Option<String> {
    (!add.trust_remote_code && source.brings_code()).then(|| {
        format!(
            "{} brings Python code of its own, which runs on this machine with your rights. Read it at {}/tree/main, and if \
             you trust it, add --trust-remote-code.",
            source.given,
            source.page()
        )
    })
}

/// Returns the arguments of the exporter.
fn arguments(add: &Add, source: &Source, folder: &Path) -> Vec<String> {
    let mut arguments = vec![source.given.clone(), folder.to_string_lossy().into_owned()];
    let licence = add.licence.as_deref().or_else(|| source.licence_to_tell());
    for (option, value) in
        [("--name", add.name.as_deref()), ("--licence", licence), ("--revision", add.revision.as_deref())]
    {
        if let Some(value) = value {
            arguments.extend([option.to_owned(), value.to_owned()]);
        }
    }
    for (option, is_set) in [("--trust-remote-code", add.trust_remote_code), ("--force", add.force)] {
        if is_set {
            arguments.push(option.to_owned());
        }
    }
    arguments.extend(add.more.iter().cloned());
    arguments
}
