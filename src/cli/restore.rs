//! `mitsuke restore`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mitsuke::config::{Flags, Settings};
use mitsuke_store::OriginalsOptions;
use mitsuke_store::sqlite::{self, RestoreOptions};

use super::backup_progress::Bar;

/// Exit status of a command that cannot do its work at all.
const CANNOT: u8 = 2;

/// The arguments of `mitsuke restore`.
#[derive(Args)]
#[command(after_long_help = "\
Stop the server first. The command makes the whole store beside the old one, compares every original with its hash, and \
only then moves what lies in the data directory into a folder before-restore-TIME there and puts the restored store in its \
place. Delete that folder when you no longer need it. Indexes and thumbnails are made again when the server starts.

Originals that lay in the folder of originals come back into the folder of the settings (MITSUKE_ORIGINALS_DIR); one outside \
of the data directory keeps what it holds. Pictures that were registered where they lie are not in a backup, and are used \
where they lie.

Exit status: 0 everything is restored, 1 it failed, or the backup lacks originals of some images, 2 the settings name an \
Oracle database.

Examples:
  mitsuke restore /mnt/backup/mitsuke
  mitsuke restore /mnt/backup/mitsuke --copy 2026-01-02T03-04-05Z --into ./restored")]
pub struct RestoreArguments {
    /// Folder of the backup.
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// Name of the copy; the newest unless given.
    #[arg(long, value_name = "NAME")]
    copy: Option<String>,
    /// Folder that gets the store; MITSUKE_DATA_DIR unless given.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Restore the other images when the backup lacks originals. Those images are then listed as damaged.
    #[arg(long)]
    allow_damaged: bool,
    #[command(flatten)]
    pub flags: Flags,
}

/// Returns the homes of the restored store. A folder of originals in the data directory of the settings stands for one in the
/// folder that gets the store.
fn originals(options: &OriginalsOptions, data_dir: &Path, into: &Path) -> OriginalsOptions {
    let folder = options.folder.as_ref().map(|folder| match folder.strip_prefix(data_dir) {
        Ok(below) => into.join(below),
        Err(_) => folder.clone(),
    });
    OriginalsOptions { folder, ..options.clone() }
}

/// Restores the store.
///
/// # Errors
/// The reason why nothing is restored.
pub fn run(arguments: &RestoreArguments) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::from_flags(&arguments.flags)?;
    if settings.oracle.is_some() && arguments.into.is_none() {
        eprintln!(
            "mitsuke: the settings name an Oracle database, which is restored with its own tools; docs/oracle-backup.md says \
             how. --into restores an embedded store into a folder"
        );
        return Ok(ExitCode::from(CANNOT));
    }
    let data_dir = settings.data_dir;
    let into = arguments.into.clone().unwrap_or_else(|| data_dir.clone());
    let options = RestoreOptions {
        from: arguments.backup.clone(),
        copy: arguments.copy.clone(),
        into: into.clone(),
        originals: originals(&settings.originals, &data_dir, &into),
        allow_damaged: arguments.allow_damaged,
    };
    let bar = Bar::new();
    let restored = sqlite::restore(&options, &mut |progress| bar.show(progress));
    bar.finish();
    let restored = restored?;
    println!("{} images of {} are in {}", restored.manifest.images, restored.manifest.name, into.display());
    if let Some(replaced) = restored.replaced {
        println!("what lay there before is in {}", replaced.display());
    }
    if restored.linked > 0 {
        println!(
            "{} pictures lie in place and were not in the backup; their files are used where they lie",
            restored.linked
        );
    }
    if restored.damaged.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let ids: Vec<String> = restored.damaged.iter().take(20).map(ToString::to_string).collect();
    println!("the backup lacks the originals of {} images: {}", restored.damaged.len(), ids.join(", "));
    Ok(ExitCode::FAILURE)
}
