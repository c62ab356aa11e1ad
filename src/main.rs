//! The command line: `mitsuke serve`, `mitsuke openapi`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mitsuke::app::Application;
use mitsuke::config::Settings;

/// Finds pictures by what they show.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server. Settings come from the environment and from .env (see .env.example).
    Serve,
    /// Print the OpenAPI document.
    Openapi,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let env_file = mitsuke::config::load_env_file();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,actix_server=warn")).init();
    let done = env_file.map_err(Into::into).and_then(|()| match command {
        Command::Serve => serve(),
        Command::Openapi => print_openapi(),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever starts the program must see why it ends, whatever RUST_LOG says.
            if log::log_enabled!(log::Level::Error) {
                log::error!("{error}");
            } else {
                eprintln!("mitsuke: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn print_openapi() -> Result<(), Box<dyn std::error::Error>> {
    let document = mitsuke::api::openapi_json()?;
    Ok(std::io::stdout().lock().write_all(document.as_bytes())?)
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::from_env()?;
    actix_web::rt::System::new().block_on(async {
        let application = Application::build(&settings)?;
        let address = application.address();
        let seeding = application.seeding();
        let services = application.services();
        actix_web::rt::spawn(async move {
            if let Some(seeded) = seeding.await {
                log::info!("registered {} pictures ({} left out)", seeded.created + seeded.known, seeded.failed);
            }
            let store = std::sync::Arc::clone(&services.store);
            let count = mitsuke::blocking::run(move || store.count_images()).await.ok().and_then(Result::ok);
            greet(&format!("http://{address}"), count.unwrap_or_default());
        });
        Ok(application.run_until_stopped().await?)
    })
}

/// Tells a person where to go next.
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
