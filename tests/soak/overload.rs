//! More callers than the machine can serve: how long the slowest request took that was accepted, how quickly the others
//! were refused, and how the work was shared.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::chance::nanoseconds_since_1970;
use crate::client::Client;
use crate::figures::{Faults, Row, print_table, setting};
use crate::harness::Server;
use crate::load::QUERIES;
use crate::pictures::picture;

/// The edge of the pictures in pixels.
const EDGE: u32 = 640;

/// The kind of request that a caller sends.
const KINDS: [&str; 3] = ["uploads", "searches by picture", "searches by text"];

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn callers_are_answered_in_time_or_refused_at_once() {
    let (callers, seconds) = (setting("SOAK_CALLERS", 60_usize), setting("SOAK_SECONDS", 25_u64));
    let faults = Faults::default();
    let server = Server::start(&[]).await;
    let first = nanoseconds_since_1970();
    let pictures: Vec<_> = (0..callers as u64).map(|number| picture(first + number, EDGE)).collect();
    for number in 0..20 {
        drop(server.client().upload("seed.png", &picture(first + 1_000_000 + number, EDGE)).await);
    }
    let answers = Answers::default();
    let (begin, end) = (Instant::now(), Instant::now() + Duration::from_secs(seconds));
    join_all((0..callers).map(async |caller| {
        let client = Client::without_keep_alive(&server.url(), None);
        let mut round = 0;
        while Instant::now() < end {
            round += 1;
            let picture = numbered(&pictures[(caller + round) % callers], (caller << 32) | round);
            let request = request(&client, caller % KINDS.len(), round, picture);
            one(&client, caller % KINDS.len(), request, &answers, &faults).await;
        }
    }))
    .await;
    answers.print(begin.elapsed());
    server.print_memory();
    server.stop(&faults).await;
    faults.assert_none();
}

/// Returns the picture with a number after its end, so that it is a new file to the server.
fn numbered(picture: &Bytes, number: usize) -> Bytes {
    [&picture[..], &number.to_be_bytes()].concat().into()
}

fn request(client: &Client, kind: usize, round: usize, picture: Bytes) -> RequestBuilder {
    let form = || Form::new().part("file", Part::stream(picture).file_name("overload.png"));
    match kind {
        0 => client.request(Method::POST, "/images").multipart(form()),
        1 => client.request(Method::POST, "/search/image").multipart(form()),
        _ => client
            .request(Method::POST, "/search/text")
            .json(&json!({"query": format!("{} {round}", QUERIES[round % QUERIES.len()]), "mode": "hybrid"})),
    }
}

/// The times of the answers by kind: of those that were accepted, and of the refusals.
#[derive(Default)]
struct Answers {
    accepted: RefCell<[Vec<Duration>; KINDS.len()]>,
    refused: RefCell<[Vec<Duration>; KINDS.len()]>,
    longest_wait: RefCell<f64>,
}

async fn one(client: &Client, kind: usize, request: RequestBuilder, answers: &Answers, faults: &Faults) {
    let begin = Instant::now();
    match client.send(request).await {
        Ok(answer) if matches!(answer.status, 200 | 201) => answers.accepted.borrow_mut()[kind].push(begin.elapsed()),
        Ok(answer) if answer.status == 503 => {
            answers.refused.borrow_mut()[kind].push(begin.elapsed());
            let stated = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
            faults.check(stated.is_some(), || "a 503 came without Retry-After".to_owned());
            let stated = stated.unwrap_or(1.0);
            let longest = answers.longest_wait.borrow().max(stated);
            answers.longest_wait.replace(longest);
            // Callers of this kind do not wait as long as they are told.
            tokio::time::sleep(Duration::from_secs_f64(stated.min(0.5))).await;
        }
        Ok(answer) => faults.add(format!("a request was answered with {}", answer.problem())),
        Err(error) => faults.add(format!("a request was lost: {error}")),
    }
}

impl Answers {
    fn print(self, wall: Duration) {
        let rows = |what: &str, times: [Vec<Duration>; KINDS.len()]| {
            let row = |(kind, times)| Row::new(format!("{kind}, {what}"), times, wall);
            KINDS.into_iter().zip(times).map(row).collect::<Vec<_>>()
        };
        let accepted = self.accepted.into_inner();
        let worst = accepted.iter().flatten().max().copied().unwrap_or_default();
        let longest = self.longest_wait.into_inner();
        let shares = (accepted[0].len(), accepted[1].len());
        let mut table = rows("accepted", accepted);
        table.extend(rows("refused", self.refused.into_inner()));
        print_table(&table);
        println!("slowest accepted request: {:.1} s; longest Retry-After: {longest} s", worst.as_secs_f64());
        println!("{} uploads beside {} searches by picture", shares.0, shares.1);
    }
}
