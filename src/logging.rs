//! The log of the program, on standard error: lines for people, or one JSON object a line for programs that collect logs.

use std::io::{self, Write};
use std::str::FromStr;

use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};
use mitsuke_engine::request_id;
use serde::Serialize;
use serde_json::{Map, json};
use time::OffsetDateTime;

/// The format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The names of all formats.
    pub const NAMES: [&str; 2] = [Self::Text.name(), Self::Json.name()];

    /// Returns the name that settings and flags use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Text, Self::Json].into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| format!("{text} is no format of the log"))
    }
}

/// Starts the log. `filter` says which lines are written, in the syntax of `RUST_LOG`; without a usable part it is that of
/// errors alone. In JSON a panic is a line of the log, too.
///
/// # Panics
/// When the process has a logger already.
pub fn start(filter: &str, format: LogFormat) {
    let mut logger = env_logger::Builder::new();
    logger.parse_filters(filter);
    match format {
        LogFormat::Text => {
            if let Ok(style) = std::env::var("RUST_LOG_STYLE") {
                logger.parse_write_style(&style);
            }
        }
        LogFormat::Json => {
            logger.format(write_json);
        }
    }
    logger.init();
    if format == LogFormat::Json {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if log::log_enabled!(Level::Error) {
                log::error!("{panic}");
            } else {
                before(panic);
            }
        }));
    }
}

/// A line of the log in JSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    level: String,
    target: &'a str,
    message: String,
    #[serde(flatten)]
    fields: Map<String, serde_json::Value>,
}

fn write_json(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    let mut fields = Fields(Map::new());
    let id = request_id::current().id;
    if !id.is_empty() {
        fields.0.insert("request_id".to_owned(), json!(&*id));
    }
    record.key_values().visit(&mut fields).map_err(io::Error::other)?;
    let line = Line {
        time: OffsetDateTime::now_utc(),
        level: record.level().as_str().to_ascii_lowercase(),
        target: record.target(),
        message: record.args().to_string(),
        fields: fields.0,
    };
    // The line is written at once, so that two threads do not mix theirs.
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// The fields of a line beside its message.
struct Fields(Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let mut json = serde_json::Value::Null;
        value.visit(AsJson(&mut json))?;
        self.0.insert(key.to_string(), json);
        Ok(())
    }
}

/// Turns the value of a field into JSON: numbers, truth and nothing as they are, everything else as text.
struct AsJson<'a>(&'a mut serde_json::Value);

impl<'v> VisitValue<'v> for AsJson<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        *self.0 = json!(value.to_string());
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        *self.0 = serde_json::Value::Null;
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        *self.0 = json!(value);
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        *self.0 = json!(value);
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        *self.0 = json!(value);
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        *self.0 = json!(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::kv::ToValue as _;
    use mitsuke_engine::request_id::{RequestFacts, within};

    fn written(record: &Record<'_>) -> serde_json::Value {
        let mut out = Vec::new();
        write_json(&mut out, record).unwrap();
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        assert_eq!(LogFormat::NAMES.map(str::parse), [Ok(LogFormat::Text), Ok(LogFormat::Json)]);
        assert!("JSON".parse::<LogFormat>().is_err());
    }

    #[test]
    fn a_line_is_one_object_whatever_is_in_its_message() {
        let record = |args| Record::builder().level(Level::Warn).target("a::b").args(args).build();
        let line = written(&record(format_args!("a \"quoted\"\nline of {}", "猫")));
        let time = line["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
        let rest = [&line["level"], &line["target"], &line["message"]];
        assert_eq!(rest, [&json!("warn"), &json!("a::b"), &json!("a \"quoted\"\nline of 猫")]);
        assert_eq!(line.as_object().unwrap().len(), 4);
    }

    #[test]
    fn fields_keep_their_types_and_nothing_is_null() {
        let fields = [("status", 201_u16.to_value()), ("duration_ms", 1.5.to_value()), ("path", "/図".to_value())];
        let none = [("key", None::<&str>.to_value())];
        let all: Vec<_> = fields.into_iter().chain(none).collect();
        let line = written(&Record::builder().args(format_args!("x")).key_values(&all).build());
        let found = ["status", "duration_ms", "path", "key"].map(|name| &line[name]);
        assert_eq!(found, [&json!(201), &json!(1.5), &json!("/図"), &json!(null)]);
        assert!(line.as_object().unwrap().contains_key("key"));
    }

    #[test]
    fn work_for_a_request_names_it() {
        let facts = RequestFacts { id: "a-7".into(), ..RequestFacts::default() };
        let line = within(facts, || written(&Record::builder().args(format_args!("x")).build()));
        assert_eq!(line["request_id"], "a-7");
    }
}
