//! The options of commands that leave pictures out by their facts.

use clap::Args;
use mitsuke_engine::search::line;
use mitsuke_image::FileType;
use mitsuke_store::Filter;
use serde_json::{Map, Value};

/// The facts of the pictures to find. Each option may be given several times.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filter")]
pub struct FilterArguments {
    /// Pictures with this tag; several must all be there
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Pictures that this model made (the checkpoint of the generation prompt); one of several
    #[arg(long, value_name = "NAME")]
    checkpoint: Vec<String>,
    /// Pictures that this LoRA helped to make; several must all be there
    #[arg(long, value_name = "NAME")]
    lora: Vec<String>,
    /// Pictures that this sampler made; one of several
    #[arg(long, value_name = "NAME")]
    sampler: Vec<String>,
    /// Pictures of this camera; one of several
    #[arg(long, value_name = "NAME")]
    camera: Vec<String>,
    /// Pictures of this folder: /Photos/2024 from the top, or whole parts of a path such as Kyoto; one of several
    #[arg(long, value_name = "FOLDER")]
    folder: Vec<String>,
    /// Pictures of this type, such as jpg or image/png; one of several
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_type)]
    file_type: Vec<FileType>,
    /// Pictures taken in these days: 2024, 2024-05, 2024-05-01, 2023..2024-05, 2024.. or ..2024
    #[arg(long, value_name = "DAYS", value_parser = parse_taken)]
    taken: Option<Taken>,
}

/// The bounds of the time of taking.
#[derive(Debug, Clone)]
pub struct Taken {
    from: Option<String>,
    before: Option<String>,
}

impl FilterArguments {
    /// Returns the fields of a filter as the API takes them.
    pub fn fields(&self) -> Map<String, Value> {
        let types: Vec<String> = self.file_type.iter().map(|found| found.media_type().to_owned()).collect();
        let lists = [
            ("tags", &self.tag),
            ("checkpoints", &self.checkpoint),
            ("loras", &self.lora),
            ("samplers", &self.sampler),
            ("cameras", &self.camera),
            ("folders", &self.folder),
            ("file_types", &types),
        ];
        let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let mut fields: Map<_, _> = given.map(|(name, list)| (name.to_owned(), list.clone().into())).collect();
        if let Some(Taken { from, before }) = self.taken.clone() {
            let bounds = [("taken_from", from), ("taken_before", before)];
            fields.extend(bounds.into_iter().filter_map(|(name, bound)| Some((name.to_owned(), bound?.into()))));
        }
        fields
    }
}

fn parse_type(text: &str) -> Result<FileType, String> {
    let lower = text.to_ascii_lowercase();
    FileType::from_media_type(&lower)
        .or_else(|| FileType::from_extension(&lower))
        .ok_or_else(|| format!("the types are {}", FileType::all_names()))
}

/// Reads days as the field `taken:` of a query line does.
fn parse_taken(text: &str) -> Result<Taken, String> {
    let (line, mut filter) = (line::parse(&format!("taken:{text}")), Filter::default());
    // A text with white space is read as several items.
    if line.items.len() == 1 {
        line.narrow(&mut filter);
    }
    let day = |time: Option<time::PrimitiveDateTime>| time.map(|time| time.date().to_string());
    let taken = Taken { from: day(filter.taken_from), before: day(filter.taken_before) };
    if taken.from.is_none() && taken.before.is_none() {
        return Err("give a year, a month, a day or a range of them, such as 2023..2024-05".to_owned());
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::FilterArguments;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        filter: FilterArguments,
    }

    fn fields(arguments: &[&str]) -> Result<serde_json::Value, String> {
        let parsed = Command::try_parse_from([&["x"], arguments].concat()).map_err(|error| error.to_string());
        parsed.map(|command| command.filter.fields().into())
    }

    #[test]
    fn options_are_the_fields_of_a_filter() {
        assert_eq!(fields(&[]).unwrap(), json!({}));
        let given = fields(&["--tag", "海, 空", "--tag=sea", "--type=JPG", "--type=image/png", "--folder=Kyoto"]);
        assert_eq!(
            given.unwrap(),
            json!({ "tags": ["海, 空", "sea"], "file_types": ["image/jpeg", "image/png"], "folders": ["Kyoto"] })
        );
    }

    #[test]
    fn days_are_read_as_in_a_query_line() {
        assert_eq!(
            fields(&["--taken", "2024-02"]).unwrap(),
            json!({"taken_from": "2024-02-01", "taken_before": "2024-03-01"})
        );
        assert_eq!(fields(&["--taken", "2024.."]).unwrap(), json!({"taken_from": "2024-01-01"}));
        assert_eq!(fields(&["--taken", "..2023"]).unwrap(), json!({"taken_before": "2024-01-01"}));
        assert!(fields(&["--taken", "soon"]).unwrap_err().contains("give a year, a month, a day"));
        assert!(fields(&["--taken", "2024 cat"]).is_err());
        assert!(fields(&["--type", "cr2"]).unwrap_err().contains("the types are JPEG"));
    }
}
