#!/usr/bin/env bash
# Runs the soak checks (tests/soak): the release program, started with temporary
# data directories, under load, kills and interruptions that take too long for
# `cargo test`. Give it an otherwise idle machine if the times matter.
#
# Usage: scripts/soak.sh [CHECK|all]
#   CHECK: attack, crash, crash_loop, full_disk, hybrid, load, mixed, overload, page,
#   relevance, stale, switch, upload
#   scripts/soak.sh                              all of them but mixed and page
#   SOAK_PICTURES=1000 scripts/soak.sh crash     one of them, with a size of its own
#
# attack  hostile files, callers, bodies and damage, one after the other; each prints
#         what it found (docs/RELIABILITY.md names the rows).
# crash   kill -9 in the middle of an upload: nothing that was answered is lost
#         and nothing is half there. SOAK_PICTURES (200), SOAK_THREADS (8) that
#         upload at once, SOAK_ROUNDS (1), SOAK_SEED decides when the kill comes.
# crash_loop  kill -9 over and over, aimed at a snapshot, at giving space back, at
#         backups and at upgrades: nothing that was answered is lost, nothing deleted
#         comes back, and `mitsuke check` finds the store whole. SOAK_KILLS (500),
#         SOAK_SEED.
# full_disk  a full disk, mounted for the check by root: uploads are refused, deleting
#         works. SOAK_DISK_MB (40).
# load    searches at once during a bulk upload: none is lost.
#         SOAK_SEARCHES (200), SOAK_PICTURES (300), SOAK_UPLOADERS (8),
#         SOAK_WAVES (3) of searches. With SOAK_URL and SOAK_KEY it UPLOADS test
#         pictures to that server and removes them at the end.
# mixed   everything at once for SOAK_MINUTES (60): memory, descriptors and threads of the
#         server every 10 s, to SOAK_TSV, and their slopes. SOAK_CALLERS (6),
#         SOAK_PICTURES (1000) that are kept.
# overload  more callers than the machine can serve: the slowest accepted request, the
#         refusals, and the shares of uploads and searches. SOAK_CALLERS (60),
#         SOAK_SECONDS (25).
# page    the page in Chromium with many pictures: times and memory of scrolling at
#         reading speed for SOAK_SECONDS (60) each way, of scrolling to the end, and of
#         dragging the strip of dates. SOAK_PICTURES (20000), SOAK_UPLOADERS (8).
# stale   an older database is put back beside newer vector indexes: every picture is
#         found by its own bytes. SOAK_PICTURES (300), SOAK_AFTER (350).
# switch  a second model's whole life, killed in the middle of its backfill,
#         while searches and uploads go on: each search is answered by the model
#         that it names. SOAK_PICTURES (2000), SOAK_UPLOADS (200) during the
#         backfill, SOAK_SEARCHERS (2), SOAK_FLIPS (20), SOAK_SECOND: the folder
#         of the second model (tests/other_models/wide).
# upload  `mitsuke upload`, interrupted with Ctrl-C and kill -9: every picture is
#         stored once. SOAK_PICTURES (5000), SOAK_JOBS (4), SOAK_SEED.
# hybrid  hybrid search on labelled queries is at least as good as both of its
#         legs. SOAK_FOLDER of pictures (images), SOAK_QUERIES
#         (tests/soak/hybrid_queries.tsv), SOAK_KEYWORD: the weight of the
#         keyword leg (1), SOAK_EACH=true prints the ranks of each query.
# relevance  at most 5 of 100 nonsense queries have a likely hit, and at least
#         90 % of the right hits of labelled queries are likely. SOAK_FOLDER,
#         SOAK_QUERIES as above, SOAK_NONSENSE
#         (tests/soak/nonsense_queries.tsv).
#
# SOAK_PROGRAM checks another program than the one built here. Paths are read from
# the repository root. The servers take the settings (MITSUKE_…) of the environment,
# except for their address, data, sample pictures, keys and database.
# The exit status is 0 when every check finds what it expects.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case "${1:-all}" in
    -h | --help)
        usage
        exit 0
        ;;
    all) checks=(--skip mixed:: --skip page:: --skip bench::) ;;
    load) checks=(load:: --skip upload:: --skip overload::) ;;
    attack | crash | crash_loop | full_disk | hybrid | mixed | overload | page | relevance | stale | switch | upload) checks=("$1::") ;;
    *) fail "unknown check '$1'. Try: scripts/soak.sh --help" ;;
esac
(($# <= 1)) || fail "one check at a time, or all. Sizes are set in the environment; try: scripts/soak.sh --help"

run_soak_tests "${checks[@]}"
