import LexIPC
import Testing

struct LXCFSMountTests {
    @Test func theTopmostMountCounts() {
        let mounts = LXCFSMounts(
            """
            22 1 0:20 / /proc rw,nosuid - proc proc rw
            30 22 0:45 /proc/meminfo /proc/meminfo rw,nosuid shared:3 master:4 - fuse.lxcfs lxcfs rw,user_id=0
            31 22 0:45 /proc/stat /proc/stat rw,nosuid - fuse.lxcfs lxcfs rw,user_id=0
            32 31 0:99 / /proc/stat rw - tmpfs tmpfs rw
            33 22 0:99 / /proc/uptime rw - tmpfs tmpfs rw
            34 33 0:46 /proc/uptime /proc/uptime rw - fuse.lxcfs lxcfs rw
            35 22 0:47 / /mnt rw - fuse.lxcfs-not lxcfs rw
            nonsense
            1 2 3 4 /x 6
            """)
        #expect(mounts.devices == ["/proc/meminfo": "0:45", "/proc/uptime": "0:46"])
        #expect(mounts.others == ["/proc", "/proc/stat", "/mnt"])
    }
}
