#!/usr/bin/env bash
# Decodes thousands of generated pictures of every format with Mitsuke and compares
# the pixels with those of Pillow and libtiff, or with the pixels that the files
# were made of. Then damages files and counts how many are accepted all the same.
# Prints Markdown tables; docs/upload.md holds them.
#
# Usage: scripts/check_decoding.sh [OPTION…]
#   --formats NAME…  some of JPEG PNG GIF WebP BMP TIFF
#   --kinds          a row for each kind of file
#   --keep FOLDER    keeps the files that are not read as expected
#   --no-damage      leaves damaged files out
#
# DECODING_PYTHON  a Python that has the packages of python[decoding]. Without it they
#                  are installed once into the cache folder.
# More kinds are made when tiffcp (libtiff-tools), gifsicle and cjpeg
# (libjpeg-turbo-progs) are installed.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
esac

cd "$repo"
need_build_tools
python=${DECODING_PYTHON:-}
if [[ -z "$python" ]]; then
    need_python
    venv=$(cache_dir)/decoding-python-$(cksum <python/pyproject.toml | cut -d ' ' -f 1)
    install_venv "$venv" './python[decoding]' ||
        fail "pip could not install the packages of python[decoding] (its message is above). Check the network, then run this again."
    python="$venv/bin/python"
fi
cargo build --locked -p mitsuke-image --example decode_files
program="$(target_dir)/debug/examples/decode_files"
for tool in tiffcp gifsicle cjpeg; do
    command -v "$tool" >/dev/null || say "$tool is not installed; the kinds of file that it writes are left out"
done
cd python
exec "$python" -m mitsuke_decoding --program "$program" "$@"
