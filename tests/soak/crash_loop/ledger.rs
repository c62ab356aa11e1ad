//! The ledger of what the server has answered, and what must therefore be there after a kill.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::chance::Chance;
use crate::client::Client;
use crate::crash::{check_found, told};
use crate::figures::Faults;
use crate::pictures::{comment, picture, sha256};

/// The edge of the pictures in pixels.
pub const EDGE: u32 = 48;

/// The images whose bytes are read after each kill, beside those of the work before it.
const SAMPLED: usize = 20;

/// The images of which each is searched with its own bytes after each kill.
const SEARCHED: usize = 4;

/// An image that was answered as stored.
pub struct Known {
    pub number: u64,
    /// The captions that it may have: one, or the old and the new one of a change that was not answered.
    pub captions: Vec<Option<String>>,
    /// Whether a deletion was sent and not answered.
    pub may_be_gone: bool,
}

/// The requests that were answered, and those that were sent and not answered.
#[derive(Default)]
pub struct Ledger {
    pub images: BTreeMap<i64, Known>,
    pub gone: HashSet<i64>,
    /// The numbers of uploads that were sent and not answered.
    pub open: HashSet<u64>,
    next: u64,
}

impl Ledger {
    /// Begins an upload: returns the number of its picture.
    pub fn begin_upload(&mut self) -> u64 {
        self.next += 1;
        self.open.insert(self.next);
        self.next
    }

    /// Notes that an upload was answered.
    pub fn uploaded(&mut self, number: u64, image_id: i64) {
        self.open.remove(&number);
        self.images.insert(image_id, Known { number, captions: vec![Some(comment(number))], may_be_gone: false });
    }

    /// Returns an image of a worker; no two workers get the same one.
    pub fn one_of(&self, worker: usize, workers: usize, chance: &mut Chance) -> Option<i64> {
        let own = |(id, known): (&i64, &Known)| {
            (*id as usize % workers == worker && !known.may_be_gone && known.captions.len() == 1).then_some(*id)
        };
        let ids: Vec<i64> = self.images.iter().filter_map(own).collect();
        ids.get(chance.whole(0..=ids.len().saturating_sub(1))).copied()
    }

    /// Compares everything with what the server lists, notes the faults, and takes over what the kill left open.
    pub async fn compare(&mut self, client: &Client, chance: &mut Chance, faults: &Faults) {
        let listed: BTreeMap<i64, Value> =
            client.images().await.into_iter().filter_map(|image| Some((image["image_id"].as_i64()?, image))).collect();
        for (image_id, image) in &listed {
            match self.images.get_mut(image_id) {
                Some(known) => {
                    let caption = image["caption"].as_str().map(str::to_owned);
                    faults.check(known.captions.contains(&caption), || {
                        format!("{image_id} has the caption {caption:?}, and not one of {:?}", known.captions)
                    });
                    known.captions = vec![caption];
                    known.may_be_gone = false;
                }
                None => self.take_over(*image_id, image, faults),
            }
        }
        let lost: Vec<i64> = self.images.keys().filter(|id| !listed.contains_key(id)).copied().collect();
        for image_id in lost {
            let known = self.images.remove(&image_id);
            faults.check(known.is_some_and(|known| known.may_be_gone), || {
                format!("{image_id} was answered as stored and is lost")
            });
            self.gone.insert(image_id);
        }
        self.open.clear();
        self.check_bytes(client, chance, faults).await;
    }

    /// Takes over an image that is listed and was never answered.
    fn take_over(&mut self, image_id: i64, image: &Value, faults: &Faults) {
        faults.check(!self.gone.contains(&image_id), || format!("{image_id} was deleted and is back"));
        let open = self.open.iter().find(|number| image["sha256"] == sha256(&picture(**number, EDGE))).copied();
        match open {
            Some(number) => self.uploaded(number, image_id),
            None => faults.add(format!("{image_id} is listed and was never uploaded")),
        }
    }

    /// Checks the bytes of the newest images and of some others, and searches some with their own bytes.
    async fn check_bytes(&self, client: &Client, chance: &mut Chance, faults: &Faults) {
        let ids: Vec<i64> = self.images.keys().copied().collect();
        let newest = ids.iter().rev().take(SAMPLED).copied();
        let others: Vec<i64> =
            (0..SAMPLED).filter_map(|_| ids.get(chance.whole(0..=ids.len().saturating_sub(1))).copied()).collect();
        for (place, image_id) in newest.chain(others).enumerate() {
            let Some(known) = self.images.get(&image_id) else { continue };
            let expected = picture(known.number, EDGE);
            match client.get(&format!("/images/{image_id}/content")).await {
                Ok(answer) if answer.status == 200 => {
                    faults.check(answer.body == expected, || format!("{image_id} came back with other bytes"));
                }
                other => faults.add(format!("the bytes of {image_id} were answered with {}", told(&other))),
            }
            if place % (SAMPLED / SEARCHED) == 0 {
                check_found(client, known.number as usize, image_id, &expected, faults).await;
            }
        }
    }
}
