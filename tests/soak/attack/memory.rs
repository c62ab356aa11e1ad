//! Memory: bodies that never end, answers that nobody reads, and bytes outside the parts of a form.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::texts::swollen;
use super::wire::{connect, form_head, head, pour, status};
use crate::figures::{Faults, setting};
use crate::harness::{Server, small_models};
use crate::pictures::noise;

/// The whole memory for requests that these checks give the server, in bytes.
const BUDGET: &str = "536870912";

/// The megabytes above the budget that the server may have: its own, models and caches.
const BESIDE: u64 = 512;

async fn start() -> Server {
    Server::start(&[("MITSUKE_MODELS_DIR", &small_models()), ("MITSUKE_MEMORY_BYTES", Path::new(BUDGET))]).await
}

fn check_peak(what: &str, server: &Server, faults: &Faults) {
    let (now, most) = (server.megabytes("VmRSS:").unwrap_or_default(), server.megabytes("VmHWM:").unwrap_or_default());
    println!("{what}: memory at most {most} MiB, now {now} MiB");
    let allowed = BUDGET.parse::<u64>().expect("a number") / (1 << 20) + BESIDE;
    faults.check(most <= allowed, || format!("{what}: {most} MiB are more than {allowed}"));
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn unfinished_bodies_stay_within_the_budget() {
    let (faults, server) = (Faults::default(), start().await);
    let length = setting("SOAK_BODY_MB", 124_usize) << 20;
    let open: Vec<_> = (0..32)
        .map(|number| {
            let mut stream = connect(&server);
            std::thread::spawn(move || {
                let path = if number % 2 == 0 { "/images" } else { "/search/image" };
                let head = form_head(path, length, &[]);
                drop(stream.write_all(head.as_bytes()));
                stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a socket takes a time limit");
                let body = head.len() - head.find("\r\n\r\n").map_or(0, |at| at + 4);
                pour(&mut stream, length - body - 1);
                stream
            })
        })
        .collect();
    let open: Vec<TcpStream> = open.into_iter().map(|thread| thread.join().expect("a caller")).collect();
    check_peak("32 unfinished bodies", &server, &faults);
    drop(open);
    server.stop(&faults).await;
    faults.assert_none();
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn answers_that_nobody_reads_stay_within_the_budget() {
    let (faults, server) = (Faults::default(), start().await);
    let client = server.client();
    for number in 0..20 {
        drop(client.upload("swollen.png", &swollen(number)).await);
    }
    let large = client.upload("large.png", &noise(1, 2_800)).await.expect("an answer").image_id();
    let ask = |path: &str| {
        let mut stream = connect(&server);
        stream.write_all(head("GET", path, &[]).as_bytes()).expect("the server reads");
        stream
    };
    let lists: Vec<_> = (0..10).map(|_| ask("/images?limit=100")).collect();
    tokio::time::sleep(Duration::from_secs(10)).await;
    check_peak("10 lists that nobody reads", &server, &faults);
    drop(lists);
    let pictures: Vec<_> = (0..10).map(|_| ask(&format!("/images/{large}/content"))).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120) {
        if client.get(&format!("/images/{large}/content")).await.is_ok_and(|answer| answer.status == 200) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!(
        "10 readers who never read a picture of 24 MB: others get it after {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    drop(pictures);
    server.stop(&faults).await;
    faults.assert_none();
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn bytes_outside_the_parts_of_a_form_count() {
    let (faults, server) = (Faults::default(), start().await);
    for (what, prefix) in [("before the first boundary", ""), ("after the last boundary", "--attack--\r\n")] {
        let mut stream = connect(&server);
        let headers = ["content-type: multipart/form-data; boundary=attack", "transfer-encoding: chunked"];
        stream.write_all(head("POST", "/images", &headers).as_bytes()).expect("the server reads");
        if !prefix.is_empty() {
            drop(stream.write_all(format!("{:x}\r\n{prefix}\r\n", prefix.len()).as_bytes()));
        }
        // One chunk that is announced as larger than any limit.
        drop(stream.write_all(b"40000000\r\n"));
        stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a socket takes a time limit");
        let begin = Instant::now();
        let taken = pour(&mut stream, 431_000_000);
        let (status, seconds) = (status(&mut stream), begin.elapsed().as_secs_f64());
        println!("{what}: {} MB taken in {seconds:.1} s, then {status}", taken / 1_000_000);
        // The server answers after 64 KiB, throws away what still comes for a second, and closes the connection.
        faults.check(status == 400 && seconds < 5.0, || format!("{status} after {seconds} s {what}"));
    }
    server.stop(&faults).await;
    faults.assert_none();
}
