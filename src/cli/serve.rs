//! `mitsuke serve`.

use std::error::Error;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;

use mitsuke::api::Services;
use mitsuke::app::{self, Application};
use mitsuke::config::{Flags, Settings};
use mitsuke::logging::LogFormat;
use mitsuke::seed::Samples;
use mitsuke_engine::blocking;

/// Runs the server until a signal stops it.
///
/// # Errors
/// When a setting cannot be used, or the app does not start.
pub fn run(flags: &Flags, log_format: LogFormat) -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_flags(flags)?;
    actix_web::rt::System::new().block_on(async {
        let application = Application::build(&settings)?;
        let address = application.address();
        let samples = application.samples();
        let services = application.services();
        actix_web::rt::spawn(async move {
            let url = format!("http://{address}{}", services.prefix.shared());
            if !app::is_ready(&services).await {
                log::warn!("listening on {url}, and not ready yet; GET {url}/readyz says why");
            }
            if !app::wait_until_ready(&services).await {
                return;
            }
            let samples = samples.await;
            greet(address, &services, samples.as_ref(), log_format).await;
            if let Some(samples) = samples {
                register(samples, &services).await;
            }
            tell_of_outdated_texts(&url, &services).await;
        });
        Ok(application.run_until_stopped().await?)
    })
}

/// Registers sample pictures while the server serves already.
async fn register(samples: Samples, services: &Services) {
    let folder = samples.folder().to_owned();
    match samples.register(&services.intake).await {
        Ok(seeded) => log::info!("registered {} pictures ({} left out)", seeded.created + seeded.known, seeded.failed),
        Err(error) => log::error!("the pictures of {} are not registered: {error}", folder.display()),
    }
}

async fn tell_of_outdated_texts(url: &str, services: &Services) {
    match services.reindexing.outdated().await {
        Ok(0) => {}
        Ok(outdated) => log::warn!(
            "the texts of {outdated} images were read by an older version, which found less in their files; \
             `mitsuke reindex --server {url}` reads them again"
        ),
        Err(error) => log::warn!("cannot look for texts of an older version: {error}"),
    }
}

/// Says that the server is ready, and prints the addresses that a person opens next. A log in JSON has the first alone.
async fn greet(address: SocketAddr, services: &Services, samples: Option<&Samples>, log_format: LogFormat) {
    let store = Arc::clone(&services.store);
    let count = blocking::run(move || store.count_images()).await.ok().and_then(Result::ok).unwrap_or_default();
    let samples = samples.map_or_else(String::new, |samples| {
        format!("; the {} pictures of {} are being added", samples.count(), samples.folder().display())
    });
    let prefix = services.prefix.shared();
    if log_format == LogFormat::Json || !std::io::stdout().is_terminal() {
        log::info!("listening on http://{address}{prefix} with {count} images{samples}");
    }
    if log_format == LogFormat::Json {
        return;
    }
    let url = format!("http://{}{prefix}", reachable(address));
    let key = if services.keys.has_keys() { " -H 'X-API-Key: KEY'" } else { "" };
    println!(
        "\nMitsuke is ready: {count} images{samples}\n\
         \n  gallery     {url}/\
         \n  Swagger UI  {url}/swagger-ui/\
         \n  try         curl -sG {url}/search{key} --data-urlencode 'q=猫' -d limit=3\n\
         \nCtrl-C stops it."
    );
}

/// Returns an address at which this machine reaches a server that listens on `address`, which may stand for all
/// addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) if address.ip().is_unspecified() => ([127, 0, 0, 1], address.port()).into(),
        SocketAddr::V6(_) if address.ip().is_unspecified() => ([0, 0, 0, 0, 0, 0, 0, 1], address.port()).into(),
        _ => address,
    }
}
