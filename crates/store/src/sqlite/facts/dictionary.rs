//! The distinct values of a fact, by number.

use std::collections::HashMap;

use super::row::FactValue;

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

/// Values and their codes. A value that no image has any more keeps its code.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    codes: HashMap<Box<str>, Code>,
    /// The entries of the codes from 1.
    entries: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// The form that is compared.
    pub(super) folded: Box<str>,
    /// The spelling of the first image.
    spelling: Box<str>,
    /// Whether some images spell the value otherwise.
    is_varied: bool,
}

impl Entry {
    /// Returns the spelling of all images; `None` when they differ.
    pub(super) fn spelling(&self) -> Option<&str> {
        (!self.is_varied).then_some(&*self.spelling)
    }
}

impl Dictionary {
    /// Returns the code of a value, which is new if the value is.
    pub(super) fn code(&mut self, value: &FactValue) -> Code {
        if let Some(code) = self.find(&value.folded) {
            if let Some(entry) = self.entries.get_mut(code.number() - 1) {
                entry.is_varied |= *entry.spelling != *value.spelling;
            }
            return code;
        }
        let folded: Box<str> = value.folded.as_str().into();
        self.entries.push(Entry {
            folded: folded.clone(),
            spelling: value.spelling.as_str().into(),
            is_varied: false,
        });
        let code = Code(self.entries.len() as u32);
        self.codes.insert(folded, code);
        code
    }

    /// Returns the code of a folded form; `None` when no image has had it.
    pub(super) fn find(&self, folded: &str) -> Option<Code> {
        self.codes.get(folded).copied()
    }

    /// Returns the value of a code; `None` for [`Code::NONE`].
    pub(super) fn entry(&self, code: Code) -> Option<&Entry> {
        self.entries.get(code.number().checked_sub(1)?)
    }

    /// Returns all values with their codes.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Code, &Entry)> {
        (1..).map(Code).zip(&self.entries)
    }

    /// Returns the number of codes, [`Code::NONE`] included.
    pub(super) fn len(&self) -> usize {
        self.entries.len() + 1
    }
}
