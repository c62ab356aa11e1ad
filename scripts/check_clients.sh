#!/usr/bin/env bash
# Checks that the OpenAPI document makes working clients. The script generates the
# TypeScript client (openapi-typescript) and the Python client
# (openapi-python-client), type-checks the example of each, and runs both against a
# server of its own with an API key: upload, search by text and by picture, models,
# error handling.
#
# Usage: scripts/check_clients.sh [--help]
#
# The script needs a built server (target/release/mitsuke, or target/debug/mitsuke
# when that is newer) and Python 3.10 or newer; without node 20 and npm it says that
# it skips the TypeScript half. It installs the packages once, in the versions of the
# lock files, from the registries that pip and npm use, and keeps them in the cache
# folder (MITSUKE_CACHE_DIR, default ~/.cache/mitsuke). Exit status 75 means that
# they could not be installed.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case "${1:-}" in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown argument '$1'. Try: scripts/check_clients.sh --help" ;;
esac
cd "$repo"

mitsuke=
for candidate in "$(target_dir)/release/mitsuke" "$(target_dir)/debug/mitsuke"; do
    if [[ -x "$candidate" && (-z "$mitsuke" || "$candidate" -nt "$mitsuke") ]]; then mitsuke=$candidate; fi
done
[[ -n "$mitsuke" ]] || fail "the server is not built. Build it: scripts/libtorch.sh && cargo build"
need_python

make_work_folder

# The clients are generated in a copy, so that the repository stays clean.
mkdir -p "$work/clients/python" "$work/clients/typescript"
cp -R openapi "$work/"
cp clients/python/*.{py,txt,yaml} "$work/clients/python/"
cp clients/typescript/*.{ts,mjs,json} "$work/clients/typescript/"

# Ends with 75, the "try again later" of sysexits.h: the check has not examined the clients.
unavailable() {
    echo "check_clients: $1 could not install the packages (its message is above). Check the network, then run this again." >&2
    exit 75
}

# Prints the cache folder of the packages of $1 (a name) that the lock file $2 lists.
kept() { echo "$(cache_dir)/clients-$1-$(cksum <"$2" | cut -d ' ' -f 1)"; }

# ---- Python: packages, client, types -----------------------------------------------

venv=$(kept python clients/python/requirements.txt)
install_venv "$venv" --requirement clients/python/requirements.txt || unavailable pip
say "generating and type-checking the Python client"
(cd "$work/clients/python" && "$venv/bin/python" generate.py && "$venv/bin/mypy" --strict example.py mitsuke_client)

# ---- TypeScript: packages, client, types -------------------------------------------

typescript=
node_major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
if [[ -z "$node_major" || "$node_major" -lt 20 ]] || ! command -v npm >/dev/null; then
    say "SKIPPED: the TypeScript client (node 20 or newer with npm is not installed)"
else
    typescript=yes
    modules=$(kept typescript clients/typescript/package-lock.json)
    if [[ ! -f "$modules/complete" ]]; then
        say "installing the packages of clients/typescript/package-lock.json, once"
        rm -rf "$modules"
        mkdir -p "$modules"
        cp clients/typescript/package{,-lock}.json "$modules/"
        (cd "$modules" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) ||
            unavailable npm
        touch "$modules/complete"
    fi
    cp -R "$modules/node_modules" "$work/clients/typescript/"
    say "generating and type-checking the TypeScript client"
    (cd "$work/clients/typescript" && node generate.mjs && node node_modules/typescript/bin/tsc --project .)
fi

# ---- a server --------------------------------------------------------------------

MITSUKE_API_KEY=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
export MITSUKE_API_KEY
start_server "$mitsuke" MITSUKE_IMAGES_DIR= MITSUKE_API_KEYS="$MITSUKE_API_KEY"

# ---- the examples ----------------------------------------------------------------

pictures=("$repo"/images/{pleiades.jpg,two-dogs.jpg,ramen.webp,猫.webp})
say "running clients/python/example.py"
"$venv/bin/python" "$work/clients/python/example.py" "$url" "${pictures[@]}"
if [[ -n "$typescript" ]]; then
    say "running clients/typescript/example.ts"
    node "$work/clients/typescript/build/example.js" "$url" "${pictures[@]}"
    say "both clients work"
else
    say "the Python client works; the TypeScript client was SKIPPED"
fi
