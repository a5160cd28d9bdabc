#define _GNU_SOURCE
#include "CLexLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

const uint64_t lex_mount_attr_read_only = MOUNT_ATTR_RDONLY, lex_mount_attr_nosuid = MOUNT_ATTR_NOSUID,
               lex_mount_attr_nodev = MOUNT_ATTR_NODEV, lex_mount_attr_noexec = MOUNT_ATTR_NOEXEC;

int lex_open_path(const char *path, int follow) { return open(path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)); }
int lex_clone_mount(int fd) { return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH); }
int lex_restrict_mount(int mount_fd, int userns_fd, uint64_t attributes) {
    struct mount_attr attr = {.attr_set = attributes};
    if (userns_fd >= 0) {
        attr.attr_set |= MOUNT_ATTR_IDMAP;
        attr.userns_fd = (uint64_t)userns_fd;
    }
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr, sizeof attr);
}
int lex_move_root_here(void) {
    // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one and is taken off from there,
    // so no directory for it is needed.
    if (syscall(SYS_pivot_root, ".", ".") != 0) return -1;
    if (umount2(".", MNT_DETACH) != 0) return -1;
    return chdir("/");
}

const int lex_cap_chown = CAP_CHOWN, lex_cap_dac_override = CAP_DAC_OVERRIDE, lex_cap_fowner = CAP_FOWNER,
          lex_cap_fsetid = CAP_FSETID, lex_cap_setfcap = CAP_SETFCAP;
int lex_keep_capabilities(const int *kept, size_t count) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    for (size_t i = 0; i < count; i++) {
        data[kept[i] / 32].permitted |= 1U << (kept[i] % 32);
        data[kept[i] / 32].effective |= 1U << (kept[i] % 32);
    }
    // The bounding set first: it needs CAP_SETPCAP, which the next call gives up.
    for (int cap = 0; cap <= 63; cap++) {
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 1) continue;
        if (data[cap / 32].permitted & (1U << (cap % 32))) continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return -1;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
    return (int)syscall(SYS_capset, &header, data);
}

int lex_drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    return (int)syscall(SYS_capset, &header, data);
}

const int lex_cap_sys_resource = CAP_SYS_RESOURCE;
int lex_set_effective_capability(int capability, int is_effective) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) != 0) return -1;
    uint32_t bit = 1U << (capability % 32);
    struct __user_cap_data_struct *part = &data[capability / 32];
    part->effective = is_effective ? part->effective | (part->permitted & bit) : part->effective & ~bit;
    return (int)syscall(SYS_capset, &header, data);
}

// What the headers of the oldest system we build on do not have yet; the numbers are the kernel's for ever.
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

static int allow_beneath(int ruleset, int fd, uint64_t access) {
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}
int lex_landlock_program(const int *program_fds, size_t count, int writable_fd) {
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return -1;
    struct {
        uint64_t fs, net, scoped;
    } attr = {.fs = (1ULL << 13) - 1};
    size_t size = sizeof attr.fs;
    if (abi >= 2) attr.fs |= FS_REFER;
    if (abi >= 3) attr.fs |= FS_TRUNCATE;
    if (abi >= 4) attr.net = NET_BIND_TCP | NET_CONNECT_TCP, size += sizeof attr.net;
    if (abi >= 5) attr.fs |= FS_IOCTL_DEV;
    if (abi >= 6) attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, size += sizeof attr.scoped;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0) return -1;
    const uint64_t never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                           LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_IOCTL_DEV;
    int rc = 0;
    // Rules add up along a path: one for the root would reach into the writable directory as well.
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = allow_beneath(ruleset, program_fds[i], LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
    if (rc == 0 && writable_fd >= 0) rc = allow_beneath(ruleset, writable_fd, attr.fs & ~never);
    if (rc == 0) rc = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    int saved = errno;
    close(ruleset);
    errno = saved;
    return rc;
}

int lex_close_on_exec_from(unsigned int first) { return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC); }
int lex_wait_process(pid_t pid, int *status, uint64_t *cpu_milliseconds) {
    struct rusage usage = {0};
    pid_t rc;
    do rc = wait4(pid, status, 0, &usage);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) return -1;
    *cpu_milliseconds = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                        (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    return 0;
}

int lex_set_attribute(int fd, const char *name, const void *value, size_t size) {
    return fsetxattr(fd, name, value, size, 0);
}
ssize_t lex_get_attribute(const char *path, const char *name, void *value, size_t size) {
    return lgetxattr(path, name, value, size);
}
ssize_t lex_receive_bytes(int socket, void *bytes, size_t count) {
    // No room for control messages: the kernel closes whatever descriptors the other side tries to hand us.
    ssize_t got;
    do got = recv(socket, bytes, count, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}
int lex_pipe_nonblocking(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }
