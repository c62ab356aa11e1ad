//! The schema of a media type of pictures.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use mitsuke_image::FileType;

/// Describes a [`FileType`] as its media type. The values are those of [`FileType::ALL`].
pub struct FileTypeSchema;

impl PartialSchema for FileTypeSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A type of picture that is read."))
            .enum_values(Some(FileType::ALL.map(FileType::media_type)))
            .examples([FileType::Png.media_type()])
            .into()
    }
}

impl ToSchema for FileTypeSchema {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("FileType")
    }
}
