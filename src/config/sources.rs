//! Where values come from: a flag wins over the environment, and the environment over the default.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory as _, FromArgMatches};

use super::table::Values;
use super::{ConfigError, Lookup};

/// The variable whose blank value means "none" rather than "not set".
const BLANK_IS_A_VALUE: &str = "MITSUKE_IMAGES_DIR";

/// All settings as arguments of a command line. Secrets are among them and are hidden.
pub(super) fn command() -> Command {
    Values::command().mut_args(|arg| {
        let flag = flag_of(variable(&arg));
        arg.long(flag)
    })
}

/// The variable of a setting.
pub(super) fn variable(arg: &Arg) -> &str {
    arg.get_env().and_then(OsStr::to_str).unwrap_or_default()
}

/// The explanation of a setting, as whole sentences.
pub(super) fn explanation(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    // The derive macro of clap takes the last full stop away.
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// The flag that follows from a variable, without its dashes.
fn flag_of(variable: &str) -> String {
    let name = variable.strip_prefix("MITSUKE_").or_else(|| variable.strip_prefix("RUST_")).unwrap_or(variable);
    name.to_ascii_lowercase().replace('_', "-")
}

/// The settings of a command line, as they were written there.
///
/// A command takes them with `#[command(flatten)]`: every setting that is not secret becomes a flag. clap checks each
/// value by itself, and [`Settings::from_flags`](super::Settings::from_flags) checks them together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// The variable of a setting and the value of its flag.
    values: Vec<(String, OsString)>,
}

impl Flags {
    fn get(&self, variable: &str) -> Option<&OsStr> {
        self.values.iter().find(|(name, _)| name == variable).map(|(_, value)| value.as_os_str())
    }

    /// The log filter, when a flag sets one.
    #[must_use]
    pub fn log_filter(&self) -> Option<&str> {
        self.get("RUST_LOG").and_then(OsStr::to_str)
    }

    /// The format of the log, when a flag sets one.
    #[must_use]
    pub fn log_format(&self) -> Option<&str> {
        self.get("MITSUKE_LOG_FORMAT").and_then(OsStr::to_str)
    }
}

impl Args for Flags {
    fn augment_args(into: Command) -> Command {
        let flag = |arg: &Arg| {
            let name = variable(arg).to_owned();
            let help = format!("{}\n[env: {name}]", explanation(arg));
            // The environment is read later: clap would refuse variables that are set and blank.
            arg.clone().id(name).help(help).env(Resettable::Reset)
        };
        let flags: Vec<_> = command().get_arguments().filter(|arg| !arg.is_hide_set()).map(flag).collect();
        into.next_line_help(true).args(flags)
    }

    fn augment_args_for_update(into: Command) -> Command {
        Self::augment_args(into)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut values = Vec::new();
        for arg in command().get_arguments().filter(|arg| !arg.is_hide_set()) {
            let name = variable(arg);
            if matches.value_source(name) == Some(ValueSource::CommandLine)
                && let Some(value) = matches.get_raw(name).and_then(Iterator::last)
            {
                values.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(Self { values })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let Self { values } = Self::from_arg_matches(matches)?;
        self.values.retain(|(name, _)| values.iter().all(|(newer, _)| newer != name));
        self.values.extend(values);
        Ok(())
    }
}

/// The sources of all values.
pub(super) struct Sources<'a> {
    pub flags: &'a Flags,
    pub environment: Lookup<'a>,
}

impl Sources<'_> {
    /// The values that are given, and the defaults of the others.
    ///
    /// # Errors
    /// The first value that is not allowed.
    pub fn read(&self) -> Result<Values, ConfigError> {
        let command = command();
        // The line holds secrets too, and never leaves the process.
        let mut line = vec![OsString::from("mitsuke")];
        for arg in command.get_arguments() {
            if let (Some(flag), Some(value)) = (arg.get_long(), self.value(arg)) {
                let mut argument = OsString::from(format!("--{flag}="));
                argument.push(value);
                line.push(argument);
            }
        }
        // clap must not read the process environment, only the one that the caller handed in.
        let matches = command.clone().mut_args(|arg| arg.env(Resettable::Reset)).try_get_matches_from(line);
        matches.and_then(|matches| Values::from_arg_matches(&matches)).map_err(|error| self.explain(&error, &command))
    }

    fn value(&self, arg: &Arg) -> Option<OsString> {
        let name = variable(arg);
        if let Some(value) = self.flags.get(name) {
            return Some(value.to_owned());
        }
        let text = (self.environment)(name)?;
        // A secret is not trimmed, because a password may begin or end with a space.
        let text = if arg.is_hide_set() { text.as_str() } else { text.trim() };
        (!text.is_empty() || name == BLANK_IS_A_VALUE).then(|| text.into())
    }

    /// Returns whether a flag or the environment gives this setting a value.
    pub fn is_given(&self, name: &str) -> bool {
        command().get_arguments().any(|arg| variable(arg) == name && self.value(arg).is_some())
    }

    /// The name of a setting as the user wrote it: its flag where the flag was given, else its variable.
    pub fn name(&self, variable: &str) -> String {
        match self.flags.get(variable) {
            Some(_) => format!("--{}", flag_of(variable)),
            None => variable.to_owned(),
        }
    }

    fn explain(&self, error: &clap::Error, command: &Command) -> ConfigError {
        // clap names an argument as its usage shows it: `--max-files <N>`.
        let usage = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
        let flag = usage.split([' ', '=', '[']).next().and_then(|flag| flag.strip_prefix("--"));
        let arg = command.get_arguments().find(|arg| flag.is_some() && arg.get_long() == flag);
        ConfigError {
            name: arg.map_or_else(|| usage.clone(), |arg| self.name(variable(arg))),
            reason: std::error::Error::source(error).map_or_else(|| error.kind().to_string(), ToString::to_string),
        }
    }
}
