#!/usr/bin/env bash
# Measures uploads and searches over HTTP: how many a second and how long each
# takes, alone and several at once. Give it an otherwise idle machine.
#
# Usage: scripts/bench.sh
#   SOAK_AT_ONCE=1,8 scripts/bench.sh
#   SOAK_URL=https://pictures.example SOAK_KEY=… scripts/bench.sh
#
# SOAK_PICTURES  uploads per row (100)
# SOAK_SEARCHES  searches per row (300)
# SOAK_AT_ONCE   requests in flight, one row each (1,4,16)
# SOAK_URL, SOAK_KEY
#                a running server and its key. The benchmark UPLOADS test pictures
#                to it and removes them at the end. Without SOAK_URL the release
#                program is built and started with a temporary data directory.
# SOAK_PROGRAM   measures another program than the one built here; a path from the
#                repository root.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case "${1:-}" in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown argument '$1'. Try: scripts/bench.sh --help" ;;
esac

run_soak_tests bench::
