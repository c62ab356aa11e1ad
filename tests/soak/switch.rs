//! A second model's whole life while searches and uploads go on: register, backfill (killed with kill -9 and resumed),
//! compare, switch, flip back, retire.
//!
//! Every search is answered with the model it names, and finds what that model finds; every upload is stored and has
//! embeddings of both models from the backfill on; the kill costs nothing that was embedded.

mod traffic;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Outcome};
use crate::figures::{Progress, Row, milliseconds, setting, text_setting};
use crate::harness::{Server, repository};
use traffic::{QUERIES, Stage, Traffic};

/// The number of uploads at once before the second model comes.
const UPLOADERS: usize = 8;

/// The longest time that a backfill may take.
const MAX_BACKFILL: Duration = Duration::from_secs(3600);

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_second_model_comes_serves_and_goes_while_every_search_is_answered() {
    let second =
        text_setting("SOAK_SECOND").map_or_else(|| repository().join("tests/other_models/wide"), PathBuf::from);
    let second = second.canonicalize().unwrap_or_else(|error| panic!("SOAK_SECOND, {}: {error}", second.display()));
    assert!(second.join("model.json").is_file(), "{} holds no model.json", second.display());
    let sizes = Sizes {
        pictures: setting("SOAK_PICTURES", 2000),
        uploads: setting("SOAK_UPLOADS", 200),
        searchers: setting("SOAK_SEARCHERS", 2),
        flips: setting("SOAK_FLIPS", 20),
    };
    assert!(
        sizes.pictures.min(sizes.uploads).min(sizes.flips) >= 2 && sizes.searchers >= 1,
        "give at least 2 pictures, uploads and flips, and 1 searcher"
    );
    let models = tempfile::tempdir().expect("a temporary folder");
    symlink(repository().join("models/demo"), models.path().join("demo")).expect("a link");
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", models.path())]).await;
    let life = Life { traffic: Traffic::new(server.client(), sizes.pictures + sizes.uploads), sizes };
    life.run(&mut server, models.path(), &second).await;
    server.print_memory();
    server.stop(&life.traffic.faults).await;
    life.traffic.faults.assert_none();
    println!("all of it holds");
}

struct Sizes {
    /// Images that are stored before the second model comes.
    pictures: usize,
    /// Images that are uploaded during its backfill.
    uploads: usize,
    /// Searches in flight all the time.
    searchers: usize,
    /// Switches there and back.
    flips: usize,
}

/// The two models.
#[derive(Clone, Copy)]
struct Pair {
    demo: i64,
    second: i64,
}

/// Takes the second model through its life while searches and uploads go on.
struct Life {
    traffic: Traffic,
    sizes: Sizes,
}

impl Life {
    async fn run(&self, server: &mut Server, models: &Path, second: &Path) {
        self.store_pictures().await;
        let stages = async {
            self.traffic.during(Stage::DemoOnly, tokio::time::sleep(Duration::from_secs(10))).await;
            let pair = self.register(models, second).await;
            self.backfill(server, pair).await;
            self.compare(pair.second).await;
            self.switch(pair).await;
            self.retire(pair).await;
            self.traffic.over.set(true);
        };
        tokio::join!(stages, join_all((0..self.sizes.searchers).map(|first| self.traffic.search_until_over(first))));
        self.traffic.print();
    }

    async fn store_pictures(&self) {
        let (count, begin) = (self.sizes.pictures, Instant::now());
        let progress = Progress::new("stored before the second model", count);
        let uploads = (0..UPLOADERS).map(|first| self.traffic.upload((first..count).step_by(UPLOADERS), &progress));
        join_all(uploads).await;
        let seconds = begin.elapsed().as_secs_f64();
        println!("{count} pictures stored in {seconds:.0} s ({:.1} a second)", count as f64 / seconds);
    }

    async fn register(&self, models: &Path, second: &Path) -> Pair {
        symlink(second, models.join("second")).expect("a link");
        let answer =
            answered(self.traffic.client.send(self.traffic.client.request(Method::POST, "/models/refresh")).await);
        let listed = answer.json();
        let none_broken = listed["broken"].as_array().is_some_and(Vec::is_empty);
        self.traffic.faults.check(answer.status == 200 && none_broken, || {
            format!("the refresh was answered with {}", answer.problem())
        });
        let (demo, new) = (&listed["models"][0], &listed["models"][1]);
        self.traffic.faults.check(new["state"] == "not_loaded", || format!("the second model is {}", new["state"]));
        let (from, to) = (&demo["vector_dimension"], &new["vector_dimension"]);
        println!("registered the second model: {to} dimensions beside {from}");
        let id = |model: &Value| model["model_id"].as_i64().expect("an id");
        let pair = Pair { demo: id(demo), second: id(new) };
        let refused = self.put_current(pair.second).await;
        let told = refused.json();
        assert_eq!(told["code"], "coverage_incomplete", "an early PUT /models/current: {}", refused.problem());
        self.traffic.faults.check(told["embedded"] == 0 && told["total"] == self.sizes.pictures, || {
            format!("the refusal of an early PUT /models/current has other counts: {}", refused.problem())
        });
        let (status, embedded, total) = (refused.status, &told["embedded"], &told["total"]);
        println!("PUT /models/current now: {status} coverage_incomplete, {embedded} of {total} embedded");
        pair
    }

    async fn put_current(&self, model_id: i64) -> Answer {
        let request = self.traffic.client.request(Method::PUT, "/models/current").json(&json!({"model_id": model_id}));
        answered(self.traffic.client.send(request).await)
    }

    async fn model(&self, model_id: i64) -> Value {
        answered(self.traffic.client.get(&format!("/models/{model_id}")).await).json()
    }

    async fn backfill(&self, server: &mut Server, pair: Pair) {
        let request = self.traffic.client.request(Method::POST, &format!("/models/{}/backfill", pair.second));
        let answer = answered(self.traffic.client.send(request).await);
        self.traffic
            .faults
            .check(answer.status == 202, || format!("the backfill was answered with {}", answer.problem()));
        let quarter = self.sizes.pictures as i64 / 4;
        let at_quarter = self.wait(pair.second, Duration::from_millis(10), |model| count(model, "embedded") >= quarter);
        self.traffic.during(Stage::Quarter, at_quarter).await;
        self.kill(server, pair.second).await;

        let (first, more) = (self.sizes.pictures, self.sizes.uploads);
        let (progress, begin) = (Progress::new("uploaded during the backfill", more), Instant::now());
        let often = Duration::from_millis(200);
        let uploads = async {
            let times = self.traffic.upload(first..first + more, &progress).await;
            (times, begin.elapsed())
        };
        let resumed = self.traffic.during(Stage::Resumed, self.wait(pair.second, often, is_full));
        let ((times, wall), resumed) = tokio::join!(uploads, resumed);
        self.traffic.rows.borrow_mut().push(Row::new("uploads: during the backfill", times, wall));
        let ended = self.wait(pair.second, often, |model| is_full(model) && model["backfill"]["state"] == "finished");
        let ended = ended.await;
        self.traffic.faults.check(count(&ended, "total") == (first + more) as i64, || {
            format!("{} images are stored, not {}", ended["total"], first + more)
        });
        println!(
            "backfill finished: {} of {} embedded, {} failed, {} of them after the kill; images a second at the end: {}",
            ended["embedded"],
            ended["total"],
            ended["failed"],
            ended["backfill"]["embedded"],
            resumed["backfill"]["per_second"]
        );
        for model_id in [pair.demo, pair.second] {
            let model = self.model(model_id).await;
            self.traffic.faults.check(is_full(&model), || format!("model {model_id} lacks images: {model}"));
        }
    }

    async fn kill(&self, server: &mut Server, model_id: i64) {
        self.traffic.down.set(true);
        let before = count(&self.model(model_id).await, "embedded");
        server.kill();
        assert!(before < self.sizes.pictures as i64, "the backfill was done before the kill; give more SOAK_PICTURES");
        server.start_again().await;
        let after = count(&self.model(model_id).await, "embedded");
        self.traffic
            .faults
            .check(after >= before, || format!("{before} were embedded before the kill, {after} after it"));
        let begin = Instant::now();
        self.traffic.down.set(false);
        let goes_on = |model: &Value| count(model, "embedded") > after || is_full(model);
        self.wait(model_id, Duration::from_millis(10), goes_on).await;
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "kill -9 with {before} embedded; {after} after it, and the backfill goes on by itself {seconds:.1} s later"
        );
    }

    /// Waits until a model is as wanted, asking at this interval, and returns it.
    async fn wait(&self, model_id: i64, interval: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let model = self.model(model_id).await;
            if wanted(&model) {
                return model;
            }
            assert!(begin.elapsed() < MAX_BACKFILL, "the backfill does not get on: {model}");
            tokio::time::sleep(interval).await;
        }
    }

    async fn compare(&self, model_id: i64) {
        let body = json!({"queries": QUERIES, "image_ids": [1, 2, 3], "k": 10});
        let begin = Instant::now();
        let answer = answered(self.traffic.client.post_json(&format!("/models/{model_id}/compare"), &body).await);
        let took = milliseconds(begin.elapsed());
        self.traffic
            .faults
            .check(answer.status == 200, || format!("the comparison was answered with {}", answer.problem()));
        let told = answer.json();
        self.traffic.faults.check(told["partial"] == false, || "the comparison calls a full model partial".to_owned());
        let queries = told["queries"].as_array().cloned().unwrap_or_default();
        self.traffic.faults.check(queries.len() == QUERIES.len() + 3, || {
            format!("the comparison answers {} of {} queries", queries.len(), QUERIES.len() + 3)
        });
        let each: Vec<_> = queries
            .iter()
            .map(|one| {
                let query = one["query"].as_str().map_or_else(|| one["image_id"].to_string(), str::to_owned);
                format!("{query} {:.1}", one["overlap"].as_f64().unwrap_or(f64::NAN))
            })
            .collect();
        let mean = told["mean_overlap"].as_f64().unwrap_or(f64::NAN);
        println!("compare: mean overlap@10 {mean:.2} in {took:.0} ms ({})", each.join(", "));
    }

    async fn switch(&self, pair: Pair) {
        let times = self.traffic.during(Stage::Switching, self.flip(pair)).await;
        self.traffic.rows.borrow_mut().push(Row::in_sequence("switches, there and back", times));
        let named = self.traffic.models_seen();
        self.traffic.faults.check(named == BTreeSet::from([pair.demo, pair.second]), || {
            format!("searches saw the models {named:?} only")
        });
        let current = answered(self.traffic.client.get("/models/current").await).json();
        self.traffic
            .faults
            .check(current["model_id"] == pair.demo, || format!("the flip back did not take: {current}"));
    }

    async fn flip(&self, pair: Pair) -> Vec<Duration> {
        let mut times = Vec::new();
        for turn in 0..2 * self.sizes.flips {
            let begin = Instant::now();
            let answer = self.put_current(if turn % 2 == 0 { pair.second } else { pair.demo }).await;
            times.push(begin.elapsed());
            self.traffic
                .faults
                .check(answer.status == 200, || format!("switch {turn} was answered with {}", answer.problem()));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        times
    }

    async fn retire(&self, pair: Pair) {
        self.traffic.stage.set(Stage::Retired);
        let delete = async |model_id: i64| {
            let request = self.traffic.client.request(Method::DELETE, &format!("/models/{model_id}/embeddings"));
            answered(self.traffic.client.send(request).await)
        };
        let refused = delete(pair.demo).await;
        self.traffic.faults.check(refused.status == 409, || {
            format!("retiring the current model was answered with {}", refused.problem())
        });
        let (total, begin) = (self.model(pair.second).await["total"].clone(), Instant::now());
        let answer = delete(pair.second).await;
        let (took, told) = (milliseconds(begin.elapsed()), answer.json());
        self.traffic.faults.check(answer.status == 200 && told["removed"] == total, || {
            format!("retiring was answered with {}", answer.problem())
        });
        let retired = told["model"]["embedded"] == 0 && told["model"]["maintained"] == false;
        self.traffic.faults.check(retired, || format!("it is not retired: {told}"));
        let demo = self.model(pair.demo).await;
        self.traffic.faults.check(demo["embedded"] == total, || format!("the demo model lost embeddings: {demo}"));
        let status = refused.status;
        println!(
            "retired: {} embeddings removed in {took:.0} ms; DELETE of the current model's: {status}",
            told["removed"]
        );
        self.traffic.during(Stage::Retired, tokio::time::sleep(Duration::from_secs(2))).await;
    }
}

fn answered(outcome: Outcome) -> Answer {
    outcome.unwrap_or_else(|error| panic!("a request was lost: {error}"))
}

fn count(model: &Value, field: &str) -> i64 {
    model[field].as_i64().unwrap_or_else(|| panic!("no {field} in {model}"))
}

fn is_full(model: &Value) -> bool {
    model["embedded"] == model["total"]
}
