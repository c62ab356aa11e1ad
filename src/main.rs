//! The command line. Every subcommand has its own file in `cli`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = cli::Arguments::parse().command;
    let env_file = mitsuke::config::load_env_file();
    start_logger(&command.log_filter());
    match env_file.map_err(Into::into).and_then(|()| command.run()) {
        Ok(code) => code,
        Err(error) => {
            // The reason reaches the person at the terminal even when the log filter leaves errors out.
            if log::log_enabled!(log::Level::Error) {
                log::error!("{error}");
            } else {
                eprintln!("mitsuke: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start_logger(filter: &str) {
    let mut logger = env_logger::Builder::new();
    logger.parse_filters(filter);
    if let Ok(style) = std::env::var("RUST_LOG_STYLE") {
        logger.parse_write_style(&style);
    }
    logger.init();
}
