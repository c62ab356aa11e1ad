//! POST /images.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use futures_util::StreamExt as _;

use crate::api::Services;
use crate::api::multipart::{self, FilePart, Form, FormBody};
use crate::api::types::{PictureFile, UploadItem, UploadResponse, UploadStatus, source_path, split_tags};
use crate::api::{checks, health};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::intake::{Intake, Registered, Upload};
use mitsuke_store::MAX_TAGS;

/// Files of one request that are registered at once: enough for the encoder to batch them.
const IN_FLIGHT: usize = 8;

/// Pictures to register, with their texts.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the multipart form to callers; the form itself is read part by part")]
pub struct UploadForm {
    /// One or more pictures, each of a type that the schema `FileType` lists.
    file: Vec<PictureFile>,
    /// The caption, in place of one found in the file. It is allowed with a single file only. A blank text counts as
    /// left out.
    caption: Option<String>,
    /// The raw generation prompt, in place of one found in the file. It is allowed with a single file only. A blank
    /// text counts as left out.
    generation_prompt: Option<String>,
    /// Tags in addition to those found in the file, for every file of the form. The part may occur several times, and
    /// commas (`,`, `，` and `、`) separate tags within a part. An image has 256 tags at most, of 100 characters each.
    #[schema(required = false)]
    tags: Vec<String>,
    /// The paths of the files in the folder that is uploaded, with `/` between their parts, such as
    /// `Photos/2024/cat.jpg`: one part for each file, in their order, or none.
    #[schema(required = false)]
    source_path: Vec<String>,
}

/// Upload images
///
/// Stores one or many pictures. The texts in the file become the generation prompt or the caption, unless the form gives
/// them, and its keywords become tags. The same bytes are stored once: a file whose SHA-256 is
/// stored already is answered with `known`, and nothing changes. The character U+0000 is refused in texts of the form
/// and left out of texts in files.
#[utoipa::path(
    post, path = "/images", tag = "images", operation_id = "upload_images",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "One file, stored", body = UploadResponse,
            headers(("Location" = String, description = "The new image"))),
        (status = 200, description = "One file, already known", body = UploadResponse),
        (status = 207, description = "Several files: an item for each, in their order", body = UploadResponse),
    )
)]
pub async fn create(services: web::Data<Services>, body: FormBody) -> Result<HttpResponse, ApiError> {
    health::check_room(&services)?;
    let _slot = services.upload_slots.try_acquire().map_err(|_| ApiError::too_many("uploads"))?;
    let form =
        multipart::read(body, &services.limits, &["caption", "generation_prompt"], &["tags", "source_path"]).await?;
    let mut uploads = uploads(form, &services.limits)?;
    let intake = &services.intake;
    if uploads.len() == 1
        && let Some(upload) = uploads.pop()
    {
        return Ok(one(register(intake, upload).await?));
    }
    let images = futures_util::stream::iter(uploads)
        .map(|upload| async move { item(register(intake, upload).await) })
        .buffered(IN_FLIGHT)
        .collect()
        .await;
    Ok(HttpResponse::build(StatusCode::MULTI_STATUS).json(UploadResponse { images }))
}

async fn register(intake: &Intake, upload: Result<Upload, ApiError>) -> Result<Registered, ApiError> {
    Ok(intake.register(upload?).await?)
}

/// Checks the form as a whole and returns its uploads; an upload over a limit is an error of its own.
fn uploads(mut form: Form, limits: &Limits) -> Result<Vec<Result<Upload, ApiError>>, ApiError> {
    // A blank text in the form leaves the text that the file holds as it is.
    let mut given = |name| form.take(name).filter(|text| !text.trim().is_empty());
    let (caption, generation_prompt) = (given("caption"), given("generation_prompt"));
    let tags = form.lists.remove("tags").unwrap_or_default();
    let tags = checks::tags("tags", tags.iter().flat_map(|part| split_tags(part)).collect(), MAX_TAGS)?;
    let paths = form.lists.remove("source_path").unwrap_or_default();
    if form.files.is_empty() {
        return Err(ApiError::invalid("file", "The form has no `file` part. Send at least one picture."));
    }
    if form.files.len() > 1 && (caption.is_some() || generation_prompt.is_some()) {
        return Err(ApiError::invalid(
            "caption",
            "A caption or generation prompt can be sent with a single file only. Send such files one by one.",
        ));
    }
    debug_assert!(form.files.len() <= limits.files);
    let paths = source_paths(&paths, form.files.len())?;
    let upload = |(FilePart { file_name, bytes, sha256 }, source_path): (FilePart, Option<String>)| {
        bytes.map(|bytes| Upload {
            source_path,
            bytes,
            sha256,
            file_name,
            caption: caption.clone(),
            generation_prompt: generation_prompt.clone(),
            tags: tags.clone(),
        })
    };
    Ok(form.files.into_iter().zip(paths).map(upload).collect())
}

/// Returns the path of each file in its folder; a blank path is none.
fn source_paths(paths: &[String], files: usize) -> Result<Vec<Option<String>>, ApiError> {
    if paths.is_empty() {
        return Ok(vec![None; files]);
    }
    if paths.len() != files {
        let detail = format!(
            "The form has {files} `file` parts and {} `source_path` parts. Send one for each file, or none.",
            paths.len()
        );
        return Err(ApiError::invalid("source_path", detail));
    }
    let given = paths.iter().map(|path| Some(path.as_str()).filter(|path| !path.trim().is_empty()));
    given.map(|path| path.map(source_path).transpose()).collect()
}

fn one(registered: Registered) -> HttpResponse {
    let status = match &registered {
        Registered::Created(_) => StatusCode::CREATED,
        Registered::Known(_) => StatusCode::OK,
    };
    let item = item(Ok(registered));
    let mut response = HttpResponse::build(status);
    if let (StatusCode::CREATED, Some(image)) = (status, &item.image) {
        response.insert_header((LOCATION, image.links.itself.clone()));
    }
    response.json(UploadResponse { images: vec![item] })
}

fn item(registered: Result<Registered, ApiError>) -> UploadItem {
    match registered {
        Ok(Registered::Created(image)) => {
            UploadItem { status: UploadStatus::Created, image: Some(image.into()), problem: None }
        }
        Ok(Registered::Known(image)) => {
            UploadItem { status: UploadStatus::Known, image: Some(image.into()), problem: None }
        }
        Err(error) => {
            if error.code() == ErrorCode::Internal {
                log::error!("an upload failed: {error}");
            }
            UploadItem { status: UploadStatus::Rejected, image: None, problem: Some(error.problem()) }
        }
    }
}
