//! `mitsuke serve`.

use std::error::Error;
use std::io::IsTerminal as _;

use mitsuke::app::{self, Application};
use mitsuke::config::{Flags, Settings};

/// Runs the server until a signal stops it.
///
/// # Errors
/// When a setting cannot be used, or the app does not start.
pub fn run(flags: &Flags) -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_flags(flags)?;
    actix_web::rt::System::new().block_on(async {
        let application = Application::build(&settings)?;
        let address = application.address();
        let seeding = application.seeding();
        let services = application.services();
        actix_web::rt::spawn(async move {
            let url = format!("http://{address}{}", services.prefix.shared());
            if !app::is_ready(&services).await {
                log::warn!("listening on {url}, and not ready yet; GET {url}/readyz says why");
            }
            if let Some(seeded) = seeding.await {
                log::info!("registered {} pictures ({} left out)", seeded.created + seeded.known, seeded.failed);
            }
            if app::wait_until_ready(&services).await {
                let store = std::sync::Arc::clone(&services.store);
                let count = mitsuke_engine::blocking::run(move || store.count_images()).await.ok().and_then(Result::ok);
                greet(&url, count.unwrap_or_default());
                match services.reindexing.outdated().await {
                    Ok(0) => {}
                    Ok(outdated) => log::warn!(
                        "the texts of {outdated} images were read by an older version, which found less in their files; \
                         `mitsuke reindex --server {url}` reads them again"
                    ),
                    Err(error) => log::warn!("cannot look for texts of an older version: {error}"),
                }
            }
        });
        Ok(application.run_until_stopped().await?)
    })
}

/// Prints the addresses that a person opens next.
fn greet(url: &str, images: u64) {
    if !std::io::stdout().is_terminal() {
        log::info!("listening on {url} with {images} images");
    }
    println!(
        "\nMitsuke is ready: {images} images\n\
         \n  gallery     {url}/\
         \n  Swagger UI  {url}/swagger-ui/\
         \n  try         curl -s {url}/search/text --json '{{\"query\": \"猫\", \"limit\": 3}}'\n\
         \nCtrl-C stops it."
    );
}
