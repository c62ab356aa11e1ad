//! The distinct values of a fact, by number.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Code(u32);

impl Code {
    /// The code of no value.
    pub(super) const NONE: Self = Self(0);

    pub(super) fn number(self) -> usize {
        self.0 as usize
    }
}

/// Values in the form in which they are compared, and their codes. A value that no image has any more keeps its code.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    codes: HashMap<Arc<str>, Code>,
    /// The values of the codes from 1.
    values: Vec<Arc<str>>,
}

impl Dictionary {
    /// Returns the code of a value, which is new if the value is.
    pub(super) fn code(&mut self, value: &str) -> Code {
        if let Some(code) = self.find(value) {
            return code;
        }
        let value: Arc<str> = value.into();
        self.values.push(Arc::clone(&value));
        let code = Code(self.values.len() as u32);
        self.codes.insert(value, code);
        code
    }

    /// Returns the code of a value; `None` when no image has had it.
    pub(super) fn find(&self, value: &str) -> Option<Code> {
        self.codes.get(value).copied()
    }

    /// Returns all values with their codes, by ascending code.
    pub(super) fn values(&self) -> impl Iterator<Item = (Code, &str)> {
        (1..).map(Code).zip(self.values.iter().map(|value| &**value))
    }

    /// Returns the number of codes, [`Code::NONE`] included.
    pub(super) fn len(&self) -> usize {
        self.values.len() + 1
    }
}
