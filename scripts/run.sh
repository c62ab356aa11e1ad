#!/usr/bin/env bash
# Builds Mitsuke and starts its server. The first run downloads libtorch
# (530 MB) and compiles for some minutes; later runs start within seconds.
# Ctrl-C stops the server cleanly.
#
# Usage: scripts/run.sh [arguments of `mitsuke serve`]
#   scripts/run.sh                       http://127.0.0.1:8080
#   scripts/run.sh --bind 127.0.0.1:9000
#   scripts/run.sh --help                this text and the arguments of serve
#
# Settings are flags, variables of the environment, or lines of .env (see
# docs/configuration.md); the most important are --bind (127.0.0.1:8080) and
# --data-dir (./data). For libtorch see scripts/libtorch.sh --help.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
mitsuke="$(target_dir)/release/mitsuke"

if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
    usage
    if [[ -x "$mitsuke" ]]; then
        echo
        "$mitsuke" serve --help
    fi
    exit 0
fi

cd "$repo"
need_build_tools
scripts/libtorch.sh

if [[ ! -x "$mitsuke" ]]; then
    free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
    ((free_mb >= 3000)) ||
        fail "the build needs 3 GB of free disk space in $repo, and there are $free_mb MB. Free some, or set CARGO_TARGET_DIR to a folder on another disk."
    say "building; the first build takes some minutes"
fi
cargo build --release --locked --bin mitsuke

exec "$mitsuke" serve "$@"
