#!/usr/bin/env bash
# Checks the HTTP service from the outside: a validator checks the committed
# OpenAPI document, and schemathesis sends thousands of generated requests to a
# server, which must answer each as the document says and without server errors.
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
# documented answer of a busy service and does not count as an error.
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
need_python
install_venv "$tools" "${TOOLS[@]}" ||
    fail "pip could not install ${TOOLS[*]} (its message is above). Check the network, then run this again."

# ---- the document ----------------------------------------------------------------

cd "$repo"
[[ -s openapi/openapi.json ]] ||
    fail "openapi/openapi.json is missing. Write it with: cargo run --bin mitsuke -- openapi > openapi/openapi.json"
say "validating openapi/openapi.json"
"$tools/bin/openapi-spec-validator" openapi/openapi.json

# ---- a server --------------------------------------------------------------------

make_work_folder
if [[ -z "$url" ]]; then
    mitsuke="$(target_dir)/release/mitsuke"
    [[ -x "$mitsuke" ]] ||
        fail "$mitsuke does not exist. Build it: scripts/libtorch.sh && cargo build --release"
    start_server "$mitsuke"
else
    server_is_ready || fail "no Mitsuke answers at $url/readyz. Start one with scripts/run.sh, or leave --url out."
fi

# ---- generated requests ----------------------------------------------------------

cat >"$work/schemathesis.toml" <<'TOML'
# A full service answers 503 at once, as it promises; that is not an error.
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
say "sending generated requests to $url"
status=0
# schemathesis runs in the temporary folder, because it leaves files where it runs.
(
    cd "$work"
    checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
    PYTHONPATH=. SCHEMATHESIS_HOOKS=documented_errors \
        "$tools/bin/schemathesis" --config-file schemathesis.toml run "$url/openapi.json" \
        --checks "$checks,error_code_conformance" \
        --continue-on-failure --request-timeout 30 --seed 1 "${examples[@]}" "$@"
) || status=$?

if [[ -n "$server" ]]; then
    server_is_ready || fail "the server no longer answers: $(last_words)"
    if grep -n 'panicked' "$work/server.log"; then fail "the server panicked (above)."; fi
fi
if ((status)); then fail "schemathesis found faults (above)."; fi
say "the document is valid, and every answer agreed with it"
