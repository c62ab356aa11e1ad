#!/usr/bin/env bash
# Checks the gallery page in Chromium: Lighthouse measures it as a phone does (it
# must reach 95 for speed, and 100 for accessibility, good practice and search
# engines), and axe-core looks for faults of accessibility in each state of the
# page, in both languages, light and dark, on a desktop and on a phone.
#
# Usage: scripts/check_page.sh [--program FILE] [--pictures FOLDER] [--only PATTERN]
#   scripts/check_page.sh                        target/release/mitsuke
#   scripts/check_page.sh --program ./mitsuke    another program
#   scripts/check_page.sh --pictures /tmp/page   saves a screenshot of each state
#   scripts/check_page.sh --only phone-ja        these states only, no Lighthouse
#
# It starts the program on a free port with the sample pictures in a temporary data
# folder. It needs node 20 or newer with npm, and Chromium. The packages are
# installed once, in the cache folder (MITSUKE_CACHE_DIR, default ~/.cache/mitsuke).
# Exit status 75 means that they could not be installed.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
mitsuke="$(target_dir)/release/mitsuke"
pictures=
only=
while (($#)); do
    case "$1" in
        -h | --help)
            usage
            exit 0
            ;;
        --program | --pictures | --only) [[ -n "${2:-}" ]] || fail "$1 needs a value. Try: scripts/check_page.sh --help" ;;&
        --program) mitsuke=$(realpath "$2") ;;
        --pictures)
            mkdir -p "$2"
            pictures=$(realpath "$2")
            ;;
        --only) only=$2 ;;
        *) fail "unknown argument '$1'. Try: scripts/check_page.sh --help" ;;
    esac
    shift 2
done
[[ -x "$mitsuke" ]] || fail "$mitsuke does not exist. Build it: scripts/libtorch.sh && cargo build --release"
node_major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
if [[ "${node_major:-0}" -lt 20 ]] || ! command -v npm >/dev/null; then
    fail "node 20 or newer with npm is missing. Debian, Ubuntu: sudo apt-get install nodejs npm"
fi
browser=$(first_program chromium chromium-browser google-chrome-stable google-chrome) ||
    fail "Chromium is missing. Debian, Ubuntu: sudo apt-get install chromium"

# ---- the packages ----------------------------------------------------------------

readonly PACKAGES=(lighthouse@12.2.3 axe-core@4.14.1 puppeteer-core@23.11.1)
packages="$(cache_dir)/page-check-12.2.3-4.14.1"
if [[ ! -f "$packages/complete" ]]; then
    say "installing ${PACKAGES[*]} into $packages, once"
    rm -rf "$packages"
    mkdir -p "$packages"
    npm install --prefix "$packages" --no-audit --no-fund --ignore-scripts --loglevel=error "${PACKAGES[@]}" || {
        echo "check_page: npm could not install the packages (its message is above). Check the network, then run this again." >&2
        exit 75
    }
    touch "$packages/complete"
fi

# ---- a server, and the checks ----------------------------------------------------

make_work_folder
start_server "$mitsuke" MITSUKE_IMAGES_DIR="$repo/images" MITSUKE_MODELS_DIR="$repo/models"
cp "$repo"/scripts/check_page/*.mjs "$work/"
ln -s "$packages/node_modules" "$work/node_modules"
node "$work/main.mjs" "$url" "$browser" "$pictures" "$only" || fail "the page has faults (above)."
say "the page is fast, and axe-core finds no fault"
