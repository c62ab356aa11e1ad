//! The arrows between the crates go down only. `cargo tree` says which crate depends on what.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates below the service.
const CRATES: [&str; 7] = [
    "mitsuke-client",
    "mitsuke-clip",
    "mitsuke-engine",
    "mitsuke-image",
    "mitsuke-index",
    "mitsuke-postings",
    "mitsuke-store",
];

/// The names of all packages that a crate needs, including itself and without those that only its tests need.
fn needs(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The other crates of this workspace that a crate needs.
fn crates_below(package: &str) -> Vec<String> {
    needs(package).into_iter().filter(|name| name.starts_with("mitsuke") && name != package).collect()
}

#[test]
fn each_crate_depends_on_the_crates_below_it_only() {
    for (package, below) in [
        ("mitsuke-index", &[][..]),
        ("mitsuke-image", &[]),
        ("mitsuke-postings", &[]),
        ("mitsuke-store", &["mitsuke-image", "mitsuke-index", "mitsuke-postings"]),
        ("mitsuke-clip", &["mitsuke-image", "mitsuke-index"]),
        ("mitsuke-engine", &["mitsuke-clip", "mitsuke-image", "mitsuke-index", "mitsuke-postings", "mitsuke-store"]),
        ("mitsuke-client", &["mitsuke-image"]),
        // Above the service, and for tests only.
        (
            "mitsuke-fuzzing",
            &[
                "mitsuke",
                "mitsuke-client",
                "mitsuke-clip",
                "mitsuke-engine",
                "mitsuke-image",
                "mitsuke-index",
                "mitsuke-postings",
                "mitsuke-store",
                "mitsuke-store-testing",
            ],
        ),
    ] {
        assert_eq!(crates_below(package), below, "{package}");
    }
}

#[test]
fn only_clip_brings_torch_in_and_only_the_service_an_http_server() {
    for package in CRATES {
        let needs = needs(package);
        let torch = needs.contains("tch") || needs.contains("torch-sys");
        assert_eq!(torch, ["mitsuke-clip", "mitsuke-engine"].contains(&package), "{package} and libtorch");
        let server = needs.iter().find(|name| name.starts_with("actix") || name.starts_with("utoipa"));
        assert_eq!(server, None, "{package}");
    }
    let engine = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/crates/engine/Cargo.toml")).unwrap();
    assert!(!engine.contains("\ntch"), "the engine reaches Torch through mitsuke-clip only");
}
