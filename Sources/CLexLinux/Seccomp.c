#define _GNU_SOURCE
#include "CLexLinux.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// The allow list of the confined archive helper, as classic BPF: reading its input, writing below its target, memory,
// time, exit. No sockets, no processes, no namespaces, no ptrace, no ioctl. Anything else ends the process.
#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "the archive helper's seccomp list has not been written for this architecture"
#endif

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(name) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

int lex_install_archive_seccomp(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
        // The x32 calls share the architecture word; their numbers have bit 30 set.
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
#endif
        ALLOW(read), ALLOW(write), ALLOW(writev), ALLOW(pread64), ALLOW(pwrite64), ALLOW(lseek), ALLOW(close),
        ALLOW(openat), ALLOW(openat2), ALLOW(newfstatat), ALLOW(fstat), ALLOW(statx), ALLOW(statfs), ALLOW(fstatfs),
        ALLOW(getdents64), ALLOW(mkdirat), ALLOW(symlinkat), ALLOW(linkat), ALLOW(unlinkat), ALLOW(mknodat),
        ALLOW(renameat), ALLOW(renameat2), ALLOW(readlinkat), ALLOW(faccessat), ALLOW(faccessat2),
        ALLOW(fchmod), ALLOW(fchmodat), ALLOW(fchown), ALLOW(fchownat), ALLOW(utimensat),
        ALLOW(ftruncate), ALLOW(fallocate), ALLOW(fsync), ALLOW(fdatasync), ALLOW(fcntl), ALLOW(fchdir),
        ALLOW(setxattr), ALLOW(lsetxattr), ALLOW(fsetxattr), ALLOW(getxattr), ALLOW(lgetxattr), ALLOW(fgetxattr),
        ALLOW(listxattr), ALLOW(llistxattr), ALLOW(flistxattr), ALLOW(removexattr), ALLOW(lremovexattr),
        ALLOW(fremovexattr),
        ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(mprotect), ALLOW(madvise), ALLOW(brk),
        ALLOW(futex), ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack),
        ALLOW(clock_gettime), ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(gettimeofday), ALLOW(getrandom),
        ALLOW(getpid), ALLOW(gettid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid), ALLOW(umask),
        ALLOW(sched_getaffinity), ALLOW(sched_yield), ALLOW(prlimit64), ALLOW(sysinfo), ALLOW(uname),
        ALLOW(sendmsg), ALLOW(recvmsg), ALLOW(poll), ALLOW(ppoll), ALLOW(restart_syscall),
        ALLOW(exit), ALLOW(exit_group), ALLOW(tgkill), ALLOW(dup),
#ifdef __x86_64__
        // The old names glibc and libarchive still use on x86_64.
        ALLOW(open), ALLOW(stat), ALLOW(lstat), ALLOW(mkdir), ALLOW(symlink), ALLOW(link), ALLOW(unlink), ALLOW(rmdir),
        ALLOW(rename), ALLOW(readlink), ALLOW(access), ALLOW(chmod), ALLOW(chown), ALLOW(lchown), ALLOW(mknod),
        ALLOW(time), ALLOW(utime), ALLOW(utimes), ALLOW(futimesat),
#endif
        // Asked for by libraries that live well without: refused rather than fatal.
        REFUSE(ioctl), REFUSE(prctl), REFUSE(socket), REFUSE(clone), REFUSE(clone3), REFUSE(mlock), REFUSE(rseq),
        REFUSE(membarrier), REFUSE(getcwd), REFUSE(set_robust_list),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
