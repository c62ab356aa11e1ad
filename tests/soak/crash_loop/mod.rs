//! Hundreds of kills, aimed at the moments when files are written anew: nothing that was answered is lost, nothing that
//! was deleted comes back, and the store is whole each time.

mod ledger;
mod upgrade;
mod watch;
mod work;

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::chance::Chance;
use crate::figures::{Faults, setting};
use crate::harness::{Server, has_command, small_models};
use ledger::Ledger;
use watch::{has_partial, is_shrinking, kill_when};

/// The moments at which a kill is aimed, in the order in which they take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// Uploads, changes and deletions.
    Work,
    /// A snapshot of a vector index, which a clean stop writes.
    Snapshot,
    /// The giving back of the space of deleted pictures.
    Vacuum,
    /// A backup that runs alone.
    Backup,
    /// A backup that the running server makes.
    BackupBeside,
    /// The upgrade of an earlier data directory.
    Upgrade,
}

const AIMS: [Aim; 6] = [Aim::Work, Aim::Snapshot, Aim::Vacuum, Aim::Backup, Aim::BackupBeside, Aim::Upgrade];

/// The longest time that a moment is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn nothing_is_lost_however_often_the_server_is_killed() {
    let (kills, mut chance, faults) = (setting("SOAK_KILLS", 500_usize), Chance::from_settings(), Faults::default());
    let commands = [("check", has_command("check")), ("backup", has_command("backup"))];
    for (name, _) in commands.iter().filter(|(_, is_there)| !is_there) {
        println!("`mitsuke {name}` is left out: this program has no such command");
    }
    let has_backup = commands[1].1;
    let longest = upgrade::time_of_upgrade(&faults).await;
    let mut crashes = Crashes::start().await;
    let mut counts = AIMS.map(|aim| (aim, 0, 0));
    for number in 0..kills {
        let (mut aim, kills, hits) = counts[number % AIMS.len()];
        if !has_backup && matches!(aim, Aim::Backup | Aim::BackupBeside) {
            aim = Aim::Work;
        }
        let is_hit = if aim == Aim::Upgrade {
            upgrade::kill_upgrade(&mut chance, longest, &faults).await;
            true
        } else {
            crashes.kill_once(aim, &mut chance, &faults).await
        };
        counts[number % AIMS.len()] = (aim, kills + 1, hits + usize::from(is_hit));
        if (number + 1).is_multiple_of(25) {
            println!("{} kills, {} images, {} deleted", number + 1, crashes.count(), crashes.count_gone());
        }
    }
    if has_backup {
        crashes.restore(&mut chance, &faults).await;
    }
    for (aim, kills, hits) in counts {
        println!("{aim:?}: {kills} kills, of which {hits} met their moment");
    }
    crashes.server.stop(&faults).await;
    faults.assert_none();
    println!("{kills} kills, nothing lost");
}

/// Notes a fault unless `mitsuke check` finds the store of a server whole.
fn check_store(server: &Server, faults: &Faults) {
    static HAS_CHECK: OnceLock<bool> = OnceLock::new();
    if !HAS_CHECK.get_or_init(|| has_command("check")) {
        return;
    }
    let output = server.command(&[OsStr::new("check")]).output().expect("the program starts");
    faults.check(output.status.success(), || {
        format!("mitsuke check ended with {}: {}", output.status, String::from_utf8_lossy(&output.stdout))
    });
}

/// A server that is killed over and over, and what it has answered.
struct Crashes {
    server: Server,
    ledger: RefCell<Ledger>,
    backup: PathBuf,
}

impl Crashes {
    async fn start() -> Self {
        let server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
        let backup = server.folder().join("backup");
        Self { server, ledger: RefCell::default(), backup }
    }

    fn count(&self) -> usize {
        self.ledger.borrow().images.len()
    }

    fn count_gone(&self) -> usize {
        self.ledger.borrow().gone.len()
    }

    /// Works, kills at the moment, starts again and compares. Returns whether the moment was met.
    async fn kill_once(&mut self, aim: Aim, chance: &mut Chance, faults: &Faults) -> bool {
        let is_hit = self.work_and_kill(aim, chance, faults).await;
        check_store(&self.server, faults);
        self.server.spawn_again();
        self.server.wait_until_ready().await;
        // The ledger is borrowed alone: the work has ended.
        let mut ledger = self.ledger.take();
        ledger.compare(&self.server.client(), chance, faults).await;
        self.ledger.replace(ledger);
        is_hit
    }

    async fn work_and_kill(&mut self, aim: Aim, chance: &mut Chance, faults: &Faults) -> bool {
        let (client, stop, id) = (self.server.client(), Cell::new(false), self.server.process_id());
        let moment = Duration::from_secs_f64(chance.between(0.05, 0.6));
        let mut work =
            std::pin::pin!(work::work(&client, &self.ledger, chance.whole(0..=1 << 30) as u64, &stop, faults));
        let is_over = tokio::select! {
            () = &mut work => true,
            () = tokio::time::sleep(moment) => false,
        };
        let watch = match aim {
            Aim::Work | Aim::Upgrade => kill_when(id, Duration::ZERO, || true),
            Aim::Snapshot => {
                let folder = self.server.data().join("vectors");
                let watch = kill_when(id, PATIENCE, move || has_partial(&folder));
                self.server.terminate();
                watch
            }
            Aim::Vacuum => {
                work::make_space(&client, &self.ledger, chance, faults).await;
                // A running server gives space back a minute after its last turn, and a starting one at once. The file
                // gets shorter only if the log has been folded into it before, as a clean end does.
                self.server.stop_to_start_again(faults).await;
                let is_seen = is_shrinking(self.server.data().join("mitsuke.db"));
                self.server.spawn_again();
                kill_when(self.server.process_id(), PATIENCE, is_seen)
            }
            Aim::BackupBeside => self.back_up_until_killed(id),
            Aim::Backup => {
                self.server.kill();
                self.back_up_until_killed(0)
            }
        };
        stop.set(aim == Aim::Backup);
        if !is_over {
            work.await;
        }
        let is_hit = tokio::task::spawn_blocking(|| watch.join().expect("the watch")).await.expect("the watch");
        self.server.kill();
        is_hit || aim == Aim::Work
    }

    /// Begins a backup and kills the server with this process id, or the backup itself where there is none, while a file
    /// of the backup is being written.
    fn back_up_until_killed(&self, server: u32) -> std::thread::JoinHandle<bool> {
        let mut command = self.server.command(&[OsStr::new("backup"), self.backup.as_os_str()]);
        let mut backup = command.stdout(std::process::Stdio::null()).spawn().expect("the program starts");
        let (killed, folder) = (if server == 0 { backup.id() } else { server }, self.backup.clone());
        std::thread::spawn(move || {
            let is_seen = kill_when(killed, PATIENCE, move || has_partial(&folder)).join().expect("the watch");
            backup.wait().expect("the end of the backup");
            is_seen
        })
    }

    /// Makes a last backup, restores it into another folder and compares that folder.
    async fn restore(&mut self, chance: &mut Chance, faults: &Faults) {
        let into = self.server.folder().join("restored");
        let arguments: [&[&OsStr]; 2] = [
            &[OsStr::new("backup"), self.backup.as_os_str()],
            &[OsStr::new("restore"), self.backup.as_os_str(), OsStr::new("--into"), into.as_os_str()],
        ];
        for arguments in arguments {
            let output = self.server.command(arguments).output().expect("the program starts");
            faults.check(output.status.success(), || {
                format!("{arguments:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
            });
        }
        let mut restored = Server::spawn_on(|_| into, &[("MITSUKE_MODELS_DIR", &small_models())]);
        restored.wait_until_ready().await;
        let mut ledger = self.ledger.take();
        ledger.compare(&restored.client(), chance, faults).await;
        self.ledger.replace(ledger);
        println!("the last backup was restored and compared: {} images", self.count());
        restored.stop(faults).await;
    }
}
