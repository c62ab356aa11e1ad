//! Tells files that are complete from files that somebody still writes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::scan::SourceFile;

/// The time since the last change after which a file may be complete.
const QUIET: Duration = Duration::from_secs(2);

/// The size and the time of the last change of a file.
pub type State = (u64, Option<i64>);

/// Returns the size and the time of the last change of a file.
pub const fn state(file: &SourceFile) -> State {
    (file.bytes, file.modified_ns)
}

/// The files of the last scan.
#[derive(Debug, Default)]
pub struct Settling {
    last: HashMap<PathBuf, State>,
}

impl Settling {
    /// Takes the files of a scan and returns those that were the same in the scan before, and have not been changed for
    /// 2 s. A time of change in the future is that of another computer's clock, and says nothing.
    pub fn settled(&mut self, files: Vec<SourceFile>, now: SystemTime) -> Vec<SourceFile> {
        let seen = files.iter().map(|file| (file.absolute_path.clone(), state(file))).collect();
        let last = std::mem::replace(&mut self.last, seen);
        let is_settled = |file: &SourceFile| {
            last.get(&file.absolute_path) == Some(&state(file))
                && file.modified_ns.is_none_or(|modified_ns| is_quiet(modified_ns, now))
        };
        files.into_iter().filter(is_settled).collect()
    }
}

fn is_quiet(modified_ns: i64, now: SystemTime) -> bool {
    let modified = UNIX_EPOCH + Duration::from_nanos(u64::try_from(modified_ns).unwrap_or(0));
    now.duration_since(modified).map_or(true, |since| since >= QUIET)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn file(name: &str, bytes: u64, age_s: i64) -> SourceFile {
        let modified_ns = Some((1_000_000 - age_s) * 1_000_000_000);
        SourceFile { path: name.into(), absolute_path: name.into(), source_path: None, bytes, modified_ns }
    }

    fn settled(settling: &mut Settling, files: Vec<SourceFile>) -> Vec<String> {
        let settled = settling.settled(files, UNIX_EPOCH + NOW);
        settled.into_iter().map(|file| file.path.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_complete_when_two_scans_see_the_same_and_it_has_been_quiet() {
        let mut settling = Settling::default();
        let none = Vec::<String>::new();
        let files = || vec![file("old", 5, 60), file("new", 5, 1), file("ahead", 5, -60)];
        assert_eq!(settled(&mut settling, files()), none, "the first scan knows nothing");
        assert_eq!(settled(&mut settling, files()), ["old", "ahead"]);
        assert_eq!(settled(&mut settling, vec![file("old", 6, 60)]), none, "the size has changed");
        assert_eq!(settled(&mut settling, vec![file("old", 6, 50)]), none, "the time has changed");
        assert_eq!(settled(&mut settling, vec![]), none);
        assert_eq!(settled(&mut settling, vec![file("old", 6, 50)]), none, "it was away");
        assert_eq!(settled(&mut settling, vec![file("old", 6, 50)]), ["old"]);
    }

    #[test]
    fn a_file_system_without_times_leaves_the_size_to_decide() {
        let mut settling = Settling::default();
        let file = || vec![SourceFile { modified_ns: None, ..file("a", 5, 0) }];
        assert!(settled(&mut settling, file()).is_empty());
        assert_eq!(settled(&mut settling, file()), ["a"]);
    }
}
