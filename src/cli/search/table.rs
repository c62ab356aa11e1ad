//! The hits of a search as lines for a person at a terminal.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

/// The length of the bar of the best hit, in characters.
const BAR: usize = 10;

/// The columns of a hit.
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    image_id: i64,
    file_name: String,
    source_path: Option<String>,
    #[serde(default)]
    relevance: Option<f64>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    likely: Option<bool>,
}

impl Found {
    /// Reads an image or a hit of the API.
    ///
    /// # Errors
    /// When the object is neither.
    pub fn read(image: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(image)
    }

    /// Returns the number that says how well the hit fits; `None` for an image of a list.
    fn fit(&self) -> Option<f64> {
        self.relevance.or(self.score)
    }

    /// Returns the path of the picture, with its file name where the path ends in another one.
    fn place(&self) -> String {
        let text = match &self.source_path {
            Some(path) if path.rsplit('/').next() == Some(&self.file_name) => path.clone(),
            Some(path) => format!("{} ({path})", self.file_name),
            None => self.file_name.clone(),
        };
        // A name may hold characters that a terminal obeys.
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Returns a line for each hit: a bar relative to the best hit, the id and the path. A line stands before the hits that
/// are less related.
pub fn table(found: &[Found]) -> String {
    let best = found.iter().filter_map(Found::fit).fold(0.0, f64::max);
    let width = found.iter().map(|hit| hit.image_id.to_string().len()).max().unwrap_or(0) + 1;
    let divider = divider(found);
    let mut lines = String::new();
    for (index, hit) in found.iter().enumerate() {
        if divider == Some(index) {
            lines += if index == 0 { "no good match; the nearest pictures:\n" } else { "less related:\n" };
        }
        if let Some(fit) = hit.fit() {
            lines += &format!("{}  ", bar(fit, best));
        }
        // Writing to a text cannot fail.
        let _ = writeln!(lines, "{:>width$}  {}", format!("#{}", hit.image_id), hit.place());
    }
    lines
}

/// Returns the index of the first hit that is less related: the one after the longest beginning that ends with a likely
/// hit, and of which at least half is likely. `None` when all hits are likely, and for an image of a list, of which
/// nothing is known.
fn divider(found: &[Found]) -> Option<usize> {
    if !found.iter().any(|hit| hit.relevance.is_some() && hit.likely.is_some()) {
        return None;
    }
    let (mut likely, mut end) = (0, 0);
    for (index, hit) in found.iter().enumerate() {
        if hit.likely == Some(true) {
            likely += 1;
            if 2 * likely > index {
                end = index + 1;
            }
        }
    }
    (end < found.len()).then_some(end)
}

/// Returns a bar whose length is the share of the best fit; some of it is seen even when the share is small.
fn bar(fit: f64, best: f64) -> String {
    let share = if best > 0.0 { (fit / best).clamp(0.0, 1.0) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the length of a bar")]
    let filled = (share * BAR as f64).round() as usize;
    let filled = filled.max(usize::from(fit > 0.0));
    "█".repeat(filled) + &"░".repeat(BAR - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns hits of falling relevance; `+` stands for one that is likely.
    fn hits(likely: &str) -> Vec<Found> {
        (1..)
            .zip(likely.chars())
            .map(|(image_id, sign)| Found {
                image_id,
                file_name: "a.png".to_owned(),
                source_path: None,
                relevance: Some(1.0 / image_id as f64),
                score: None,
                likely: Some(sign == '+'),
            })
            .collect()
    }

    #[test]
    fn the_divider_stands_after_the_likely_hits() {
        for (likely, want) in [
            ("+++", None),
            ("++-", Some(2)),
            ("+-+-", Some(3)),
            ("+--+", None),
            ("+---+", Some(1)),
            ("-+", None),
            ("---", Some(0)),
            ("", None),
        ] {
            assert_eq!(divider(&hits(likely)), want, "{likely}");
        }
    }

    #[test]
    fn bars_are_relative_to_the_best_hit() {
        assert_eq!(bar(0.5, 0.5), "██████████");
        assert_eq!(bar(0.25, 0.5), "█████░░░░░");
        assert_eq!(bar(0.001, 0.5), "█░░░░░░░░░");
        assert_eq!(bar(0.0, 0.0), "░░░░░░░░░░");
    }

    #[test]
    fn lines_show_id_and_path_and_nothing_that_a_terminal_obeys() {
        let mut hits = hits("+-");
        hits[0].source_path = Some("2024/a.png".to_owned());
        hits[1].file_name = "\u{1b}[31mb.png".to_owned();
        assert_eq!(table(&hits), "██████████  #1  2024/a.png\nless related:\n█████░░░░░  #2   [31mb.png\n");
    }

    #[test]
    fn a_list_has_no_bars() {
        let mut hits = hits("--");
        for hit in &mut hits {
            (hit.relevance, hit.likely) = (None, None);
        }
        assert_eq!(table(&hits), "#1  a.png\n#2  a.png\n");
    }
}
