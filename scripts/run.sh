#!/usr/bin/env bash
# Starts Mitsuke's server. Ctrl-C stops the server cleanly.
#
# Usage: scripts/run.sh [--build] [arguments of `mitsuke serve`]
#   scripts/run.sh                       http://127.0.0.1:8080
#   scripts/run.sh --bind 127.0.0.1:9000
#   scripts/run.sh --help                this text and the arguments of serve
#
# The script uses a package that lies unpacked in dist/ or in this folder
# (docs/packages.md). Without one, or with --build, it builds this checkout: the
# first time it downloads libtorch (530 MB) and compiles for 6 to 22 minutes;
# later runs start within seconds.
#
# Settings are flags, variables of the environment, or lines of .env (see
# docs/configuration.md); the most important are --bind (127.0.0.1:8080) and
# --data-dir (./data). For libtorch see scripts/libtorch.sh --help.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Prints the program of a package that lies unpacked in dist or in this folder, or nothing. The one that was built here
# comes before others, and a later version before an earlier one.
packaged_program() {
    local program found=
    for program in "$repo"/mitsuke-*-linux-*/mitsuke "$repo"/dist/mitsuke-*-linux-*/mitsuke "$repo"/dist/package/mitsuke; do
        if [[ -x "$program" && -f "${program%/*}/licences/mitsuke.txt" ]]; then found=$program; fi
    done
    echo "$found"
}

build=
if [[ "${1:-}" == --build ]]; then
    build=yes
    shift
fi
mitsuke=
if [[ -z "$build" ]]; then mitsuke=$(packaged_program); fi
packaged=$mitsuke
if [[ -z "$packaged" ]]; then mitsuke="$(target_dir)/release/mitsuke"; fi

if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
    usage
    if [[ -x "$mitsuke" ]]; then
        echo
        "$mitsuke" serve --help
    fi
    exit 0
fi

cd "$repo"
if [[ -n "$packaged" ]]; then
    say "starting the package in ${packaged%/*} (scripts/run.sh --build builds this checkout instead)"
    exec "$mitsuke" serve "$@"
fi

need_build_tools
if [[ -x "$mitsuke" ]]; then
    scripts/libtorch.sh
else
    free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
    ((free_mb >= 3000)) ||
        fail "the build needs 3 GB of free disk space in $repo, and there are $free_mb MB. Free some, or set CARGO_TARGET_DIR to a folder on another disk."
    say "step 1 of 3: libtorch, a download of 530 MB unless it is there"
    scripts/libtorch.sh
    say "step 2 of 3: compiling, once, for 6 to 22 minutes; cargo counts the parts, and the last one takes the longest"
fi
cargo build --release --locked --bin mitsuke
if ((SECONDS > 60)); then say "step 3 of 3: starting, after $((SECONDS / 60)) minutes"; fi

exec "$mitsuke" serve "$@"
