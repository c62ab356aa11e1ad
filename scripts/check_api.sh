#!/usr/bin/env bash
# Checks the HTTP service from the outside: the committed OpenAPI document with
# a validator, and a server with thousands of made-up requests (schemathesis),
# of which none may be answered with a server error or against the document.
#
# Usage: scripts/check_api.sh [--url URL] [arguments of `schemathesis run`]
#   scripts/check_api.sh                           starts a server of its own
#   scripts/check_api.sh --url http://127.0.0.1:8080
#   scripts/check_api.sh --max-examples 200        more requests per operation (50)
#
# Without --url it starts target/release/mitsuke (cargo build --release) on a
# free port with a temporary data folder. With --url it UPLOADS, CHANGES AND
# DELETES pictures on that server: never use one whose pictures you want.
# The two tools are installed once, with pip, in the cache folder
# (MITSUKE_CACHE_DIR, default ~/.cache/mitsuke). A 503 with Retry-After is the
# service's documented word for "busy" and counts as no error.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
url=
case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    --url)
        url=${2:?"check_api: --url needs an address, such as http://127.0.0.1:8080"}
        url=${url%/}
        shift 2
        ;;
esac
examples=(--max-examples 50)
for argument in "$@"; do
    if [[ "$argument" == -n || "$argument" == --max-examples* ]]; then examples=(); fi
done

# ---- the tools -------------------------------------------------------------------

readonly TOOLS=(openapi-spec-validator==0.9.0 schemathesis==4.32.5)
tools="$(cache_dir)/api-tools-0.9.0-4.32.5"
if [[ ! -x "$tools/bin/schemathesis" ]]; then
    command -v python3 >/dev/null ||
        fail "Python 3 is missing. Debian, Ubuntu: sudo apt-get install python3 python3-venv"
    say "installing ${TOOLS[*]} into $tools, once"
    rm -rf "$tools"
    mkdir -p "$(dirname "$tools")"
    python3 -m venv "$tools" ||
        fail "Python cannot make a virtual environment. Debian, Ubuntu: sudo apt-get install python3-venv"
    "$tools/bin/pip" install --disable-pip-version-check --quiet "${TOOLS[@]}" || {
        rm -rf "$tools"
        fail "pip could not install ${TOOLS[*]} (its words are above). Check the network, then run this again."
    }
fi

# ---- the document ----------------------------------------------------------------

cd "$repo"
[[ -s openapi/openapi.json ]] ||
    fail "openapi/openapi.json is missing. Write it with: cargo run --bin mitsuke -- openapi > openapi/openapi.json"
say "validating openapi/openapi.json"
"$tools/bin/openapi-spec-validator" openapi/openapi.json

# ---- a server --------------------------------------------------------------------

work=$(mktemp -d)
server=
# shellcheck disable=SC2329,SC2317 # called by the trap
clean_up() {
    if [[ -n "$server" ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

ready() { "$tools/bin/python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=2)' "$url/readyz" 2>/dev/null; }

if [[ -z "$url" ]]; then
    mitsuke="$(target_dir)/release/mitsuke"
    [[ -x "$mitsuke" ]] ||
        fail "$mitsuke does not exist. Build it: scripts/libtorch.sh && cargo build --release"
    port=$("$tools/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url="http://127.0.0.1:$port"
    MITSUKE_BIND="127.0.0.1:$port" MITSUKE_DATA_DIR="$work/data" MITSUKE_API_KEYS='' DB_USER='' DB_PASSWORD='' DB_DSN='' \
        "$mitsuke" serve >"$work/server.log" 2>&1 &
    server=$!
    for ((tries = 0; ; tries++)); do
        if ready; then break; fi
        kill -0 "$server" 2>/dev/null || fail "the server ended: $(tail -n 20 "$work/server.log")"
        ((tries < 600)) || fail "the server was not ready after two minutes: $(tail -n 20 "$work/server.log")"
        sleep 0.2
    done
else
    ready || fail "no Mitsuke answers at $url/readyz. Start one with scripts/run.sh, or leave --url out."
fi

# ---- made-up requests ------------------------------------------------------------

cat >"$work/schemathesis.toml" <<'TOML'
# A full service says 503 at once; that is its promise, not an error of it.
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
TOML
# The rows 4XX and 5XX take every status of their class; their text lists the codes that they mean.
cat >"$work/documented_errors.py" <<'PYTHON'
import schemathesis


@schemathesis.check
def error_code_conformance(ctx, response, case):
    """The description of an operation lists status and code of every error it answers with."""
    if response.status_code < 400 or case.operation.method.upper() != case.method.upper():
        return
    rows = case.operation.definition.raw["responses"]
    listed = rows.get(f"{response.status_code // 100}XX", {}).get("description", "")
    line = f"- {response.status_code} `{response.json()['code']}`: "
    assert response.status_code == 405 or line in listed, f"{line!r} is not among the documented errors:\n{listed}"
PYTHON
say "sending made-up requests to $url"
status=0
# In the temporary folder, because it leaves its notes where it runs.
(
    cd "$work"
    checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
    PYTHONPATH=. SCHEMATHESIS_HOOKS=documented_errors \
        "$tools/bin/schemathesis" --config-file schemathesis.toml run "$url/openapi.json" \
        --checks "$checks,error_code_conformance" \
        --continue-on-failure --request-timeout 30 --seed 1 "${examples[@]}" "$@"
) || status=$?

if [[ -n "$server" ]]; then
    ready || fail "the server no longer answers: $(tail -n 20 "$work/server.log")"
    if grep -n 'panicked' "$work/server.log"; then fail "the server panicked (above)."; fi
fi
if ((status)); then fail "schemathesis found faults (above)."; fi
say "the document is valid, and no request was answered against it"
