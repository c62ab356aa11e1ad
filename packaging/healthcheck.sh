#!/bin/bash
# Succeeds when the server of this machine is ready. It needs bash alone, because small images have no curl.
# Usage: healthcheck.sh [PORT]; without one, the port of MITSUKE_BIND.
port=${1:-${MITSUKE_BIND##*:}}
exec 3<>"/dev/tcp/127.0.0.1/${port:-8080}" || exit 1
printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
read -r -t 5 _ status _ <&3
[[ "$status" == 200 ]]
