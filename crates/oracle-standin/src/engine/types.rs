//! Oracle's data types, and how their values are kept in SQLite.
//!
//! | Oracle | SQLite |
//! |---|---|
//! | NUMBER | INTEGER, or REAL beyond 64 bits and for fractions |
//! | BINARY_DOUBLE, BINARY_FLOAT | REAL |
//! | VARCHAR2, CHAR, CLOB, JSON | TEXT (only a CLOB can be the empty text) |
//! | RAW, BLOB | BLOB |
//! | DATE, TIMESTAMP | INTEGER, microseconds since 1970; with time zone: in UTC |
//! | INTERVAL DAY TO SECOND | INTEGER, microseconds |
//! | VECTOR | BLOB, little-endian 32-bit floats |

use serde::{Deserialize, Serialize};

use crate::errors::{OraError, Result};
use crate::sql::ast::TypeName;

/// A data type. Lengths are bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ty {
    /// Precision 0: none was given (scale −127: floating).
    Number {
        precision: i16,
        scale: i8,
    },
    BinaryFloat,
    BinaryDouble,
    Varchar2(u32),
    NVarchar2(u32),
    Char(u32),
    Raw(u32),
    Clob,
    NClob,
    Blob,
    Json,
    Date,
    Timestamp(u8),
    TimestampTz(u8),
    TimestampLtz(u8),
    IntervalDs,
    /// Components, when they are fixed.
    Vector(Option<u32>),
    Boolean,
    Rowid,
    /// A value that is too long for anything but a LOB or LONG column.
    Long,
    /// The type of a bare NULL.
    Null,
}

/// Types that can be compared with one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Number,
    Text,
    Raw,
    Lob,
    Time,
    Interval,
    Vector,
    Boolean,
    Null,
}

/// A NUMBER of an expression.
pub const NUMBER: Ty = Ty::Number { precision: 0, scale: -127 };

impl Ty {
    /// The type and, for a VARCHAR2 in characters, their number.
    ///
    /// # Errors
    /// ORA-00902 for a type that the stand-in does not know, ORA-00910 and ORA-01727 for impossible sizes.
    pub fn from_name(name: &TypeName) -> Result<(Self, Option<u32>)> {
        let arg = |i: usize| name.args.get(i).and_then(|text| text.parse::<i64>().ok());
        let length = |default: Option<u32>, most: u32| -> Result<(u32, Option<u32>)> {
            let given = arg(0).and_then(|n| u32::try_from(n).ok()).or(default);
            let given = given.ok_or_else(|| OraError::new(906, "missing left parenthesis: a length is needed"))?;
            if given == 0 || given > most {
                return Err(OraError::new(910, "specified length too long for its datatype"));
            }
            Ok(if name.in_chars { ((given * 4).min(most), Some(given)) } else { (given, None) })
        };
        let fraction = || arg(0).and_then(|n| u8::try_from(n).ok()).unwrap_or(6);
        let number = |precision: i64, scale: i64| -> Result<Self> {
            match (i16::try_from(precision), i8::try_from(scale)) {
                (Ok(precision @ 0..=38), Ok(scale @ -127..=127)) => Ok(Self::Number { precision, scale }),
                _ => Err(OraError::new(1727, "numeric precision specifier is out of range (1 to 38)")),
            }
        };
        let plain = |ty: Self| Ok((ty, None));
        match name.name.as_str() {
            "NUMBER" | "DECIMAL" | "NUMERIC" => match (arg(0), arg(1)) {
                (Some(precision), scale) => plain(number(precision, scale.unwrap_or(0))?),
                // NUMBER(*,0)
                (None, Some(scale)) => plain(number(38, scale)?),
                (None, None) => plain(NUMBER),
            },
            "INTEGER" | "INT" | "SMALLINT" => plain(number(38, 0)?),
            "PLS_INTEGER" | "BINARY_INTEGER" => plain(NUMBER),
            "FLOAT" => plain(NUMBER),
            "BINARY_FLOAT" => plain(Self::BinaryFloat),
            "BINARY_DOUBLE" => plain(Self::BinaryDouble),
            "VARCHAR2" | "VARCHAR" => {
                let (bytes, chars) = length(None, 32767)?;
                Ok((Self::Varchar2(bytes), chars))
            }
            "CHAR" => {
                let (bytes, chars) = length(Some(1), 2000)?;
                Ok((Self::Char(bytes), chars))
            }
            "NVARCHAR2" => Ok((Self::NVarchar2(length(None, 2000)?.0 * 2), arg(0).and_then(|n| u32::try_from(n).ok()))),
            "RAW" => Ok((Self::Raw(length(None, 2000)?.0), None)),
            "CLOB" => plain(Self::Clob),
            "NCLOB" => plain(Self::NClob),
            "BLOB" => plain(Self::Blob),
            "JSON" => plain(Self::Json),
            "DATE" => plain(Self::Date),
            "TIMESTAMP" => plain(Self::Timestamp(fraction())),
            "TIMESTAMP WITH TIME ZONE" => plain(Self::TimestampTz(fraction())),
            "TIMESTAMP WITH LOCAL TIME ZONE" => plain(Self::TimestampLtz(fraction())),
            "INTERVAL DAY TO SECOND" => plain(Self::IntervalDs),
            "BOOLEAN" => plain(Self::Boolean),
            "VECTOR" => {
                let format = name.args.get(1).map_or("*", String::as_str);
                if !["*", "FLOAT32"].contains(&format) {
                    return Err(OraError::unsupported(format_args!("vectors of {format}")));
                }
                match arg(0) {
                    Some(n @ 1..=65535) => plain(Self::Vector(u32::try_from(n).ok())),
                    Some(_) => Err(OraError::new(51801, "VECTOR column: the dimension count must be 1 to 65535")),
                    None => plain(Self::Vector(None)),
                }
            }
            other => Err(OraError::new(902, format_args!("invalid datatype: {other}"))),
        }
    }

    pub fn family(&self) -> Family {
        match self {
            Self::Number { .. } | Self::BinaryFloat | Self::BinaryDouble => Family::Number,
            Self::Varchar2(_) | Self::NVarchar2(_) | Self::Char(_) | Self::Rowid => Family::Text,
            Self::Raw(_) => Family::Raw,
            Self::Clob | Self::NClob | Self::Blob | Self::Json | Self::Long => Family::Lob,
            Self::Date | Self::Timestamp(_) | Self::TimestampTz(_) | Self::TimestampLtz(_) => Family::Time,
            Self::IntervalDs => Family::Interval,
            Self::Vector(_) => Family::Vector,
            Self::Boolean => Family::Boolean,
            Self::Null => Family::Null,
        }
    }

    /// Whether a value of it is text in SQLite.
    pub fn is_text(&self) -> bool {
        matches!(self.family(), Family::Text) || matches!(self, Self::Clob | Self::NClob | Self::Json)
    }

    /// Most bytes of a text.
    pub fn text_length(&self) -> u32 {
        match self {
            Self::Varchar2(n) | Self::NVarchar2(n) | Self::Char(n) => *n,
            Self::Number { .. } | Self::BinaryFloat | Self::BinaryDouble => 40,
            Self::Null => 0,
            _ => 4000,
        }
    }

    /// The name in USER_TAB_COLUMNS.DATA_TYPE.
    pub fn dictionary_name(&self) -> String {
        match self {
            Self::Number { .. } => "NUMBER".to_owned(),
            Self::BinaryFloat => "BINARY_FLOAT".to_owned(),
            Self::BinaryDouble => "BINARY_DOUBLE".to_owned(),
            Self::Varchar2(_) => "VARCHAR2".to_owned(),
            Self::NVarchar2(_) => "NVARCHAR2".to_owned(),
            Self::Char(_) => "CHAR".to_owned(),
            Self::Raw(_) => "RAW".to_owned(),
            Self::Clob => "CLOB".to_owned(),
            Self::NClob => "NCLOB".to_owned(),
            Self::Blob => "BLOB".to_owned(),
            Self::Json => "JSON".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp(n) => format!("TIMESTAMP({n})"),
            Self::TimestampTz(n) => format!("TIMESTAMP({n}) WITH TIME ZONE"),
            Self::TimestampLtz(n) => format!("TIMESTAMP({n}) WITH LOCAL TIME ZONE"),
            Self::IntervalDs => "INTERVAL DAY(2) TO SECOND(6)".to_owned(),
            Self::Vector(_) => "VECTOR".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Rowid => "ROWID".to_owned(),
            Self::Long => "LONG".to_owned(),
            Self::Null => "UNDEFINED".to_owned(),
        }
    }

    /// The type that holds values of both, as in the branches of a CASE or the rows of a UNION.
    ///
    /// # Errors
    /// ORA-00932, or ORA-01790 where the caller says so.
    pub fn unify(&self, other: &Self) -> Result<Self> {
        let clash = || {
            OraError::new(
                932,
                format_args!(
                    "inconsistent datatypes: expected {} got {}",
                    self.dictionary_name(),
                    other.dictionary_name()
                ),
            )
        };
        Ok(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Null, ty) | (ty, Self::Null) => ty.clone(),
            (Self::BinaryDouble | Self::BinaryFloat, b) | (b, Self::BinaryDouble | Self::BinaryFloat)
                if b.family() == Family::Number =>
            {
                Self::BinaryDouble
            }
            (Self::Number { .. }, Self::Number { .. }) => NUMBER,
            (Self::Clob, b) | (b, Self::Clob) if b.is_text() => Self::Clob,
            (Self::Vector(_), Self::Vector(_)) => Self::Vector(None),
            (Self::NVarchar2(_), b) | (b, Self::NVarchar2(_)) if b.family() == Family::Text => {
                return Err(OraError::new(12704, "character set mismatch"));
            }
            (a, b) if a.family() == Family::Text && b.family() == Family::Text => {
                Self::Varchar2(a.text_length().max(b.text_length()).max(1))
            }
            (Self::Raw(a), Self::Raw(b)) => Self::Raw(*a.max(b)),
            (a, b) if a.family() == Family::Time && b.family() == Family::Time => match (a, b) {
                (Self::TimestampTz(_), _) | (_, Self::TimestampTz(_)) => Self::TimestampTz(6),
                _ => Self::Timestamp(6),
            },
            _ => return Err(clash()),
        })
    }
}
