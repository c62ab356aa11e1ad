//! Parsers of values. Each one carries the words for what it allows, which the help of a flag and the documentation
//! print.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

/// Stands between the ends of a range.
pub(super) const TO: char = '–';

/// A parser and what it allows.
#[derive(Clone)]
pub(super) struct Parser<F> {
    parse: F,
    allowed: Vec<String>,
}

impl<F, T> TypedValueParser for Parser<F>
where
    F: Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        self.parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.allowed.iter().cloned().map(PossibleValue::new)))
    }
}

/// A whole number in a range, both ends included.
pub(super) fn whole<T>(min: T, max: T) -> Parser<impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static>
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
{
    let parse = move |text: &str| match text.parse() {
        Ok(value) if value >= min && value <= max => Ok(value),
        _ => Err(format!("it is `{text}`, and must be a whole number from {min} to {max}")),
    };
    Parser { parse, allowed: vec![format!("{min}{TO}{max}")] }
}

/// Whole seconds in a range, both ends included.
pub(super) fn seconds(
    min: u64,
    max: u64,
) -> Parser<impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static> {
    duration(Duration::from_secs, min, max)
}

/// Whole milliseconds in a range, both ends included.
pub(super) fn milliseconds(
    min: u64,
    max: u64,
) -> Parser<impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static> {
    duration(Duration::from_millis, min, max)
}

fn duration(
    unit: fn(u64) -> Duration,
    min: u64,
    max: u64,
) -> Parser<impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static> {
    let Parser { parse, allowed } = whole(min, max);
    Parser { parse: move |text: &str| parse(text).map(unit), allowed }
}

/// A number of threads, or `auto` for one per core within the range `auto_min..=auto_max`.
pub(super) fn threads(
    max: usize,
    auto_min: usize,
    auto_max: usize,
) -> Parser<impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static> {
    let Parser { parse, mut allowed } = whole(1, max);
    allowed.insert(0, "auto".to_owned());
    let parse = move |text: &str| {
        if text == "auto" {
            let cores = std::thread::available_parallelism().map_or(auto_min, usize::from);
            return Ok(cores.clamp(auto_min, auto_max));
        }
        parse(text).map_err(|reason| format!("{reason}, or `auto`"))
    };
    Parser { parse, allowed }
}

/// A number of bytes in a range, or `auto`.
pub(super) fn bytes_or_auto<N, T>(
    min: N,
    max: N,
    auto: T,
    of: fn(N) -> T,
) -> Parser<impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static>
where
    N: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    let Parser { parse, mut allowed } = whole(min, max);
    allowed.insert(0, "auto".to_owned());
    let parse = move |text: &str| {
        if text == "auto" {
            return Ok(auto.clone());
        }
        parse(text).map(of).map_err(|reason| format!("{reason}, or `auto`"))
    };
    Parser { parse, allowed }
}

/// A number from 1 to `most`, or `auto`, which `T` is parsed from.
pub(super) fn count_or_auto<T>(
    most: usize,
) -> Parser<impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    Parser { parse: str::parse, allowed: vec!["auto".to_owned(), format!("1{TO}{most}")] }
}

/// One of several words, each of which `T` can be parsed from.
pub(super) fn choice<T>(
    words: &'static [&'static str],
) -> Parser<impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static>
where
    T: FromStr + Clone + Send + Sync + 'static,
{
    let parse = |text: &str| {
        let parsed = words.contains(&text).then(|| text.parse().ok()).flatten();
        parsed.ok_or_else(|| format!("it is `{text}`, and may be {}", alternatives(words)))
    };
    Parser { parse, allowed: words.iter().map(|word| (*word).to_owned()).collect() }
}

/// Words as "`a`, `b` or `c`".
fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// An IP address or host name with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("`{text}` is not an address with a port, such as 127.0.0.1:8080"))
}

/// A folder; none when the text is blank.
pub(super) fn folder_or_none(text: &str) -> Result<Option<PathBuf>, Infallible> {
    Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        assert_eq!(alternatives(&["auto", "cpu", "cuda"]), "`auto`, `cpu` or `cuda`");
        assert_eq!(alternatives(&["true", "false"]), "`true` or `false`");
        assert_eq!(alternatives(&["only"]), "`only`");
    }

    #[test]
    fn both_ends_of_a_range_are_allowed() {
        let parse = whole(2_u32, 9).parse;
        assert_eq!((parse("2"), parse("9")), (Ok(2), Ok(9)));
        for text in ["1", "10", "-2", "2.5", "", "two", "99999999999999999999"] {
            assert_eq!(parse(text), Err(format!("it is `{text}`, and must be a whole number from 2 to 9")));
        }
    }

    #[test]
    fn automatic_threads_stay_in_their_range() {
        let parse = threads(256, 2, 8).parse;
        assert!((2..=8).contains(&parse("auto").unwrap()));
        assert_eq!(parse("256"), Ok(256));
        assert!(parse("257").unwrap_err().ends_with("from 1 to 256, or `auto`"));
    }
}
