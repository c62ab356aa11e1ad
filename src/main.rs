//! The command line. Every subcommand has its own file in `cli`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = cli::Arguments::parse().command;
    let env_file = mitsuke::config::load_env_file();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(command.log_level())).init();
    match env_file.map_err(Into::into).and_then(|()| command.run()) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
