//! API keys.

use reqwest::Method;

use crate::app::{Answer, spawn_with};

const KEYS: &str = "0123456789abcdef,fedcba9876543210";

#[tokio::test]
async fn with_keys_set_the_api_opens_only_to_a_key() {
    let app = spawn_with(&[("MITSUKE_API_KEYS", KEYS)]);
    for path in ["/images", "/models", "/metrics", "/images/1/content", "/nowhere"] {
        let answer = app.get(path).await;
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let headers = [("authorization", "Bearer fedcba9876543210"), ("x-api-key", "0123456789abcdef")];
    for (name, value) in headers {
        let answer = app.request(Method::GET, "/images").header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
    for (name, value) in [("authorization", "Bearer 0123456789abcde"), ("x-api-key", ""), ("authorization", "Basic x")]
    {
        let request = app.request(Method::GET, "/images").header(name, value);
        Answer::read(request.send().await.unwrap()).await.assert_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn probes_documentation_and_the_page_stay_open() {
    let app = spawn_with(&[("MITSUKE_API_KEYS", KEYS)]);
    for path in ["/healthz", "/readyz", "/openapi.json", "/swagger-ui/", "/", "/assets/app.js"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
}
