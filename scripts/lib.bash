# What the scripts here share. To be sourced by bash with `set -eu`.
# shellcheck shell=bash

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Polls a command until it succeeds: seconds, command...
await() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# What the links, control groups, tables and directories of the lexd in a directory are called after: lexd_ and the
# FNV-1a hash of its path (Sources/LexNetwork/NetworkIdentity.swift).
lexd_tag() { # LEXD_DIR
    local path=$1 hash=2166136261 index byte
    while [ ${#path} -gt 1 ] && [ "${path%/}" != "$path" ]; do path=${path%/}; done
    if [ "$path" = /var/lib/lexd ]; then
        echo lexd
        return
    fi
    for ((index = 0; index < ${#path}; index++)); do
        printf -v byte %d "'${path:index:1}"
        hash=$((((hash ^ byte) * 16777619) & 0xffffffff))
    done
    printf 'lexd_%08x\n' "$hash"
}

# Where control groups are mounted, one path a line.
cgroup_roots() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts | sort -u; }

# The processes of the lexd in a directory, one number a line: itself and its helpers, by program and environment or
# arguments; everything in its control groups; its dnsmasq. A program that merely names the directory is not one.
lexd_processes() { # LEXD_DIR
    local directory=$1 tag path pid program
    tag=$(lexd_tag "$directory")
    {
        grep -lsE "[:/]${tag//./\\.}\.(payload|monitor|pivot)" /proc/[0-9]*/cgroup || true
        {
            grep -lszxF "LEXD_DIR=$directory" /proc/[0-9]*/environ || true
            grep -lsF -e "$directory/" -e "/run/$tag/" /proc/[0-9]*/cmdline || true
        } | while IFS= read -r path; do
            program=$(readlink "${path%/*}/exe" 2>/dev/null) || continue
            program=${program% (deleted)}
            case ${program##*/} in lexd | lexd-runtime | lexd-archive | lx | dnsmasq) printf '%s\n' "$path" ;; esac
        done
    } | while IFS= read -r path; do
        pid=${path#/proc/}
        printf '%s\n' "${pid%%/*}"
    done | sort -un
}
