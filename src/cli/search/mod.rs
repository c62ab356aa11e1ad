//! `mitsuke search`.

mod table;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mitsuke_client::pages::{Query, Total, filter_parameters};
use mitsuke_client::{Client, ConnectError, FIRST_CONTACT, FailureKind, RetryPolicy};
use mitsuke_engine::search::line::{self, Part};
use serde_json::Value;

use super::filter::FilterArguments;
use super::server::ServerArguments;
use table::Found;

/// Exit status when nothing is found, as `grep` has it.
const NOTHING_FOUND: u8 = 1;
/// Exit status when the search cannot be made.
const UNUSABLE: u8 = 2;
/// The last hit of a ranking that the server shows.
const LAST_HIT: u64 = 10_000;

/// The query, and the form of the answer.
#[derive(Debug, Args)]
#[command(after_long_help = "\
TEXT is a query line: words, \"phrases\", fields such as tag:海 or taken:2024, and -words to leave out. Without TEXT, \
--image and --like the newest pictures are listed, or those that come first by --sort.

Exit status: 0 pictures are found, 1 none is found, 2 the search could not be made.

Examples:
  mitsuke search 夕焼けの海
  mitsuke search 'sunset -people taken:2024' --limit 50
  mitsuke search --image photo.jpg --likely --paths
  mitsuke search --tag 海 --sort taken --json")]
pub struct SearchArguments {
    /// The query line. Several texts count as one
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Search by this picture file; may be given several times
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Search by the stored picture with this id; may be given several times
    #[arg(long, value_name = "ID")]
    like: Vec<i64>,
    /// The way to compare TEXT with pictures [default: hybrid]
    #[arg(long, value_enum, conflicts_with_all = ["image", "like"])]
    mode: Option<Mode>,
    /// A text that the pictures should not show
    #[arg(long, value_name = "TEXT")]
    exclude: Option<String>,
    /// Number of pictures; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,
    /// Least similarity of a picture, such as 0.1
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    min_similarity: Option<f32>,
    /// Greatest drop from the similarity of the best match, such as 0.1
    #[arg(long, value_name = "X")]
    max_gap: Option<f32>,
    /// Leave out pictures that are not likely what the query asks for
    #[arg(long)]
    likely: bool,
    /// The order of a list without a query
    #[arg(long, value_enum, conflicts_with_all = ["text", "image", "like", "exclude", "min_similarity", "max_gap", "likely"])]
    sort: Option<Sort>,
    /// Print one JSON object a line for each picture, as the API describes it
    #[arg(long, conflicts_with = "paths")]
    json: bool,
    /// Print the path of each picture in the folder that was uploaded, its file name where the path is not known
    #[arg(long)]
    paths: bool,
    /// End each path with a NUL character instead of a line break, for `xargs -0`
    #[arg(short = '0', long, requires = "paths")]
    null: bool,
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten, next_help_heading = "Server")]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// By what the pictures show, and by their texts
    Hybrid,
    /// By what the pictures show
    Vector,
    /// By their texts: caption, tags, generation prompt, file name
    Keyword,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    /// The newest first
    Uploaded,
    /// The latest by the clock of the camera first
    Taken,
    /// By file name
    Name,
    /// The largest file first
    Bytes,
    /// In a shuffled order
    Random,
}

/// Searches, and prints what is found.
///
/// # Errors
/// When the async runtime cannot be started.
pub fn run(arguments: &SearchArguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(search(arguments)).unwrap_or_else(|error| {
        eprintln!("mitsuke search: {error}");
        ExitCode::from(UNUSABLE)
    }))
}

async fn search(arguments: &SearchArguments) -> Result<ExitCode, Box<dyn Error>> {
    // Somebody waits at the terminal, so that a server that does not answer is told soon.
    let policy = RetryPolicy { attempt_timeout: Duration::from_secs(60), give_up_after: FIRST_CONTACT };
    let client = Client::new(&arguments.server.server, arguments.server.key().as_ref(), policy)?;
    let query = arguments.query()?;
    let is_ranking = !matches!(query, Query::List(_));
    let wanted = match arguments.limit {
        0 => is_ranking.then_some(LAST_HIT),
        limit => Some(limit),
    };
    let mut pages = client.pages(query, wanted);
    let (mut found, mut total, mut count) = (Vec::new(), None, 0_u64);
    while let Some(page) = pages.next().await.map_err(|failure| match failure.kind {
        FailureKind::Unauthorized | FailureKind::Unreachable => ConnectError::new(client.server(), failure).into(),
        _ => Box::<dyn Error>::from(failure),
    })? {
        total = total.or(page.total);
        for image in page.images {
            if arguments.likely && image["likely"] == false {
                continue;
            }
            count += 1;
            if arguments.json {
                println!("{image}");
            } else if arguments.paths {
                print!("{}{}", path(&image), if arguments.null { '\0' } else { '\n' });
            } else {
                found.push(Found::read(&image)?);
            }
        }
    }
    if !arguments.json && !arguments.paths {
        print!("{}", table::table(&found));
        print_count(count, total, arguments.likely);
    }
    Ok(if count == 0 { ExitCode::from(NOTHING_FOUND) } else { ExitCode::SUCCESS })
}

impl SearchArguments {
    /// Returns the query that the options ask for.
    fn query(&self) -> Result<Query, String> {
        let text = self.text.join(" ");
        let given = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
        let number = |value: Option<f32>| value.map(|value| value.to_string());
        let cutoffs = [given("min_similarity", number(self.min_similarity)), given("max_gap", number(self.max_gap))];
        let mut parameters: Vec<_> = cutoffs.into_iter().flatten().collect();
        parameters.extend(given("negative_query", self.exclude.clone()));
        if !self.image.is_empty() || !self.like.is_empty() {
            parameters.extend(given("text", plain(&text)?));
            parameters.extend(self.like.iter().map(|id| ("image_ids".to_owned(), id.to_string())));
            parameters.push(("filter".to_owned(), Value::from(self.filter.fields()).to_string()));
            return Ok(Query::Pictures { files: self.image.clone(), parts: parameters });
        }
        parameters.extend(filter_parameters(&self.filter.fields()));
        if text.trim().is_empty() {
            if !self.text.is_empty() || parameters.iter().any(|(name, _)| name == "negative_query") {
                return Err("there is no text to search for".to_owned());
            }
            parameters.extend(given("sort", self.sort.as_ref().map(name)));
            return Ok(Query::List(parameters));
        }
        parameters.extend([("q".to_owned(), text)]);
        parameters.extend(given("mode", self.mode.as_ref().map(name)));
        Ok(Query::Line(parameters))
    }
}

/// Returns the text beside pictures, which has no fields; `None` when it is blank.
///
/// # Errors
/// When the text has fields or words to leave out, which would be searched for as they stand.
fn plain(text: &str) -> Result<Option<String>, String> {
    let line = line::parse(text);
    if let Some(item) = line.items.iter().find(|item| item.without || matches!(item.part, Part::Field(_))) {
        return Err(format!(
            "`{item}` has no meaning beside --image and --like; use the options instead, such as --tag, --taken and --exclude"
        ));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.trim().is_empty()))
}

/// Returns the name of a value as the command line and the API write it.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Returns the path of a picture in the folder that was uploaded, else its file name.
fn path(image: &Value) -> &str {
    image["source_path"].as_str().or(image["file_name"].as_str()).unwrap_or_default()
}

/// Prints how many pictures there are beyond those that are shown.
fn print_count(count: u64, total: Option<Total>, only_likely: bool) {
    match total {
        _ if count == 0 => println!("nothing found"),
        Some(Total { count: all, exact }) if !only_likely && all > count => {
            println!("top {count} of {}{all}", if exact { "" } else { "at least " });
        }
        _ => {}
    }
}
