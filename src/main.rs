//! The command line. Every subcommand has its own file in `cli`.

mod cli;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use mitsuke::logging;

/// Exit status of a command whose output nobody reads any more, as shells report it (128 + SIGPIPE).
const CLOSED_PIPE: u8 = 141;

fn main() -> ExitCode {
    mitsuke::arenas::bound();
    let command = cli::Arguments::parse().command;
    let prints = !matches!(command, cli::Command::Serve(_));
    if prints {
        end_quietly_at_a_closed_pipe();
    }
    // Whatever a command writes belongs to its user alone.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let env_file = mitsuke::config::load_env_file();
    logging::start(&command.log_filter(), command.log_format());
    match env_file.map_err(Into::into).and_then(|()| command.run()) {
        Ok(code) => code,
        Err(error) if prints && is_closed_pipe(error.as_ref()) => ExitCode::from(CLOSED_PIPE),
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

/// Ends the process without a message when its output goes to a program that has stopped reading, as in
/// `mitsuke settings | head`. `println!` panics there.
fn end_quietly_at_a_closed_pipe() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some_and(|message| message.starts_with("failed printing to stdout")) {
            std::process::exit(CLOSED_PIPE.into());
        }
        report(panic);
    }));
}

fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
