#define _GNU_SOURCE
#include "CLexLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "the numbers of the intercepted calls have not been written for this architecture"
#endif

// Which number is which call, of which group of calls.
struct number {
    uint32_t arch;
    int number;
    int kind;
};
static const struct number numbers[] = {
#ifdef SYS_mknod
    {THIS_ARCH, SYS_mknod, LEX_CALL_MKNOD},
#endif
    {THIS_ARCH, SYS_mknodat, LEX_CALL_MKNODAT},
    {THIS_ARCH, SYS_setxattr, LEX_CALL_SETXATTR},
    {THIS_ARCH, SYS_lsetxattr, LEX_CALL_LSETXATTR},
    {THIS_ARCH, SYS_fsetxattr, LEX_CALL_FSETXATTR},
    {THIS_ARCH, SYS_sched_setscheduler, LEX_CALL_SCHEDULER},
    {THIS_ARCH, SYS_sysinfo, LEX_CALL_SYSINFO},
    {THIS_ARCH, SYS_mount, LEX_CALL_MOUNT},
    {THIS_ARCH, SYS_bpf, LEX_CALL_BPF},
    // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, open_tree_attr: newer ones have one number everywhere.
    {THIS_ARCH, 428, LEX_CALL_NEW_MOUNT},
    {THIS_ARCH, 429, LEX_CALL_NEW_MOUNT},
    {THIS_ARCH, 430, LEX_CALL_NEW_MOUNT},
    {THIS_ARCH, 431, LEX_CALL_NEW_MOUNT},
    {THIS_ARCH, 432, LEX_CALL_NEW_MOUNT},
    {THIS_ARCH, 433, LEX_CALL_NEW_MOUNT},
    {THIS_ARCH, 467, LEX_CALL_NEW_MOUNT},
#ifdef __x86_64__
    // The 32-bit ones (arch/x86/entry/syscalls/syscall_32.tbl), which are for ever. Those of x32 are left to the kernel.
    {AUDIT_ARCH_I386, 14, LEX_CALL_MKNOD},
    {AUDIT_ARCH_I386, 297, LEX_CALL_MKNODAT},
    {AUDIT_ARCH_I386, 226, LEX_CALL_SETXATTR},
    {AUDIT_ARCH_I386, 227, LEX_CALL_LSETXATTR},
    {AUDIT_ARCH_I386, 228, LEX_CALL_FSETXATTR},
    {AUDIT_ARCH_I386, 156, LEX_CALL_SCHEDULER},
    {AUDIT_ARCH_I386, 116, LEX_CALL_SYSINFO},
    {AUDIT_ARCH_I386, 21, LEX_CALL_MOUNT},
    {AUDIT_ARCH_I386, 357, LEX_CALL_BPF},
    {AUDIT_ARCH_I386, 428, LEX_CALL_NEW_MOUNT},
    {AUDIT_ARCH_I386, 429, LEX_CALL_NEW_MOUNT},
    {AUDIT_ARCH_I386, 430, LEX_CALL_NEW_MOUNT},
    {AUDIT_ARCH_I386, 431, LEX_CALL_NEW_MOUNT},
    {AUDIT_ARCH_I386, 432, LEX_CALL_NEW_MOUNT},
    {AUDIT_ARCH_I386, 433, LEX_CALL_NEW_MOUNT},
    {AUDIT_ARCH_I386, 467, LEX_CALL_NEW_MOUNT},
#endif
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

int lex_call_kind(uint32_t arch, int number) {
    for (size_t i = 0; i < NUMBERS; i++)
        if (numbers[i].arch == arch && numbers[i].number == number) return numbers[i].kind;
    return -1;
}
int lex_call_is_narrow(uint32_t arch) { return arch != THIS_ARCH; }
uint32_t lex_own_architecture(void) { return THIS_ARCH; }

static int group_of(int kind) {
    switch (kind) {
    case LEX_CALL_MKNOD:
    case LEX_CALL_MKNODAT: return LEX_INTERCEPT_MKNOD;
    case LEX_CALL_SETXATTR:
    case LEX_CALL_LSETXATTR:
    case LEX_CALL_FSETXATTR: return LEX_INTERCEPT_SETXATTR;
    case LEX_CALL_SCHEDULER: return LEX_INTERCEPT_SCHEDULER;
    case LEX_CALL_SYSINFO: return LEX_INTERCEPT_SYSINFO;
    case LEX_CALL_MOUNT:
    case LEX_CALL_NEW_MOUNT: return LEX_INTERCEPT_MOUNT;
    case LEX_CALL_BPF: return LEX_INTERCEPT_BPF;
    default: return 0;
    }
}

// include/uapi/linux/mount.h: what is not among them asks for something else than a new mount (remount, bind, move, the
// propagation), or is the kernel's own.
#define PLAIN_MOUNT_FLAGS \
    (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_NOSYMFOLLOW | MS_NOATIME | \
     MS_NODIRATIME | MS_REC | MS_SILENT | MS_POSIXACL | MS_RELATIME | MS_STRICTATIME | MS_LAZYTIME)
const uint32_t lex_plain_mount_flags = PLAIN_MOUNT_FLAGS;
uint32_t lex_mount_flags(uint32_t flags) { return (flags & MS_MGC_MSK) == MS_MGC_VAL ? flags & ~MS_MGC_MSK : flags; }

#define MAX_FILTER 1024
struct program {
    struct sock_filter code[MAX_FILTER];
    unsigned short length;
};
static void put(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf) {
    if (p->length < MAX_FILTER) p->code[p->length++] = (struct sock_filter){code, jt, jf, k};
}
static void give(struct program *p, uint32_t action) { put(p, BPF_RET | BPF_K, action, 0, 0); }
static void load(struct program *p, size_t offset) { put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }
// The low half; the processors above are little-endian.
static void load_argument(struct program *p, int n) { load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)n); }

// What is done about one call: what could not succeed with us either goes to the kernel at once.
static void put_call(struct program *p, int kind, const uint32_t *devices, size_t count) {
    int first = kind == LEX_CALL_MKNOD ? 1 : 2;
    switch (group_of(kind)) {
    case LEX_INTERCEPT_MKNOD:
        load_argument(p, first);
        put(p, BPF_ALU | BPF_AND | BPF_K, S_IFMT, 0, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 1, 0);
        give(p, SECCOMP_RET_ALLOW);
        load_argument(p, first + 1);
        for (size_t i = 0; i < count; i++) {
            put(p, BPF_JMP | BPF_JEQ | BPF_K, devices[i], 0, 1);
            give(p, SECCOMP_RET_USER_NOTIF);
        }
        give(p, SECCOMP_RET_ALLOW);
        return;
    case LEX_INTERCEPT_SETXATTR:
        load_argument(p, 3);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0);
        give(p, SECCOMP_RET_ALLOW);
        give(p, SECCOMP_RET_USER_NOTIF);
        return;
    case LEX_INTERCEPT_MOUNT:
        if (kind == LEX_CALL_NEW_MOUNT) {
            give(p, SECCOMP_RET_USER_NOTIF);
            return;
        }
        load(p, offsetof(struct seccomp_data, args) + 8 * 3 + 4);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
        give(p, SECCOMP_RET_ALLOW);
        load_argument(p, 3);
        put(p, BPF_ALU | BPF_AND | BPF_K, MS_MGC_MSK, 0, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, MS_MGC_VAL, 0, 3);
        load_argument(p, 3);
        put(p, BPF_ALU | BPF_AND | BPF_K, (uint32_t)~MS_MGC_MSK, 0, 0);
        put(p, BPF_JMP | BPF_JA, 1, 0, 0);
        load_argument(p, 3);
        put(p, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)PLAIN_MOUNT_FLAGS, 0, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
        give(p, SECCOMP_RET_USER_NOTIF);
        give(p, SECCOMP_RET_ALLOW);
        return;
    case LEX_INTERCEPT_BPF:
        load_argument(p, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_LOAD, 3, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_ATTACH, 2, 0);
        put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_PROG_DETACH, 1, 0);
        give(p, SECCOMP_RET_ALLOW);
        give(p, SECCOMP_RET_USER_NOTIF);
        return;
    default: give(p, SECCOMP_RET_USER_NOTIF);
    }
}

static void put_architecture(struct program *p, uint32_t arch, int calls, const uint32_t *devices, size_t count) {
    for (size_t i = 0; i < NUMBERS; i++) {
        if (numbers[i].arch != arch || !(group_of(numbers[i].kind) & calls)) continue;
        struct program part = {.length = 0};
        put_call(&part, numbers[i].kind, devices, count);
        load(p, offsetof(struct seccomp_data, nr));
        put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[i].number, 0, (uint8_t)part.length);
        for (unsigned short j = 0; j < part.length; j++)
            put(p, part.code[j].code, part.code[j].k, part.code[j].jt, part.code[j].jf);
    }
    give(p, SECCOMP_RET_ALLOW);
}

int lex_intercept(int calls, const uint32_t *devices, size_t count) {
    // A part is jumped over, which is at most 255 far.
    if (count > 64) return errno = EINVAL, -1;
    static struct program p, own, narrow;
    p.length = own.length = narrow.length = 0;
    put_architecture(&own, THIS_ARCH, calls, devices, count);
    load(&p, offsetof(struct seccomp_data, arch));
    put(&p, BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
    put(&p, BPF_JMP | BPF_JA, own.length, 0, 0);
    for (unsigned short j = 0; j < own.length; j++) put(&p, own.code[j].code, own.code[j].k, own.code[j].jt, own.code[j].jf);
#ifdef __x86_64__
    put_architecture(&narrow, AUDIT_ARCH_I386, calls, devices, count);
    put(&p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 1, 0);
    put(&p, BPF_JMP | BPF_JA, narrow.length, 0, 0);
    for (unsigned short j = 0; j < narrow.length; j++)
        put(&p, narrow.code[j].code, narrow.code[j].k, narrow.code[j].jt, narrow.code[j].jf);
#endif
    give(&p, SECCOMP_RET_ALLOW);
    if (p.length >= MAX_FILTER) return errno = E2BIG, -1;
    struct sock_fprog program = {.len = p.length, .filter = p.code};
    // With the second flag only what is fatal cuts a call short that we have begun with: no call is done twice.
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener < 0 && errno == EINVAL) listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    return listener;
}

int lex_receive_call(int listener, struct lex_call *call) {
    // The kernel may have a longer structure than our header, and writes all of its own.
    union { struct seccomp_notif call; char room[1024]; } received;
    memset(&received, 0, sizeof received);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &received) != 0) return -1;
    call->id = received.call.id;
    call->thread = (pid_t)received.call.pid;
    call->architecture = received.call.data.arch;
    call->number = received.call.data.nr;
    memcpy(call->arguments, received.call.data.args, sizeof call->arguments);
    return 0;
}
int lex_call_is_pending(int listener, uint64_t id) { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id); }
int lex_answer_call(int listener, uint64_t id, int error, int proceeds) {
    union { struct seccomp_notif_resp answer; char room[1024]; } sent;
    memset(&sent, 0, sizeof sent);
    sent.answer.id = id;
    sent.answer.error = -error;
    sent.answer.flags = proceeds ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &sent);
}

int lex_answer_with_descriptor(int listener, uint64_t id, int fd) {
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
    struct seccomp_notif_addfd given = {
        .id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &given);
}

pid_t lex_fork_with_descriptors(void) {
    return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
}
void *lex_shared_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}
int lex_root_at(int fd) { return fchdir(fd) != 0 ? -1 : chroot("."); }

static int set_capabilities(uint64_t set) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}}, now[2] = {{0}};
    if (syscall(SYS_capget, &header, now) != 0) return -1;
    for (int i = 0; i < 2; i++) {
        data[i].permitted = now[i].permitted & (uint32_t)(set >> (32 * i));
        data[i].effective = data[i].permitted;
    }
    return (int)syscall(SYS_capset, &header, data);
}
int lex_become_caller(uid_t user, gid_t group, const gid_t *groups, size_t count, uint64_t capabilities) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return -1;
    // A user namespace may forbid to set them: then there are none, which is less.
    if (setgroups(count, groups) != 0 && errno != EPERM) return -1;
    if (setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0) return -1;
    if (set_capabilities(capabilities) != 0) return -1;
    // The change of ids has taken it away.
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
int lex_own_files_as(uid_t user, gid_t group, uint64_t capabilities) {
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0) return -1;
    setfsgid(group);
    setfsuid(user);
    // They tell of no failure but by what holds then.
    if (setfsgid((gid_t)-1) != (int)group || setfsuid((uid_t)-1) != (int)user) return errno = EINVAL, -1;
    if (set_capabilities(capabilities) != 0) return -1;
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
int lex_open_without_magic(const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}
int lex_mark_attribute(const char *path, const char *name, const void *value, size_t size, int flags) {
    return setxattr(path, name, value, size, flags);
}
int lex_may_change_directory(int fd) {
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
    return (int)syscall(SYS_faccessat2, fd, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH);
}
int lex_owner_of_namespace(int fd) { return ioctl(fd, NS_GET_USERNS); }
int lex_parent_of_namespace(int fd) { return ioctl(fd, NS_GET_PARENT); }
int lex_probe_file_system(const char *type) {
    int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0) return -1;
    close(fs);
    return 0;
}
int lex_pidfd_of_thread(pid_t thread) {
    // PIDFD_THREAD is O_EXCL (include/uapi/linux/pidfd.h).
    int fd = (int)syscall(SYS_pidfd_open, thread, O_EXCL);
    return fd < 0 && errno == EINVAL ? (int)syscall(SYS_pidfd_open, thread, 0) : fd;
}
int lex_descriptor_of(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }
int lex_load_device_program(const void *instructions, uint32_t count, const char *license, const char name[16],
                            uint32_t flags, uint32_t log_level, char *log, uint32_t log_size) {
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.expected_attach_type = BPF_CGROUP_DEVICE;
    attr.insns = (uint64_t)(uintptr_t)instructions;
    attr.insn_cnt = count;
    attr.license = (uint64_t)(uintptr_t)license;
    attr.prog_flags = flags;
    memcpy(attr.prog_name, name, sizeof attr.prog_name);
    if (log) {
        attr.log_level = log_level;
        attr.log_buf = (uint64_t)(uintptr_t)log;
        attr.log_size = log_size;
    }
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}
int lex_attach_device_program(int group, int program, uint32_t flags, int replaced) {
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)group;
    attr.attach_bpf_fd = (uint32_t)program;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = flags;
    if (flags & BPF_F_REPLACE) attr.replace_bpf_fd = (uint32_t)replaced;
    return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr);
}
int lex_detach_device_program(int group, int program) {
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)group;
    attr.attach_bpf_fd = (uint32_t)program;
    attr.attach_type = BPF_CGROUP_DEVICE;
    return (int)syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr);
}
int lex_is_unified_group(int fd) {
    struct statfs status;
    return fstatfs(fd, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}
int lex_set_scheduler(pid_t thread, int policy, int priority) {
    struct sched_param parameter = {.sched_priority = priority};
    return (int)syscall(SYS_sched_setscheduler, thread, policy, &parameter);
}
int lex_system_information(uint64_t values[10]) {
    struct sysinfo s;
    if (sysinfo(&s) != 0) return -1;
    uint64_t unit = s.mem_unit;
    uint64_t all[10] = {(uint64_t)s.uptime,   s.loads[0],           s.loads[1],        s.loads[2],
                        s.totalram * unit,    s.freeram * unit,     s.sharedram * unit, s.totalswap * unit,
                        s.freeswap * unit,    s.procs};
    memcpy(values, all, sizeof all);
    return 0;
}
const int lex_cap_sys_admin = CAP_SYS_ADMIN, lex_cap_mknod = CAP_MKNOD, lex_cap_sys_nice = CAP_SYS_NICE,
          lex_cap_sys_chroot = CAP_SYS_CHROOT, lex_cap_sys_ptrace = CAP_SYS_PTRACE, lex_cap_setuid = CAP_SETUID,
          lex_cap_setgid = CAP_SETGID, lex_cap_setpcap = CAP_SETPCAP, lex_cap_kill = CAP_KILL,
          lex_cap_dac_read_search = CAP_DAC_READ_SEARCH, lex_cap_net_admin = CAP_NET_ADMIN, lex_cap_bpf = CAP_BPF;
