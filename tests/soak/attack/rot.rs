//! Bit rot: one bit of each stored picture is flipped while the server is stopped. None is served as if it were whole.

use std::fs;

use crate::crash::told;
use crate::figures::Faults;
use crate::harness::{Server, small_models};
use crate::pictures::noise;

const PICTURES: u64 = 100;

/// The edge of the pictures in pixels: small enough that a piece of each lies in one page of the database.
const EDGE: u32 = 24;

/// The bytes by which a picture is found in the database file.
const PIECE: usize = 48;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn damaged_pictures_are_not_served() {
    let faults = Faults::default();
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    let (client, mut ids) = (server.client(), Vec::new());
    for number in 0..PICTURES {
        ids.push(client.upload("rot.png", &noise(number, EDGE)).await.expect("an answer").image_id());
    }
    server.stop_to_start_again(&faults).await;
    let database = server.data().join("mitsuke.db");
    let mut bytes = fs::read(&database).expect("the database");
    let mut flipped = 0;
    for number in 0..PICTURES {
        let picture = noise(number, EDGE);
        let middle = &picture[picture.len() / 2..][..PIECE];
        if let Some(at) = bytes.windows(PIECE).position(|window| window == middle) {
            bytes[at + PIECE / 2] ^= 1;
            flipped += 1;
        }
    }
    fs::write(&database, bytes).expect("the database");
    server.start_again().await;
    let (mut wrong, mut told_as) = (0, String::new());
    for (number, image_id) in (0..PICTURES).zip(&ids) {
        let content = client.get(&format!("/images/{image_id}/content")).await;
        match &content {
            Ok(answer) if answer.status == 200 => wrong += usize::from(answer.body != noise(number, EDGE)),
            other => told_as = told(other),
        }
    }
    println!("{flipped} pictures with one flipped bit: {wrong} wrong bodies answered as 200; others: {told_as}");
    faults.check(flipped > PICTURES / 2, || format!("only {flipped} pictures were found in the file"));
    faults.check(wrong == 0, || format!("{wrong} wrong bodies were answered as 200"));
    server.stop(&faults).await;
    faults.assert_none();
}
