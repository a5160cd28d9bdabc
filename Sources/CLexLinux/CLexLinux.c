#define _GNU_SOURCE
#include "CLexLinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

pid_t lex_fork(void) { return fork(); }

int lex_exit_status(int s) {
    if (WIFEXITED(s)) return WEXITSTATUS(s);
    if (WIFSIGNALED(s)) return 128 + WTERMSIG(s);
    return 255;
}

const int lex_clone_newns = CLONE_NEWNS, lex_clone_newuser = CLONE_NEWUSER, lex_clone_newpid = CLONE_NEWPID,
          lex_clone_newnet = CLONE_NEWNET, lex_clone_newipc = CLONE_NEWIPC, lex_clone_newuts = CLONE_NEWUTS,
          lex_clone_newcgroup = CLONE_NEWCGROUP;
int lex_unshare(int flags) { return unshare(flags); }
int lex_setns(int fd, int type) { return setns(fd, type); }

pid_t lex_user_namespace_child(void) {
    // The raw call: the child shares no stack trick with us, it is a plain fork into a new user namespace.
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;) pause();
    }
    return pid;
}

const unsigned long lex_ms_rec = MS_REC, lex_ms_slave = MS_SLAVE, lex_ms_nosuid = MS_NOSUID, lex_ms_nodev = MS_NODEV;
int lex_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}
int lex_umount_detach(const char *target) { return umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW); }

int lex_clone_tree(int dirfd, const char *path, int recursive) {
    return open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | (recursive ? AT_RECURSIVE : 0));
}
int lex_set_mount_attributes(int mount_fd, int userns_fd, int read_only, int nosuid, int nodev) {
    struct mount_attr attr = {0};
    if (userns_fd >= 0) {
        attr.attr_set |= MOUNT_ATTR_IDMAP;
        attr.userns_fd = (uint64_t)userns_fd;
    }
    if (read_only) attr.attr_set |= MOUNT_ATTR_RDONLY;
    if (nosuid) attr.attr_set |= MOUNT_ATTR_NOSUID;
    if (nodev) attr.attr_set |= MOUNT_ATTR_NODEV;
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr);
}
int lex_attach_tree(int mount_fd, int target_dirfd, const char *target) {
    return move_mount(mount_fd, "", target_dirfd, target, MOVE_MOUNT_F_EMPTY_PATH);
}

static int open_how(int dirfd, const char *path, int flags, unsigned int mode, uint64_t resolve) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}
int lex_open_no_links(int dirfd, const char *path, int flags, unsigned int mode) {
    return open_how(dirfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int lex_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int lex_pidfd_send_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }
int lex_set_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
int lex_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
int lex_sigrtmin(void) { return SIGRTMIN; }
int lex_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }
int lex_seal_memfd(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE); }
const int lex_rlimit_as = RLIMIT_AS, lex_rlimit_cpu = RLIMIT_CPU, lex_rlimit_nofile = RLIMIT_NOFILE,
          lex_rlimit_core = RLIMIT_CORE, lex_rlimit_nproc = RLIMIT_NPROC;
int lex_limit(int resource, uint64_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}
int lex_setgroups_none(void) { return setgroups(0, NULL); }

int lex_pipe(int fds[2]) { return pipe2(fds, O_CLOEXEC); }
int lex_socketpair_stream(int fds[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds); }
#define MAX_FDS 8
ssize_t lex_send(int socket, const void *bytes, size_t count, const int *fds, size_t fd_count) {
    if (fd_count > MAX_FDS) return errno = EINVAL, -1;
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * MAX_FDS)]; } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}
ssize_t lex_receive(int socket, void *bytes, size_t count, int *fds, size_t fd_capacity, size_t *fd_count) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int) * MAX_FDS)]; } control;
    struct iovec iov = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *fd_count = 0;
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return got;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
            if (*fd_count < fd_capacity) fds[(*fd_count)++] = fd;
            else close(fd);
        }
    }
    return got;
}
int lex_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred c;
    socklen_t length = sizeof c;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &c, &length) != 0) return -1;
    *pid = c.pid, *uid = c.uid, *gid = c.gid;
    return 0;
}

int lex_route_socket(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

// TIOCGPTPEER opens the other side through the master: no path look-up, right in any mount namespace.
static int open_slave(int *master, int *slave) {
    int unlock = 0;
    if (ioctl(*master, TIOCSPTLCK, &unlock) == 0 && (*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0)
        return 0;
    int saved = errno;
    close(*master);
    errno = saved;
    return -1;
}
int lex_open_terminal(int *master, int *slave) {
    *master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return *master < 0 ? -1 : open_slave(master, slave);
}
int lex_open_terminal_in(int devpts, int *master, int *slave) {
    *master = open_how(devpts, "ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
    if (*master < 0) return -1;
    struct statfs s;
    if (fstatfs(*master, &s) == 0 && s.f_type == DEVPTS_SUPER_MAGIC) return open_slave(master, slave);
    close(*master);
    return errno = ENODEV, -1;
}
int lex_terminal_number(int master) {
    unsigned int number = 0;
    return ioctl(master, TIOCGPTN, &number) == 0 ? (int)number : -1;
}
int lex_set_window_size(int fd, unsigned short rows, unsigned short columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(fd, TIOCSWINSZ, &size);
}
int lex_make_controlling_terminal(int fd) {
    setsid();
    return ioctl(fd, TIOCSCTTY, 0);
}

static int unix_address(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return errno = ENAMETOOLONG, -1;
    strcpy(address->sun_path, path);
    return 0;
}
int lex_listen_unix(const char *path) {
    struct sockaddr_un address;
    if (unix_address(path, &address) != 0) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    // The mode is set on the descriptor before bind: the socket file never exists with a wider one.
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}
int lex_connect_unix(const char *path) {
    struct sockaddr_un address;
    if (unix_address(path, &address) != 0) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}
int lex_accept(int socket) { return accept4(socket, NULL, NULL, SOCK_CLOEXEC); }

int lex_notify(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || !*path) return 0;
    struct sockaddr_un address;
    if (unix_address(path, &address) != 0) return -1;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    // An abstract name is written with @ for its leading NUL.
    if (path[0] == '@') address.sun_path[0] = 0;
    else length++;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
    close(fd);
    return sent < 0 ? -1 : 0;
}

int lex_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
int lex_epoll_add_oneshot(int epoll, int fd, uint64_t token, int writable) {
    struct epoll_event event = {.events = (writable ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLONESHOT, .data.u64 = token};
    int rc = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    if (rc != 0 && errno == EEXIST) rc = epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
    return rc;
}
int lex_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }
int lex_epoll_wait(int epoll, uint64_t *tokens, int capacity, int timeout) {
    struct epoll_event events[64];
    if (capacity > 64) capacity = 64;
    int n = epoll_wait(epoll, events, capacity, timeout);
    for (int i = 0; i < n; i++) tokens[i] = events[i].data.u64;
    return n;
}

void lex_malloc_arenas(int count) { mallopt(M_ARENA_MAX, count); }
int lex_syncfs(int fd) { return syncfs(fd); }
int lex_file_system_space(int fd, uint64_t *total, uint64_t *available, uint64_t *inodes, uint64_t *inodes_free, int64_t *magic) {
    struct statfs s;
    if (fstatfs(fd, &s) != 0) return -1;
    *total = (uint64_t)s.f_blocks * (uint64_t)s.f_frsize;
    *available = (uint64_t)s.f_bavail * (uint64_t)s.f_frsize;
    *inodes = s.f_files;
    *inodes_free = s.f_ffree;
    *magic = (int64_t)s.f_type;
    return 0;
}
int lex_lock_exclusive(int fd, int wait) {
    int rc;
    do rc = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    while (rc != 0 && errno == EINTR);
    return rc;
}
int lex_rename_new(int old_dirfd, const char *old_name, int new_dirfd, const char *new_name) {
    return renameat2(old_dirfd, old_name, new_dirfd, new_name, RENAME_NOREPLACE);
}
int lex_thread_count(void) {
    DIR *dir = opendir("/proc/self/task");
    if (!dir) return -1;
    int n = 0;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.') n++;
    closedir(dir);
    return n;
}
