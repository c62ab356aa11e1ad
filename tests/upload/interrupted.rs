//! Runs that are stopped in their middle.
#![cfg(unix)]

use std::process::{Child, Command};
use std::time::Duration;

use crate::app::spawn;
use crate::proxy::{Act, Proxy};
use crate::runner::{Desk, finish};
use crate::sent::stored;

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Lets the app answer, slowly.
fn slow(app: &str) -> Proxy {
    Proxy::before(app, |seen, _| {
        if seen.line == "POST /images" {
            std::thread::sleep(Duration::from_millis(50));
        }
        Act::Pass
    })
}

fn wait_for_uploads(proxy: &Proxy, child: &mut Child, count: usize) {
    while proxy.count("POST /images") < count {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was stopped");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn after_ctrl_c_and_after_kill_the_next_run_goes_on_and_nothing_is_lost_or_doubled() {
    let (app, desk) = (spawn(), Desk::with_pictures(60));
    let proxy = slow(&app.url);
    let arguments = ["in", "--server", &proxy.url, "--jobs", "3"];

    let mut child = desk.command(&arguments).spawn().unwrap();
    wait_for_uploads(&proxy, &mut child, 10);
    signal(&child, "-INT");
    let said = finish(child);
    assert_eq!(said.code, Some(130), "{said:#?}");
    said.assert_says("stopping when the running uploads are done");
    said.assert_says("The same command again goes on from here.");
    // What ran was finished and written down: the log and the store agree.
    let done = desk.log().len();
    assert_eq!(stored(&app).await.len(), done);
    assert!((10..60).contains(&done), "{done}");

    let mut child = desk.command(&arguments).spawn().unwrap();
    wait_for_uploads(&proxy, &mut child, 30);
    signal(&child, "-KILL");
    assert_eq!(finish(child).code, None);

    let said = desk.run(&arguments);
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.stdout.contains("done by an earlier run"), "{said:#?}");
    let mut names = stored(&app).await;
    names.sort_unstable();
    assert_eq!(names, (0..60).map(|number| format!("{number:03}.png")).collect::<Vec<_>>());
}

#[test]
fn a_second_ctrl_c_stops_at_once() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    let proxy = Proxy::before(&app.url, |seen, _| if seen.line == "POST /images" { Act::Hang } else { Act::Pass });
    let mut child = desk.command(&["in", "--server", &proxy.url]).spawn().unwrap();
    wait_for_uploads(&proxy, &mut child, 3);
    // A signal that comes while the first is still being taken counts as the same one, so they are repeated.
    while child.try_wait().unwrap().is_none() {
        signal(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = finish(child);
    assert_eq!(said.code, Some(130), "{said:#?}");
    said.assert_says("stopped at once");
}
