//! `mitsuke model add` with a stand-in for Python, which makes environments and exports in no time. The tests are about
//! arguments, exit statuses, signals and environments that are half made; the exporter has tests of its own.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use tempfile::TempDir;

use crate::pictures::png;
use crate::server::{Server, TIMEOUT, free_address, mitsuke};

/// Answers as Python does to the calls of the command. `doings` beside the stand-in gets a line for each call that does
/// something; a file `pip` or `export` beside it says what happens there.
const PYTHON: &str = r#"#!/bin/sh
home=@HOME@
act() { echo "$*" >>"$home/doings"; }
hang() {
    trap 'act interrupted; exit 130' INT
    act hangs
    while :; do sleep 0.05; done
}
case "$2 $3" in
"-c "*)
    if [ -n "$4" ]; then echo torch==1
    elif [ -n "$3" ]; then echo "$0"; echo @VERSION@; echo @VENV@; fi ;;
"-m venv")
    act "venv $4"
    mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
"-m pip")
    act "pip $(cat "$7")"
    case "$(cat "$home/pip" 2>/dev/null)" in
    fail) echo "no network" >&2; exit 1 ;;
    hang) hang ;;
    esac ;;
"-B "*)
    shift 3
    act "export $*; secrets: $(env | grep -c '^MITSUKE_\|^DB_')"
    case "$(cat "$home/export" 2>/dev/null)" in
    fail) echo "error: the hub is not reached" >&2; exit 1 ;;
    hang) hang ;;
    killed) kill -9 $$ ;;
    esac
    cp -R "@MODEL@" "$2.half"
    sed "s|\"source\": \"exported-clip\"|\"source\": \"$1\"|" "@MODEL@/model.json" >"$2.half/model.json"
    rm -rf "$2"
    mv "$2.half" "$2" ;;
esac
"#;

/// A folder with a stand-in for Python, a cache folder and a folder of models.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self::with_python("3 12", "venv")
    }

    /// Returns a machine whose Python has this version, and says this about venv.
    fn with_python(version: &str, venv: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exported_models/clip");
        let script = PYTHON
            .replace("@HOME@", folder.path().to_str().unwrap())
            .replace("@MODEL@", model.to_str().unwrap())
            .replace("@VERSION@", version)
            .replace("@VENV@", venv);
        let python = folder.path().join("python");
        fs::write(&python, script).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Says what happens in pip or in the export.
    fn set(&self, step: &str, what: &str) {
        fs::write(self.path(step), what).unwrap();
    }

    /// Returns what the stand-in has done.
    fn doings(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("doings")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Returns the command, which reaches no server unless the arguments name one.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mitsuke"));
        command
            .args(["model", "add", "--python"])
            .arg(self.path("python"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("MITSUKE_MODELS_DIR", "models")
            .env("MITSUKE_DATA_DIR", "data")
            .env("MITSUKE_CACHE_DIR", "cache")
            .env("MITSUKE_DEVICE", "cpu")
            .env("HOME", self.folder.path())
            .envs(["DB_USER", "DB_PASSWORD", "DB_DSN", "MITSUKE_API_KEYS", "MITSUKE_API_KEY"].map(|name| (name, "")));
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end, and returns the exit status and everything that it printed.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        ended(self.command(arguments).spawn().unwrap())
    }

    /// Runs the command until the stand-in hangs, and sends it the signal of Ctrl-C.
    fn interrupt(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let child = self.command(arguments).spawn().unwrap();
        let begin = Instant::now();
        while !self.doings().iter().any(|doing| doing == "hangs") {
            assert!(begin.elapsed() < TIMEOUT, "{:?}", self.doings());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        ended(child)
    }
}

fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

const MODEL: &str = "rinna/japanese-clip-vit-b-16";

/// Returns the address of a server that is not there.
fn nowhere() -> String {
    format!("http://{}", free_address())
}

#[test]
fn a_dry_run_says_everything_and_changes_nothing() {
    let machine = Machine::new();
    let (status, printed) = machine.run(&[MODEL, "--dry-run", "--name", "rinna", "--", "--no-int8"]);
    assert_eq!(status, Some(0), "{printed}");
    for line in [
        "model       rinna/japanese-clip-vit-b-16 from the Hugging Face hub\n",
        "licence     Apache-2.0 (https://huggingface.co/rinna/japanese-clip-vit-b-16), no token is needed\n",
        "folder      models/rinna, to be written\n",
        "python (3.12)\n",
        "cache/exporter-",
        ", to be made: ",
        "scripts/export_model.py rinna/japanese-clip-vit-b-16 models/rinna --name rinna --no-int8\n",
        "server      http://127.0.0.1:8080\n",
        "nothing was changed",
    ] {
        assert!(printed.contains(line), "{line:?} is missing in\n{printed}");
    }
    let (status, printed) = machine.run(&["line-corporation/clip-japanese-base", "--dry-run"]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("to do       line-corporation/clip-japanese-base brings Python code"), "{printed}");
    assert_eq!(machine.doings(), Vec::<String>::new());
    assert!(!machine.path("cache").exists() && !machine.path("data").exists());
}

#[tokio::test]
async fn a_model_is_exported_once_checked_registered_and_backfilled() {
    let (machine, data) = (Machine::new(), tempfile::tempdir().unwrap());
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/tiny");
    std::os::unix::fs::symlink(tiny, machine.path("models/tiny")).unwrap();
    let mut serve = mitsuke("serve", data.path());
    let server = Server::start(serve.env("MITSUKE_MODELS_DIR", machine.path("models"))).ready().await;
    let part = Part::bytes(png(1)).file_name("a.png");
    let upload = server.client.post(server.url("/images")).multipart(Form::new().part("file", part));
    assert_eq!(server.send(upload).await.0, 201);
    let url = server.url("");

    let (status, printed) = machine.run(&[MODEL, "--server", &url, "--licence", "MIT"]);
    assert_eq!(status, Some(0), "{printed}");
    for line in [
        "installing the exporter's packages, once, into ",
        "model       exported-clip 1\n",
        &format!("registered  as model 2 of the server at {url}\n"),
        &format!("1 images are to be embedded: mitsuke backfill --model exported-clip:1 --server {url}\n"),
        &format!("curl -X PUT {url}/models/current -H 'content-type: application/json' -d '{{\"model_id\": 2}}'"),
    ] {
        assert!(printed.contains(line), "{line:?} is missing in\n{printed}");
    }
    let doings = machine.doings();
    assert!(doings[0].starts_with("venv ") && doings[1] == "pip torch==1", "{doings:?}");
    let export = "models/japanese-clip-vit-b-16 --licence MIT; secrets: 0";
    assert_eq!(doings[2..], [format!("export {MODEL} {export}")]);
    let mode = fs::metadata(machine.path("models/japanese-clip-vit-b-16/image.pt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o044, 0o044, "a server of another user reads the model");

    // The server announces itself in its data directory, so that no address is needed.
    let mut again = machine.command(&[MODEL, "--backfill"]);
    let (status, printed) = ended(again.env("MITSUKE_DATA_DIR", data.path()).spawn().unwrap());
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("is there; --force would export it anew"), "{printed}");
    assert!(printed.contains("exported-clip 1: 1 of 1 images embedded, 0 failed"), "{printed}");
    assert_eq!(machine.doings().len(), 3, "nothing is made twice");

    let (status, printed) = machine.run(&[MODEL, "--server", &url, "--force"]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("backfill    not needed: 1 of 1 images are embedded"), "{printed}");
    assert_eq!(machine.doings().len(), 4, "the environment is made once");
    assert!(machine.doings()[3].contains(" --force;"), "{:?}", machine.doings());
}

#[test]
fn without_a_server_the_next_start_registers_the_model() {
    let machine = Machine::new();
    let (status, printed) = machine.run(&[MODEL, "--server", &nowhere()]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("registered  at the next start of the server"), "{printed}");
    assert!(printed.contains("mitsuke backfill --model exported-clip:1\n"), "{printed}");
    let (status, printed) = machine.run(&[MODEL, "--server", &nowhere(), "--backfill"]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("so that there is no backfill"), "{printed}");
}

#[tokio::test]
async fn a_server_with_another_folder_of_models_is_told_apart() {
    let (machine, data) = (Machine::new(), tempfile::tempdir().unwrap());
    let server = Server::start(&mut mitsuke("serve", data.path())).ready().await;
    let (status, printed) = machine.run(&[MODEL, "--server", &server.url("")]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(
        printed.contains("does not see models/japanese-clip-vit-b-16: its MITSUKE_MODELS_DIR is another"),
        "{printed}"
    );
}

#[test]
fn an_environment_that_is_half_made_is_begun_again() {
    let machine = Machine::new();
    machine.set("pip", "fail");
    let server = nowhere();
    let (status, printed) = machine.run(&[MODEL, "--server", &server]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("no network") && printed.contains("pip could not install"), "{printed}");
    let environment = fs::read_dir(machine.path("cache")).unwrap().map(|entry| entry.unwrap().path());
    let environment = environment.into_iter().find(|path| path.is_dir()).unwrap();
    fs::write(environment.join("left over"), "").unwrap();

    machine.set("pip", "hang");
    let (status, printed) = machine.interrupt(&[MODEL, "--server", &server]);
    assert_eq!(status, Some(130), "{printed}");
    assert!(printed.contains("stopped; the same command continues from here"), "{printed}");
    assert!(!environment.join("left over").exists());
    assert_eq!(machine.doings().last().unwrap(), "interrupted");

    machine.set("pip", "work");
    assert_eq!(machine.run(&[MODEL, "--server", &server]).0, Some(0));
    // An environment with other packages than the exporter needs is made anew.
    fs::write(environment.join("complete"), "torch==0\n").unwrap();
    assert_eq!(machine.run(&["somebody/other", "--server", &server]).0, Some(0));
    let count = |word: &str| machine.doings().iter().filter(|doing| doing.starts_with(word)).count();
    assert_eq!((count("venv"), count("pip"), count("export")), (4, 4, 2));
}

#[test]
fn an_export_that_fails_or_is_stopped_leaves_no_folder_and_is_continued() {
    let machine = Machine::new();
    let server = nowhere();
    machine.set("export", "fail");
    let (status, printed) = machine.run(&[MODEL, "--server", &server]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("error: the hub is not reached") && printed.contains("message is above"), "{printed}");
    machine.set("export", "killed");
    let (status, printed) = machine.run(&[MODEL, "--server", &server]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("the system ended the exporter") && printed.contains("memory"), "{printed}");
    machine.set("export", "hang");
    let (status, printed) = machine.interrupt(&[MODEL, "--server", &server]);
    assert_eq!(status, Some(130), "{printed}");
    assert!(printed.contains("stopped; the same command continues from here"), "{printed}");
    assert_eq!(machine.doings().last().unwrap(), "interrupted", "the exporter ends in its own way");
    assert!(!machine.path("models/japanese-clip-vit-b-16").exists());
    machine.set("export", "work");
    assert_eq!(machine.run(&[MODEL, "--server", &server]).0, Some(0));
}

#[test]
fn what_is_missing_is_said_before_anything_is_downloaded() {
    let machine = Machine::new();
    let gated = "stabilityai/japanese-stable-clip-vit-l-16";
    for (arguments, words) in [
        (
            &[gated][..],
            &["you accept at", "brings Python code of its own", "add --trust-remote-code", "is gated", "HF_TOKEN"][..],
        ),
        (&[gated, "--trust-remote-code"], &["mitsuke model add: ", "is gated", "accept the licence", "HF_TOKEN"]),
        (&["line-corporation/clip-japanese-base"], &["brings Python code of its own"]),
        (&["no model"], &["neither a folder nor a name"]),
        (&[MODEL, "--name", "../up"], &["cannot be the name of a model folder"]),
    ] {
        let (status, printed) = machine.run(arguments);
        assert_eq!(status, Some(1), "{printed}");
        let missing: Vec<_> = words.iter().filter(|word| !printed.contains(**word)).collect();
        assert!(missing.is_empty(), "{missing:?} not in {printed}");
    }
    fs::set_permissions(machine.path("python"), fs::Permissions::from_mode(0o644)).unwrap();
    let (status, printed) = machine.run(&[MODEL]);
    assert!(status == Some(1) && printed.contains("python does not run"), "{printed}");
    fs::set_permissions(machine.path("python"), fs::Permissions::from_mode(0o755)).unwrap();
    for (version, venv, words) in
        [("3 8", "venv", "the exporter needs Python 3.11 or newer"), ("3 12", "none", "apt-get install python3-venv")]
    {
        let (status, printed) = Machine::with_python(version, venv).run(&[MODEL]);
        assert_eq!(status, Some(1), "{printed}");
        assert!(printed.contains(words), "{printed}");
    }
    assert_eq!(machine.doings(), Vec::<String>::new());
    let mut with_token = machine.command(&[gated, "--trust-remote-code", "--server", &nowhere()]);
    let (status, printed) = ended(with_token.env("HF_TOKEN", "hf_x").spawn().unwrap());
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("token       found (HF_TOKEN)"), "{printed}");
}

#[test]
fn a_folder_that_holds_something_else_is_not_touched() {
    let machine = Machine::new();
    let server = nowhere();
    assert_eq!(machine.run(&[MODEL, "--server", &server, "--name", "mine"]).0, Some(0));
    let (status, printed) = machine.run(&["somebody/other", "--server", &server, "--name", "mine"]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains(&format!("holds a model from {MODEL}")) && printed.contains("--name"), "{printed}");
    fs::create_dir(machine.path("models/other")).unwrap();
    let (status, printed) = machine.run(&["somebody/other", "--server", &server]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("is no model folder that can be used"), "{printed}");
    assert_eq!(machine.doings().iter().filter(|doing| doing.starts_with("export")).count(), 1);
}
