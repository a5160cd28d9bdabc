# What the benchmarks and the soak share. To be sourced by bash with `set -eu`.
# shellcheck shell=bash

# A root of one program, with an init that ends on lexd's signal.
small_image() { # file
    local root applet
    root=$(mktemp -d)
    mkdir -p "$root"/rootfs/{bin,sbin,etc,proc,sys,dev,run,tmp,root,usr/share/udhcpc}
    printf 'architecture: %s\ncreation_date: 1700000000\nproperties:\n  description: Busybox\n' "$(uname -m)" \
        >"$root/metadata.yaml"
    cp "$(command -v busybox)" "$root/rootfs/bin/busybox"
    for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/rootfs/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/rootfs/etc/passwd"
    printf 'root:x:0:\n' >"$root/rootfs/etc/group"
    cat >"$root/rootfs/sbin/init" <<'INIT'
#!/bin/sh
trap 'end=1' PWR
ip link set lo up
if ip link set eth0 up; then udhcpc -i eth0 -b -t 30 -T 1 -s /usr/share/udhcpc/default.script >/dev/null 2>&1 & fi
while [ -z "$end" ]; do sleep 3600 & wait $!; done
INIT
    cat >"$root/rootfs/usr/share/udhcpc/default.script" <<'DHCP'
#!/bin/sh
case "$1" in bound | renew) ip addr flush dev "$interface" scope global; ip addr add "$ip/$mask" dev "$interface" ;; esac
exit 0
DHCP
    chmod 0755 "$root/rootfs/sbin/init" "$root/rootfs/usr/share/udhcpc/default.script"
    tar --owner=0 --group=0 -C "$root" -cf "$1" metadata.yaml rootfs
    rm -rf "$root"
}
