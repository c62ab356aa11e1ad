#!/usr/bin/env bash
# Builds the package: a folder with the program, libtorch, the demo model, sample
# pictures, the exporter and all licences, which runs wherever it is put, and an
# archive of it. docs/packages.md describes what it is for.
#
# Usage: scripts/package.sh [--deb] [--output DIR] [--program FILE] [--help]
#   --deb           builds the Debian package, too, with cargo-deb, which is
#                   compiled once (a minute and a half) into the cache folder
#   --output DIR    the folder for the results. Default: dist
#   --program FILE  takes this program in place of a release build, and makes no
#                   archive: a package for a trial, which is not to be passed on
#
# Results:
#   dist/package/                       the package, unpacked
#   dist/mitsuke-VERSION-linux-ARCH.tar.gz
#   dist/mitsuke_VERSION-1_ARCH.deb
#
# The same commit, built in the same folder, gives the same archive. The times in
# it are those of SOURCE_DATE_EPOCH, or of the last commit.
#
# Settings (environment):
#   MITSUKE_LIBTORCH   cpu or cuda, as for scripts/libtorch.sh. Default: cpu
#   MITSUKE_CACHE_DIR  the cache folder, as for scripts/libtorch.sh
set -euo pipefail

readonly CARGO_DEB=3.8.0
readonly DEB_GLIBC=2.35 # what the Debian package depends on; Cargo.toml names it, too

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
deb='' output=$repo/dist given=''
while (($#)); do
    case "$1" in
        --deb) deb=yes ;;
        --output)
            output=$(realpath -m "${2:?--output needs a folder}")
            shift
            ;;
        --program)
            given=$(realpath "${2:?--program needs a file}")
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) fail "unknown argument '$1'. Try: scripts/package.sh --help" ;;
    esac
    shift
done
[[ -z "$deb" || "$output" == "$repo/dist" ]] ||
    fail "--deb takes the package from dist, so it does not go with --output. Leave one of the two out."

cd "$repo"
[[ "$(uname -s)" == Linux ]] || fail "packages are made on Linux only."
need_build_tools
for tool in git python3 readelf strip tar gzip; do
    command -v "$tool" >/dev/null ||
        fail "'$tool' is missing. Debian, Ubuntu: sudo apt-get install git python3 binutils tar gzip"
done
git rev-parse --git-dir >/dev/null 2>&1 || fail "$repo is not a git checkout, which says what belongs to the package."

version=$(sed -n '/^\[workspace.package\]/,/^\[/{s/^version = "\(.*\)"/\1/p}' Cargo.toml)
arch=$(uname -m)
name=mitsuke-$version-linux-$arch
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

MITSUKE_LIBTORCH=${MITSUKE_LIBTORCH:-cpu} scripts/libtorch.sh
libtorch=$(readlink -f .libtorch)

# ---- the program ---------------------------------------------------------------

if [[ -z "$given" ]]; then
    [[ -z "$(git status --porcelain)" ]] || say "warning: this checkout differs from its last commit, and so does the package"
    say "building the program, which takes minutes the first time"
    MITSUKE_PACKAGE=1 cargo build --release --locked --bin mitsuke
    given="$(target_dir)/release/mitsuke"
    release=yes
fi
begin=$SECONDS

package=$output/package
rm -rf "$package"
mkdir -p "$package"/{lib,licences,models,exporter}
strip -o "$package/mitsuke" "$given"
chmod 755 "$package/mitsuke"

# ---- its libraries -------------------------------------------------------------

# Prints the names of the libraries that the file $1 asks for.
needed_by() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# Copies the libraries that the file $1 needs, and those that they need, as far as libtorch's folder has them.
copy_libraries_of() {
    local library file
    for library in $(needed_by "$1"); do
        for file in "$libtorch"/{lib,torch.libs}/"$library"; do
            if [[ -e "$file" && ! -e "$package/lib/$library" ]]; then
                cp --reflink=auto "$(readlink -f "$file")" "$package/lib/$library"
                copy_libraries_of "$file"
            fi
        done
    done
}
copy_libraries_of "$package/mitsuke"
for library in libtorch.so libtorch_cpu.so libc10.so; do
    [[ -e "$package/lib/$library" ]] ||
        fail "the program does not ask for $library. Build it again with a newer checkout: scripts/package.sh"
done
if [[ -d "$libtorch/../nvidia" ]]; then
    fail "packages contain the libtorch for CPUs only, because that for CUDA has 3.7 GB. docs/packages.md says how a package uses the one for CUDA. Run this with MITSUKE_LIBTORCH=cpu."
fi
chmod 644 "$package"/lib/*

# Prints the newest version of glibc whose symbols the given files use.
glibc_of() {
    readelf --version-info --wide "$@" 2>/dev/null | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1
}
glibc=$(glibc_of "$package/mitsuke" "$package"/lib/*)

# ---- everything else -----------------------------------------------------------

# copy_tracked FOLDER PATH...: copies what git knows below these paths.
copy_tracked() {
    local into=$1
    shift
    git ls-files -z -- "$@" | tar --create --null --files-from=- | tar --extract --directory="$into"
}
copy_tracked "$package" models/demo images
copy_tracked "$package/exporter" scripts/export_model.py python/pyproject.toml python/README.md ':(glob)python/mitsuke_*/**'
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@GLIBC@/$glibc/" packaging/README.txt >"$package/README.txt"
cp LICENSE-MIT "$package/licences/mitsuke.txt"
if [[ -n "${release:-}" ]]; then
    # shellcheck disable=SC2012 # the folder holds nothing but texts of Rust's own
    rust=$(ls -d "$(rustc --print sysroot)"/share/doc/rust*/licenses 2>/dev/null | head -n 1)
    {
        packaging/licences.py crates
        if [[ -n "$rust" ]]; then
            printf '\n%s\n\n' "Rust's standard library is under the MIT licence or the Apache licence 2.0:"
            cat "$rust"/MIT.txt "$rust"/Apache-2.0.txt
        fi
    } >"$package/licences/crates.txt"
    [[ -d "$libtorch/licences" ]] ||
        fail "$libtorch has no folder licences, because an earlier scripts/libtorch.sh made it, or it is your own. Remove it, or unset LIBTORCH, and run this again."
    packaging/licences.py folder "$libtorch/licences" >"$package/licences/libtorch.txt"
fi
find "$package" -type d -exec chmod 755 {} +
find "$package" -type f -not -perm -u+x -exec chmod 644 {} +
find "$package" -exec touch --no-dereference --date="@$epoch" {} +
say "$package: $(du -sm "$package" | cut -f1) MB, for glibc $glibc or newer ($((SECONDS - begin)) s)"
[[ -n "${release:-}" ]] || exit 0

# ---- archives ------------------------------------------------------------------

begin=$SECONDS
archive=$output/$name.tar.gz
tar --create --directory="$output" --transform="s,^package,$name," --sort=name --format=ustar \
    --owner=0 --group=0 --numeric-owner --mtime="@$epoch" package | gzip -n -9 >"$archive.new"
mv "$archive.new" "$archive"
say "$archive: $(du -sm "$archive" | cut -f1) MB ($((SECONDS - begin)) s)"
[[ -n "$deb" ]] || exit 0

[[ "$(printf '%s\n' "$glibc" "$DEB_GLIBC" | sort -V | tail -n 1)" == "$DEB_GLIBC" ]] ||
    fail "the program needs glibc $glibc, and the Debian package promises to work with $DEB_GLIBC. Build it on Debian 12, or write $glibc in scripts/package.sh and Cargo.toml."
cache=$(cache_dir)
tools=$cache/cargo-deb-$CARGO_DEB
if [[ ! -x "$tools/bin/cargo-deb" ]]; then
    say "compiling cargo-deb $CARGO_DEB, once"
    cargo install cargo-deb --version "$CARGO_DEB" --locked --quiet --root "$tools"
fi
begin=$SECONDS
mkdir -p dist/deb
ln -sfn ../lib/mitsuke/mitsuke dist/deb/mitsuke
# The variable is not set while the program is built, because compilers of C would then compile everything for each commit.
SOURCE_DATE_EPOCH=$epoch "$tools/bin/cargo-deb" --no-build --no-strip --package mitsuke --output dist/ --quiet
package_file=$(find dist -maxdepth 1 -name "mitsuke_${version}-1_*.deb" -print -quit)
say "$package_file: $(du -sm "$package_file" | cut -f1) MB ($((SECONDS - begin)) s)"
