//! The calibration of relevance, which turns similarities into the probability that a hit is right.

use super::fields::Fields;
use crate::error::ClipError;

/// The calibration of relevance for a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Relevance {
    /// The standard deviation of the similarities of a text to pictures that have nothing to do with it, above 0. Among n
    /// pictures chance gives a best similarity of about deviation × √(2 ln n).
    pub deviation: f32,
    /// The calibration of queries by text.
    pub text: TextRelevance,
    /// The calibration of queries by picture; `None` where no pictures to compare were at hand.
    pub image: Option<RightHit>,
}

/// The calibration of queries by text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextRelevance {
    /// The weights of the components of a query's unit vector. The weighted sum is larger for texts that name something to
    /// see.
    pub direction: Vec<f32>,
    /// The probability that any picture answers the query.
    pub answered: Answered,
    /// The probability that a hit is right, where a picture answers the query.
    pub right: RightHit,
}

/// A logistic regression that tells whether any picture answers a query by text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered {
    /// The constant, to which the weighted sum of [`TextRelevance::direction`] is added.
    pub intercept: f32,
    /// The weight, at least 0, of the best similarity above the one that chance gives.
    pub best: f32,
}

/// A logistic regression that tells whether a hit is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RightHit {
    /// The constant.
    pub intercept: f32,
    /// The weight of the similarity, at least 0.
    pub similarity: f32,
    /// The weight, at most 0, of the difference between the best similarity and that of the hit.
    pub gap: f32,
}

impl Relevance {
    /// Parses the object `relevance` of a manifest whose vectors have `dimension` components.
    pub(super) fn parse(mut fields: Fields, dimension: usize) -> Result<Self, ClipError> {
        let deviation: f32 = fields.take("deviation")?;
        fields.check("deviation", deviation > 0.0 && deviation <= 1.0, || {
            format!("it is {deviation}, and must be above 0 and at most 1")
        })?;
        let relevance = Self {
            deviation,
            text: TextRelevance::parse(fields.object("text")?, dimension)?,
            image: fields.optional_object("image")?.map(RightHit::parse).transpose()?,
        };
        fields.finish()?;
        Ok(relevance)
    }
}

impl TextRelevance {
    fn parse(mut fields: Fields, dimension: usize) -> Result<Self, ClipError> {
        let direction: Vec<f32> = fields.take("direction")?;
        let length = direction.len();
        fields.check("direction", length == dimension, || {
            format!("it has {length} numbers, `vector_dimension` is {dimension}")
        })?;
        fields.check("direction", direction.iter().all(|weight| weight.is_finite()), || {
            "its numbers must be in the range of 32-bit floats".to_owned()
        })?;
        let mut part = fields.object("answered")?;
        let answered = Answered { intercept: part.number("intercept")?, best: part.number("best")? };
        part.check("best", answered.best >= 0.0, || format!("it is {}, and must be at least 0", answered.best))?;
        part.finish()?;
        let text = Self { direction, answered, right: RightHit::parse(fields.object("right")?)? };
        fields.finish()?;
        Ok(text)
    }
}

impl RightHit {
    fn parse(mut fields: Fields) -> Result<Self, ClipError> {
        let right = Self {
            intercept: fields.number("intercept")?,
            similarity: fields.number("similarity")?,
            gap: fields.number("gap")?,
        };
        fields.check("similarity", right.similarity >= 0.0, || {
            format!("it is {}, and must be at least 0", right.similarity)
        })?;
        fields.check("gap", right.gap <= 0.0, || format!("it is {}, and must be at most 0", right.gap))?;
        fields.finish()?;
        Ok(right)
    }
}
