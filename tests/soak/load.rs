//! Hundreds of searches at once during a bulk upload: none is lost. Each gets its hits, or a 503 with `Retry-After`
//! that the client obeys.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::Notify;

use crate::chance::nanoseconds_since_1970;
use crate::client::Client;
use crate::figures::{Faults, Row, print_table, setting, text_setting};
use crate::harness::Server;
use crate::pictures::picture;

pub const QUERIES: [&str; 10] =
    ["猫", "青い車", "寿司", "赤い丸", "緑の線", "夕焼けの海", "雪の山", "a red circle", "blue sky", "女性"];

pub const MODES: [&str; 3] = ["vector", "keyword", "hybrid"];

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn no_search_and_no_upload_is_lost_under_load() {
    let load = Load {
        searches: setting("SOAK_SEARCHES", 200),
        pictures: setting("SOAK_PICTURES", 300),
        uploaders: setting("SOAK_UPLOADERS", 8),
        waves: setting("SOAK_WAVES", 3),
        faults: Faults::default(),
    };
    assert!(
        load.searches.min(load.pictures).min(load.uploaders).min(load.waves) >= 1,
        "all numbers have to be at least 1"
    );
    if let Some(url) = text_setting("SOAK_URL") {
        let key = text_setting("SOAK_KEY");
        let stored = load.run(&url, key.clone()).await;
        Client::new(&url, key).remove(&stored).await;
    } else {
        let server = Server::start(&[]).await;
        load.run(&server.url(), None).await;
        server.print_memory();
        server.stop(&load.faults).await;
    }
    load.faults.assert_none();
    println!("{} searches and {} uploads, none lost", load.searches * load.waves, load.pictures);
}

/// The size of a run and its faults.
struct Load {
    searches: usize,
    pictures: usize,
    uploaders: usize,
    waves: usize,
    faults: Faults,
}

/// The uploads so far.
#[derive(Default)]
struct Uploaded {
    ids: RefCell<Vec<i64>>,
    times: RefCell<Vec<Duration>>,
    refusals: Cell<u32>,
    started: Notify,
}

impl Load {
    /// Sends all uploads and searches, prints the times and returns the ids of the images that it stored.
    async fn run(&self, url: &str, key: Option<String>) -> Vec<i64> {
        let keeping = Client::new(url, key.clone());
        // Each search comes from a caller of its own.
        let opening = Client::without_keep_alive(url, key);
        // A running server may know the pictures of an earlier run; the clock makes new ones.
        let first = nanoseconds_since_1970();
        let pictures: Vec<_> = (0..self.pictures).map(|number| picture(first + number as u64, 160)).collect();
        let uploaded = Uploaded::default();
        let mut idle = Vec::new();
        for number in 0..20 {
            idle.extend(self.search(&keeping, number, "vector").await.map(|(time, _)| time));
        }
        let rows = RefCell::new(vec![Row::in_sequence("one after the other, idle", idle)]);
        let begin = Instant::now();
        let (_, refusals) =
            tokio::join!(self.upload(&keeping, &pictures, &uploaded), self.search_in_waves(&opening, &uploaded, &rows));
        let mut rows = rows.into_inner();
        rows.push(Row::new(
            format!("uploads, {} at once", self.uploaders),
            uploaded.times.into_inner(),
            begin.elapsed(),
        ));
        print_table(&rows);
        println!("refused with 503 and tried again: {refusals} searches, {} uploads", uploaded.refusals.get());
        uploaded.ids.into_inner()
    }

    async fn upload(&self, client: &Client, pictures: &[Bytes], uploaded: &Uploaded) {
        join_all((0..self.uploaders).map(async |first| {
            for number in (first..self.pictures).step_by(self.uploaders) {
                let begin = Instant::now();
                match client.upload(&format!("load-{number}.png"), &pictures[number]).await {
                    Ok(answer) if answer.status == 200 || answer.status == 201 => {
                        uploaded.times.borrow_mut().push(begin.elapsed());
                        uploaded.ids.borrow_mut().push(answer.image_id());
                        uploaded.refusals.set(uploaded.refusals.get() + answer.refusals);
                    }
                    Ok(answer) => self.faults.add(format!("an upload was answered with {}", answer.problem())),
                    Err(error) => self.faults.add(format!("an upload was lost: {error}")),
                }
                uploaded.started.notify_one();
            }
        }))
        .await;
    }

    /// Sends the waves of searches, one after the other. Returns how often a search was refused with 503.
    async fn search_in_waves(&self, client: &Client, uploaded: &Uploaded, rows: &RefCell<Vec<Row>>) -> u32 {
        // The searches begin after a minute even without an upload; the faults and the table then say why.
        drop(tokio::time::timeout(Duration::from_secs(60), uploaded.started.notified()).await);
        let (count, mut refusals) = (self.searches, 0);
        let stored = || uploaded.ids.borrow().len();
        for wave in 1..=self.waves {
            let (before, begin) = (stored(), Instant::now());
            let searches = (0..count).map(|number| self.search(client, number, MODES[number % 3]));
            let answered: Vec<_> = join_all(searches).await.into_iter().flatten().collect();
            let during = if stored() < self.pictures { "" } else { " (uploads done)" };
            let times = answered.iter().map(|(time, _)| *time).collect();
            refusals += answered.iter().map(|(_, refusals)| refusals).sum::<u32>();
            rows.borrow_mut().push(Row::new(format!("wave {wave}: {count} at once{during}"), times, begin.elapsed()));
            let meanwhile = stored() - before;
            eprintln!("wave {wave}: {} of {count} answered, {meanwhile} uploads meanwhile", answered.len());
        }
        eprintln!("waiting for the uploads ({} of {} done)", stored(), self.pictures);
        refusals
    }

    /// Returns how long a search took and how often it was refused before, or nothing when it was lost.
    async fn search(&self, client: &Client, number: usize, mode: &str) -> Option<(Duration, u32)> {
        let query = json!({"query": QUERIES[number % QUERIES.len()], "mode": mode});
        let begin = Instant::now();
        match client.post_json("/search/text", &query).await {
            Ok(answer) if answer.status == 200 && answer.json()["hits"].is_array() => {
                Some((begin.elapsed(), answer.refusals))
            }
            Ok(answer) => {
                self.faults.add(format!("a search was answered with {}", answer.problem()));
                None
            }
            Err(error) => {
                self.faults.add(format!("a search was lost: {error}"));
                None
            }
        }
    }
}
