//! `mitsuke check`.

mod sample;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mitsuke::config::Settings;
use mitsuke::stores::StoreChoice;
use mitsuke_store::sqlite::{ReadOnlyCheck, SqliteOptions, SqliteStore};
use mitsuke_store::{CheckPart, CheckStep, Fault, ImageId, IntegrityStore, Store, StoreError};

/// The number of items that one step looks at.
const STEP: usize = 200;

/// The number of faults of one part that are printed.
const PRINTED: usize = 100;

/// The name of the comparison of embeddings with their pictures.
const SAMPLE: &str = "sample";

/// The status of a command that cannot check.
const CANNOT_CHECK: u8 = 2;

/// The arguments of `mitsuke check`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Compares everything that is stored with what was written: the pages of the database, every picture with its hash, the \
embeddings, some of them with their pictures encoded again, rows that belong to nothing, and the text index. Without --repair nothing is changed, and a server may run \
meanwhile; the vector indexes of a running server are compared by the server itself.

With --repair the server must be stopped. Indexes are made again, rows that belong to nothing are removed, and damaged \
embeddings are deleted, so that the next start embeds these pictures again. A damaged picture is written anew when \
BACKUP holds the right bytes, and is listed otherwise. The loss of changes counts as known from then on.

Exit status: 0 everything is whole, 1 faults are left, 2 the store cannot be checked.

Examples:
  mitsuke check
  mitsuke check --repair --from /backup/mitsuke")]
pub struct CheckArguments {
    /// Repair what can be made again; the server must be stopped
    #[arg(long)]
    repair: bool,
    /// Give the space of deleted pictures back to the disk, once for a store of an earlier version; the server must be
    /// stopped, and twice as much room as the database holds must be free
    #[arg(long)]
    compact: bool,
    /// The number of embeddings of each model that are compared with their pictures, which are encoded again; 0 for none
    #[arg(long, value_name = "N", default_value_t = 64)]
    sample: usize,
    /// A folder of `mitsuke backup` that holds the right bytes of damaged pictures
    #[arg(long, value_name = "BACKUP", requires = "repair")]
    from: Option<PathBuf>,
}

/// Checks the store of the settings, and prints the faults.
///
/// # Errors
/// When the settings cannot be used.
pub fn run(arguments: &CheckArguments) -> Result<ExitCode, Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let choice = StoreChoice::new(&settings);
    let checked = match &choice {
        StoreChoice::Embedded { data_dir, options } if arguments.repair => {
            repair(&settings, data_dir, options, arguments)
        }
        StoreChoice::Embedded { data_dir, options } if arguments.compact => compact_only(data_dir, options),
        StoreChoice::Embedded { data_dir, .. } => look(&settings, data_dir, arguments.sample),
        StoreChoice::Oracle { .. } => compare_pictures(&choice),
    };
    Ok(match checked {
        Ok(0) => {
            println!(
                "{}",
                if arguments.compact && !arguments.repair { "done" } else { "everything is as it was written" }
            );
            ExitCode::SUCCESS
        }
        Ok(left) => {
            println!("{left} faults are left");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{choice} cannot be checked: {error}");
            ExitCode::from(CANNOT_CHECK)
        }
    })
}

/// Checks a store that may be in use. Returns the number of faults.
fn look(settings: &Settings, data_dir: &Path, sampled: usize) -> Result<usize, Box<dyn Error>> {
    let check = ReadOnlyCheck::open(data_dir, &settings.originals)?;
    let mut left = 0;
    for part in CheckPart::ALL.into_iter().filter(|part| *part != CheckPart::Index) {
        left += print(part.name(), steps(|after| check.check_part(part, after, STEP))?);
    }
    if sampled > 0 {
        left += print(SAMPLE, sample::compare(settings, data_dir, sampled, None)?);
    }
    let lost = check.lost_commits()?;
    if lost > 0 {
        println!(
            "lost changes: {lost} that were answered as stored are missing; `mitsuke check --repair` acknowledges it"
        );
        left += 1;
    }
    Ok(left)
}

/// Checks and repairs a store. Returns the number of faults that are left.
fn repair(
    settings: &Settings,
    data_dir: &Path,
    options: &SqliteOptions,
    arguments: &CheckArguments,
) -> Result<usize, Box<dyn Error>> {
    let store = SqliteStore::open(data_dir, options.clone()).map_err(explain)?;
    let mut left = print(CheckPart::Pages.name(), repair_pages(data_dir, &store)?);
    while !store.indexes_ready() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    for part in CheckPart::ALL.into_iter().filter(|part| *part != CheckPart::Pages) {
        let (checked, mut faults) = steps(|after| store.check_part(part, after, STEP, true))?;
        for fault in faults.iter_mut().filter(|fault| part == CheckPart::Pictures && !fault.repaired) {
            if let (Some(image_id), Some(backup)) = (fault.image_id, arguments.from.as_deref()) {
                fault.repaired = restore_picture(&store, image_id, backup)?;
            }
        }
        left += print(part.name(), (checked, faults));
    }
    if arguments.sample > 0 {
        left += print(SAMPLE, sample::compare(settings, data_dir, arguments.sample, Some(&store))?);
    }
    let lost = store.condition()?.lost_commits;
    if lost > 0 {
        println!("lost changes: {lost} that were answered as stored are missing; this counts as known from now on");
        store.acknowledge_loss()?;
    }
    if arguments.compact {
        compact(data_dir, &store)?;
    }
    store.close()?;
    Ok(left)
}

/// Opens a store for nothing but giving space back.
fn compact_only(data_dir: &Path, options: &SqliteOptions) -> Result<usize, Box<dyn Error>> {
    let store = SqliteStore::open(data_dir, options.clone()).map_err(explain)?;
    compact(data_dir, &store)?;
    store.close()?;
    Ok(0)
}

/// Gives the space of deleted pictures back.
fn compact(data_dir: &Path, store: &SqliteStore) -> Result<(), Box<dyn Error>> {
    let bytes = || fs::metadata(data_dir.join("mitsuke.db")).map_or(0, |metadata| metadata.len());
    let before = bytes();
    println!("writing the database anew");
    store.compact()?;
    println!("the database had {before} bytes and has {}", bytes());
    Ok(())
}

/// Makes the indexes of the database again if its pages need it.
fn repair_pages(data_dir: &Path, store: &SqliteStore) -> Result<(u64, Vec<Fault>), StoreError> {
    let found = mitsuke_store::sqlite::check_pages(data_dir)?;
    if found.is_empty() {
        return Ok((1, Vec::new()));
    }
    let left = store.repair_pages()?;
    let fault =
        |found: String| Fault { part: CheckPart::Pages, image_id: None, repaired: !left.contains(&found), found };
    let new = left.iter().filter(|text| !found.contains(text)).cloned();
    Ok((1, found.iter().cloned().chain(new).map(fault).collect()))
}

/// Compares the pictures in an Oracle database with their hashes. The database has tools of its own for the rest.
fn compare_pictures(choice: &StoreChoice) -> Result<usize, Box<dyn Error>> {
    let store = choice.open()?;
    let left =
        print(CheckPart::Pictures.name(), steps(|after| store.check_part(CheckPart::Pictures, after, STEP, false))?);
    store.close()?;
    Ok(left)
}

/// Runs the steps of one part. Returns the number of items and the faults.
fn steps(step: impl Fn(Option<i64>) -> Result<CheckStep, StoreError>) -> Result<(u64, Vec<Fault>), StoreError> {
    let (mut checked, mut faults, mut after) = (0, Vec::new(), None);
    loop {
        let done = step(after)?;
        checked += done.checked;
        faults.extend(done.faults);
        match done.next {
            Some(next) => after = Some(next),
            None => return Ok((checked, faults)),
        }
    }
}

/// Writes a damaged picture anew from the folder of a backup. Returns false when the backup lacks it.
fn restore_picture(store: &SqliteStore, image_id: ImageId, backup: &Path) -> Result<bool, StoreError> {
    let Some(image) = mitsuke_store::ImageStore::image(store, image_id)? else { return Ok(false) };
    let sha256 = image.sha256.to_string();
    let path = backup.join("pictures").join(sha256.get(..2).unwrap_or_default()).join(&sha256);
    match fs::read(&path) {
        Ok(bytes) => store.repair_content(image_id, &bytes),
        Err(error) => {
            println!("  {} cannot be read: {error}", path.display());
            Ok(false)
        }
    }
}

/// Prints what was found in one part, and returns the number of faults that are left.
fn print(part: &str, (checked, faults): (u64, Vec<Fault>)) -> usize {
    let left = faults.iter().filter(|fault| !fault.repaired).count();
    let repaired = faults.len() - left;
    println!("{part}: {checked} checked, {repaired} repaired, {left} faults");
    for fault in faults.iter().take(PRINTED) {
        println!("  {}{}", fault.found, if fault.repaired { " (repaired)" } else { "" });
    }
    if faults.len() > PRINTED {
        println!("  and {} more", faults.len() - PRINTED);
    }
    left
}

/// Says what to do when a server is running on the store.
fn explain(error: StoreError) -> Box<dyn Error> {
    match error {
        StoreError::Locked(folder) => format!(
            "a server runs on {}. Stop it, or leave --repair out: checking alone works beside a server",
            folder.display()
        )
        .into(),
        error => error.into(),
    }
}
