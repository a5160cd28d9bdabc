#define _GNU_SOURCE
#include "CLexLinux.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The allow lists of a confined program, as classic BPF. No sockets, processes, namespaces, mounts, ptrace or ioctl.
#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "the lists of a confined program have not been written for this architecture"
#endif

#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
// The low 32 bits of an argument; the processors above are little-endian.
#define LOAD_ARGUMENT(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define LOAD_ARGUMENT_HIGH(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]) + 4)
#define UNLESS(name, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, skip)
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)

#define ALLOW(name) UNLESS(name, 1), RETURN(SECCOMP_RET_ALLOW)
#define REFUSE(name) UNLESS(name, 1), RETURN(REFUSED)
// Allowed when argument `n` is `value`; refused otherwise. Every branch returns: the call's number need not be loaded
// again.
#define ALLOW_WHEN(name, n, value)                                                                                     \
    UNLESS(name, 4), LOAD_ARGUMENT(n), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), RETURN(SECCOMP_RET_ALLOW),    \
        RETURN(REFUSED)
#define ALLOW_UP_TO(name, n, value)                                                                                    \
    UNLESS(name, 4), LOAD_ARGUMENT(n), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 1, 0), RETURN(SECCOMP_RET_ALLOW),    \
        RETURN(REFUSED)
// Allowed when none of these bits of argument `n` is set; fatal otherwise.
#define ALLOW_WITHOUT(name, n, bits)                                                                                   \
    UNLESS(name, 4), LOAD_ARGUMENT(n), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0), RETURN(SECCOMP_RET_ALLOW),    \
        RETURN(SECCOMP_RET_KILL_PROCESS)

#ifdef __x86_64__
// The x32 calls share the architecture word; their numbers have bit 30 set.
#define NO_X32 BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS),
#else
#define NO_X32
#endif
#define BEGIN                                                                                                          \
    LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr), NO_X32

// What lexd-archive calls: its input and answers, files below its target, memory, time, its end.
#define ARCHIVE_CALLS                                                                                                  \
    ALLOW(read), ALLOW(write), ALLOW(writev), ALLOW(pwrite64), ALLOW(lseek), ALLOW(close), ALLOW(openat),              \
        ALLOW(openat2), ALLOW(newfstatat), ALLOW(fstat), ALLOW(getdents64), ALLOW(mkdirat), ALLOW(symlinkat), ALLOW(linkat),           \
        ALLOW(unlinkat), ALLOW(fchmod), ALLOW(fchmodat), ALLOW(fchown), ALLOW(fchownat), ALLOW(utimensat),             \
        ALLOW(ftruncate), ALLOW(fsetxattr), ALLOW(fremovexattr), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk), ALLOW(futex),    \
        ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack), ALLOW(clock_gettime),     \
        ALLOW(gettimeofday), ALLOW(getrandom), ALLOW(getpid), ALLOW(gettid), ALLOW(tgkill), ALLOW(restart_syscall),    \
        ALLOW(exit), ALLOW(exit_group),                                                                                \
        /* A fifo is made; a device node is not. */                                                                    \
        UNLESS(mknodat, 5), LOAD_ARGUMENT(2), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT),                             \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFIFO, 0, 1), RETURN(SECCOMP_RET_ALLOW), RETURN(REFUSED),                \
        /* The one socket it has. */                                                                                   \
        ALLOW_WHEN(sendmsg, 0, 1), ALLOW_WHEN(recvmsg, 0, 1),                                                          \
        /* Flags of descriptors, not locks, leases or signals (F_SETFL is 4). */                                       \
        ALLOW_UP_TO(fcntl, 1, 4),                                                                                      \
        /* Limits are read, not set: the second half of a pointer that is null is null. */                             \
        UNLESS(prlimit64, 6), LOAD_ARGUMENT(2), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3), LOAD_ARGUMENT_HIGH(2),   \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RETURN(SECCOMP_RET_ALLOW), RETURN(REFUSED),                      \
        /* Asked for by libraries that live well without: refused rather than fatal. */                                \
        REFUSE(ioctl), REFUSE(prctl), REFUSE(socket), REFUSE(clone), REFUSE(clone3), REFUSE(mlock), REFUSE(rseq),      \
        REFUSE(membarrier), REFUSE(getcwd), REFUSE(set_robust_list), REFUSE(sysinfo), REFUSE(sched_getaffinity)

static int install(struct sock_filter *filter, unsigned short length) {
    struct sock_fprog program = {.len = length, .filter = filter};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int lex_install_launch_seccomp(void) {
    struct sock_filter filter[] = {
        BEGIN
        // What a loader and a C library begin with. That these can map code is why there is a second list.
        ALLOW(execve), ALLOW(mmap), ALLOW(mprotect), ALLOW(pread64), ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2),
        ALLOW(readlinkat), ALLOW(set_tid_address), ALLOW(statx), ALLOW(statfs), ALLOW(fstatfs), ALLOW(uname), ALLOW(umask),
        ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid), ALLOW(fsync),
        ALLOW(sched_yield), ALLOW(clock_nanosleep), ALLOW(ppoll), ALLOW(dup),
#ifdef __x86_64__
        // The old names glibc still uses on x86_64.
        ALLOW(arch_prctl), ALLOW(open), ALLOW(stat), ALLOW(lstat), ALLOW(readlink), ALLOW(poll), ALLOW(time),
#endif
        // The second list: a filter can only be added to, never taken off.
        ALLOW_WHEN(seccomp, 0, SECCOMP_SET_MODE_FILTER),
        ARCHIVE_CALLS,
        RETURN(SECCOMP_RET_KILL_PROCESS),
    };
    return install(filter, sizeof filter / sizeof filter[0]);
}

int lex_deny_foreign_calls(void) {
    struct sock_filter filter[] = {
        LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0), RETURN(SECCOMP_RET_ERRNO | ENOSYS),
#ifdef __x86_64__
        LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), RETURN(SECCOMP_RET_ERRNO | ENOSYS),
#endif
        RETURN(SECCOMP_RET_ALLOW),
    };
    return install(filter, sizeof filter / sizeof filter[0]);
}

int lex_install_archive_seccomp(void) {
    struct sock_filter filter[] = {
        BEGIN
        // Memory, but never more code.
        ALLOW_WITHOUT(mmap, 2, PROT_EXEC), ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
        ARCHIVE_CALLS,
        RETURN(SECCOMP_RET_KILL_PROCESS),
    };
    return install(filter, sizeof filter / sizeof filter[0]);
}

int lex_install_proxy_seccomp(void) {
    struct sock_filter filter[] = {
        BEGIN
        ALLOW_WITHOUT(mmap, 2, PROT_EXEC), ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
        ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(brk), ALLOW(futex),
        ALLOW(epoll_pwait), ALLOW(epoll_ctl), ALLOW(accept4), ALLOW(connect), ALLOW(recvfrom), ALLOW(sendto),
        ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(getsockopt), ALLOW(setsockopt), ALLOW(getsockname), ALLOW(getpeername),
        ALLOW(shutdown), ALLOW(close), ALLOW(read), ALLOW(write), ALLOW(writev),
#ifdef __x86_64__
        ALLOW(epoll_wait),
#endif
        // No netlink, no raw packets: AF_UNIX, AF_INET and AF_INET6 are 1, 2 and 10.
        ALLOW_UP_TO(socket, 0, 10),
        ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack), ALLOW(clock_gettime),
        ALLOW(gettimeofday), ALLOW(getrandom), ALLOW(getpid), ALLOW(gettid), ALLOW(tgkill), ALLOW(restart_syscall),
        ALLOW(exit), ALLOW(exit_group),
        REFUSE(fcntl), REFUSE(ioctl), REFUSE(prctl), REFUSE(clone), REFUSE(clone3), REFUSE(openat), REFUSE(rseq),
        REFUSE(set_robust_list), REFUSE(prlimit64), REFUSE(sysinfo), REFUSE(sched_yield), REFUSE(membarrier),
        RETURN(SECCOMP_RET_KILL_PROCESS),
    };
    return install(filter, sizeof filter / sizeof filter[0]);
}
