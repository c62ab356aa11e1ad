//! Uploads and searches over HTTP: how many a second and how long each takes, alone and several at once.
//! `scripts/bench.sh` runs it.

use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;

use crate::chance::nanoseconds_since_1970;
use crate::client::{Answer, Client, Outcome};
use crate::figures::{Faults, Row, print_table, setting, text_setting};
use crate::harness::Server;
use crate::load::{MODES, QUERIES};
use crate::pictures::picture;

/// The side of a picture, in pixels.
const SIZE: u32 = 320;

#[tokio::test]
#[ignore = "takes minutes; scripts/bench.sh runs it"]
async fn every_request_of_the_benchmark_is_answered() {
    let at_once = setting("SOAK_AT_ONCE", "1,4,16".to_owned());
    let at_once: Vec<usize> = at_once
        .split(',')
        .map(|number| number.trim().parse().unwrap_or_else(|_| panic!("SOAK_AT_ONCE is {at_once:?}, not like 1,4,16")))
        .collect();
    let (pictures, searches) = (setting("SOAK_PICTURES", 100), setting("SOAK_SEARCHES", 300));
    assert!(
        at_once.iter().chain([&pictures, &searches]).all(|number| *number >= 1),
        "all numbers have to be at least 1"
    );
    let faults = Faults::default();
    let bench = |client| Bench { client, pictures, searches, at_once, next: nanoseconds_since_1970(), faults: &faults };
    if let Some(url) = text_setting("SOAK_URL") {
        let client = Client::new(&url, text_setting("SOAK_KEY"));
        let stored = bench(client.clone()).run().await;
        client.remove(&stored).await;
    } else {
        let server = Server::start(&[]).await;
        bench(server.client()).run().await;
        server.print_memory();
        server.stop(&faults).await;
    }
    faults.assert_none();
}

struct Bench<'a> {
    client: Client,
    /// Uploads in a row of the table.
    pictures: usize,
    /// Searches in a row of the table.
    searches: usize,
    /// Requests in flight; each number is a row of the table.
    at_once: Vec<usize>,
    /// The number of the next picture. It begins with the clock, so that a running server knows none of them.
    next: u64,
    faults: &'a Faults,
}

impl Bench<'_> {
    /// Sends all uploads and searches, prints the table and returns the ids of the images that it stored.
    async fn run(mut self) -> Vec<i64> {
        let (mut rows, mut stored) = (Vec::new(), Vec::new());
        for at_once in self.at_once.clone() {
            let pictures = self.make_pictures(self.pictures);
            let upload = async |data: Bytes| self.client.upload("bench.png", &data).await;
            let (row, answers) = self.measure(format!("upload, {at_once} at once"), at_once, pictures, upload).await;
            rows.push(row);
            stored.extend(answers.iter().map(Answer::image_id));
        }
        for mode in MODES {
            for &at_once in &self.at_once {
                let what = format!("text search ({mode}), {at_once} at once");
                let search = async |number: usize| {
                    let query = json!({"query": QUERIES[number % QUERIES.len()], "mode": mode});
                    self.client.post_json("/search/text", &query).await
                };
                rows.push(self.measure(what, at_once, (0..self.searches).collect(), search).await.0);
            }
        }
        for at_once in self.at_once.clone() {
            let pictures = self.make_pictures((self.searches / 4).max(1));
            let search = async |data: Bytes| self.client.post_file("/search/image", "query.png", &data).await;
            rows.push(self.measure(format!("picture search, {at_once} at once"), at_once, pictures, search).await.0);
        }
        for &at_once in &self.at_once {
            let ids: Vec<_> = stored.iter().copied().cycle().take(self.searches).collect();
            let search =
                async |image_id: i64| self.client.post_json("/search/image", &json!({"image_id": image_id})).await;
            rows.push(self.measure(format!("more like this, {at_once} at once"), at_once, ids, search).await.0);
        }
        print_table(&rows);
        stored
    }

    fn make_pictures(&mut self, count: usize) -> Vec<Bytes> {
        let first = self.next;
        self.next += count as u64;
        (first..self.next).map(|number| picture(number, SIZE)).collect()
    }

    /// Sends a request for each item. A refusal (503) counts as part of its time.
    async fn measure<T>(
        &self,
        what: String,
        at_once: usize,
        items: Vec<T>,
        send: impl AsyncFn(T) -> Outcome,
    ) -> (Row, Vec<Answer>) {
        eprintln!("{what}");
        let begin = Instant::now();
        let timed = async |item: T| {
            let begin = Instant::now();
            (send(item).await, begin.elapsed())
        };
        let outcomes: Vec<_> = stream::iter(items).map(timed).buffer_unordered(at_once).collect().await;
        let wall = begin.elapsed();
        let (mut times, mut answers) = (Vec::new(), Vec::new());
        for (outcome, time) in outcomes {
            match outcome {
                Ok(answer) if answer.status == 200 || answer.status == 201 => {
                    times.push(time);
                    answers.push(answer);
                }
                Ok(answer) => self.faults.add(format!("{what}: the server answered {}", answer.problem())),
                Err(error) => self.faults.add(format!("{what}: {error}")),
            }
        }
        (Row::new(what, times, wall), answers)
    }
}
