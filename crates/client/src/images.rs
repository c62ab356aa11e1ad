//! The calls of the resource `/images`.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use mitsuke_image::decode_text;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::client::Client;
use crate::failure::Failure;

/// The largest number of hashes that the server takes in one call of [`Client::known_images`].
pub const MAX_KNOWN_HASHES: usize = 1_000;

/// A picture file to upload.
#[derive(Debug, Clone, Copy)]
pub struct PictureFile<'a> {
    /// The path of the file. The file's name becomes the image's file name.
    pub path: &'a Path,
    /// The media type, such as `image/png`.
    pub media_type: &'a str,
    /// The size in bytes.
    pub bytes: u64,
    /// The caption that the image gets.
    pub caption: Option<&'a str>,
    /// The path in the folder that is uploaded.
    pub source_path: Option<&'a str>,
}

/// The answer to an upload.
#[derive(Debug, Clone)]
pub struct UploadedImage {
    /// Whether the image is new; false when the server had these bytes already.
    pub created: bool,
    /// The id of the image.
    pub image_id: i64,
    /// The SHA-256 of the bytes that the server has, hexadecimal.
    pub sha256: String,
    /// The caption that the image has now.
    pub caption: Option<String>,
}

impl Client {
    /// Checks that a Mitsuke server answers and accepts the key.
    ///
    /// # Errors
    /// When no Mitsuke server answers, or the server does not accept the key.
    pub async fn check_connection(&self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Page {
            #[expect(dead_code, reason = "its presence shows that the server is a Mitsuke server")]
            images: Vec<IgnoredAny>,
        }
        self.get::<Page>("images", &[("limit", "1")]).await.map(drop)
    }

    /// Uploads a picture. The body is streamed from the file.
    ///
    /// # Errors
    /// When the image is not stored.
    pub async fn upload_image(&self, file: PictureFile<'_>) -> Result<UploadedImage, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            images: [Item; 1],
        }
        #[derive(Deserialize)]
        struct Item {
            status: String,
            image: Image,
        }
        #[derive(Deserialize)]
        struct Image {
            image_id: i64,
            sha256: String,
            caption: Option<String>,
        }
        let with_form = async |request: RequestBuilder| io::Result::Ok(request.multipart(form(file).await?));
        let Answer { images: [Item { status, image }] } =
            self.send(Method::POST, "images", file.bytes, with_form).await?;
        let Image { image_id, sha256, caption } = image;
        Ok(UploadedImage { created: status == "created", image_id, sha256, caption })
    }

    /// Asks which of these SHA-256 hashes (hexadecimal, up to [`MAX_KNOWN_HASHES`]) the server has. Returns the image
    /// ids by hash; `None` when the server is older than this call.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn known_images(&self, sha256: &[String]) -> Result<Option<HashMap<String, i64>>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            known: Vec<Known>,
        }
        #[derive(Deserialize)]
        struct Known {
            sha256: String,
            image_id: i64,
        }
        match self.send_json(Method::POST, "images/known", &json!({ "sha256": sha256 })).await {
            Ok(Answer { known }) => Ok(Some(known.into_iter().map(|known| (known.sha256, known.image_id)).collect())),
            Err(failure)
                if ["route_not_found", "method_not_allowed", "http_404", "http_405"].contains(&&*failure.code) =>
            {
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Sets the caption of an image.
    ///
    /// # Errors
    /// When the caption is not set; the code is `image_not_found` when the image has been deleted.
    pub async fn set_caption(&self, image_id: i64, caption: &str) -> Result<(), Failure> {
        let path = format!("images/{image_id}");
        self.send_json::<IgnoredAny>(Method::PATCH, &path, &json!({ "caption": caption })).await.map(drop)
    }
}

/// Builds the form of an upload. Opens the file and does not read it.
async fn form(file: PictureFile<'_>) -> io::Result<Form> {
    let part = Part::file(file.path).await?.file_name(file_name(file.path));
    let part = part.mime_str(file.media_type).map_err(io::Error::other)?;
    // The texts come before the file, so that a server can refuse them early.
    let texts = [("caption", file.caption), ("source_path", file.source_path)];
    let given = texts.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned())));
    let form = given.fold(Form::new(), |form, (name, text)| form.text(name, text));
    Ok(form.part("file", part))
}

/// Returns the name of a file as text, without the line ends and other control characters that a form cannot carry. A
/// name that is not UTF-8 (a Shift_JIS name from an old archive) is read in the encoding that it seems to have.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    decode_text(name).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_can_be_carried_by_a_form() {
        assert_eq!(file_name(Path::new("海/猫 1.png")), "猫 1.png");
        assert_eq!(file_name(Path::new("a\nb\r.png")), "a b .png");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_in_shift_jis_is_read() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"\x8a\x43\x82\xcc\x94\x4c.png"));
        assert_eq!(file_name(path), "海の猫.png");
    }
}
