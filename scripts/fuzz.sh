#!/usr/bin/env bash
# Runs a fuzz target with libFuzzer for some minutes. The targets are functions of
# crates/fuzzing, which also say what must hold; fuzz/ gives them to cargo-fuzz.
#
# Usage: scripts/fuzz.sh TARGET [MINUTES]
#   scripts/fuzz.sh decode 10
#   scripts/fuzz.sh all 5        every target, 5 minutes each
#
# Targets: decode, texts, prompts, multipart, query_line, snapshot, model_json.
#
# It needs a nightly toolchain and cargo-fuzz, and installs neither:
#   rustup toolchain install nightly
#   cargo +nightly install cargo-fuzz
#
# FUZZ_SANITIZER (none) is what `cargo fuzz --sanitizer` takes; `address` finds more in
# unsafe code and is slower. New inputs are kept in fuzz/found/TARGET. An input that
# does not hold lies in fuzz/artifacts/TARGET: mend the code, and add the input to
# fuzz/corpus/TARGET, from where the smoke test takes it.
# The exit status is 0 when everything holds.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
targets=(decode texts prompts multipart query_line snapshot model_json)
case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    all) chosen=("${targets[@]}") ;;
    *)
        [[ " ${targets[*]} " == *" ${1:-} "* ]] || fail "unknown target '${1:-}'. Try: scripts/fuzz.sh --help"
        chosen=("$1")
        ;;
esac
minutes=${2:-5}
[[ "$minutes" =~ ^[1-9][0-9]*$ ]] || fail "give whole minutes, not '$minutes'. Try: scripts/fuzz.sh --help"

cd "$repo"
need_build_tools
cargo +nightly fuzz --version >/dev/null 2>&1 ||
    fail "cargo-fuzz or a nightly toolchain is missing. Install them: rustup toolchain install nightly; cargo +nightly install cargo-fuzz"
scripts/libtorch.sh
# cargo-fuzz builds in fuzz/, where .cargo/config.toml names the same folder.
LIBTORCH=$(cd "${LIBTORCH:-.libtorch}" && pwd)
# Temporary files of targets that are ended by a signal are removed here.
TMPDIR=$(mktemp -d)
export LIBTORCH TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

held=()
for target in "${chosen[@]}"; do
    say "$target, $minutes minutes"
    cargo run --quiet --locked -p mitsuke-fuzzing --example seeds -- "$target" "fuzz/seeds/$target"
    mkdir -p "fuzz/found/$target"
    cargo +nightly fuzz run --sanitizer "${FUZZ_SANITIZER:-none}" "$target" "fuzz/found/$target" "fuzz/seeds/$target" -- \
        -max_total_time=$((60 * minutes)) -max_len=16384 -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 ||
        fail "$target does not hold; the input lies in fuzz/artifacts/$target"
    held+=("$target")
done
say "held for $minutes minutes each: ${held[*]}"
