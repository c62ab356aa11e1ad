//! The program of a package: the folders beside it, and the files of `packaging`. scripts/try_package.sh tries whole
//! packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::run;
use crate::server::{Server, TIMEOUT};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Lays a package out whose model is the tiny one and which has one sample picture.
fn package() -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let package = folder.path();
    // A link to the file itself, because the program asks the system where it lies.
    fs::hard_link(env!("CARGO_BIN_EXE_mitsuke"), package.join("mitsuke")).unwrap();
    std::os::unix::fs::symlink(Path::new(ROOT).join("tests/models"), package.join("models")).unwrap();
    for name in ["images", "licences"] {
        fs::create_dir(package.join(name)).unwrap();
    }
    fs::copy(Path::new(ROOT).join("images/beach.jpg"), package.join("images/sample.jpg")).unwrap();
    fs::copy(Path::new(ROOT).join("LICENSE-MIT"), package.join("licences/mitsuke.txt")).unwrap();
    folder
}

#[tokio::test]
async fn a_package_serves_its_own_model_and_samples_from_any_folder() {
    let (package, working) = (package(), tempfile::tempdir().unwrap());
    let (link, mine) = (working.path().join("linked"), working.path().join("images"));
    std::os::unix::fs::symlink(package.path().join("mitsuke"), &link).unwrap();
    fs::create_dir(&mine).unwrap();
    fs::copy(Path::new(ROOT).join("images/fig.jpg"), mine.join("mine.jpg")).unwrap();
    let mut command = Command::new(&link);
    command
        .arg("serve")
        .current_dir(working.path())
        .env_remove("MITSUKE_MODELS_DIR")
        .env_remove("MITSUKE_IMAGES_DIR")
        .envs([
            ("MITSUKE_DEVICE", "cpu"),
            ("MITSUKE_PRECISION", "float32"),
            ("MITSUKE_DATA_DIR", ""),
            ("RUST_LOG", "info"),
        ])
        .envs(["DB_USER", "DB_PASSWORD", "DB_DSN", "MITSUKE_API_KEYS"].map(|name| (name, "")))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let server = Server::start(&mut command).ready().await;
    let started = std::time::Instant::now();
    while server.count().await == 0 {
        assert!(started.elapsed() < TIMEOUT, "no sample is registered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, page) = server.get("/images").await;
    assert_eq!(page["images"][0]["file_name"], "sample.jpg", "{page}");
    assert_eq!(server.count().await, 1);
    assert!(working.path().join("data/mitsuke.db").is_file());

    // A bare system has no certificates, which http does not need.
    let url = server.url("");
    let (status, text) = run(&["search", "--server", &url, "--paths"], &[("SSL_CERT_FILE", "/dev/null")]);
    assert_eq!((status, text.as_str()), (Some(0), "sample.jpg\n"));
}

/// Returns the words of a text that look like settings.
fn settings_in(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
    words.filter(|word| word.starts_with("MITSUKE_") || word.starts_with("DB_")).collect()
}

#[test]
fn the_files_of_packages_name_settings_and_files_that_exist() {
    // This variable is of the compose file alone.
    const COMPOSE: &str = "MITSUKE_DB_PASSWORD";
    let packaging = Path::new(ROOT).join("packaging");
    let (status, documented) = run(&["settings", "--env-example"], &[]);
    assert_eq!(status, Some(0));
    let documented = settings_in(&documented);
    let mut named = 0;
    for file in ["deb/mitsuke.env", "deb/mitsuke.service", "Containerfile", "compose.yaml", "compose.oracle.yaml"] {
        for setting in settings_in(&fs::read_to_string(packaging.join(file)).unwrap()) {
            assert!(setting == COMPOSE || documented.contains(&setting), "{file} names {setting}");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");

    // Files that scripts/package.sh makes are not there in a checkout; all others are.
    let container = fs::read_to_string(packaging.join("Containerfile")).unwrap();
    let copied = container.lines().filter_map(|line| line.strip_prefix("COPY ")?.split(' ').next());
    let assets = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let assets = assets.split_once("\nassets = [").and_then(|(_, rest)| rest.split_once("\n]")).unwrap().0;
    let assets = assets.lines().filter_map(|line| line.trim().strip_prefix("[\"")?.split('"').next());
    let sources: Vec<_> = copied.chain(assets).filter(|source| !source.starts_with("dist/")).collect();
    assert!(sources.len() >= 2, "{sources:?}");
    for source in sources {
        assert!(Path::new(ROOT).join(source).is_file(), "{source}");
    }
    for file in ["compose.yaml", "compose.oracle.yaml"] {
        let compose = fs::read_to_string(packaging.join(file)).unwrap();
        let mounted = compose.lines().filter_map(|line| line.trim().strip_prefix("- .")?.split(':').next());
        for source in mounted {
            assert!(packaging.join(PathBuf::from(format!(".{source}"))).is_file(), "{file} mounts .{source}");
        }
    }
}
