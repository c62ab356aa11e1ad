//! The variants of a tower: one module in several precisions.

use super::fields::Fields;
use super::file::ModelFile;
use crate::error::ClipError;
use crate::precision::Precision;

/// A tower in one precision. The variants of a tower have the same inputs and outputs, and their vectors lie in one
/// space.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The TorchScript file.
    pub file: ModelFile,
    /// The number format of the weights.
    pub precision: Precision,
    /// The lowest cosine of the variant's vectors with the original's when the variant was written; `None` for the full
    /// variant, whose agreement is in the manifest's `export`.
    pub agreement: Option<f32>,
}

impl Variant {
    /// Takes the full variant from the fields `file`, `sha256` and `stored_precision` of a tower.
    pub(super) fn take_full(tower: &mut Fields) -> Result<Self, ClipError> {
        Ok(Self { file: tower.file()?, precision: tower.take("stored_precision")?, agreement: None })
    }

    /// Takes the other variants of a tower from its list `variants`, or from the object `bf16` that version 0.1 wrote
    /// instead of the list.
    pub(super) fn take_others(tower: &mut Fields, full: &Self) -> Result<Vec<Self>, ClipError> {
        let Some(mut bf16) = tower.optional_object("bf16")? else {
            return Self::take_list(tower, full);
        };
        tower.check("bf16", !tower.has("variants"), || "the list `variants` takes its place".to_owned())?;
        let variant = Self::parse(&mut bf16, Precision::Bfloat16)?;
        bf16.finish()?;
        Ok(vec![variant])
    }

    fn take_list(tower: &mut Fields, full: &Self) -> Result<Vec<Self>, ClipError> {
        let mut others: Vec<Self> = Vec::new();
        let objects = if tower.has("variants") { tower.objects("variants")? } else { Vec::new() };
        for mut fields in objects {
            let precision = fields.take("precision")?;
            let is_new = [full].into_iter().chain(&others).all(|variant| variant.precision != precision);
            fields.check("precision", is_new, || format!("the tower has another file in {precision}"))?;
            others.push(Self::parse(&mut fields, precision)?);
            fields.finish()?;
        }
        Ok(others)
    }

    fn parse(fields: &mut Fields, precision: Precision) -> Result<Self, ClipError> {
        Ok(Self { file: fields.file()?, precision, agreement: Some(fields.cosine("agreement")?) })
    }
}
