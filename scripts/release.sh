#!/usr/bin/env bash
# Does what a release needs, up to the last step before publishing, and publishes
# nothing itself.
#
# Usage: scripts/release.sh [--dry-run] [--help]
#   --dry-run   runs the first step alone, also in a checkout with changes
#
# Steps:
#   1. Every place that states the version states the same one, CHANGELOG.md has a
#      section for it, no tag has its name, and the checkout is clean.
#   2. scripts/test.sh passes.
#   3. scripts/package.sh --deb makes the packages in dist/.
#   4. dist/SHA256SUMS gets their SHA-256 sums.
#   5. The commands that are left are printed: the tag, and what is published.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
dry_run=
case "${1:-}" in
    "") ;;
    --dry-run) dry_run=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown argument '$1'. Try: scripts/release.sh --help" ;;
esac
cd "$repo"

# ---- 1. the version, and the checkout --------------------------------------------

faults=0
fault() {
    say "FAULT: $*"
    faults=$((faults + 1))
}

version=$(sed -n '/^\[workspace.package\]/,/^\[/{s/^version = "\(.*\)"/\1/p}' Cargo.toml)
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "Cargo.toml has no version of three numbers in [workspace.package]."
say "version $version"

# same PLACE FOUND: a fault when the place states another version, or none.
same() {
    if [[ "$2" == "$version" ]]; then
        say "  $1: $2"
    else
        fault "$1 states ${2:-no version}, and Cargo.toml states $version"
    fi
}
# Prints the version of the package mitsuke in a lock file of cargo.
locked_version() { sed -n '/^name = "mitsuke"$/{n;s/^version = "\(.*\)"/\1/p}' "$1"; }

same Cargo.lock "$(locked_version Cargo.lock)"
same fuzz/Cargo.lock "$(locked_version fuzz/Cargo.lock)"
same openapi/openapi.json "$(sed -n '/^  "info": {/,/^  }/{s/^    "version": "\(.*\)".*/\1/p}' openapi/openapi.json)"
same python/pyproject.toml "$(sed -n '/^\[project\]/,/^\[/{s/^version = "\(.*\)"/\1/p}' python/pyproject.toml)"
same CHANGELOG.md "$(sed -n 's/^## \([0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)"
same docs/api-changes.md "$(sed -n 's/^## \([0-9.]*\)$/\1/p' docs/api-changes.md | head -n 1)"
for page in README.md README.ja.md; do
    # Every name of a package on the page.
    named=$(grep -oE 'mitsuke[-_][0-9]+\.[0-9]+\.[0-9]+' "$page" | grep -oE '[0-9.]+$' | sort -u | tr '\n' ' ')
    same "$page" "${named% }"
done

tag=v$version
if git rev-parse --quiet --verify "refs/tags/$tag" >/dev/null; then fault "the tag $tag exists"; fi
changes=$(git status --porcelain)
if [[ -z "$changes" ]]; then
    say "  the checkout is clean at $(git rev-parse --short HEAD)"
elif [[ -n "$dry_run" ]]; then
    say "  the checkout has changes, which a release would refuse"
else
    fault "the checkout has changes: $(head -n 3 <<<"$changes" | tr '\n' ';')"
fi

((faults == 0)) || fail "$faults faults, listed above"
if [[ -n "$dry_run" ]]; then
    say "nothing is missing. A release would run scripts/test.sh, make the packages, and print the commands that publish them."
    exit 0
fi

# ---- 2. to 4. tests, packages, sums ----------------------------------------------

commit=$(git rev-parse HEAD)
scripts/test.sh
scripts/package.sh --deb
[[ "$(git rev-parse HEAD)" == "$commit" && -z "$(git status --porcelain)" ]] ||
    fail "the checkout has changed meanwhile, so the packages are not those of $commit. Run this again."

cd dist
packages=(mitsuke-"$version"-linux-*.tar.gz mitsuke_"$version"-1_*.deb)
for package in "${packages[@]}"; do
    [[ -f "$package" ]] || fail "scripts/package.sh has not made dist/$package."
done
sha256sum "${packages[@]}" >SHA256SUMS
say "dist/SHA256SUMS:"
cat SHA256SUMS

# ---- 5. what is left ---------------------------------------------------------------

cat <<END

Everything is ready. What is left, by hand:

  git tag --annotate $tag --message 'Mitsuke $version' $commit
  git push origin $tag
  publish with the section $version of CHANGELOG.md as its text:
$(printf '    dist/%s\n' "${packages[@]}" SHA256SUMS)

Packages for ARM64 are made by the same script on a machine of that kind.
END
