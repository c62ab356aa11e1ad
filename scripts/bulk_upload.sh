#!/usr/bin/env bash
# Uploads a folder of pictures with nothing but curl. It runs several uploads at
# once, does not send a file whose SHA-256 the server knows, tries again after the
# Retry-After of a busy server, and sends the text file beside a picture as its
# caption. The script is an example to copy from; `mitsuke upload` does the same
# with a log, a progress bar, tables of captions and a summary.
#
# Usage: scripts/bulk_upload.sh DIR [URL]
#   scripts/bulk_upload.sh ~/Pictures                      to http://127.0.0.1:8080
#   JOBS=8 scripts/bulk_upload.sh ~/Pictures https://pictures.example
#
# MITSUKE_API_KEY is the server's key, if it asks for one. JOBS (4) is the number
# of uploads at once. The script skips hidden files. The exit status is 0 when
# every picture is on the server, 1 when some failed, 2 when the upload could not
# begin. Running it again sends only what is missing.
set -euo pipefail

fail() {
    printf 'bulk_upload: %s\n' "$*" >&2
    exit 2
}

# Runs curl, which tries again for five minutes when there is no connection or the
# answer is 408, 429 or 5xx, and waits as long as Retry-After says.
request() {
    curl --silent --show-error --config "$work/config" --connect-timeout 10 --max-time 600 \
        --retry 20 --retry-max-time 300 --retry-connrefused "$@" 2>>"$work/curl"
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

# Prints the caption of a picture without the byte order mark that Windows programs write.
caption_of() {
    local text
    for text in "$1.txt" "${1%.*}.txt"; do
        if [[ -f "$text" && "$text" != "$1" ]]; then
            sed $'1s/^\xef\xbb\xbf//' "$text"
            return
        fi
    done
}

# Uploads one file and prints one line: created, known or failed, and its name.
upload_one() {
    local file=$1 hash answer status quoted
    hash=$(sha256 "$file") || {
        echo "failed $file: it cannot be read"
        return
    }
    answer=$(request --json "{\"sha256\": [\"$hash\"]}" "$url/images/known") || true
    if [[ "$answer" == *'"image_id":'* ]]; then
        echo "known $file"
        return
    fi
    # curl gives , and ; in a file name a meaning of its own unless the name is quoted.
    quoted=${file//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    local form=(--form "file=@\"$quoted\"") caption
    caption=$(caption_of "$file")
    if [[ -n "$caption" ]]; then form+=(--form-string "caption=$caption"); fi
    if ! answer=$(request "${form[@]}" --write-out '\n%{http_code}' "$url/images"); then
        echo "failed $file: the server does not answer"
        return
    fi
    status=${answer##*$'\n'}
    case $status in
        201) echo "created $file" ;;
        200) echo "known $file" ;;
        *) echo "failed $file: $status $(sed -n 's/.*"detail":"\([^"]*\)".*/\1/p' <<<"$answer")" ;;
    esac
}

if [[ "${1:-}" == --one ]]; then
    for file in "${@:2}"; do upload_one "$file"; done
    exit 0
fi
if [[ "${1:-}" == -h || "${1:-}" == --help || $# -lt 1 || $# -gt 2 ]]; then
    awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
    [[ "${1:-}" == -h || "${1:-}" == --help ]] || exit 2
    exit 0
fi
# The path is absolute, because xargs would look for a bare name in PATH.
self=$(cd -- "$(dirname -- "$0")" && pwd)/$(basename -- "$0")
dir=$1 url=${2:-http://127.0.0.1:8080}
url=${url%/}
# find would take a folder name that begins with - for an option.
[[ "$dir" != -* ]] || dir=./$dir
[[ -d "$dir" ]] || fail "'$dir' is not a folder."
command -v curl >/dev/null || fail "curl is missing. Debian, Ubuntu: sudo apt-get install curl"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export url work
# The key is in a file that only this user can read, because other users can see command lines.
if [[ -n "${MITSUKE_API_KEY:-}" ]]; then
    printf 'header = "Authorization: Bearer %s"\n' "$MITSUKE_API_KEY"
fi >"$work/config"

status=$(request --retry 3 --retry-max-time 10 --output /dev/null --write-out '%{http_code}' "$url/images?limit=1") || true
case $status in
    200) ;;
    401) fail "the server asks for a key: set MITSUKE_API_KEY." ;;
    *) fail "no Mitsuke answers at $url. $(tail -n 1 "$work/curl")" ;;
esac

# The search begins below the folder itself, which may be hidden or "..", because the user has named it.
find -L "$dir" -mindepth 1 -name '.?*' -prune -o -type f \
    \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' -o -iname '*.gif' -o -iname '*.webp' -o -iname '*.bmp' \
    -o -iname '*.tif' -o -iname '*.tiff' -o -iname '*.heic' -o -iname '*.heif' -o -iname '*.hif' -o -iname '*.avif' \
    -o -iname '*.jxl' \) -print0 | sort -z |
    xargs -0 -n 16 -P "${JOBS:-4}" "$BASH" "$self" --one | tee "$work/lines"

created=$(grep -c '^created ' "$work/lines" || true)
known=$(grep -c '^known ' "$work/lines" || true)
failed=$(grep -c '^failed ' "$work/lines" || true)
echo "bulk_upload: $created stored, $known known before, $failed failed"
[[ "$failed" == 0 ]] || exit 1
