//! Links the program to libtorch so that it starts from anywhere: the folder
//! `lib` beside the program, and the folder that torch-sys linked against, go
//! into the program's library search path. libtorch.so is kept even though no
//! symbol of it is used, because it loads the CUDA kernels where the build of
//! libtorch has them.
//!
//! With MITSUKE_PACKAGE=1 (scripts/package.sh) the folder `lib` is the only one,
//! so that the program of a package names no folder of the machine that built it.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    for name in ["LIBTORCH", "LIBTORCH_LIB", "LIBTORCH_USE_PYTORCH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    // The libraries of the workspace are the same in a package, and are not built again for one.
    let is_program = env::var("CARGO_PKG_NAME")? == "mitsuke";
    if is_program {
        println!("cargo::rerun-if-env-changed=MITSUKE_PACKAGE");
    }
    let for_package = is_program && env::var_os("MITSUKE_PACKAGE").is_some_and(|value| value == "1");
    let lib = match libtorch_lib_dir() {
        Ok(lib) => lib,
        Err(message) => {
            println!("cargo::error={message}");
            return Ok(());
        }
    };
    let os = env::var("CARGO_CFG_TARGET_OS")?;
    if os == "windows" {
        return Ok(()); // Programs hold no search path there; PATH has it.
    }

    let libtorch = lib.join(match os.as_str() {
        "macos" => "libtorch.dylib",
        _ => "libtorch.so",
    });
    println!("cargo::rerun-if-changed={}", libtorch.display());
    if !libtorch.exists() {
        println!(
            "cargo::error=libtorch is not set up ({} does not exist): run scripts/libtorch.sh \
             first, or set LIBTORCH to the folder of a libtorch 2.13.0",
            libtorch.display()
        );
        return Ok(());
    }

    if os == "linux" {
        // LD_LIBRARY_PATH wins over a RUNPATH, and would not win over an RPATH. A libtorch of the user's own is given so.
        link_arg("-Wl,--enable-new-dtags");
        link_arg("-Wl,-rpath,$ORIGIN/lib");
    }
    if !for_package {
        // The program looks first in the folder under its given name, because .libtorch may point elsewhere later, and
        // then in the folder that the name resolves to, which outlives this checkout.
        link_arg(&format!("-Wl,-rpath,{}", lib.display()));
        if let Ok(real) = lib.canonicalize()
            && real != lib
        {
            link_arg(&format!("-Wl,-rpath,{}", real.display()));
        }
    }
    if os == "linux" {
        link_arg("-Wl,--no-as-needed");
        link_arg(&libtorch.display().to_string());
        link_arg("-Wl,--as-needed");
    }
    Ok(())
}

fn link_arg(arg: &str) {
    println!("cargo::rustc-link-arg={arg}");
}

/// Returns the folder that torch-sys links against, by its rules.
fn libtorch_lib_dir() -> Result<PathBuf, String> {
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return pytorch_dir().map(|dir| dir.join("lib"));
    }
    Ok(env::var_os("LIBTORCH_LIB")
        .or_else(|| env::var_os("LIBTORCH"))
        .map_or(PathBuf::from("/usr/lib"), |root| Path::new(&root).join("lib")))
}

/// Returns the folder of PyTorch in the active Python.
fn pytorch_dir() -> Result<PathBuf, String> {
    let python = match env::var_os("VIRTUAL_ENV") {
        Some(_) => "python",
        None => "python3",
    };
    let output = Command::new(python)
        .arg("-c")
        .arg("import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])")
        .output()
        .map_err(|error| format!("LIBTORCH_USE_PYTORCH is set, but {python} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "LIBTORCH_USE_PYTORCH is set, but {python} has no PyTorch: install torch 2.13.0 \
             there, or unset it and run scripts/libtorch.sh"
        ));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    Ok(PathBuf::from(stdout.trim()))
}
