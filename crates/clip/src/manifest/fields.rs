//! The reading of a JSON object field by field, so that every error names its field and no field is overlooked.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::file::{FileName, ModelFile};
use crate::error::ClipError;

/// The greatest length of a name or version, in characters.
const MAX_NAME: usize = 200;

/// The fields of a JSON object that have not been taken yet.
pub(super) struct Fields {
    fields: Map<String, Value>,
    /// The dotted path of the object; empty for the root.
    path: String,
}

impl Fields {
    /// Returns the fields of `json`, the object at `path`.
    pub(super) fn new(json: Value, path: &str) -> Result<Self, ClipError> {
        match json {
            Value::Object(fields) => Ok(Self { fields, path: path.to_owned() }),
            _ => Err(ClipError::Manifest { field: path.to_owned(), reason: "it must be an object".to_owned() }),
        }
    }

    /// Returns an error about one field.
    pub(super) fn error(&self, field: &str, reason: impl Into<String>) -> ClipError {
        ClipError::Manifest { field: self.path_of(field), reason: reason.into() }
    }

    /// Fails with `reason` when `holds` is false.
    pub(super) fn check(&self, field: &str, holds: bool, reason: impl FnOnce() -> String) -> Result<(), ClipError> {
        if holds { Ok(()) } else { Err(self.error(field, reason())) }
    }

    /// Tells whether a field is there and has not been taken yet.
    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Takes a field.
    pub(super) fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, ClipError> {
        let value = self.value(field)?;
        T::deserialize(value).map_err(|cause| self.error(field, cause.to_string()))
    }

    /// Takes a field; `None` when the field is absent.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, ClipError> {
        if self.has(field) { self.take(field).map(Some) } else { Ok(None) }
    }

    /// Takes a field that is an object.
    pub(super) fn object(&mut self, field: &str) -> Result<Self, ClipError> {
        let value = self.value(field)?;
        Self::new(value, &self.path_of(field))
    }

    /// Takes a field that is an object; `None` when the field is absent.
    pub(super) fn optional_object(&mut self, field: &str) -> Result<Option<Self>, ClipError> {
        if self.has(field) { self.object(field).map(Some) } else { Ok(None) }
    }

    /// Takes a field that is a list of objects.
    pub(super) fn objects(&mut self, field: &str) -> Result<Vec<Self>, ClipError> {
        let items: Vec<Value> = self.take(field)?;
        let path = self.path_of(field);
        items.into_iter().enumerate().map(|(i, item)| Self::new(item, &format!("{path}[{i}]"))).collect()
    }

    /// Takes a field that is a name: one line of 1 to 200 characters.
    pub(super) fn name(&mut self, field: &str) -> Result<String, ClipError> {
        let name: String = self.take(field)?;
        let usable = !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !name.contains(char::is_control);
        self.check(field, usable, || {
            format!("it must have 1 to {MAX_NAME} characters, none of them a control character")
        })?;
        Ok(name)
    }

    /// Takes a field that is a cosine.
    pub(super) fn cosine(&mut self, field: &str) -> Result<f32, ClipError> {
        let cosine = self.take(field)?;
        self.check(field, (-1.0..=1.0).contains(&cosine), || format!("it is {cosine}, and must be a cosine"))?;
        Ok(cosine)
    }

    /// Takes a field that is a number in the range of 32-bit floats.
    pub(super) fn number(&mut self, field: &str) -> Result<f32, ClipError> {
        let number: f32 = self.take(field)?;
        self.check(field, number.is_finite(), || "it must be in the range of 32-bit floats".to_owned())?;
        Ok(number)
    }

    /// Takes the fields `file` and `sha256`: a file with its digest.
    pub(super) fn file(&mut self) -> Result<ModelFile, ClipError> {
        let name: String = self.take("file")?;
        let name = FileName::parse(&name).map_err(|reason| self.error("file", reason))?;
        let sha256: String = self.take("sha256")?;
        ModelFile::new(name, &sha256).map_err(|reason| self.error("sha256", reason))
    }

    /// Fails when a field is left, because a misspelt field must not be mistaken for an absent field.
    pub(super) fn finish(self) -> Result<(), ClipError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(field) => Err(self.error(field, "there is no such field in this format")),
        }
    }

    fn value(&mut self, field: &str) -> Result<Value, ClipError> {
        self.fields.remove(field).ok_or_else(|| self.error(field, "it is missing"))
    }

    fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }
}
