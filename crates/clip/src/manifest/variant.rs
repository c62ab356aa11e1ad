//! The variants of a tower: one module in several precisions.

use serde::Deserialize;

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
    /// The making of an int8 variant, as far as the manifest states it.
    pub quantization: Quantization,
}

/// The making of an int8 variant, for readers of the manifest. Every field may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quantization {
    /// The way in which the weights became integers.
    pub method: Option<QuantizationMethod>,
    /// The error of the inner products of centred vectors over the reference set, as a share of their standard
    /// deviation.
    pub centred_error: Option<f32>,
    /// The number of linear layers that stayed in float32.
    pub kept_float32: Option<u32>,
}

/// The way in which weights became integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantizationMethod {
    /// Each row of a weight by itself.
    Plain,
    /// As `plain`, after large activations moved into the weights behind them (`SmoothQuant`, Xiao et al. 2023).
    Smoothed,
    /// As `smoothed`, with the layers that lose most left in float32.
    Mixed,
}

impl Variant {
    /// Takes the full variant from the fields `file`, `sha256` and `stored_precision` of a tower.
    pub(super) fn take_full(tower: &mut Fields) -> Result<Self, ClipError> {
        let precision = tower.take("stored_precision")?;
        tower.check("stored_precision", precision != Precision::Int8, || {
            "an int8 file runs on CPUs only, so it belongs in `variants`, beside a file for every device".to_owned()
        })?;
        Ok(Self { file: tower.file()?, precision, agreement: None, quantization: Quantization::default() })
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
        let quantization = match precision {
            Precision::Int8 => Quantization::take(fields)?,
            _ => Quantization::default(),
        };
        Ok(Self { file: fields.file()?, precision, agreement: Some(fields.cosine("agreement")?), quantization })
    }
}

impl Quantization {
    /// Takes the optional fields of an int8 variant.
    fn take(fields: &mut Fields) -> Result<Self, ClipError> {
        let centred_error = fields.optional("centred_error")?;
        let usable = centred_error.is_none_or(|error: f32| error.is_finite() && error >= 0.0);
        fields.check("centred_error", usable, || "it must be a number from 0 on".to_owned())?;
        Ok(Self { method: fields.optional("method")?, centred_error, kept_float32: fields.optional("kept_float32")? })
    }
}
