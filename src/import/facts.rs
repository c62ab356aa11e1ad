//! The facts that a line of an export states of its picture, put over those of the file.

use mitsuke_engine::intake::Prepared;
use mitsuke_image::parse_generation_prompt;
use mitsuke_store::{ModelId, Origin, UnitVector};

use super::lines::ImageLine;
use crate::api::taken;

/// Puts the facts, texts and embeddings of a line into a picture that was read out of its file. A text or time that the file
/// has too counts as found there, and any other as set by a caller, so that a later reading of the file leaves it.
pub fn put_over(mut prepared: Prepared, line: ImageLine, embeddings: Vec<(ModelId, UnitVector)>) -> Prepared {
    prepared.file_name = line.file_name;
    (prepared.width, prepared.height) = (line.width, line.height);
    prepared.upload_date = line.uploaded_at;
    prepared.caption_origin = origin(prepared.caption == line.caption);
    prepared.caption = line.caption;
    prepared.generation_prompt_origin = origin(prepared.generation_prompt == line.generation_prompt);
    if prepared.generation_prompt != line.generation_prompt {
        prepared.generation = line.generation_prompt.as_deref().and_then(parse_generation_prompt);
        prepared.generation_prompt = line.generation_prompt;
    }
    prepared.taken_origin = origin(prepared.taken.map(taken::write) == line.taken_at);
    prepared.taken = line.taken_at.as_deref().and_then(taken::read);
    prepared.listed_tags = Some(line.tags);
    prepared.camera = line.camera;
    prepared.source_path = line.source_path;
    prepared.failed.retain(|(model_id, _)| !embeddings.iter().any(|(known, _)| known == model_id));
    prepared.embeddings.retain(|(model_id, _)| !embeddings.iter().any(|(known, _)| known == model_id));
    prepared.embeddings.extend(embeddings);
    prepared
}

fn origin(is_found: bool) -> Origin {
    if is_found { Origin::Found } else { Origin::Set }
}
