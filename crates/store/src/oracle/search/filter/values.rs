//! Conditions on facts of several values, which have tables of their own.

use super::Condition;
use crate::Filter;
use crate::oracle::connection::value::in_list;
use crate::oracle::rows::tags::{RareValues, ValueTable, text_values};

impl Condition<'_> {
    /// Requires the tags and LoRAs of a filter. Each image that passes the rest is looked up by the key of their table.
    pub(super) fn values(&mut self, filter: &Filter) {
        for (table, name) in [(ValueTable::Tags, "tag"), (ValueTable::Loras, "lora")] {
            let (all, any) = table.wanted(filter);
            let image_id = self.column("image_id");
            let has = |condition: &str| {
                let table = table.name();
                format!("EXISTS (SELECT 1 FROM {table} t WHERE t.image_id = {image_id} AND t.folded {condition})")
            };
            for (n, value) in text_values(&all).into_iter().enumerate() {
                let placeholder = self.bind(&format!("{name}{n}"), value);
                self.and_known(&has(&format!("= {placeholder}")));
            }
            if !any.is_empty() {
                let list = in_list(&self.placeholder(&format!("any_{name}")), &text_values(&any), &mut self.binds);
                self.and_known(&has(&format!("IN ({list})")));
            }
        }
    }

    /// Requires one of these values in a form that is read from the index of their table, before anything else.
    pub(crate) fn with_one_of(mut self, rare: &RareValues) -> Self {
        let list = in_list(&self.placeholder("rare_value"), &text_values(&rare.folded), &mut self.binds);
        let (column, table) = (self.column("image_id"), rare.table.name());
        self.and_known(&format!("{column} IN (SELECT t.image_id FROM {table} t WHERE t.folded IN ({list}))"));
        self
    }
}
