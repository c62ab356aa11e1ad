//! The work that is going on when the kill comes: uploads, changes of captions and deletions, several at once.

use std::cell::{Cell, RefCell};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::ledger::{EDGE, Ledger};
use crate::chance::Chance;
use crate::client::Client;
use crate::crash::told;
use crate::figures::Faults;
use crate::pictures::{noise, picture};

/// Callers at once.
const WORKERS: usize = 6;

/// The number of images from which on as many are deleted as uploaded, so that comparing them all stays quick.
const ENOUGH: usize = 400;

/// The large pictures that are deleted at once, and their edge in pixels: 12 MB in all.
const LARGE: usize = 8;
const LARGE_EDGE: u32 = 700;

/// Works until `stop` is set or the server is gone.
pub async fn work(client: &Client, ledger: &RefCell<Ledger>, seed: u64, stop: &Cell<bool>, faults: &Faults) {
    join_all((0..WORKERS).map(async |worker| {
        let mut chance = Chance::new(seed ^ worker as u64);
        while !stop.get() && step(client, ledger, worker, &mut chance, faults).await {}
    }))
    .await;
}

/// Sends one request. Returns whether it was answered.
async fn step(client: &Client, ledger: &RefCell<Ledger>, worker: usize, chance: &mut Chance, faults: &Faults) -> bool {
    let image = ledger.borrow().one_of(worker, WORKERS, chance);
    let deletes = if ledger.borrow().images.len() > ENOUGH { 5 } else { 2 };
    let Some(image_id) = image.filter(|_| chance.whole(0..=9) < 3 + deletes) else {
        return upload(client, ledger, faults).await;
    };
    if chance.whole(0..=2 + deletes) < 3 {
        return change(client, ledger, image_id, chance, faults).await;
    }
    delete(client, ledger, image_id, faults).await
}

async fn upload(client: &Client, ledger: &RefCell<Ledger>, faults: &Faults) -> bool {
    let number = ledger.borrow_mut().begin_upload();
    match client.upload(&format!("loop-{number}.png"), &picture(number, EDGE)).await {
        Ok(answer) if answer.status == 201 => ledger.borrow_mut().uploaded(number, answer.image_id()),
        Ok(answer) => faults.add(format!("upload {number} was answered with {}", answer.problem())),
        Err(_) => return false,
    }
    true
}

async fn change(
    client: &Client,
    ledger: &RefCell<Ledger>,
    image_id: i64,
    chance: &mut Chance,
    faults: &Faults,
) -> bool {
    let caption = format!("caption {}", chance.whole(0..=1_000_000));
    let note = |is_answered: bool| {
        if let Some(known) = ledger.borrow_mut().images.get_mut(&image_id) {
            if is_answered {
                known.captions.clear();
            }
            known.captions.push(Some(caption.clone()));
        }
    };
    note(false);
    match client.send_json(Method::PATCH, &format!("/images/{image_id}"), &json!({"caption": caption})).await {
        Ok(answer) if answer.status == 200 => note(true),
        Ok(answer) => faults.add(format!("the change of {image_id} was answered with {}", answer.problem())),
        Err(_) => return false,
    }
    true
}

async fn delete(client: &Client, ledger: &RefCell<Ledger>, image_id: i64, faults: &Faults) -> bool {
    if let Some(known) = ledger.borrow_mut().images.get_mut(&image_id) {
        known.may_be_gone = true;
    }
    match client.send(client.request(Method::DELETE, &format!("/images/{image_id}"))).await {
        Ok(answer) if answer.status == 204 => {
            let mut ledger = ledger.borrow_mut();
            ledger.images.remove(&image_id);
            ledger.gone.insert(image_id);
        }
        Ok(answer) => faults.add(format!("the deletion of {image_id} was answered with {}", answer.problem())),
        Err(_) => return false,
    }
    true
}

/// Uploads some large pictures and deletes them, so that the file of the store has space to give back.
pub async fn make_space(client: &Client, ledger: &RefCell<Ledger>, chance: &mut Chance, faults: &Faults) {
    let mut ids = Vec::new();
    for _ in 0..LARGE {
        let picture = noise(chance.whole(1 << 32..=1 << 40) as u64, LARGE_EDGE);
        match client.upload("large.png", &picture).await {
            Ok(answer) if answer.status == 201 => ids.push(answer.image_id()),
            other => faults.add(format!("the upload of a large picture was answered with {}", told(&other))),
        }
    }
    for image_id in ids {
        let deleted = client.send(client.request(Method::DELETE, &format!("/images/{image_id}"))).await;
        let is_deleted = deleted.as_ref().is_ok_and(|answer| answer.status == 204);
        faults.check(is_deleted, || format!("the deletion of {image_id} was answered with {}", told(&deleted)));
        ledger.borrow_mut().gone.insert(image_id);
    }
}
