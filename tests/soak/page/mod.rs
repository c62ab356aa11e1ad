//! The page in a browser with many pictures: how long it takes to appear, how long each frame of a scroll takes, and how
//! much memory the tab has meanwhile.

mod memory;

#[path = "../../browser/driver.rs"]
mod driver;
#[expect(dead_code, reason = "the tests of the page use the rest")]
#[path = "../../browser/session.rs"]
mod session;

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::client::Client;
use crate::figures::{Faults, Progress, setting};
use crate::harness::{Server, small_models};
use session::{Browser, DESKTOP};

/// The longer side of a picture, in pixels.
const SIDE: u32 = 400;

/// The number of different pictures. The files differ all.
const LOOKS: u64 = 64;

/// The number of months in which the pictures were taken.
const MONTHS: usize = 60;

/// The memory that a tab with the pictures may have, in MiB.
const MAX_MEMORY: u64 = 300;

/// The milliseconds that 19 of 20 frames of a scroll may take at most.
const MAX_FRAME: f64 = 50.0;

/// The pixels that a reader who looks at the pictures scrolls in a step.
const READING_STEP: i32 = 40;

/// The time between two looks at the memory of a slow scroll.
const LOOK: Duration = Duration::from_secs(1);

/// The elements that the page may have, whatever the number of pictures.
const MAX_ELEMENTS: u64 = 2000;

/// Notes when the list and its first picture have appeared, in milliseconds since the navigation.
const WATCH: &str = "
    window.appeared = {};
    (function look() {
      const grid = document.querySelector('#grid');
      if (grid?.style.height && !appeared.list) appeared.list = performance.now();
      if (document.querySelector('#grid .shown')) appeared.picture = performance.now();
      else requestAnimationFrame(look);
    })();";

/// Begins to note the milliseconds between frames.
const NOTE_FRAMES: &str = "
    const noted = (window.noted = { frames: [], runs: true });
    let before = performance.now();
    requestAnimationFrame(function next(now) {
      if (!noted.runs) return;
      noted.frames.push(now - before);
      before = now;
      requestAnimationFrame(next);
    });";

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_tab_with_many_pictures_stays_small() {
    let (pictures, uploaders) = (setting("SOAK_PICTURES", 20_000_usize), setting("SOAK_UPLOADERS", 8));
    let reading = Duration::from_secs(setting("SOAK_SECONDS", 60));
    let Some(programs) = driver::programs() else { return };
    let faults = Faults::default();
    let server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    store(&server.client(), pictures, uploaders).await;

    let browser = Browser::start_silent(&programs, DESKTOP).await;
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": WATCH})).await;
    let tab = Tab { browser, faults: &faults };
    tab.browser.client.goto(&format!("{}/?sort=taken", server.url())).await.expect("the page opens");
    let appeared = tab.until("window.appeared?.picture && window.appeared").await;
    let after = |name: &str| appeared[name].as_f64().unwrap_or_default();
    println!("{pictures} pictures: list after {:.0} ms, first picture after {:.0} ms", after("list"), after("picture"));
    println!("rows of the list: {:.1} ms", tab.layout_time().await);
    tab.print_memory("at the beginning").await;
    println!("{:28}{:>8}{:>9}{:>9}{:>9}{:>12}", "", "frames", "p50 ms", "p95 ms", "max ms", "whole ms");
    tab.print_frames("reading speed, cold", tab.read(READING_STEP, reading)).await;
    tab.print_memory("after reading").await;
    tab.print_frames("reading speed, back", tab.read(-READING_STEP, reading)).await;
    tab.print_frames("wheel to the end, cold", tab.wheel(1200)).await;
    tab.print_memory("at the end").await;
    tab.print_frames("wheel to the beginning, warm", tab.wheel(-1200)).await;
    tab.print_frames("strip of dates to the end", tab.drag_strip(300)).await;
    tab.print_memory("after all").await;

    tab.browser.close().await;
    server.stop(&faults).await;
    faults.assert_none();
}

/// Uploads the pictures, and spreads the days on which they were taken over the months.
async fn store(client: &Client, pictures: usize, uploaders: usize) {
    let looks: Vec<_> = (0..LOOKS).map(look).collect();
    let progress = Progress::new("pictures uploaded", pictures);
    let upload = async |number: usize| {
        let file = numbered(&looks[number % looks.len()], number);
        let answer = client.upload(&format!("picture {number}.jpg"), &file).await.expect("an answer");
        assert_eq!(answer.status, 201, "{}", answer.problem());
        progress.step();
        answer.image_id()
    };
    let ids: Vec<i64> = stream::iter(0..pictures).map(upload).buffered(uploaders).collect().await;
    for (month, part) in ids.chunks(pictures.div_ceil(MONTHS)).enumerate() {
        let taken = format!("{}-{:02}-15", 2020 + month / 12, month % 12 + 1);
        let change = json!({"image_ids": part, "change": {"taken_at": taken}});
        let answer = client.send_json(Method::POST, "/images/update", &change).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.problem());
    }
}

/// Makes a JPEG file of a shape and colours of its own.
fn look(number: u64) -> Vec<u8> {
    let mut chance = Chance::new(number);
    let ratio = chance.between(0.5, 2.0);
    let (width, height) =
        if ratio > 1.0 { (SIDE, (f64::from(SIDE) / ratio) as u32) } else { ((f64::from(SIDE) * ratio) as u32, SIDE) };
    let [red, green, blue] = [0; 3].map(|_| chance.whole(0..=255) as u8);
    let pixels = RgbImage::from_fn(width, height, |x, y| {
        Rgb([red.wrapping_add((x / 2) as u8), green.wrapping_add((y / 2) as u8), blue ^ ((x / 16 + y / 16) as u8)])
    });
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 85).encode_image(&pixels).expect("a JPEG file in memory");
    file
}

/// Returns the file with a number in a comment, which makes it another file.
fn numbered(file: &[u8], number: usize) -> Bytes {
    let comment = format!("{number:08}");
    let length = u16::try_from(comment.len() + 2).expect("a short comment").to_be_bytes();
    // The comment follows the marker that begins a JPEG file.
    let (start, rest) = file.split_at(2);
    [start, &[0xFF, 0xFE], &length, comment.as_bytes(), rest].concat().into()
}

/// The tab that is measured.
struct Tab<'a> {
    browser: Browser,
    faults: &'a Faults,
}

impl Tab<'_> {
    async fn js(&self, script: &str) -> Value {
        self.browser.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    async fn until(&self, expression: &str) -> Value {
        let begin = Instant::now();
        loop {
            let value = self.js(&format!("return {expression}")).await;
            if !(value.is_null() || value == json!(false)) {
                return value;
            }
            assert!(begin.elapsed() < Duration::from_secs(120), "this never became true: {expression}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the milliseconds that the rows of 20,000 pictures take.
    async fn layout_time(&self) -> f64 {
        let script = "const done = arguments[0];
            import(document.querySelector('script[src$=\"page.js\"]').src.replace('page.js', 'layout.js')).then(({ rowsOf }) => {
              const ratios = Float32Array.from({ length: 20_000 }, (_, index) => 0.5 + (index % 7) / 4);
              const begin = performance.now();
              for (let time = 0; time < 20; time++)
                rowsOf({ count: ratios.length, ratio: (index) => ratios[index], width: 1200, height: 208, gap: 8, breakAt: null, breakHeight: 0 });
              done((performance.now() - begin) / 20);
            })";
        let time = self.browser.client.execute_async(script, vec![]).await.expect("the time of the rows");
        time.as_f64().expect("a number")
    }

    async fn turn(&self, by: i32) {
        let turn = json!({"type": "mouseWheel", "x": 600, "y": 500, "deltaX": 0, "deltaY": by});
        self.browser.cdp("Input.dispatchMouseEvent", turn).await;
    }

    /// Turns the wheel in small steps for a time or to the end of the page, and looks at the memory meanwhile. A slow scroll
    /// loads all pictures on its way.
    async fn read(&self, by: i32, time: Duration) {
        let (begin, mut looked, mut most) = (Instant::now(), Instant::now(), 0);
        while begin.elapsed() < time {
            self.turn(by).await;
            if looked.elapsed() >= LOOK {
                most = memory::of(self.browser.process_id()).0.max(most);
                looked = Instant::now();
            }
        }
        println!(
            "at reading speed: tab at most {most} MiB, scrolled to {}",
            self.js("return Math.round(scrollY)").await
        );
        self.faults.check(most <= MAX_MEMORY, || format!("at reading speed the tab had {most} MiB"));
        self.faults
            .check(self.js("return Boolean(document.querySelector('#grid .shown'))").await == json!(true), || {
                "a slow scroll shows no picture".to_owned()
            });
    }

    /// Turns the wheel until the page does not scroll any further.
    async fn wheel(&self, by: i32) {
        let mut still = 0;
        let mut before = json!(-1);
        while still < 5 {
            self.turn(by).await;
            let now = self.js("return scrollY").await;
            still = if now == before { still + 1 } else { 0 };
            before = now;
        }
    }

    /// Drags the strip of dates from its beginning to its end.
    async fn drag_strip(&self, steps: u32) {
        let strip = self
            .js("const { left, width, top, height } = document.querySelector('#scrubber').getBoundingClientRect();
                 return [left + width / 2, top, height]")
            .await;
        let mouse = async |kind: &str, share: f64, buttons: u8| {
            let y = strip[1].as_f64().unwrap_or_default() + share * strip[2].as_f64().unwrap_or_default();
            let event =
                json!({"type": kind, "x": strip[0], "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
            self.browser.cdp("Input.dispatchMouseEvent", event).await;
        };
        mouse("mousePressed", 0.0, 1).await;
        for step in 0..=steps {
            mouse("mouseMoved", f64::from(step) / f64::from(steps), 1).await;
        }
        mouse("mouseReleased", 1.0, 0).await;
        let end = self.js("return scrollY + innerHeight > document.documentElement.scrollHeight - 400").await;
        self.faults.check(end == json!(true), || "the strip of dates did not scroll to the end".to_owned());
    }

    /// Prints the milliseconds between the frames of an action, and those of all of it.
    async fn print_frames(&self, what: &str, action: impl Future<Output = ()>) {
        self.js(NOTE_FRAMES).await;
        let begin = Instant::now();
        action.await;
        let whole = begin.elapsed().as_millis();
        let frames =
            self.js("noted.runs = false; return noted.frames.slice(1).sort((one, other) => one - other)").await;
        let frames: Vec<f64> = serde_json::from_value(frames).expect("numbers");
        let at = |share: f64| frames[((share * frames.len() as f64) as usize).min(frames.len() - 1)];
        self.faults
            .check(at(0.95) <= MAX_FRAME, || format!("{what}: one frame in 20 takes {:.1} ms or more", at(0.95)));
        println!("{what:28}{:>8}{:>9.1}{:>9.1}{:>9.1}{whole:>12}", frames.len(), at(0.5), at(0.95), at(1.0));
    }

    async fn print_memory(&self, when: &str) {
        self.browser.cdp("HeapProfiler.collectGarbage", json!({})).await;
        let page = self.js("return [performance.memory.usedJSHeapSize, document.querySelectorAll('*').length]").await;
        let (tab, all) = memory::of(self.browser.process_id());
        let heap = page[0].as_f64().unwrap_or_default() / f64::from(1 << 20);
        println!("{when}: tab {tab} MiB, whole browser {all} MiB, JavaScript {heap:.1} MiB, {} elements", page[1]);
        self.faults.check(tab <= MAX_MEMORY, || format!("{when} the tab has {tab} MiB"));
        self.faults
            .check(page[1].as_u64().is_some_and(|count| count <= MAX_ELEMENTS), || format!("{} elements", page[1]));
    }
}
