//! Uploads that are interrupted or killed.
#![cfg(unix)]

use std::process::Child;
use std::time::Duration;

use crate::app::spawn;
use crate::upload::proxy::{Action, Proxy};
use crate::upload::runner::{Workspace, finish, signal};
use crate::upload::sent::stored;

/// Starts a proxy that delays each upload.
fn slow(app: &str) -> Proxy {
    Proxy::before(app, |request, _| {
        if request.line == "POST /images" {
            std::thread::sleep(Duration::from_millis(50));
        }
        Action::Forward
    })
}

fn wait_for_uploads(proxy: &Proxy, child: &mut Child, count: usize) {
    while proxy.count("POST /images") < count {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was stopped");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn after_ctrl_c_and_after_kill_the_next_run_continues_and_nothing_is_lost_or_doubled() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(60));
    let proxy = slow(&app.url);
    let arguments = ["in", "--server", &proxy.url, "--jobs", "3"];

    let mut child = workspace.command(&arguments).spawn().unwrap();
    wait_for_uploads(&proxy, &mut child, 10);
    signal(&child, "-INT");
    let output = finish(child);
    assert_eq!(output.code, Some(130), "{output:#?}");
    output.assert_prints("stopping when the running uploads are done");
    output.assert_prints("The same command again continues from here.");
    // The uploads that were running have ended and are in the log: the log and the store agree.
    let done = workspace.log().len();
    assert_eq!(stored(&app).await.len(), done);
    assert!((10..60).contains(&done), "{done}");

    let mut child = workspace.command(&arguments).spawn().unwrap();
    wait_for_uploads(&proxy, &mut child, 30);
    signal(&child, "-KILL");
    assert_eq!(finish(child).code, None);

    let output = workspace.run(&arguments);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(output.stdout.contains("done by an earlier run"), "{output:#?}");
    let mut names = stored(&app).await;
    names.sort_unstable();
    assert_eq!(names, (0..60).map(|number| format!("{number:03}.png")).collect::<Vec<_>>());
}

#[test]
fn a_second_ctrl_c_stops_at_once() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    let proxy = Proxy::before(
        &app.url,
        |request, _| if request.line == "POST /images" { Action::Hang } else { Action::Forward },
    );
    let mut child = workspace.command(&["in", "--server", &proxy.url]).spawn().unwrap();
    wait_for_uploads(&proxy, &mut child, 3);
    // A signal that arrives while the first is still being handled is merged with it, so the signal is repeated.
    while child.try_wait().unwrap().is_none() {
        signal(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = finish(child);
    assert_eq!(output.code, Some(130), "{output:#?}");
    output.assert_prints("stopped at once");
}
