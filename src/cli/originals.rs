//! `mitsuke originals`.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use mitsuke::config::{Flags, Settings};
use mitsuke::stores::StoreChoice;
use mitsuke_store::{Home, ImageId, OriginalsOptions, Store, StoreError};

use super::{INTERRUPTED, interrupt};

/// Exit status of a command that cannot do its work at all.
const CANNOT: u8 = 2;

/// The number of originals that one step moves.
const STEP: usize = 64;

/// The number of images that a message names.
const NAMED: usize = 20;

/// The actions on the homes of originals.
#[derive(Subcommand)]
pub enum OriginalsCommand {
    /// Move the originals that are there to another home; continues where the last run ended.
    Move(Move),
    /// Show how many originals lie where.
    Show(Show),
}

/// The arguments of `mitsuke originals move`.
#[derive(Args)]
#[command(after_long_help = "\
The server on the embedded store must be stopped. Every original is compared with its hash and written to its new place \
before the old one is given up, so that a command that is cut off has lost nothing: the same command goes on where it ended. \
An original that is damaged or missing stays where it is and is named at the end.

The setting MITSUKE_ORIGINALS says where the originals of new pictures go, and MITSUKE_ORIGINALS_DIR which folder it is.

Exit status: 0 all are moved, 1 some are left, 2 none can be moved, 130 interrupted.

Examples:
  mitsuke originals move --to folder")]
pub struct Move {
    /// The new home; the other one is emptied.
    #[arg(long, value_enum, value_name = "HOME")]
    to: Target,
    #[command(flatten)]
    pub flags: Flags,
}

/// The arguments of `mitsuke originals show`.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    pub flags: Flags,
}

/// A home that originals can be moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Folder,
    Database,
}

impl From<Target> for Home {
    fn from(target: Target) -> Self {
        match target {
            Target::Folder => Self::Folder,
            Target::Database => Self::Database,
        }
    }
}

impl OriginalsCommand {
    /// Returns the flags of the command.
    pub fn flags(&self) -> &Flags {
        match self {
            Self::Move(arguments) => &arguments.flags,
            Self::Show(arguments) => &arguments.flags,
        }
    }

    /// Runs the action to its end.
    ///
    /// # Errors
    /// The reason why it stopped, as a sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let settings = Settings::from_flags(self.flags())?;
        if settings.oracle.is_some() {
            eprintln!(
                "mitsuke: an Oracle database keeps all originals itself; only those of the embedded store can be moved"
            );
            return Ok(ExitCode::from(CANNOT));
        }
        // Opening a store that is not there would make an empty one.
        if !settings.data_dir.join("mitsuke.db").is_file() {
            eprintln!("mitsuke: there is no store in {} (MITSUKE_DATA_DIR)", settings.data_dir.display());
            return Ok(ExitCode::from(CANNOT));
        }
        let choice = StoreChoice::new(&settings);
        let store = match choice.open() {
            Ok(store) => store,
            Err(error) if matches!(error.cause, StoreError::Locked(_)) => {
                let folder = settings.data_dir.display();
                eprintln!(
                    "mitsuke: a server runs on {folder}. Stop it: originals are moved and counted without a server"
                );
                return Ok(ExitCode::from(CANNOT));
            }
            Err(error) => return Err(error.into()),
        };
        match self {
            Self::Move(arguments) => arguments.run(&store, &settings.originals),
            Self::Show(_) => {
                show(store.as_ref(), &settings.originals)?;
                store.close()?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn show(store: &dyn Store, options: &OriginalsOptions) -> Result<(), Box<dyn Error>> {
    let counts = store.count_homes()?;
    println!("{} originals in the database", counts.database);
    let folder = options.folder.as_ref().map(|folder| format!(" {}", folder.display())).unwrap_or_default();
    println!("{} originals in the folder{folder}", counts.folder);
    println!("new originals go into the {}", options.home.name());
    Ok(())
}

/// The result of a move.
#[derive(Default)]
struct Moved {
    originals: u64,
    bytes: u64,
    left: Vec<ImageId>,
    /// Whether the move was asked to stop before its end.
    stopped: bool,
}

impl Move {
    fn run(&self, store: &Arc<dyn Store>, options: &OriginalsOptions) -> Result<ExitCode, Box<dyn Error>> {
        let to = Home::from(self.to);
        let from = if to == Home::Folder { Home::Database } else { Home::Folder };
        let stop = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let moved = runtime.block_on(async {
            let (store, stopped) = (Arc::clone(store), Arc::clone(&stop));
            let work = tokio::task::spawn_blocking(move || move_all(store.as_ref(), from, to, &stopped));
            tokio::select! {
                moved = work => Some(moved),
                () = interrupt::twice(|| stop.store(true, Ordering::Release)) => None,
            }
        });
        let Some(moved) = moved else { std::process::exit(i32::from(INTERRUPTED)) };
        let moved = moved??;
        store.close()?;
        let place = match (to, &options.folder) {
            (Home::Folder, Some(folder)) => format!("the folder {}", folder.display()),
            _ => format!("the {}", to.name()),
        };
        println!("{} originals ({} MB) moved to {place}", moved.originals, moved.bytes / 1_000_000);
        if !moved.left.is_empty() {
            let ids: Vec<_> = moved.left.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if moved.left.len() > ids.len() { " …" } else { "" };
            println!("{} left, which are damaged or missing: {}{more}", moved.left.len(), ids.join(", "));
        }
        Ok(if moved.stopped {
            println!("stopped; the same command continues");
            ExitCode::from(INTERRUPTED)
        } else if moved.left.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Moves all originals of a home, until `stop` is set.
fn move_all(store: &dyn Store, from: Home, to: Home, stop: &AtomicBool) -> Result<Moved, StoreError> {
    let counts = store.count_homes()?;
    let total = match from {
        Home::Database => counts.database,
        Home::Folder => counts.folder,
        Home::InPlace => counts.in_place,
    };
    let style = ProgressStyle::with_template("moving {bar:30} {pos}/{len} {elapsed}");
    let bar = ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let (mut moved, mut after) = (Moved::default(), None);
    loop {
        let step = store.move_originals(from, to, after, STEP)?;
        bar.inc(step.moved + step.skipped.len() as u64);
        moved.originals += step.moved;
        moved.bytes += step.bytes;
        moved.left.extend(step.skipped);
        let Some(next) = step.next else { break };
        after = Some(next);
        if stop.load(Ordering::Acquire) {
            moved.stopped = true;
            break;
        }
    }
    bar.finish_and_clear();
    Ok(moved)
}
