//! Slow callers and guessers: others are served meanwhile.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::wire::{connect, form_head, head, status, status_of};
use crate::client::Client;
use crate::figures::{Faults, setting};
use crate::harness::{Server, small_models};
use crate::pictures::picture;

const KEYS: &str = "attacker-0123456789abcdef,bystander-0123456789abcdef";

async fn start_with_keys() -> Server {
    Server::start(&[("MITSUKE_MODELS_DIR", &small_models()), ("MITSUKE_API_KEYS", Path::new(KEYS))]).await
}

fn bystander(server: &Server) -> Client {
    Client::new(&server.url(), Some("bystander-0123456789abcdef".to_owned()))
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn slow_uploads_do_not_lock_others_out() {
    let (faults, server) = (Faults::default(), start_with_keys().await);
    let client = bystander(&server);
    let done = Arc::new(AtomicBool::new(false));
    let slow: Vec<_> = (0..setting("SOAK_SLOW", 16))
        .map(|_| {
            let (mut stream, done) = (connect(&server), Arc::clone(&done));
            std::thread::spawn(move || {
                let key = ["authorization: Bearer attacker-0123456789abcdef"];
                drop(stream.write_all(form_head("/images", 1 << 20, &key).as_bytes()));
                while !done.load(Ordering::Relaxed) && stream.write_all(b"x").is_ok() {
                    std::thread::sleep(Duration::from_millis(200));
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begin = Instant::now();
    let mut refused = 0;
    for number in 0.. {
        let form = reqwest::multipart::Part::stream(picture(number, 64)).file_name("a.png");
        let request = client.request(reqwest::Method::POST, "/images");
        let request = request.multipart(reqwest::multipart::Form::new().part("file", form));
        if client.send(request).await.is_ok_and(|answer| answer.status == 201) || begin.elapsed().as_secs() > 150 {
            break;
        }
        refused += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!(
        "{} uploads that trickle: another caller's upload is stored after {:.1} s and {refused} refusals",
        slow.len(),
        begin.elapsed().as_secs_f64()
    );
    faults.check(refused == 0, || format!("another caller was refused {refused} times"));
    done.store(true, Ordering::Relaxed);
    slow.into_iter().for_each(|thread| thread.join().expect("a slow caller"));
    server.stop(&faults).await;
    faults.assert_none();
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn guesses_of_keys_are_throttled() {
    let (faults, server) = (Faults::default(), start_with_keys().await);
    let (begin, mut counts) = (Instant::now(), [0_u32; 2]);
    while begin.elapsed() < Duration::from_secs(5) {
        let guess = format!("authorization: Bearer guess-{:032}", counts[0] + counts[1]);
        let status = status_of(&server, head("GET", "/images", &[&guess, "connection: close"]).as_bytes());
        counts[usize::from(status == 429)] += 1;
        faults.check(matches!(status, 401 | 429), || format!("a wrong key was answered with {status}"));
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "wrong keys: {:.0} a second looked at, {:.0} refused",
        f64::from(counts[0]) / seconds,
        f64::from(counts[1]) / seconds
    );
    faults.check(counts[1] > 0, || format!("{} guesses were looked at", counts[0]));
    let mut stream = connect(&server);
    let right = head("GET", "/images", &["authorization: Bearer bystander-0123456789abcdef"]);
    stream.write_all(right.as_bytes()).expect("the server reads");
    println!("the right key, after the guesses from the same address: {}", status(&mut stream));
    server.stop(&faults).await;
    faults.assert_none();
}
