//! Pages of other origins in a real browser: what they cannot do, and what listed ones can.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::app::{TestApp, spawn_with};
use crate::page::browser::{Browser, DESKTOP};
use crate::page::driver;
use crate::pictures::png;

/// Serves an empty page at every path, until the tests end. Returns its origin.
fn foreign_origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let page = "<!doctype html><title>elsewhere</title><iframe name=answer></iframe>";
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len());
            });
        }
    });
    // The name makes it another site than the app, which is asked by its address.
    format!("http://localhost:{port}")
}

/// Runs a script in the page; its arguments are the address of the app, an image's id, the bytes of a new picture, and
/// the function to call with the answer.
async fn run(browser: &Browser, app: &TestApp, id: i64, script: &str) -> Value {
    let arguments = vec![json!(app.url), json!(id), json!(png(2))];
    let script = format!(
        "const [app, id, bytes, done] = arguments; (async () => {{ {script} }})().then(done, (e) => done(String(e)))"
    );
    browser.client.execute_async(&script, arguments).await.unwrap()
}

/// Shows a picture of the app, and answers its width; 0 when the browser refuses.
const IMG: &str = "
    const img = document.createElement('img');
    const shown = new Promise((end) => { img.onload = () => end(img.naturalWidth); img.onerror = () => end(0); });
    img.src = `${app}/images/${id}/content`;
    document.body.append(img);
    return shown;";

async fn refused(app: &TestApp, reason: &str) -> u32 {
    let metrics = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    let start = format!("mitsuke_refused_total{{reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_page_of_another_site_shows_and_changes_nothing() {
    let Some(programs) = driver::programs() else { return };
    let app = spawn_with(&[]);
    let id = app.add("a.png", png(1)).await;
    let browser = Browser::start(&programs, DESKTOP).await;
    browser.client.goto(&foreign_origin()).await.unwrap();
    let upload = run(
        &browser,
        &app,
        id,
        "const body = new FormData();
         body.append('file', new File([new Uint8Array(bytes)], 'b.png', { type: 'image/png' }));
         return (await fetch(`${app}/images`, { method: 'POST', mode: 'no-cors', body }).catch(() => ({ type: 'error' }))).type",
    );
    assert_ne!(upload.await, "cors");
    assert_eq!(refused(&app, "origin_refused").await, 1, "the browser has sent it");
    let form = "
        const form = Object.assign(document.createElement('form'), { method: 'post', action: `${app}/models/refresh`, target: 'answer' });
        document.body.append(form);
        const frame = document.querySelector('iframe');
        const answered = new Promise((end) => (frame.onload = () => end('answered')));
        form.submit();
        return answered;";
    assert_eq!(run(&browser, &app, id, form).await, "answered");
    assert_eq!(refused(&app, "origin_refused").await, 2);
    for method in ["DELETE", "PATCH"] {
        let script = format!("return (await fetch(`${{app}}/images/${{id}}`, {{ method: '{method}' }})).status");
        let answer = run(&browser, &app, id, &script).await;
        assert!(answer.as_str().is_some_and(|error| error.contains("TypeError")), "{method}: {answer}");
    }
    assert_eq!(run(&browser, &app, id, IMG).await, 0, "the picture is not shown");
    assert_eq!(app.get("/images").await.ids(), [id]);
    browser.close().await;
}

#[tokio::test]
async fn a_name_that_is_led_to_the_server_reads_and_deletes_nothing() {
    let Some(programs) = driver::programs() else { return };
    let app = spawn_with(&[]);
    let id = app.add("a.png", png(1)).await;
    let rebound = "--host-resolver-rules=MAP evil.example 127.0.0.1";
    let browser = Browser::start_with(&programs, DESKTOP, &[rebound]).await;
    let port = app.url.rsplit_once(':').unwrap().1;
    // The name had another address when the page was loaded; to the browser the origin is the same.
    browser.client.goto(&format!("http://evil.example:{port}/")).await.unwrap();
    for (method, path) in [("GET", format!("/images/{id}/content")), ("DELETE", format!("/images/{id}"))] {
        let script = format!("return (await fetch('{path}', {{ method: '{method}' }})).status");
        assert_eq!(run(&browser, &app, id, &script).await, 421, "{method} {path}");
    }
    assert_eq!(app.get("/images").await.ids(), [id]);
    browser.close().await;
}

#[tokio::test]
async fn a_page_of_a_listed_origin_uploads_shows_and_deletes() {
    let Some(programs) = driver::programs() else { return };
    let origin = foreign_origin();
    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", &origin)]);
    let id = app.add("a.png", png(1)).await;
    let browser = Browser::start(&programs, DESKTOP).await;
    browser.client.goto(&origin).await.unwrap();
    assert_ne!(run(&browser, &app, id, IMG).await, 0);
    let upload = "
        const body = new FormData();
        body.append('file', new File([new Uint8Array(bytes)], 'b.png', { type: 'image/png' }));
        return (await fetch(`${app}/images`, { method: 'POST', body })).status";
    assert_eq!(run(&browser, &app, id, upload).await, 201);
    let delete = "return (await fetch(`${app}/images/${id}`, { method: 'DELETE' })).status";
    assert_eq!(run(&browser, &app, id, delete).await, 204);
    assert_eq!(app.get("/images").await.ids().len(), 1);
    browser.close().await;
}
