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
