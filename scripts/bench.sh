#!/usr/bin/env bash
# Measures Mitsuke and writes the figures into docs/BENCHMARKS.md, one part after
# the other. Every part replaces its own figures only. Give it an otherwise idle
# machine: figures of a busy one are marked in the document.
#
# Usage: scripts/bench.sh [PART…] [--model FOLDER --original FOLDER] [OPTION…]
#   scripts/bench.sh                      all parts but gpu, about 2 hours and a half
#   scripts/bench.sh encoders service     two of them
#
# encoders  pictures and queries a second of a ViT-L/16 and of the demo model in
#           every precision, beside the original application's pipeline and ONNX
#           Runtime; floor, and share of it. 15 minutes
# service   uploads and searches of a server with the ViT-L/16, beside the original
#           application's pipeline. 10 minutes
# pictures  uploads of 12-megapixel pictures with the demo model, and their
#           thumbnails. 3 minutes
# import    `mitsuke import` by the size of its batches, and `mitsuke upload` of the same
#           pictures. 20 minutes
# index     the vector index at up to 1,000,000 vectors, beside faiss and usearch where
#           vectors have 768 components; needs 10 GB of memory, and 4 GB in the folder
#           for temporary files. 1 hour and a half
# store     the embedded store, and finding among many pictures in it. 10 minutes
# soak      uploads and searches of a server with the demo model. 5 minutes
# gpu       the modules of the ViT-L/16 on a CUDA device. 5 minutes; builds nothing
#
# --model FOLDER       a model folder, and
# --original FOLDER    the model that scripts/export_model.py made it of. Without both,
#                      a model of Japanese Stable CLIP's size with random weights is
#                      made once (15 minutes, 5 GB in the cache folder).
# --trust-remote-code  runs the Python code that --original brings along
# --photos FOLDER      JPEG photographs (images)
# --before PROGRAM     the release program of an earlier version, which the part
#                      pictures measures as well
# --seconds N          of each measurement (8)
#
# BENCH_PYTHON    a Python that has the packages of python[bench], of the part index those
#                 of python[index-bench]. Without it they are installed once into the cache
#                 folder (MITSUKE_CACHE_DIR, default ~/.cache/mitsuke).
# BENCH_SIZES     of the index ("100000x256 100000x768 1000000x256 1000000x768")
# BENCH_BUILD_SECONDS
#                 for faiss and usearch to build a graph; graphs that take longer have no
#                 figures (900)
# BENCH_PICTURES  in the embedded store (10000)
# BENCH_IMPORTS   pictures that are imported (2000)
# BENCH_FINDING   pictures of the stores that are searched among (200000)
#
# The part soak:
# SOAK_PICTURES  uploads per row (100)
# SOAK_SEARCHES  searches per row (300)
# SOAK_AT_ONCE   requests in flight, one row each (1,4,16)
# SOAK_URL, SOAK_KEY
#                a running server and its key. The benchmark UPLOADS test pictures
#                to it and removes them at the end, and writes no document. Without
#                SOAK_URL the release program is started with a temporary data
#                directory.
# SOAK_PROGRAM   measures another program than the one built here, also in the parts
#                encoders and service; a path from the repository root.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

typed=()
parts=() model='' original='' photos="$repo/images" seconds=8 trust=() before=()
while (($#)); do
    case "$1" in
        -h | --help)
            usage
            exit 0
            ;;
        encoders | service | pictures | import | index | store | soak | gpu)
            parts+=("$1")
            shift
            ;;
        --trust-remote-code)
            trust=(--trust-remote-code)
            shift
            typed+=(--trust-remote-code)
            ;;
        --model | --original | --photos | --seconds | --before)
            (($# >= 2)) || fail "$1 needs a value. Try: scripts/bench.sh --help"
            # The document does not name folders of this machine.
            case "$1" in
                --model) model=$(realpath -e "$2") && typed+=("$1" FOLDER) ;;
                --original) original=$(realpath -e "$2") && typed+=("$1" FOLDER) ;;
                --photos) photos=$(realpath -e "$2") && typed+=("$1" FOLDER) ;;
                --before) before=(--before "$(realpath -e "$2")") && typed+=("$1" PROGRAM) ;;
                --seconds) seconds=$2 && typed+=("$1" "$2") ;;
            esac
            shift 2
            ;;
        *) fail "unknown argument '$1'. Try: scripts/bench.sh --help" ;;
    esac
done
((${#parts[@]})) || parts=(encoders service pictures import index store soak)
[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || fail "--seconds is '$seconds', which is no whole number of seconds."
if [[ -n "$model" && -z "$original" || -z "$model" && -n "$original" && "${parts[*]}" != gpu ]]; then
    fail "--model and --original belong together: the original is what the model folder is compared with."
fi

cd "$repo"
cache=$(cache_dir)/bench

# need_packages EXTRA: sets `python` to a Python that has the packages of an extra of the Python project.
need_packages() {
    python=${BENCH_PYTHON:-}
    if [[ -n "$python" ]]; then return; fi
    local venv
    venv=$(cache_dir)/$1-python-$(cksum <python/pyproject.toml | cut -d ' ' -f 1)
    need_python
    install_venv "$venv" "./python[$1]" ||
        fail "pip could not install the packages of python[$1] (its message is above). Check the network, then run this again."
    python="$venv/bin/python"
}

# Sets `original` to a model with random weights.
need_original() {
    if [[ -n "$original" ]]; then return; fi
    original="$cache/vit-l-16-random" trust=(--trust-remote-code)
    mkdir -p "$cache"
    (cd python && "$python" -m mitsuke_bench.random_model "$original")
}

# Sets `model` to the model folder that is made of `original`.
need_model() {
    if [[ -n "$model" ]]; then return; fi
    need_original
    model="$cache/models/vit-l-16-random"
    if [[ -f "$model/model.json" ]]; then return; fi
    say "exporting the model, once"
    mkdir -p "$cache/models"
    "$python" scripts/export_model.py "$original" "$model" --trust-remote-code
}

# Sets `release` to the release program.
need_program() {
    need_build_tools
    scripts/libtorch.sh
    if [[ -n "${SOAK_PROGRAM:-}" ]]; then
        release=$(realpath -e "$SOAK_PROGRAM")
    else
        cargo build --release --locked --bin mitsuke
        release="$(target_dir)/release/mitsuke"
    fi
}

# Prints the command that measures a part, as a reader would type it.
command_of() {
    local name
    for name in BENCH_SIZES BENCH_BUILD_SECONDS BENCH_PICTURES BENCH_IMPORTS BENCH_FINDING SOAK_PICTURES SOAK_SEARCHES SOAK_AT_ONCE; do
        if [[ -n "${!name:-}" ]]; then printf '%s="%s" ' "$name" "${!name}"; fi
    done
    printf '%s' "scripts/bench.sh $1${typed[*]:+ ${typed[*]}}"
}

# measure PART ARGUMENTS...: measures a part and writes its figures into the document.
measure() {
    say "measuring $1"
    (cd python && "${python:-python3}" -m mitsuke_bench "$1" --command "$(command_of "$1")" "${@:2}")
}

for part in "${parts[@]}"; do
    python=
    case "$part" in
        encoders | service)
            need_packages bench
            need_model
            need_program
            more=()
            if [[ "$part" == encoders ]]; then more=(--demo "$repo/models/demo" --cache "$cache/onnx-$(cksum <"$model/model.json" | cut -d ' ' -f 1)"); fi
            measure "$part" --program "$release" --model "$model" --original "$original" "${trust[@]}" \
                --photos "$photos" --seconds "$seconds" "${more[@]}"
            ;;
        pictures)
            need_packages bench
            need_program
            measure pictures --program "$release" "${before[@]}" --demo "$repo/models/demo" --photos "$photos" --seconds "$seconds"
            ;;
        import)
            need_packages bench
            need_program
            measure import --program "$release" --demo "$repo/models/demo" --photos "$photos" --imports "${BENCH_IMPORTS:-2000}"
            ;;
        index)
            need_build_tools
            read -r -a sizes <<<"${BENCH_SIZES:-100000x256 100000x768 1000000x256 1000000x768}"
            need_packages index-bench
            cargo bench --locked -p mitsuke-index --bench vector_index --no-run
            measure index --sizes "${sizes[@]}" --build-seconds "${BENCH_BUILD_SECONDS:-900}"
            ;;
        store)
            need_build_tools
            read -r -a sizes <<<"${BENCH_FINDING:-200000}"
            cargo bench --locked -p mitsuke-store --bench store --bench finding --no-run
            measure store --documents "${BENCH_PICTURES:-10000}" --images "${sizes[@]}"
            ;;
        soak)
            if [[ -n "${SOAK_URL:-}" ]]; then
                run_soak_tests bench::
                continue
            fi
            need_program
            export SOAK_PROGRAM=$release
            cargo test --locked --test soak --no-run
            measure soak --soak "${soak_tests[*]} bench::"
            ;;
        gpu)
            need_packages bench
            need_original
            measure gpu --original "$original" "${trust[@]}"
            ;;
    esac
done
