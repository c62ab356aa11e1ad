//! A sample of what the collection holds: whether its texts are up to date, whether pictures are the bytes that were stored, and whether embeddings fit
//! their model. A whole collection would take hours to read.

use super::{Inspection, not_visible};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::value::Binds;
use crate::oracle::rows::models::VectorTable;
use crate::{Finding, Sha256};
use mitsuke_image::READER_VERSION;

/// The number of places, evenly spread over the ids, at which a sample is taken.
const PLACES: i64 = 16;

/// The number of embeddings that are read at each place.
const EMBEDDINGS_AT_A_PLACE: usize = 4;

/// The number of bytes of pictures after which no further picture is read.
const MOST_BYTES: usize = 256 << 20;

/// The distance from 1 that the length of an embedding may have, which is stored as 32-bit floats.
const TOLERANCE: f64 = 1e-3;

impl Inspection<'_> {
    /// Returns the ids from which samples are read on.
    fn places(&self, table: &str) -> Result<Vec<i64>, OracleError> {
        let end = |sql: String| {
            let found = self.rows(&sql, |row| Ok(row.get::<_, Option<i64>>(0)?))?;
            Ok::<_, OracleError>(found.into_iter().flatten().next())
        };
        let first = end(format!("SELECT MIN(image_id) FROM {table}"))?;
        let last = end(format!("SELECT MAX(image_id) FROM {table}"))?;
        let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        let mut places: Vec<i64> =
            (0..PLACES).map(|n| first.saturating_add((last - first) / (PLACES - 1) * n)).chain([last]).collect();
        places.dedup();
        Ok(places)
    }

    /// Counts the images whose texts an older version of the reader has read.
    pub(super) fn texts_of_files(&self) -> Finding {
        let sql = "SELECT COUNT(*) FROM images i WHERE i.reader_version < :reader_version";
        let binds = Binds::none().with("reader_version", i64::from(READER_VERSION));
        match self.rows_with(sql, &binds, 1, |row| Ok(row.get(0)?)) {
            Ok(counts) => Finding::of_outdated_texts(counts.first().copied().unwrap_or_default()),
            Err(error) => not_visible("texts of files", error),
        }
    }

    /// Compares pictures with the hashes that were stored with them.
    pub(super) fn pictures(&self) -> Finding {
        match self.sample_pictures() {
            Ok(sample) => sample.finding(),
            Err(error) => not_visible("pictures", error),
        }
    }

    fn sample_pictures(&self) -> Result<Pictures, OracleError> {
        let sql = "SELECT image_id, sha256, image_data FROM images WHERE image_id >= :place ORDER BY image_id \
                   FETCH FIRST 1 ROWS ONLY";
        let mut sample = Pictures::default();
        let (mut bytes, mut before) = (0, None);
        for place in self.places("images")? {
            let read = |row: &oracle::Row| {
                Ok((row.get(0)?, row.get::<_, Option<Vec<u8>>>(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
            };
            let found: Vec<(i64, _, _)> = self.rows_with(sql, &Binds::none().with("place", place), 1, read)?;
            for (image_id, hash, data) in
                found.into_iter().filter(|(image_id, _, _)| before.replace(*image_id) != Some(*image_id))
            {
                let data = data.unwrap_or_default();
                bytes += data.len();
                match hash {
                    Some(hash) if hash == Sha256::of(&data).0 => sample.whole += 1,
                    Some(_) => sample.damaged.push(image_id),
                    None => sample.incomplete += 1,
                }
            }
            if bytes > MOST_BYTES {
                break;
            }
        }
        Ok(sample)
    }

    /// Checks embeddings of every model.
    pub(super) fn embeddings(&self) -> Vec<Finding> {
        match self.models() {
            Ok(models) => models.iter().map(|(table, _)| self.embeddings_of(table)).collect(),
            Err(error) => vec![not_visible("embeddings", error)],
        }
    }

    fn embeddings_of(&self, table: &VectorTable) -> Finding {
        let what = format!("embeddings of model {}", table.model_id);
        let (read, wrong) = match self.sample_embeddings(table) {
            Ok(sample) => sample,
            Err(error) => return not_visible(what, error),
        };
        if wrong.is_empty() {
            return Finding::good(what, format!("the {read} in the sample are unit vectors of existing images"));
        }
        Finding::problem(
            what,
            format!("{} of {read} in the sample are damaged: {}", wrong.len(), wrong.join(", ")),
            format!(
                "Restore {0} from another backup, or run: DELETE FROM {0}; and then `mitsuke backfill`, which embeds the \
                 images again.",
                table.name
            ),
        )
    }

    /// Returns the number of embeddings that were read, and what is wrong with some.
    fn sample_embeddings(&self, table: &VectorTable) -> Result<(usize, Vec<String>), OracleError> {
        let sql = format!(
            "SELECT e.image_id, FROM_VECTOR(e.embedding RETURNING CLOB), i.image_id FROM {} e \
             LEFT JOIN images i ON i.image_id = e.image_id WHERE e.image_id >= :place ORDER BY e.image_id \
             FETCH FIRST {EMBEDDINGS_AT_A_PLACE} ROWS ONLY",
            table.name
        );
        let mut seen = std::collections::BTreeMap::new();
        for place in self.places(&table.name)? {
            let binds = Binds::none().with("place", place);
            let found = self.rows_with(&sql, &binds, EMBEDDINGS_AT_A_PLACE, |row| {
                let text: String = row.get(1)?;
                let has_image = row.get::<_, Option<i64>>(2)?.is_some();
                Ok((row.get::<_, i64>(0)?, flaw(&text, table.dimension, has_image)))
            })?;
            seen.extend(found);
        }
        let count = seen.len();
        let wrong = seen.into_iter().filter_map(|(image_id, flaw)| Some(format!("image {image_id} {}", flaw?)));
        Ok((count, wrong.collect()))
    }
}

/// Returns what is wrong with an embedding, as a part of a sentence.
fn flaw(text: &str, dimension: usize, has_image: bool) -> Option<String> {
    let Ok(components) = serde_json::from_str::<Vec<f64>>(text) else {
        return Some("has a vector that cannot be read".to_owned());
    };
    let length = components.iter().map(|component| component * component).sum::<f64>().sqrt();
    if !has_image {
        Some("does not exist".to_owned())
    } else if components.len() != dimension {
        Some(format!("has {} components, not {dimension}", components.len()))
    } else if (length - 1.0).abs() > TOLERANCE {
        Some(format!("has a vector of length {length:.3}"))
    } else {
        None
    }
}

/// The result of reading a sample of pictures.
#[derive(Debug, Default)]
struct Pictures {
    whole: usize,
    /// The ids of those whose bytes have another hash.
    damaged: Vec<i64>,
    /// The number of those that Mitsuke has not hashed yet.
    incomplete: usize,
}

impl Pictures {
    fn finding(&self) -> Finding {
        let read = self.whole + self.damaged.len() + self.incomplete;
        if !self.damaged.is_empty() {
            let ids: Vec<String> = self.damaged.iter().map(ToString::to_string).collect();
            return Finding::problem(
                "pictures",
                format!(
                    "{} of {read} in the sample are not the bytes that were stored: images {}",
                    ids.len(),
                    ids.join(", ")
                ),
                "Restore IMAGES from another backup, or delete these images and upload them again.",
            );
        }
        if self.incomplete > 0 {
            return Finding::note(
                "pictures",
                format!("{} of {read} in the sample have no hash yet", self.incomplete),
                "Another program stored them; Mitsuke hashes them when it starts or shows them.",
            );
        }
        Finding::good("pictures", format!("the {read} in the sample are the bytes that were stored"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flaw_is_named() {
        assert_eq!(flaw("[0.6,0.8]", 2, true), None);
        assert!(flaw("[0.6,0.8]", 3, true).unwrap().contains("2 components, not 3"));
        assert!(flaw("[3,4]", 2, true).unwrap().contains("length 5.000"));
        assert!(flaw("[0.6,0.8]", 2, false).unwrap().contains("does not exist"));
        assert!(flaw("[2,[1],[1]]", 2, true).unwrap().contains("cannot be read"));
    }
}
