#!/usr/bin/env bash
# Tries packages of scripts/package.sh in a bare Debian 12, without compiler, Rust,
# Python or curl: installs each, starts it, uploads and finds a picture, starts it
# over data directories of earlier versions, upgrades it, and removes it. Prints
# times and sizes.
#
# Usage: scripts/try_package.sh [--data DIR]... PACKAGE...
#   PACKAGE     an archive (.tar.gz), a folder, or a Debian package (.deb)
#   --data DIR  a data directory of an earlier version, made with the test models.
#               Default: each `stopped` folder of tests/data_directories
#
# The script needs root, debootstrap and unshare, and exits with status 75 where one
# of them is missing. The bare system is fetched once (about 60 MB) and kept in the
# cache folder; each trial has a copy of its own, and processes end with it.
#
# Settings (environment):
#   MITSUKE_CACHE_DIR      the cache folder, as for scripts/libtorch.sh
#   MITSUKE_DEBIAN_MIRROR  the address that debootstrap fetches Debian from
set -euo pipefail

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
directories=() packages=()
while (($#)); do
    case "$1" in
        --data)
            directories+=("$(realpath "${2:?--data needs a folder}")")
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*) fail "unknown argument '$1'. Try: scripts/try_package.sh --help" ;;
        *) packages+=("$(realpath "$1")") ;;
    esac
    shift
done
((${#packages[@]})) || fail "name a package. Try: scripts/try_package.sh --help"
((${#directories[@]})) || directories=("$repo"/tests/data_directories/*/stopped)

# Ends the script because this machine cannot try packages.
cannot() {
    say "$*" >&2
    exit 75
}
((EUID == 0)) || cannot "a bare Debian needs root"
for tool in debootstrap unshare; do
    command -v "$tool" >/dev/null || cannot "'$tool' is missing. Debian, Ubuntu: sudo apt-get install debootstrap util-linux"
done
alone=(unshare --mount --pid --fork --kill-child --propagation private)
"${alone[@]}" mount -t tmpfs none /mnt 2>/dev/null || cannot "this machine does not let root mount file systems"

# ---- the bare system -----------------------------------------------------------

bare=$(cache_dir)/debian-12-$(uname -m).tar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if [[ ! -f "$bare" ]]; then
    say "fetching a bare Debian 12, once"
    mkdir -p "$(dirname "$bare")"
    debootstrap --variant=minbase bookworm "$work/bare" ${MITSUKE_DEBIAN_MIRROR:+"$MITSUKE_DEBIAN_MIRROR"} >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2 && cannot "debootstrap could not fetch Debian (its last lines are above)"; }
    rm -rf "$work"/bare/var/cache/apt/archives/*.deb "$work"/bare/var/lib/apt/lists/*
    tar --create --directory="$work/bare" --file="$bare.new" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' .
    mv "$bare.new" "$bare"
    rm -rf "$work/bare"
fi

# ---- inside it -----------------------------------------------------------------

# Defines what the trials use. They run in the bare system, with /trial holding what they need from this checkout.
read -r -d '' common <<'INSIDE' || true
set -euo pipefail
cd /trial
for tool in cc c++ gcc rustc cargo python3 curl; do
    if command -v "$tool" >/dev/null; then echo "$tool is in the bare system"; exit 1; fi
done
port=18765
url=http://127.0.0.1:$port
now() { date +%s%N; }
# took WORDS: prints the milliseconds since `begin`.
took() { printf '  %-62s %6d ms\n' "$1" $((($(now) - begin) / 1000000)); }
done_with() { printf '  %s\n' "$*"; }

# start WORDS COMMAND...: starts a server and waits until it is ready.
start() {
    local words=$1 tries=0
    shift
    begin=$(now)
    "$@" >/trial/server.log 2>&1 &
    server=$!
    until bash /trial/healthcheck.sh "$port" 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { echo "the server ended:"; cat /trial/server.log; exit 1; }
        ((++tries < 600)) || { echo "the server is not ready:"; cat /trial/server.log; exit 1; }
        sleep 0.1
    done
    took "$words"
}
stop() {
    begin=$(now)
    kill -TERM "$server"
    wait "$server" || { echo "the server ended with status $?:"; cat /trial/server.log; exit 1; }
    took "stopped"
}
# finds QUERY FILE: a search that has the file among its five best hits.
finds() {
    local hits
    begin=$(now)
    hits=$(mitsuke search "$1" --server "$url" --limit 5 --paths)
    took "'$1' finds $2"
    [[ $'\n'"$hits"$'\n' == *$'\n'"$2"$'\n'* ]] || { printf "'%s' finds these, and not '%s':\n%s\n" "$1" "$2" "$hits"; exit 1; }
}
upload() {
    begin=$(now)
    mitsuke upload --server "$url" /trial/pictures >/trial/upload.log 2>&1 || { cat /trial/upload.log; exit 1; }
    took "uploaded $(ls /trial/pictures)"
}
count() { mitsuke search --server "$url" --limit 0 --paths | wc -l; }
# opens_earlier_directories COMMAND...: starts the server over each data directory of an earlier version.
opens_earlier_directories() {
    local folder images
    for folder in /trial/earlier/*/; do
        folder=${folder%/}
        start "ready over the data directory of ${folder##*/}" env MITSUKE_DATA_DIR="$folder" \
            MITSUKE_MODELS_DIR=/trial/earlier-models MITSUKE_IMAGES_DIR= "$@"
        images=$(cat "$folder.images")
        [[ "$(count)" == "$images" ]] || { echo "$(count) images in place of $images"; exit 1; }
        done_with "all $images images of it are there"
        stop
    done
}
INSIDE

read -r -d '' try_folder <<'INSIDE' || true
begin=$(now)
mkdir unpacked home
if [[ -f package.tar.gz ]]; then
    tar -xzf package.tar.gz -C unpacked
    took "unpacked"
else
    mv package unpacked/
fi
# The folder may have any name and lie anywhere, and a link may lead to the program.
mv unpacked/* "/opt/a folder"
ln -s "/opt/a folder/mitsuke" /usr/local/bin/mitsuke
cd home
begin=$(now)
mitsuke doctor >/trial/doctor.log 2>&1 || { cat /trial/doctor.log; exit 1; }
took "doctor finds everything in order"
# A stranger's pictures are not taken for samples.
mkdir images && cp /trial/pictures/* images/
export MITSUKE_BIND=127.0.0.1:$port
first=$(now)
start "ready" mitsuke serve
upload
finds "$QUERY" "$PICTURE"
begin=$first
took "from the start to the uploaded picture found"
if [[ -z "${SHORT:-}" ]]; then
    begin=$first
    until grep -q 'registered [0-9]* pictures' /trial/server.log; do sleep 0.1; done
    took "from the start to all samples registered ($(count) images)"
fi
stop
start "ready again over the same data" mitsuke serve
finds "$QUERY" "$PICTURE"
stop
opens_earlier_directories mitsuke serve
rm -rf "/opt/a folder" /usr/local/bin/mitsuke
[[ -f /trial/home/data/mitsuke.db ]] || { echo "the data are gone"; exit 1; }
done_with "removed; the data directory is still there"
INSIDE

read -r -d '' try_deb <<'INSIDE' || true
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
unit=/usr/lib/systemd/system/mitsuke.service
install_package() {
    begin=$(now)
    dpkg --install "$1" >/trial/dpkg.log 2>&1 || { cat /trial/dpkg.log; exit 1; }
    took "installed $(dpkg-query -W -f '${Version}' mitsuke)"
}
# The value of a line of the unit.
of_unit() { sed -n "s/^$1=//p" "$unit"; }
# Becomes a command as the unit runs one: with its user, its folder, and its environment alone.
become_service() {
    local lines=()
    mapfile -t lines < <(grep -v '^#' "$(of_unit EnvironmentFile)" | grep =)
    cd "$(of_unit WorkingDirectory)"
    exec setpriv --reuid "$(of_unit User)" --regid "$(of_unit Group)" --init-groups --no-new-privs --bounding-set=-all \
        env -i PATH="$PATH" "${lines[@]}" "$@"
}
as_service() { (become_service "$@"); }
serve() { become_service $(of_unit ExecStart); }

if [[ -f before.deb ]]; then install_package before.deb; else install_package package.deb; fi
[[ "$(stat -c '%U:%G %a' /etc/mitsuke/mitsuke.env)" == "root:mitsuke 640" ]]
[[ "$(stat -c '%U %a' /var/lib/mitsuke)" == "mitsuke 755" ]]
[[ -e /etc/systemd/system/multi-user.target.wants/mitsuke.service ]]
begin=$(now)
as_service mitsuke doctor >/trial/doctor.log 2>&1 || { cat /trial/doctor.log; exit 1; }
took "doctor finds everything in order, as user mitsuke"
echo "MITSUKE_BIND=127.0.0.1:$port" >>/etc/mitsuke/mitsuke.env
first=$(now)
start "ready" serve
upload
finds "$QUERY" "$PICTURE"
begin=$first
took "from the start to the uploaded picture found"
stop
if [[ -f before.deb ]]; then
    install_package package.deb
    grep -q "^MITSUKE_BIND=127.0.0.1:$port$" /etc/mitsuke/mitsuke.env
    [[ "$(stat -c '%U:%G %a' /etc/mitsuke/mitsuke.env)" == "root:mitsuke 640" ]]
    done_with "the upgrade kept the settings"
    start "ready after the upgrade" serve
    finds "$QUERY" "$PICTURE"
    stop
fi
chown -R mitsuke: /trial/earlier
for folder in /trial/earlier/*/; do
    folder=${folder%/}
    rm -rf /var/lib/mitsuke/data
    cp -a "$folder" /var/lib/mitsuke/data
    start "ready over the data directory of ${folder##*/}" \
        become_service env MITSUKE_MODELS_DIR=/trial/earlier-models MITSUKE_IMAGES_DIR= mitsuke serve
    [[ "$(count)" == "$(cat "$folder.images")" ]] || { echo "$(count) images in place of $(cat "$folder.images")"; exit 1; }
    done_with "all $(count) images of it are there"
    stop
done
begin=$(now)
dpkg --remove mitsuke >/trial/dpkg.log 2>&1 || { cat /trial/dpkg.log; exit 1; }
[[ ! -e /usr/lib/mitsuke && ! -e /usr/bin/mitsuke && -f /etc/mitsuke/mitsuke.env && -f /var/lib/mitsuke/data/mitsuke.db ]]
took "removed; settings and data are still there"
begin=$(now)
dpkg --purge mitsuke >/trial/dpkg.log 2>&1 || { cat /trial/dpkg.log; exit 1; }
grep -q "are still in /var/lib/mitsuke" /trial/dpkg.log
[[ ! -e /etc/mitsuke && -f /var/lib/mitsuke/data/mitsuke.db && ! -e /etc/systemd/system/multi-user.target.wants/mitsuke.service ]]
took "purged; the data are still there"
INSIDE

# ---- the trials ----------------------------------------------------------------

# A picture that the samples do not hold, and a word for what it shows.
readonly QUERY=猫 PICTURE=trial-cat.png

# Makes the bare system of one trial in `root`, and runs the script $1 there.
in_bare_system() {
    # shellcheck disable=SC2016 # the inner shell expands its arguments
    "${alone[@]}" bash -c '
        set -e
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        exec chroot "$1" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            QUERY="$2" PICTURE="$3" SHORT="$4" /bin/bash -c "$5"
    ' bash "$root" "$QUERY" "$PICTURE" "${MITSUKE_SHORT_TRIAL:-}" "$common"$'\n'"$1"
}

# Puts into /trial of the bare system what every trial needs.
prepare() {
    local directory name
    root=$work/root
    rm -rf "$root"
    mkdir -p "$root"
    tar --extract --file="$bare" --directory="$root"
    mkdir -p "$root"/{proc,dev,trial/pictures,trial/earlier,trial/earlier-models}
    cp "$repo/packaging/healthcheck.sh" "$root/trial/"
    cp "$repo/models/demo/reference/cat.png" "$root/trial/pictures/$PICTURE"
    cp -r "$repo/tests/models/tiny" "$repo/tests/other_models/wide" "$root/trial/earlier-models/"
    for directory in "${directories[@]}"; do
        name=$(basename "$(dirname "$directory")")
        cp -r "$directory" "$root/trial/earlier/$name"
        python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["images"]))' "$directory.json" \
            >"$root/trial/earlier/$name.images"
    done
    chmod 755 "$root/trial"
}

for package in "${packages[@]}"; do
    say "$(basename "$package"): $(du -sm "$package" | cut -f1) MB"
    prepare
    case "$package" in
        *.tar.gz)
            cp --reflink=auto "$package" "$root/trial/package.tar.gz"
            in_bare_system "$try_folder"
            ;;
        *.deb)
            cp --reflink=auto "$package" "$root/trial/package.deb"
            # The version before has other numbers and the same files; it shows that an upgrade keeps everything.
            dpkg-deb --raw-extract "$package" "$work/before"
            sed -i 's/^Version: .*/Version: 0.0.1-1/' "$work/before/DEBIAN/control"
            dpkg-deb --build -Zgzip -z1 "$work/before" "$root/trial/before.deb" >/dev/null
            rm -rf "$work/before"
            in_bare_system "$try_deb"
            ;;
        *)
            [[ -d "$package" ]] || fail "$package is neither a folder nor a .tar.gz nor a .deb."
            cp -r --reflink=auto "$package" "$root/trial/package"
            in_bare_system "$try_folder"
            ;;
    esac
done
say "all packages work in a bare Debian 12"
