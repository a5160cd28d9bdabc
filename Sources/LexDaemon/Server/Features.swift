import Glibc
import LexHost
import LexIPC

/// What the kernel can do that some functions depend on, in LXD's names.
enum KernelFeatures {
    static let all: [String: String] = {
        func isThere(_ path: String) -> String { access(path, F_OK) == 0 ? "true" : "false" }
        let actions = (try? readFile("/proc/sys/kernel/seccomp/actions_avail")) ?? ""
        return [
            // lexd does not start on a kernel without them.
            "idmapped_mounts": "true",
            "netnsid_getifaddrs": "true",
            "seccomp_listener": actions.contains("user_notif") ? "true" : "false",
            "seccomp_listener_continue": actions.contains("user_notif") ? "true" : "false",
            "shiftfs": "false",
            "uevent_injection": "true",
            "unpriv_fscaps": "true",
        ]
    }()
}

/// What liblxc can do, in LXD's names: what version 5.0 has.
enum LXCFeatures {
    static let all: [String: String] = Dictionary(
        uniqueKeysWithValues: [
            "cgroup2", "core_scheduling", "devpts_fd", "idmapped_mounts_v2", "mount_injection_file",
            "network_gateway_device_route", "network_ipvlan", "network_l2proxy", "network_phys_macvlan_mtu",
            "network_veth_router", "pidfd", "seccomp_allow_deny_syntax", "seccomp_notify",
            "seccomp_proxy_send_notify_fd",
        ].map { ($0, "true") })
}
