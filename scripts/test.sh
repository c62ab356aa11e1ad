#!/usr/bin/env bash
# Runs every check of this repository: formatting, lints, all tests (among them
# the committed OpenAPI document against the code), clients generated from that
# document, the tests of python/, a package in a bare Debian (where root and
# debootstrap are there), and the scripts and the page for syntax. Sets up libtorch
# first, as scripts/run.sh does.
#
# Usage: scripts/test.sh [--help]
#
# All checks run, even after one has failed; the last lines say how long each took
# and which failed.
# The exit status is 0 when no check failed. shellcheck, node and cargo-deny are used
# when they are installed. The gallery page is tested in Chromium: on Debian as
# root it is installed when it is missing; elsewhere install it first, or set
# MITSUKE_SKIP_BROWSER=1 to leave those tests out.
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case "${1:-}" in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown argument '$1'. Try: scripts/test.sh --help" ;;
esac

cd "$repo"
need_build_tools
for tool in fmt clippy; do
    cargo "$tool" --version >/dev/null 2>&1 ||
        fail "'cargo $tool' is missing. Install it with: rustup component add rustfmt clippy"
done
scripts/libtorch.sh
need_browser

passed=() failed=() skipped=() took=()
started=$SECONDS

# check NAME COMMAND...: runs it under a heading and remembers how it ended.
check() {
    local name=$1 begin=$SECONDS
    shift
    echo
    say "$name"
    if "$@"; then
        passed+=("$name")
        took+=("$name: ok ($((SECONDS - begin)) s)")
    else
        failed+=("$name")
        took+=("$name: FAILED ($((SECONDS - begin)) s)")
    fi
    say "${took[-1]}"
}

# Sets `clients` to the exit status. It is 75 when the packages of the clients cannot be installed, which is no failure.
api_clients() {
    scripts/check_clients.sh || clients=$?
    ((clients == 0 || clients == 75))
}

python_syntax() {
    python3 - <(git ls-files -z --cached --others --exclude-standard -- '*.py') <<'PYTHON'
import ast
import sys

names = [n for n in open(sys.argv[1], "rb").read().decode().split("\0") if n]
for name in names:
    with open(name, encoding="utf-8") as source:
        ast.parse(source.read(), name)
print(f"{len(names)} Python files parsed")
PYTHON
}

# Runs the tests of python/ that need neither torch nor a network. Sets `python` to 75 when their packages cannot be
# installed, which says nothing about the project. The virtual environment is kept in the cache folder.
python_tests() {
    local venv
    venv=$(cache_dir)/python-tests-$(cksum <python/pyproject.toml | cut -d ' ' -f 1)
    if [[ ! -f "$venv/complete" ]]; then
        say "installing the packages of python[test], once"
        rm -rf "$venv"
        mkdir -p "$(dirname "$venv")"
        # The project itself is uninstalled, so that the tests run the code of this checkout.
        if ! { python3 -m venv "$venv" &&
            "$venv/bin/pip" install --disable-pip-version-check --quiet './python[test]' &&
            "$venv/bin/pip" uninstall --yes --quiet mitsuke-models; }; then
            python=75
            return 0
        fi
        touch "$venv/complete"
    fi
    (cd python && "$venv/bin/python" -m pytest --quiet -p no:cacheprovider)
}

# Tries a package with the program of the tests in a bare Debian. Sets `package` to 75 when this machine cannot do that.
package_trial() {
    local folder
    folder=$(mktemp -d)
    if scripts/package.sh --program "$(target_dir)/debug/mitsuke" --output "$folder"; then
        MITSUKE_SHORT_TRIAL=1 scripts/try_package.sh "$folder/package" || package=$?
    else
        package=1
    fi
    rm -rf "$folder"
    ((package == 0 || package == 75))
}

page_syntax() {
    local file
    for file in src/web/*.js src/web/words/*.js; do
        node --input-type=module --check <"$file" || return 1
    done
}

if [[ "${MITSUKE_SKIP_BROWSER:-}" == 1 ]]; then
    skipped+=("the gallery page in a browser (MITSUKE_SKIP_BROWSER=1)")
fi
check "formatting" cargo fmt --all --check
check "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
# All parts use the same build, so that the time of a part is the time of its tests alone.
tests() { cargo test --locked --workspace --no-fail-fast "$@"; }
check "building the tests" tests --no-run
check "unit tests" tests --lib --bins
check "contract of the stores" tests --test sqlite --test oracle --test oracle_client --test driver
check "files: pictures and models" tests --test documents --test clip
check "fuzz targets, briefly" tests --test smoke
check "service" tests --test service -- --skip page::
check "gallery page in Chromium" tests --test service -- page::
check "soak checks compile" tests --test soak
if python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    clients=0
    check "API clients" api_clients
    if ((clients == 75)); then skipped+=("API clients (their packages cannot be installed; see above)"); fi
else
    skipped+=("API clients (they need Python 3.10 with venv)")
fi
if command -v shellcheck >/dev/null; then
    check "shell scripts" shellcheck -x scripts/*.sh packaging/*.sh packaging/deb/p* .ci/run
else
    skipped+=("shell scripts (shellcheck is not installed)")
fi
if ((EUID == 0)) && command -v debootstrap >/dev/null; then
    package=0
    check "package in a bare Debian" package_trial
    if ((package == 75)); then skipped+=("package in a bare Debian (see above)"); fi
else
    skipped+=("package in a bare Debian (it needs root and debootstrap)")
fi
check "Python scripts" python_syntax
if python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=0
    check "Python project" python_tests
    if ((python == 75)); then skipped+=("Python project (the packages of its tests cannot be installed; see above)"); fi
else
    skipped+=("Python project (it needs Python 3.11 with venv)")
fi
if command -v node >/dev/null; then
    check "syntax of the gallery page" page_syntax
else
    skipped+=("syntax of the gallery page (node is not installed)")
fi
if cargo deny --version >/dev/null 2>&1; then
    check "licences and sources of dependencies" cargo deny --locked check --hide-inclusion-graph bans licenses sources
else
    skipped+=("dependencies (cargo-deny is not installed)")
fi

echo
for line in "${took[@]}"; do say "$line"; done
for name in "${skipped[@]}"; do say "not checked: $name"; done
if ((${#failed[@]})); then
    joined=$(printf ', %s' "${failed[@]}")
    say "${#failed[@]} of $((${#passed[@]} + ${#failed[@]})) checks FAILED: ${joined:2} ($((SECONDS - started)) s)"
    exit 1
fi
say "all ${#passed[@]} checks passed ($((SECONDS - started)) s)"
