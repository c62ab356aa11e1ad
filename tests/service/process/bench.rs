//! `mitsuke bench` on a small model folder.

use std::path::Path;
use std::process::{Command, Output};

fn bench(folder: &str, arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    Command::new(env!("CARGO_BIN_EXE_mitsuke"))
        .args(["bench", "--device", "cpu", "--seconds", "0", "--workers", "2"])
        .args(arguments)
        .arg(folder)
        .env("RUST_LOG", "error")
        .output()
        .unwrap()
}

/// Returns the words of the line that begins with `name`, without the name.
fn row(printed: &str, name: &str) -> Vec<String> {
    let line = printed.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no line {name:?} in\n{printed}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_bench_command_prints_rates_and_the_share_of_the_floor() {
    let output = bench("exported_models/clip", &["--precision", "float32"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(row(&printed, "model"), ["exported-clip", "1"]);
    assert_eq!(row(&printed, "workers")[0], "2");
    assert_eq!(row(&printed, "precision"), ["float32", "float32"]);
    for name in ["one at a time", "all workers", "machine's peak", "floor", "share reached"] {
        for column in [0, 2] {
            let cell = &row(&printed, name)[column];
            assert!(cell.parse().is_ok_and(|number: f64| number.is_finite() && number >= 0.0), "{name}: {cell}");
        }
    }
    assert!(row(&printed, "machine's peak")[0].parse::<f64>().unwrap() > 0.0);
}

#[test]
fn the_bench_command_counts_the_multiply_adds_of_the_libraries() {
    let printed = String::from_utf8(bench("models/tiny", &["--precision", "float32"]).stdout).unwrap();
    let counts = row(&printed, "multiply-adds");
    assert!(counts.iter().any(|cell| cell.parse().is_ok_and(|count: f64| count > 0.0)), "{printed}");
}

#[test]
fn the_bench_command_says_why_a_folder_cannot_be_measured() {
    let output = bench("no-such-model", &[]);
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("model.json cannot be read"), "{printed}");
}
