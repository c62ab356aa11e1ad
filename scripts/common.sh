# shellcheck shell=bash
# Messages and checks that the shell scripts of this folder share.
# Usage (in a script): source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# It sets `repo` to the repository root; `program` names the script in messages.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(basename "$0" .sh)

if [[ -t 1 ]]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi

say() { printf '%s\n' "$bold$program: $*$plain"; }

fail() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit 1
}

# Prints the comment at the head of the calling script.
usage() {
    awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
}

# The oldest version of Rust that builds Mitsuke, as Cargo.toml says.
rust_version() { sed -n '/^rust-version = "/{s/^rust-version = "\(.*\)".*/\1/p;q;}' "$repo/Cargo.toml"; }

# Fails with what to do when something that building Mitsuke needs is missing.
need_build_tools() {
    command -v cargo >/dev/null ||
        fail "Rust is missing ('cargo' was not found). Install Rust $(rust_version) or newer with rustup, open a new shell, and run this again."
    command -v "${CC:-cc}" >/dev/null ||
        fail "a C compiler is missing ('${CC:-cc}' was not found). Debian, Ubuntu: sudo apt-get install g++"
    command -v "${CXX:-c++}" >/dev/null ||
        fail "a C++ compiler is missing ('${CXX:-c++}' was not found). Debian, Ubuntu: sudo apt-get install g++"
}

# Prints the folder that cargo builds into.
target_dir() {
    local dir=${CARGO_TARGET_DIR:-target}
    if [[ "$dir" == /* ]]; then echo "$dir"; else echo "$repo/$dir"; fi
}

# Prints the folder for downloads and tools, which all checkouts share.
cache_dir() {
    local dir=${MITSUKE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?is not set. Set MITSUKE_CACHE_DIR to a folder for downloads}/.cache}/mitsuke}
    if [[ "$dir" == /* ]]; then echo "$dir"; else echo "$PWD/$dir"; fi
}

# Prints the path of the first of the given programs that is installed.
first_program() {
    local name
    for name in "$@"; do
        command -v "$name" && return
    done
    return 1
}

# Makes sure that Chromium and ChromeDriver, in which the gallery page is tested, are installed. Installs them as root
# where apt-get exists.
need_browser() {
    if [[ "${MITSUKE_SKIP_BROWSER:-}" == 1 ]]; then return; fi
    local browsers=(chromium chromium-browser google-chrome-stable google-chrome)
    if first_program "${browsers[@]}" >/dev/null && command -v chromedriver >/dev/null; then return; fi
    if ((EUID == 0)) && command -v apt-get >/dev/null; then
        say "installing chromium and chromium-driver, in which the gallery page is tested"
        export DEBIAN_FRONTEND=noninteractive
        if apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; then
            return
        fi
    fi
    fail "Chromium is missing ('chromium' or 'chromedriver' was not found), in which the gallery page is tested. Debian, Ubuntu: sudo apt-get install chromium chromium-driver. To leave these tests out: MITSUKE_SKIP_BROWSER=1 scripts/test.sh"
}

# The command of the soak tests, to which the names of tests are added.
soak_tests=(cargo test --locked --test soak -- --ignored --nocapture --test-threads=1)

# run_soak_tests FILTER...: builds the release program, unless SOAK_PROGRAM names another one, and runs the soak tests
# that the filter selects against that program, one after the other.
run_soak_tests() {
    cd "$repo" || exit
    need_build_tools
    scripts/libtorch.sh
    if [[ -z "${SOAK_PROGRAM:-}" ]]; then
        cargo build --release --locked --bin mitsuke
        SOAK_PROGRAM="$(target_dir)/release/mitsuke"
    fi
    export SOAK_PROGRAM
    "${soak_tests[@]}" "$@"
}

# ---- what the checks of a running server need ------------------------------------

# Python 3 with venv, for the tools that come from pip.
need_python() {
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python 3 with venv is missing. Debian, Ubuntu: sudo apt-get install python3 python3-venv"
}

# install_venv FOLDER PIP_ARGUMENTS...: makes a virtual environment with these packages, once: afterwards the folder
# holds the file `complete`. Returns 75, the "try again later" of sysexits.h, when pip cannot install them.
install_venv() {
    local folder=$1
    shift
    if [[ -f "$folder/complete" ]]; then return; fi
    say "installing ${*} into $folder, once"
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    python3 -m venv "$folder" || fail "Python cannot make a virtual environment (its words are above)."
    "$folder/bin/pip" install --disable-pip-version-check --quiet "$@" || return 75
    touch "$folder/complete"
}

# Sets `work` to a temporary folder. When the script ends, the folder is removed and the server of start_server stopped.
make_work_folder() {
    work=$(mktemp -d)
    server=
    trap clean_up EXIT
    trap 'exit 130' INT TERM
}

# shellcheck disable=SC2329,SC2317 # called by the trap
clean_up() {
    if [[ -n "$server" ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}

# Tells whether a server is ready at `url`.
server_is_ready() {
    python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=2)' "$url/readyz" 2>/dev/null
}

# The last lines of the server's log.
last_words() { tail -n 20 "$work/server.log"; }

# start_server PROGRAM [NAME=VALUE...]: starts a server on a free port with its data in the work folder and these
# settings, sets `url` and `server`, and waits until it is ready.
start_server() {
    local program_file=$1 port tries
    shift
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url="http://127.0.0.1:$port"
    env MITSUKE_BIND="127.0.0.1:$port" MITSUKE_DATA_DIR="$work/data" MITSUKE_API_KEYS= DB_USER= DB_PASSWORD= DB_DSN= \
        "$@" "$program_file" serve >"$work/server.log" 2>&1 &
    server=$!
    for ((tries = 0; ; tries++)); do
        if server_is_ready; then break; fi
        kill -0 "$server" 2>/dev/null || fail "the server ended: $(last_words)"
        ((tries < 600)) || fail "the server was not ready after two minutes: $(last_words)"
        sleep 0.2
    done
}
