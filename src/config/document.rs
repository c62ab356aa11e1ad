//! The settings as documents: `.env.example` and docs/configuration.md.

use std::fmt::Write as _;

use clap::Arg;
use clap::builder::PossibleValue;

use super::parsers::TO;
use super::sources::{command, explanation, variable};

/// Characters of a line of `.env.example`.
const WIDTH: usize = 80;

const EXAMPLE_HEAD: &str = "\
Settings of Mitsuke, as `mitsuke settings --env-example` prints them. Copy this file to .env and change what you need: \
the server reads .env in the folder it is started in. A flag of `mitsuke serve` and a variable of the environment win \
over a line here. A line shows the default, where there is one.";

const MARKDOWN_HEAD: &str = "\
# Configuration

<!-- Printed by `mitsuke settings --markdown`. Change src/config/table, and print it again. -->

Every setting is a variable of the environment, a line of a file `.env` in the working directory (`.env.example` is
one to start from), and a flag of `mitsuke serve`, `doctor`, `migrate` and `index build`. The flag wins over the
environment, the environment over `.env`, and `.env` over the default. The other commands read the environment and
`.env`. A variable that is set but blank counts as not set; only `MITSUKE_IMAGES_DIR` can be set to nothing.

The database password and the API keys are not flags, because other users of a machine can see its command lines. They
come from the environment, from `.env`, or from a file that a setting names.
";

/// `.env.example`: every setting with its explanation and its default, commented out.
#[must_use]
pub fn env_example() -> String {
    let mut text = commented(EXAMPLE_HEAD);
    each_setting(|group, setting| {
        if let Some(group) = group {
            let rule = "-".repeat(WIDTH - 8 - group.len());
            writeln!(text, "\n# ---- {group} {rule}").ok();
        }
        text.push('\n');
        let mut about = explanation(setting.0);
        let allowed = setting.allowed("");
        if !allowed.is_empty() {
            write!(about, " Allowed: {allowed}.").ok();
        }
        if let Some(size) = setting.default().and_then(|default| setting.size(&default)) {
            write!(about, " The default is {size}.").ok();
        }
        text.push_str(&commented(&about));
        writeln!(text, "#{}={}", variable(setting.0), setting.default().unwrap_or_default()).ok();
    });
    text
}

/// docs/configuration.md: one table per group of settings.
#[must_use]
pub fn markdown() -> String {
    let mut text = MARKDOWN_HEAD.to_owned();
    each_setting(|group, setting| {
        if let Some(group) = group {
            writeln!(text, "\n## {group}\n\n| variable | flag | default | allowed | meaning |\n|---|---|---|---|---|")
                .ok();
        }
        let flag = setting.flag().map_or_else(|| "no flag".to_owned(), |flag| format!("`{flag}`"));
        let default = setting.default().map_or_else(|| "none".to_owned(), |default| setting.value(&default, "`"));
        let allowed = Some(setting.allowed("`")).filter(|allowed| !allowed.is_empty());
        let allowed = allowed.unwrap_or_else(|| setting.kind());
        let about = explanation(setting.0).replace('|', "\\|").replace('*', "\\*");
        writeln!(text, "| `{}` | {flag} | {default} | {allowed} | {about} |", variable(setting.0)).ok();
    });
    text
}

/// Visits all settings in their order, the first of a group with the heading of that group.
fn each_setting(mut visit: impl FnMut(Option<&str>, &Setting<'_>)) {
    let mut group = None;
    for arg in command().get_arguments() {
        let heading = arg.get_help_heading();
        let first = heading.filter(|_| heading != group.as_deref());
        visit(first, &Setting(arg));
        group = heading.map(str::to_owned);
    }
}

struct Setting<'a>(&'a Arg);

impl Setting<'_> {
    fn flag(&self) -> Option<String> {
        self.0.get_long().filter(|_| !self.0.is_hide_set()).map(|flag| format!("--{flag}"))
    }

    fn default(&self) -> Option<String> {
        self.0.get_default_values().first().map(|value| value.to_string_lossy().into_owned())
    }

    /// The allowed words and ranges, each value in these quotes; empty for free text, files and the like.
    fn allowed(&self, quote: &str) -> String {
        let range = |allowed: &PossibleValue| {
            let ends: Vec<_> = allowed.get_name().split(TO).map(|end| self.value(end, quote)).collect();
            ends.join(" to ")
        };
        self.0.get_possible_values().iter().map(range).collect::<Vec<_>>().join(", ")
    }

    /// A value in quotes, with its size where it is a number of bytes.
    fn value(&self, value: &str, quote: &str) -> String {
        let size = self.size(value).map(|size| format!(" ({size})")).unwrap_or_default();
        format!("{quote}{value}{quote}{size}")
    }

    /// A large number of bytes in a unit that can be read at a glance.
    fn size(&self, value: &str) -> Option<String> {
        const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let bytes: u64 = value.parse().ok().filter(|_| self.kind() == "bytes")?;
        let (unit, shift) = UNITS.into_iter().find(|(_, shift)| bytes > 0 && bytes.is_multiple_of(1 << shift))?;
        Some(format!("{} {unit}", bytes >> shift))
    }

    /// The kind of a value: "folder", "address", "bytes".
    fn kind(&self) -> String {
        let names = self.0.get_value_names().unwrap_or_default();
        names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>().join(" ")
    }
}

/// A text as comment lines, none longer than [`WIDTH`] unless a word is.
fn commented(text: &str) -> String {
    let (mut comment, mut column) = (String::from("#"), 1);
    for word in text.split_whitespace() {
        let length = 1 + word.chars().count();
        if column > 1 && column + length > WIDTH {
            comment.push_str("\n#");
            column = 1;
        }
        comment.push(' ');
        comment.push_str(word);
        column += length;
    }
    comment.push('\n');
    comment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn committed(path: &str) -> String {
        std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn the_committed_documents_are_the_printed_ones() {
        for (path, printed, option) in
            [(".env.example", env_example(), "--env-example"), ("docs/configuration.md", markdown(), "--markdown")]
        {
            let command = format!("cargo run --bin mitsuke -- settings {option} > {path}");
            assert!(committed(path) == printed, "run: {command}");
        }
    }

    #[test]
    fn the_lines_of_the_example_file_set_the_defaults() {
        let example = env_example();
        let lines: Vec<_> = example.lines().filter_map(|line| line.strip_prefix('#')).collect();
        let set = lines.into_iter().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect::<Vec<_>>();
        assert_eq!(set.len(), command().get_arguments().count());
        let variables: Vec<_> =
            dotenvy::from_read_iter(set.join("\n").as_bytes()).collect::<dotenvy::Result<_>>().unwrap();
        let lookup = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let (set, unset) = (Settings::from_lookup(&lookup).unwrap(), Settings::from_lookup(&|_| None).unwrap());
        assert!(set.api_keys.is_empty() && set.oracle.is_none());
        assert_eq!(format!("{set:?}"), format!("{unset:?}"));
    }

    /// Returns the names in a text that begin as variables of settings do.
    fn variables(text: &str) -> impl Iterator<Item = &str> {
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        text.split(move |c| !is_part(c)).filter(|word| word.starts_with("MITSUKE_"))
    }

    #[test]
    fn the_settings_that_pages_name_exist() {
        // Commands read the first of these, scripts the second.
        const OTHERS: [&str; 2] = ["MITSUKE_API_KEY", "MITSUKE_SKIP_BROWSER"];
        let command = command();
        let settings: Vec<_> = command.get_arguments().map(variable).collect();
        let mut named = 0;
        for page in ["README.md", "README.ja.md", "CHANGELOG.md"].map(str::to_owned).into_iter().chain(
            ["alerts", "api", "building", "deployment", "running", "upgrading"].map(|page| format!("docs/{page}.md")),
        ) {
            for name in variables(&committed(&page)) {
                assert!(settings.contains(&name) || OTHERS.contains(&name), "{page} names {name}, which is no setting");
                named += 1;
            }
        }
        assert!(named > 30, "{named}");
    }

    #[test]
    fn no_line_of_the_example_file_is_longer_than_it_should_be() {
        for line in env_example().lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
