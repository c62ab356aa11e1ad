//! The orders of lists.

use std::collections::BinaryHeap;

use mitsuke_index::IdSet;

use super::{FactsIndex, NO_DATE};
use crate::{ImageId, Sort, SortCursor, SortKey, SortValue, natural_key, random_key};

/// A place in an order: places compare as their images follow each other. Images without the time at which they were
/// taken come last.
type Place = (bool, u64, u32);

impl FactsIndex {
    /// Returns a page of `allowed` images in the order of `sort`: `limit` of those behind `after`, without the first `skip`
    /// of them; `None` for the order of names, which the facts do not hold.
    pub(in crate::sqlite) fn first(
        &self,
        allowed: &IdSet,
        sort: Sort,
        after: Option<&SortCursor>,
        skip: usize,
        limit: usize,
    ) -> Option<Vec<ImageId>> {
        if sort.key == SortKey::Name {
            return None;
        }
        let after = after.map(|cursor| place_of(sort, &cursor.value, cursor.image_id));
        let wanted = skip.saturating_add(limit);
        // The heap has the last of the best places on top.
        let mut best = BinaryHeap::new();
        // Later images mostly have later dates, and a heap that is offered the best places first changes least.
        let forwards = (!sort.descending).then(|| allowed.iter());
        let backwards = sort.descending.then(|| allowed.iter_descending());
        for image_id in forwards.into_iter().flatten().chain(backwards.into_iter().flatten()) {
            let place = self.place(sort, image_id);
            if after.is_some_and(|after| place <= after) {
                continue;
            }
            if best.len() < wanted {
                best.push((place, image_id));
            } else if let Some(mut last) = best.peek_mut()
                && place < last.0
            {
                *last = (place, image_id);
            }
        }
        Some(best.into_sorted_vec().into_iter().skip(skip).map(|(_, image_id)| image_id).collect())
    }

    /// Returns a page of `allowed` images in the order of their names, like [`Self::first`]. The time grows with the number
    /// of all of them.
    pub(in crate::sqlite) fn by_name(
        &self,
        allowed: &IdSet,
        sort: Sort,
        after: Option<&SortCursor>,
        skip: usize,
        limit: usize,
    ) -> Vec<ImageId> {
        let place = |image_id: ImageId| {
            let value = SortValue::Name(natural_key(self.names.get(image_id as usize)));
            SortCursor { value, image_id }
        };
        let mut places: Vec<SortCursor> = allowed.iter().map(place).collect();
        places.retain(|place| after.is_none_or(|after| sort.compare(place, after).is_gt()));
        places.sort_unstable_by(|a, b| sort.compare(a, b));
        places.into_iter().skip(skip).take(limit).map(|place| place.image_id).collect()
    }

    fn place(&self, sort: Sort, image_id: ImageId) -> Place {
        let at = image_id as usize;
        let value = match sort.key {
            SortKey::Uploaded => SortValue::Micros(self.uploaded.get(at).copied().unwrap_or_default()),
            SortKey::Taken => match self.taken.get(at).copied().unwrap_or(NO_DATE) {
                NO_DATE => SortValue::NoDate,
                taken => SortValue::Micros(taken),
            },
            SortKey::Bytes => SortValue::Bytes(self.bytes.get(at).copied().unwrap_or_default()),
            SortKey::Random { seed } => SortValue::Random(random_key(seed, image_id)),
            SortKey::Name => SortValue::NoDate,
        };
        place_of(sort, &value, image_id)
    }
}

fn place_of(sort: Sort, value: &SortValue, image_id: ImageId) -> Place {
    let number = match value {
        SortValue::Micros(micros) => micros.cast_unsigned() ^ (1 << 63),
        SortValue::Bytes(number) | SortValue::Random(number) => *number,
        SortValue::NoDate | SortValue::Name(_) => return (true, 0, !(image_id as u32)),
    };
    if sort.descending { (false, !number, !(image_id as u32)) } else { (false, number, image_id as u32) }
}
