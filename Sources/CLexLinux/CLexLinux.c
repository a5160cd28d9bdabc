#define _GNU_SOURCE
#include "CLexLinux.h"

#include <dlfcn.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ethtool.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
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
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
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
int lex_clone_tree_of(int fd, int recursive) {
    return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0));
}
const uint64_t lex_mount_attr_noatime = MOUNT_ATTR_NOATIME, lex_mount_attr_strictatime = MOUNT_ATTR_STRICTATIME,
               lex_mount_attr_nodiratime = MOUNT_ATTR_NODIRATIME, lex_mount_attr_atime_mask = MOUNT_ATTR__ATIME,
               lex_mount_attr_nosymfollow = 0x00200000;  // MOUNT_ATTR_NOSYMFOLLOW, which glibc's header has not
int lex_change_mount(int mount_fd, int userns_fd, uint64_t set, uint64_t clear, int recursive) {
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear};
    if (userns_fd >= 0) {
        attr.attr_set |= MOUNT_ATTR_IDMAP;
        attr.userns_fd = (uint64_t)userns_fd;
    }
    if (attr.attr_set == 0 && attr.attr_clr == 0) return 0;
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}
const unsigned long lex_ms_private = MS_PRIVATE, lex_ms_shared = MS_SHARED, lex_ms_unbindable = MS_UNBINDABLE;
int lex_knows_syscall(const char *name) {
    /* liblxc needs the library anyway; who links us does not. It stays loaded. */
    void *library = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) return -1;
    int (*resolve)(const char *) = (int (*)(const char *))dlsym(library, "seccomp_syscall_resolve_name");
    if (!resolve) return -1;
    return resolve(name) != -1; /* __NR_SCMP_ERROR */
}
int lex_set_propagation(int mount_fd, unsigned long propagation, int recursive) {
    struct mount_attr attr = {.propagation = propagation};
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}
int lex_make_mount(const char *type, const char *source, const char *const *options, size_t count, int read_only, int *failed) {
    *failed = -1;
    int fs = fsopen(type, FSOPEN_CLOEXEC);
    if (fs < 0) return -1;
    int result = 0;
    if (source) result = fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0);
    if (result == 0 && read_only) result = fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
    for (size_t i = 0; i < count && result == 0; i++) {
        char key[256];
        const char *equals = strchr(options[i], '=');
        size_t length = equals ? (size_t)(equals - options[i]) : strlen(options[i]);
        if (length == 0 || length >= sizeof key) {
            errno = EINVAL;
            result = -1;
        } else {
            memcpy(key, options[i], length);
            key[length] = 0;
            result = equals ? fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0) : fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
        }
        if (result != 0) *failed = (int)i;
    }
    if (result == 0) result = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (result == 0) result = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    int code = errno;
    close(fs);
    errno = code;
    return result;
}
int lex_reconfigure(int mount_fd, const char *key, const char *value) {
    int fs = fspick(mount_fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (fs < 0) return -1;
    int result = fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
    if (result == 0) result = fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    int code = errno;
    close(fs);
    errno = code;
    return result;
}
int lex_umount_detach_file(int proc_fds, int fd) {
    char name[16];
    snprintf(name, sizeof name, "%d", fd);
    if (fchdir(proc_fds) != 0) return -1;
    return umount2(name, MNT_DETACH);
}
int lex_make_node(int dirfd, const char *name, int is_block, unsigned int mode, unsigned int major, unsigned int minor) {
    if (mknodat(dirfd, name, (is_block ? S_IFBLK : S_IFCHR) | 0600, makedev(major, minor)) != 0) return -1;
    return fchmodat(dirfd, name, mode & 07777, 0);
}
void lex_device_number(uint64_t device, unsigned int *major, unsigned int *minor) {
    *major = major((dev_t)device);
    *minor = minor((dev_t)device);
}
int lex_attach_tree(int mount_fd, int target_dirfd, const char *target) {
    return move_mount(mount_fd, "", target_dirfd, target, MOVE_MOUNT_F_EMPTY_PATH);
}

int lex_attach_tree_to(int mount_fd, int target_fd) {
    return move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
int lex_overlay_view(const int *directories, size_t count) {
    // By descriptor: a path could hold the colon that separates them, and be longer than an option may be.
    char lowers[256] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(lowers);
        int wanted = snprintf(lowers + used, sizeof lowers - used, "%s/proc/self/fd/%d", i ? ":" : "", directories[i]);
        if (wanted < 0 || (size_t)wanted >= sizeof lowers - used) return errno = E2BIG, -1;
    }
    int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0) return -1;
    const char *options[][2] = {{"lowerdir", lowers}, {"redirect_dir", "follow"}, {"metacopy", "off"}, {"index", "off"}};
    int result = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options && result == 0; i++)
        result = fsconfig(fs, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0);
    if (result == 0) result = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (result == 0)
        result = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
    int code = errno;
    close(fs);
    errno = code;
    return result;
}

static int open_how(int dirfd, const char *path, int flags, unsigned int mode, uint64_t resolve) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}
int lex_open_in_root(int dirfd, const char *path, int flags) {
    return open_how(dirfd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}
int lex_create_in_root(int dirfd, const char *path, unsigned int mode) {
    return open_how(
        dirfd, path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}
const int lex_o_path = O_PATH;
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
int lex_exchange(int dirfd, const char *name, int other_dirfd, const char *other_name) {
    return renameat2(dirfd, name, other_dirfd, other_name, RENAME_EXCHANGE);
}

int lex_clone_file(int target, int source) { return ioctl(target, FICLONE, source); }
ssize_t lex_copy_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t size) {
    off64_t from = source_offset, to = target_offset;
    return copy_file_range(source, &from, target, &to, size, 0);
}
int64_t lex_next_data(int fd, int64_t offset) { return lseek(fd, offset, SEEK_DATA); }
int64_t lex_next_hole(int fd, int64_t offset) { return lseek(fd, offset, SEEK_HOLE); }
int lex_open_to_read(int dirfd, const char *name) {
    return openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC);
}
ssize_t lex_list_attributes(int fd, char *names, size_t size) { return flistxattr(fd, names, size); }
ssize_t lex_read_attribute(int fd, const char *name, void *value, size_t size) {
    return fgetxattr(fd, name, value, size);
}
ssize_t lex_list_attributes_at(const char *path, char *names, size_t size) { return llistxattr(path, names, size); }
int lex_set_attribute_at(const char *path, const char *name, const void *value, size_t size) {
    return lsetxattr(path, name, value, size, 0);
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

int lex_read_port_settings(const char *name, struct lex_port_settings *settings) {
    memset(settings, 0, sizeof *settings);
    struct ifreq request = {0};
    if (strlen(name) >= sizeof request.ifr_name) { errno = EINVAL; return -1; }
    strcpy(request.ifr_name, name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ethtool_cmd link = {.cmd = ETHTOOL_GSET};
    request.ifr_data = (void *)&link;
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
        settings->supported = link.supported;
        settings->port = link.port;
        settings->transceiver = link.transceiver;
        settings->autonegotiation = link.autoneg;
        settings->has_settings = 1;
    }
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    request.ifr_data = (void *)&driver;
    if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
        memcpy(settings->firmware, driver.fw_version, sizeof settings->firmware);
        settings->firmware[sizeof settings->firmware - 1] = 0;
    }
    close(fd);
    return 0;
}

int lex_uevent_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (fd < 0) return -1;
    // Hundreds of events come at once when a hub is plugged in; what is lost is found by the next look.
    int size = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}
ssize_t lex_receive_uevent(int socket, void *bytes, size_t count) {
    struct sockaddr_nl sender = {0};
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT);
    // Any process may send there; the kernel's number is 0.
    if (size > 0 && (sender.nl_pid != 0 || (message.msg_flags & MSG_TRUNC))) return 0;
    return size;
}
int lex_watcher(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }
int lex_watch_directory(int watcher, const char *path) {
    return inotify_add_watch(watcher, path, IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR | IN_ONESHOT);
}
