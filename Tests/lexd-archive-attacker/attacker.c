// What an attacker would run in lexd-archive's place, had a bug in it given him the process.
//
// Descriptor 0 holds the name of one attack. The report goes to lexd as the sentence of a refusal: lines of
// `WHAT: RESULT`, where a result of "reached" is a hole in the wall. An attack that ends in the kernel killing us
// reports nothing.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char report[1 << 16];
static size_t used;

static void say(const char *format, ...) {
    va_list list;
    va_start(list, format);
    int n = vsnprintf(report + used, sizeof report - used, format, list);
    va_end(list);
    if (n > 0) used += (size_t)n;
    if (used >= sizeof report) used = sizeof report - 1;
}
// A call that may work.
static void may_work(const char *what, long result) {
    say("%s: %s; ", what, result < 0 ? strerrorname_np(errno) : "made");
}
// A call that must not work: says why it did not.
static void must_fail(const char *what, long result) {
    if (result < 0) say("%s: %s; ", what, strerrorname_np(errno));
    else say("%s: reached; ", what);
}

// Messages as LexIPC has them: a length of 4 bytes, then 8-byte numbers and texts with their length.
static void put(unsigned char **at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *(*at)++ = (unsigned char)(value >> (8 * i));
}
static size_t refusal(unsigned char *message, const char *text, size_t length) {
    unsigned char *at = message;
    put(&at, 16 + length, 4);
    put(&at, 3, 8);
    put(&at, length, 8);
    memcpy(at, text, length);
    return (size_t)(at - message) + length;
}
static void write_all(int fd, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = write(fd, (const char *)bytes + done, count - done);
        if (n <= 0) _exit(3);
        done += (size_t)n;
    }
}
static void answer(void) {
    static unsigned char message[sizeof report + 32];
    write_all(1, message, refusal(message, report, used));
}
static void answer_done(void) {
    unsigned char message[64], *at = message;
    const char metadata[] = "architecture: x86_64\n";
    put(&at, 8 + 8 + sizeof metadata - 1 + 8 + 8 + 8, 4);
    put(&at, 2, 8);
    put(&at, sizeof metadata - 1, 8);
    memcpy(at, metadata, sizeof metadata - 1), at += sizeof metadata - 1;
    put(&at, 1, 8), put(&at, 1, 8), put(&at, 0, 8);
    write_all(1, message, (size_t)(at - message));
}
// A progress message: the test waits for it.
static void here(void) {
    unsigned char message[32], *at = message;
    put(&at, 16, 4), put(&at, 1, 8), put(&at, 42, 8);
    write_all(1, message, 20);
}
static void wait_for_ever(void) {
    for (;;) {
        struct timespec hour = {.tv_sec = 3600};
        nanosleep(&hour, NULL);
    }
}

static void list(const char *path, int depth) {
    DIR *dir = opendir(path);
    if (!dir) {
        say("%s: %s; ", path, strerrorname_np(errno));
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char child[4096];
        snprintf(child, sizeof child, "%s%s%s", path, strcmp(path, "/") ? "/" : "", e->d_name);
        say("has %s; ", child);
        if (depth > 0 && e->d_type == DT_DIR) list(child, depth - 1);
    }
    closedir(dir);
}

static void inventory(void) {
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) say("fd %d; ", fd);
    say("uid %d %d gid %d %d; ", getuid(), geteuid(), getgid(), getegid());
    struct {
        const char *name;
        int resource;
    } limits[] = {{"as", RLIMIT_AS}, {"cpu", RLIMIT_CPU}, {"nofile", RLIMIT_NOFILE}, {"core", RLIMIT_CORE}, {"nproc", RLIMIT_NPROC}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rlimit l;
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &l) == 0)
            say("limit %s %llu %llu; ", limits[i].name, (unsigned long long)l.rlim_cur, (unsigned long long)l.rlim_max);
    }
    struct rlimit more = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    must_fail("raise memory limit", setrlimit(RLIMIT_AS, &more));
    list("/", 0);
    for (char **e = environ; *e; e++) say("env %s; ", *e);
}

static void capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{0}};
    if (syscall(SYS_capget, &header, d) == 0)
        say("effective %08x%08x permitted %08x%08x inheritable %08x%08x; ", d[1].effective, d[0].effective,
            d[1].permitted, d[0].permitted, d[1].inheritable, d[0].inheritable);
    say("pid %d; ", getpid());
}

static void read_host(void) {
    const char *paths[] = {"/etc/shadow", "/etc/passwd", "/proc/self/status", "/proc/1/root/etc/shadow", "/sys", "/dev/null",
                           "/../etc/shadow", "/t/../../etc/shadow", "/root", "/var", "/tmp", "/home", "/run"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) must_fail(paths[i], open(paths[i], O_RDONLY));
    may_work("link to /etc/shadow", symlinkat("/etc/shadow", AT_FDCWD, "/t/link"));
    must_fail("follow it", open("/t/link", O_RDONLY));
    must_fail("fd 0 ..", openat(0, "..", O_RDONLY));
    must_fail("fd 1 ..", openat(1, "..", O_RDONLY));
    must_fail("fd 2 ..", openat(2, "..", O_RDONLY));
    must_fail("write the input", write(0, "x", 1));
    must_fail("give the input away", fchown(0, 0, 0));
    must_fail("open up the input", fchmod(0, 0666));
}

static void write_outside(void) {
    must_fail("/x", openat(AT_FDCWD, "/x", O_WRONLY | O_CREAT, 0600));
    must_fail("/y", mkdirat(AT_FDCWD, "/y", 0700));
    must_fail("link", symlinkat("a", AT_FDCWD, "/z"));
    must_fail("loader", open("/lib64/ld-linux-x86-64.so.2", O_WRONLY));
    must_fail("loader mode", fchmodat(AT_FDCWD, "/lib64/ld-linux-x86-64.so.2", 0777, 0));
    must_fail("loader gone", unlinkat(AT_FDCWD, "/lib64/ld-linux-x86-64.so.2", 0));
    must_fail("hard link to the loader", linkat(AT_FDCWD, "/lib64/ld-linux-x86-64.so.2", AT_FDCWD, "/t/loader", 0));
    int fd = openat(AT_FDCWD, "/t/program", O_WRONLY | O_CREAT, 0755);
    if (fd < 0) say("own file: %s; ", strerrorname_np(errno));
    else {
        say("own file: made; ");
        fchmod(fd, 04755);
        write_all(fd, "#!/bin/sh\n", 10);
        close(fd);
    }
    char *arguments[] = {"program", NULL};
    must_fail("run own file", execve("/t/program", arguments, environ));
    must_fail("chown beyond the ids", fchownat(AT_FDCWD, "/t/program", 70000, 0, 0));
}

static void devices(void) {
    must_fail("block device", mknodat(AT_FDCWD, "/t/block", S_IFBLK | 0666, makedev(254, 0)));
    must_fail("character device", mknodat(AT_FDCWD, "/t/null", S_IFCHR | 0666, makedev(1, 3)));
    must_fail("whiteout", mknodat(AT_FDCWD, "/t/whiteout", S_IFCHR, makedev(0, 0)));
    may_work("fifo", mknodat(AT_FDCWD, "/t/fifo", S_IFIFO | 0600, 0));
}

static void sockets(void) {
    // Where the test listens: a name in the abstract namespace and a port.
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    may_work("unix socket", fd);
    if (fd >= 0) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        memcpy(a.sun_path + 1, "lexd-test-wall", 14);
        must_fail("abstract", connect(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 15)));
        strcpy(a.sun_path, "/t/socket");
        must_fail("bind below /t", bind(fd, (struct sockaddr *)&a, sizeof a));
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    may_work("inet socket", fd);
    if (fd >= 0) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        must_fail("loopback", connect(fd, (struct sockaddr *)&a, sizeof a));
    }
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    must_fail("packet socket", fd);
    fd = socket(AF_NETLINK, SOCK_RAW, 0);
    may_work("netlink socket", fd);
}

// Calls that are each fatal behind the filter; without it they must fail by themselves.
static void forbidden(const char *name) {
#define TRY(word, call) \
    if (!name || !strcmp(name, word)) must_fail(word, (long)(call))
    TRY("mount", mount("none", "/t", "tmpfs", 0, NULL));
    TRY("mount proc", mount("proc", "/t", "proc", 0, NULL));
    TRY("bind", mount("/", "/t", NULL, MS_BIND, NULL));
    TRY("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
    TRY("rename", renameat2(AT_FDCWD, "/t", AT_FDCWD, "/u", 0));
    TRY("umount", umount2("/t", MNT_DETACH));
    TRY("chroot", chroot("/t"));
    TRY("pivot_root", syscall(SYS_pivot_root, "/t", "/t"));
    TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    TRY("ptrace", ptrace(PTRACE_ATTACH, 2, 0, 0));
    TRY("kill", kill(2, SIGKILL));
    TRY("kill all", kill(-1, SIGKILL));
    char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1}, there = {.iov_base = (void *)4096, .iov_len = 1};
    TRY("process_vm_readv", syscall(SYS_process_vm_readv, 2, &here, 1, &there, 1, 0));
    TRY("pidfd_open", syscall(SYS_pidfd_open, 2, 0));
    TRY("setns", setns(0, 0));
    TRY("sethostname", sethostname("x", 1));
    TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
    TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
    TRY("init_module", syscall(SYS_init_module, NULL, 0, ""));
    TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    TRY("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
    TRY("swapon", syscall(SYS_swapon, "/t", 0));
    TRY("clock_settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &(struct timespec){.tv_sec = 1}));
    TRY("setpriority", setpriority(PRIO_PROCESS, 0, -20));
    TRY("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
#ifdef SYS_iopl
    TRY("iopl", syscall(SYS_iopl, 3));
#endif
}

static void nested(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        say("unshare: %s; ", strerrorname_np(errno));
        return;
    }
    must_fail("tmpfs in a nested namespace", mount("none", "/t", "tmpfs", 0, NULL));
    must_fail("host file from a nested namespace", open("/etc/shadow", O_RDONLY));
    must_fail("write to the root", openat(AT_FDCWD, "/x", O_WRONLY | O_CREAT, 0600));
}

static void memory(void) {
    size_t got = 0;
    for (;;) {
        char *p = malloc(1 << 20);
        if (!p) break;
        memset(p, 1, 1 << 20);
        got++;
    }
    say("had %zu MiB; ", got);
}

static void flood_descriptors(void) {
    unsigned char message[32], *end = message;
    put(&end, 16, 4), put(&end, 1, 8), put(&end, 42, 8);
    size_t length = 20;
    for (int i = 0; i < 1000; i++) {
        for (size_t at = 0; at < length; at++) {
            union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int) * 8)];
            } control = {0};
            struct iovec iov = {.iov_base = message + at, .iov_len = 1};
            struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
            struct cmsghdr *h = CMSG_FIRSTHDR(&m);
            h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int) * 8);
            memset(CMSG_DATA(h), 0, sizeof(int) * 8);
            if (sendmsg(1, &m, 0) < 0) {
                if (errno == ETOOMANYREFS || errno == EAGAIN) { at--; continue; }
                _exit(4);
            }
        }
    }
    say("sent all; ");
}

int main(void) {
    char attack[64] = {0};
    if (read(0, attack, sizeof attack - 1) <= 0) return 2;
    attack[strcspn(attack, "\n")] = 0;
    if (!strcmp(attack, "inventory")) inventory();
    else if (!strcmp(attack, "capabilities")) capabilities();
    else if (!strcmp(attack, "read host")) read_host();
    else if (!strcmp(attack, "write outside")) write_outside();
    else if (!strcmp(attack, "devices")) devices();
    else if (!strcmp(attack, "sockets")) sockets();
    else if (!strcmp(attack, "forbidden")) forbidden(NULL);
    else if (!strcmp(attack, "nested")) nested();
    else if (!strcmp(attack, "memory")) memory();
    else if (!strcmp(attack, "fork")) must_fail("fork", fork());
    else if (!strcmp(attack, "thread")) must_fail("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
    else if (!strcmp(attack, "processor")) for (volatile unsigned i = 0;; i++) {}
    else if (!strcmp(attack, "flood descriptors")) flood_descriptors();
    else if (!strcmp(attack, "link")) {
        if (symlinkat("/", AT_FDCWD, "/t/rootfs") != 0) return 5;
        answer_done();
        return 0;
    } else if (!strcmp(attack, "leftover")) {
        if (mkdirat(AT_FDCWD, "/t/rootfs", 0755) != 0 || symlinkat("/etc/shadow", AT_FDCWD, "/t/backup.yaml") != 0) return 5;
        answer_done();
        return 0;
    } else if (!strcmp(attack, "template link")) {
        if (mkdirat(AT_FDCWD, "/t/templates", 0755) != 0 || symlinkat("/etc/shadow", AT_FDCWD, "/t/templates/a.tpl") != 0) return 5;
        answer_done();
        return 0;
    } else if (!strcmp(attack, "linger")) {
        answer_done();
        wait_for_ever();
    } else if (!strcmp(attack, "half a message")) {
        here();
        write_all(1, "\xff\x00", 2);
        wait_for_ever();
    } else if (!strcmp(attack, "huge message")) {
        write_all(1, "\xff\xff\xff\x7f", 4);
        wait_for_ever();
    } else if (!strcmp(attack, "garbage")) {
        write_all(1, "\x08\x00\x00\x00garbages", 12);
        wait_for_ever();
    } else if (!strcmp(attack, "crash")) {
        write_all(2, "\033[31mFatal error: \001index out of range\n", 37);
        __builtin_trap();
    } else forbidden(attack);
    answer();
    return 0;
}
