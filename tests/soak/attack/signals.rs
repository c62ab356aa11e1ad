//! Signals and limits of the system: the server ends cleanly or goes on.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::crash::told;
use crate::figures::{Faults, setting};
use crate::harness::{Server, program, small_models};
use crate::pictures::noise;

/// The longest time that a process may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_hang_up_ends_the_server_cleanly() {
    let faults = Faults::default();
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    let id = Pid::from_raw(server.process_id().cast_signed()).expect("a process id");
    kill_process(id, Signal::HUP).expect("the server runs");
    let status = server.wait_for_end(PATIENCE).await;
    println!("SIGHUP: {status:?}");
    faults.check(status.is_some_and(|status| status.success()), || format!("after SIGHUP: {status:?}"));
    faults.assert_none();
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_file_size_limit_is_a_full_disk() {
    limited("ulimit -f 20480", "a limit of 10 to 20 MB on files", &[507]).await;
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_memory_limit_is_a_refusal() {
    let kilobytes = setting("SOAK_ADDRESS_KB", 1_200_000_u64);
    limited(&format!("ulimit -v {kilobytes}"), "a limit on address space", &[503]).await;
}

/// Starts a server in a shell with a limit, and uploads large pictures. Each has to be answered as stored or with one of
/// these statuses.
async fn limited(limit: &str, what: &str, refusals: &[u16]) {
    let faults = Faults::default();
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    server.stop_to_start_again(&faults).await;
    let script = format!("{limit}; exec \"$0\" serve");
    let mut command = server.command_of("sh");
    command.args(["-c", &script]).arg(program()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Ended(command.spawn().expect("a shell"));
    if !wait_until_ready(&server, &mut child.0).await {
        println!("{what}: the server does not start: {:?}", child.0.try_wait());
        faults.add(format!("{what}: the server does not start"));
    }
    let (client, mut last) = (server.client(), String::new());
    for number in 0..40 {
        let outcome = client.upload("limit.png", &noise(number, 700)).await;
        last = told(&outcome);
        let status = outcome.as_ref().map_or(0, |answer| answer.status);
        if status != 201 {
            faults.check(refusals.contains(&status), || format!("{what}: upload {number} was answered with {last}"));
            break;
        }
    }
    // A process that a signal ends is gone a moment after its last answer.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended = child.0.try_wait().expect("its state");
    println!(
        "{what}: the last upload was answered with {last}; ended: {:?}",
        ended.map(|status| (status.code(), status.signal()))
    );
    faults.check(ended.is_none(), || format!("{what}: the server ended with {ended:?}"));
    faults.assert_none();
}

async fn wait_until_ready(server: &Server, child: &mut Child) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && child.try_wait().expect("its state").is_none() {
        if server.client().get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// A process that is killed when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // An error means that the process has ended before.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
