//! Pages of other sites, and names that point here: neither changes nor reads anything on a server without keys.

use super::wire::{file_head, head, status_of};
use crate::figures::Faults;
use crate::harness::{Server, small_models};
use crate::pictures::picture;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn foreign_hosts_and_pages_are_refused() {
    let faults = Faults::default();
    let server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    let id = server.client().upload("a.png", &picture(1, 64)).await.expect("an answer").image_id();
    let refused = |what: &str, request: &[u8]| {
        let status = status_of(&server, request);
        println!("{what}: {status}");
        faults.check(matches!(status, 403 | 421), || format!("{what} was answered with {status}"));
    };
    let host = "host: evil.example";
    refused("GET of a picture with a foreign Host", head("GET", &format!("/images/{id}/content"), &[host]).as_bytes());
    let page = ["origin: http://evil.example", "sec-fetch-site: cross-site"];
    refused(
        "POST /models/refresh of a foreign page",
        head("POST", "/models/refresh", &[&page[..], &["content-length: 0"]].concat()).as_bytes(),
    );
    let form = [file_head().as_bytes(), &picture(2, 64), b"\r\n--attack--\r\n"].concat();
    let length = format!("content-length: {}", form.len());
    let headers = [&page[..], &["content-type: multipart/form-data; boundary=attack", &length]].concat();
    refused("an upload of a foreign page", &[head("POST", "/images", &headers).as_bytes(), &form].concat());
    refused("DELETE with a foreign Host", head("DELETE", &format!("/images/{id}"), &[host]).as_bytes());
    server.stop(&faults).await;
    faults.assert_none();
}
