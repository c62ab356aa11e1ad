//! Writes the seeds of a fuzz target into a folder, for libFuzzer (scripts/fuzz.sh). Arguments: the target, the folder.

use std::error::Error;
use std::path::PathBuf;

use mitsuke_fuzzing::seeds;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("give the target and the folder".into());
    };
    std::fs::create_dir_all(&folder)?;
    let seeds = seeds::of(&target)?;
    for (number, (_, bytes)) in seeds.iter().enumerate() {
        std::fs::write(PathBuf::from(&folder).join(format!("seed-{number:03}")), bytes)?;
    }
    println!("{} seeds of {target}", seeds.len());
    Ok(())
}
