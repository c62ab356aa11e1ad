//! `mitsuke upload` of thousands of pictures, interrupted twice (once with Ctrl-C, once with kill -9): none is lost and
//! none is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::chance::Chance;
use crate::figures::{Faults, Progress, setting};
use crate::harness::{self, Server};
use crate::pictures::{picture, sha256};

/// The side of a picture, in pixels.
const SIZE: u32 = 64;

/// One picture in this many has a sidecar caption.
const CAPTION_EVERY: usize = 10;

/// The made pictures, by the SHA-256 of their bytes.
type Made = BTreeMap<String, Picture>;

struct Picture {
    file_name: String,
    /// The text of its sidecar. Without one, the text chunk of the picture is its caption.
    caption: Option<String>,
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn an_interrupted_upload_goes_on_and_stores_every_picture_once() {
    let (count, jobs) = (setting("SOAK_PICTURES", 5000_usize), setting("SOAK_JOBS", 4_usize));
    assert!(count >= 200 && (1..=64).contains(&jobs), "give at least 200 pictures and 1 to 64 jobs");
    let (mut chance, faults) = (Chance::from_settings(), Faults::default());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make_pictures(&folder.path().join("in"), count);
    let server = Server::start(&[]).await;
    let runner = Runner { url: server.url(), folder: folder.path(), jobs, faults: &faults };
    runner.interrupt(chance.whole(count / 5..=count / 3), "Ctrl-C", Signal::INT, |status| status.code() == Some(130));
    runner.interrupt(chance.whole(count / 2..=count * 3 / 4), "kill -9", Signal::KILL, |status| {
        status.signal() == Some(9)
    });
    runner.finish("to the end", &[]);
    check_stored(&server, &made, &faults).await;
    runner.check_log(&made);
    let printed = runner.finish("again, with the log", &[]);
    let line = format!("{count} done by an earlier run");
    faults.check(printed.lines().any(|row| row.trim_start().starts_with(&line)), || {
        format!("the run with the log does not say {line:?}")
    });
    runner.finish("again, without the log", &["--no-log"]);
    check_stored(&server, &made, &faults).await;
    server.stop(&faults).await;
    faults.assert_none();
    println!("{count} pictures, interrupted twice: none lost, none doubled");
}

/// Makes pictures in folders of 100, each tenth with a sidecar caption.
fn make_pictures(folder: &Path, count: usize) -> Made {
    let (mut made, progress) = (Made::new(), Progress::new("pictures made", count));
    for number in 0..count {
        let file_name = format!("写真 {number:05}.png");
        let path = folder.join(format!("{:03}", number / 100)).join(&file_name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let data = picture(number as u64, SIZE);
        std::fs::write(&path, &data).expect("a file");
        let caption = number.is_multiple_of(CAPTION_EVERY).then(|| format!("{number} 番の写真"));
        if let Some(caption) = &caption {
            std::fs::write(path.with_extension("txt"), format!("{caption}\n")).expect("a file");
        }
        made.insert(sha256(&data), Picture { file_name, caption });
        progress.step();
    }
    assert_eq!(made.len(), count, "two of the made pictures are equal, which is a fault of this check");
    made
}

/// Runs `mitsuke upload` on one folder with one log.
struct Runner<'a> {
    url: String,
    folder: &'a Path,
    jobs: usize,
    faults: &'a Faults,
}

impl Runner<'_> {
    fn log(&self) -> PathBuf {
        self.folder.join("upload.jsonl")
    }

    fn start(&self, more: &[&str]) -> (Child, Instant) {
        let mut command = Command::new(harness::program());
        command.args(["upload", "in", "--server", &self.url, "--jobs", &self.jobs.to_string()]).args(more);
        if !more.contains(&"--no-log") {
            command.arg("--log").arg(self.log());
        }
        command.current_dir(self.folder).env_remove("MITSUKE_API_KEY");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (command.spawn().expect("the program starts"), Instant::now())
    }

    fn lines_of_log(&self) -> usize {
        let log = std::fs::read(self.log()).unwrap_or_default();
        log.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Runs until the log has `after` lines, then sends the signal and checks how the run ended.
    fn interrupt(&self, after: usize, how: &str, signal: Signal, as_promised: fn(&std::process::ExitStatus) -> bool) {
        let (mut child, begin) = self.start(&[]);
        while self.lines_of_log() < after {
            if child.try_wait().expect("its state").is_some() {
                let printed = last_words(&child.wait_with_output().expect("its output"));
                return self.faults.add(format!("the upload ended by itself before it was interrupted: {printed}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        harness::signal(&child, signal);
        let status = child.wait_with_output().expect("its end").status;
        let (seconds, lines) = (begin.elapsed().as_secs_f64(), self.lines_of_log());
        println!("-- {how} after {after} lines of the log and {seconds:.1} s: {status}, {lines} lines");
        self.faults.check(as_promised(&status), || format!("after {how} the upload ended with {status}"));
    }

    /// Runs to the end, checks the exit status and returns the summary.
    fn finish(&self, what: &str, more: &[&str]) -> String {
        let (child, begin) = self.start(more);
        let output = child.wait_with_output().expect("its end");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let seconds = begin.elapsed().as_secs_f64();
        println!("-- {what}: {} after {seconds:.1} s\n{}", output.status, printed.trim_end());
        self.faults.check(output.status.success(), || {
            format!("{what}: it ended with {}: {}", output.status, last_words(&output))
        });
        printed
    }

    /// Checks that the log names every file as done. A line that kill -9 cut off is gone, and its file has another.
    fn check_log(&self, made: &Made) {
        let log = std::fs::read_to_string(self.log()).expect("the log");
        let (mut done, mut broken) = (BTreeSet::new(), 0);
        for line in log.lines() {
            let Ok(entry) = serde_json::from_str::<Value>(line) else {
                broken += 1;
                continue;
            };
            let stored = entry["image_id"].as_i64().is_some_and(|image_id| image_id > 0);
            if stored && (entry["status"] == "created" || entry["status"] == "known") {
                done.extend(entry["sha256"].as_str().map(str::to_owned));
            }
        }
        self.faults.check(done.iter().eq(made.keys()) && broken == 0, || {
            format!("the log has {} of {} files, and {broken} broken lines", done.len(), made.len())
        });
    }
}

/// Checks that every picture is stored once, with its name and its caption.
async fn check_stored(server: &Server, made: &Made, faults: &Faults) {
    let images = server.client().images().await;
    let stored: BTreeMap<_, _> = images.iter().filter_map(|image| Some((image["sha256"].as_str()?, image))).collect();
    faults.check(stored.len() == images.len(), || format!("{} pictures are stored twice", images.len() - stored.len()));
    let lost = made.keys().filter(|hash| !stored.contains_key(hash.as_str())).count();
    let strange = stored.keys().filter(|hash| !made.contains_key(**hash)).count();
    faults.check(lost == 0 && strange == 0, || format!("{lost} pictures are lost, {strange} are of unknown origin"));
    for (hash, Picture { file_name, caption }) in made {
        let Some(image) = stored.get(hash.as_str()) else { continue };
        if let Some(caption) = caption {
            faults.check(image["caption"] == **caption, || {
                format!("{file_name} has the caption {}, not {caption:?}", image["caption"])
            });
        }
        faults.check(image["file_name"] == **file_name, || format!("{file_name} is called {}", image["file_name"]));
    }
    println!("{} images stored, {} different, {lost} lost", images.len(), stored.len());
}

fn last_words(output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stderr);
    printed.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
}
