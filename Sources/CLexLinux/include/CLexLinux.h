// Calls that Swift's Glibc module does not show (hidden behind _GNU_SOURCE, or function-like macros), or that glibc
// does not wrap. Nothing else belongs here. Every function returns what the call returns and leaves errno as the
// call left it; the prefix is `lex_`.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// fork(2) is marked unavailable in Swift. Only for single-threaded programs: lexd-runtime and lexd-archive.
pid_t lex_fork(void);

// WIFEXITED and its relatives are macros. Exit code 0...255, or 128 + signal.
int lex_exit_status(int wait_status);

// Kernel namespaces: CLONE_* are hidden behind _GNU_SOURCE.
extern const int lex_clone_newns, lex_clone_newuser, lex_clone_newpid, lex_clone_newnet, lex_clone_newipc,
    lex_clone_newuts, lex_clone_newcgroup;
int lex_unshare(int flags);
int lex_setns(int fd, int type);

// A child that sits in a new user namespace and waits to be killed; for writing its maps and opening its namespace.
pid_t lex_user_namespace_child(void);

// Mounts. `lex_mount` takes NULL-able strings as mount(2) does.
extern const unsigned long lex_ms_rec, lex_ms_slave, lex_ms_nosuid, lex_ms_nodev;
int lex_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int lex_umount_detach(const char *target);

// A detached copy of the tree at `path` (open_tree(2), OPEN_TREE_CLONE). With `recursive` its submounts too.
int lex_clone_tree(int dirfd, const char *path, int recursive);
// mount_setattr(2) on a detached mount: `userns_fd` < 0 for no id mapping.
int lex_set_mount_attributes(int mount_fd, int userns_fd, int read_only, int nosuid, int nodev);
int lex_attach_tree(int mount_fd, int target_dirfd, const char *target);

// openat2(2) below `dirfd` with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: any symbolic link is ELOOP.
int lex_open_no_links(int dirfd, const char *path, int flags, unsigned int mode);

// Processes.
int lex_pidfd_open(pid_t pid);
int lex_pidfd_send_signal(int pidfd, int signal);
int lex_set_no_new_privileges(void);
int lex_set_parent_death_signal(int signal);
int lex_sigrtmin(void);
int lex_memfd(const char *name);
int lex_seal_memfd(int fd);
int lex_limit(int resource, uint64_t value);
extern const int lex_rlimit_as, lex_rlimit_cpu, lex_rlimit_nofile, lex_rlimit_core, lex_rlimit_nproc;
int lex_setgroups_none(void);

// pipe2(2), close-on-exec.
int lex_pipe(int fds[2]);

// Sockets.
int lex_socketpair_stream(int fds[2]);
// sendmsg/recvmsg with descriptors (SCM_RIGHTS); at most 8. Received descriptors are close-on-exec.
ssize_t lex_send(int socket, const void *bytes, size_t count, const int *fds, size_t fd_count);
ssize_t lex_receive(int socket, void *bytes, size_t count, int *fds, size_t fd_capacity, size_t *fd_count);
int lex_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid);

// A route netlink socket in the network namespace of the calling thread.
int lex_route_socket(void);

// Terminals: a new pseudo-terminal of the host's, or of the devpts whose root is open as `devpts`. A guest may have
// mounted or linked there what it likes: nothing but that devpts's own ptmx is opened, else EXDEV, ELOOP or ENODEV.
int lex_open_terminal(int *master, int *slave);
int lex_open_terminal_in(int devpts, int *master, int *slave);
// The N of /dev/pts/N for a master side (TIOCGPTN); -1 on error.
int lex_terminal_number(int master);
int lex_set_window_size(int fd, unsigned short rows, unsigned short columns);
int lex_make_controlling_terminal(int fd);

// A listening Unix socket at `path`, mode 0600; and a connection to one.
int lex_listen_unix(const char *path);
int lex_connect_unix(const char *path);
int lex_accept(int socket);
// One datagram to the socket named in NOTIFY_SOCKET (sd_notify(3)); 0 when there is none.
int lex_notify(const char *text);

// Event polling with no Glibc overlay in the way.
int lex_epoll_create(void);
int lex_epoll_add_oneshot(int epoll, int fd, uint64_t token, int writable);
int lex_epoll_remove(int epoll, int fd);
int lex_epoll_wait(int epoll, uint64_t *tokens, int capacity, int timeout_milliseconds);

// Confinement (lexd-runtime's Jobs/Confine.swift). Mounts are attached by descriptor: `lex_clone_mount` copies the one
// mount `fd` lies on, rooted at `fd`; `lex_restrict_mount` adds attributes and, unless `userns_fd` < 0, an id mapping.
extern const uint64_t lex_mount_attr_read_only, lex_mount_attr_nosuid, lex_mount_attr_nodev, lex_mount_attr_noexec;
int lex_open_path(const char *path, int follow);
int lex_clone_mount(int fd);
int lex_restrict_mount(int mount_fd, int userns_fd, uint64_t attributes);
// Makes the current directory, a mount point, the root of the mount namespace and takes the old root off.
int lex_move_root_here(void);
// Cuts the bounding, permitted and effective set to these; inheritable and ambient become empty.
extern const int lex_cap_chown, lex_cap_dac_override, lex_cap_fowner, lex_cap_fsetid, lex_cap_setfcap;
int lex_keep_capabilities(const int *kept, size_t count);
// Landlock: reading and executing of the program's files; below `writable_fd`, if any, everything but executing,
// devices and sockets; no TCP, no signals or abstract sockets beyond the process. -1 with ENOSYS or EOPNOTSUPP where
// the kernel has none.
int lex_landlock_program(const int *program_fds, size_t count, int writable_fd);
int lex_close_on_exec_from(unsigned int first);
// wait4(2) for one process, with the processor time it took.
int lex_wait_process(pid_t pid, int *status, uint64_t *cpu_milliseconds);

// seccomp. The first list is for a confined program from before its execve(2): its loader must run. The second is what
// lexd-archive takes on itself once it is loaded. A call on neither list ends the process.
int lex_install_launch_seccomp(void);
int lex_install_archive_seccomp(void);

// fsetxattr(2), lgetxattr(2): not in Swift's Glibc module.
int lex_set_attribute(int fd, const char *name, const void *value, size_t size);
ssize_t lex_get_attribute(const char *path, const char *name, void *value, size_t size);
// recv(2) that neither waits nor accepts descriptors: for a peer that is not trusted.
ssize_t lex_receive_bytes(int socket, void *bytes, size_t count);
// A pipe neither of whose ends ever waits.
int lex_pipe_nonblocking(int ends[2]);

// glibc malloc: at most `count` arenas (each thread otherwise gets one of its own; resident memory grows).
void lex_malloc_arenas(int count);
// syncfs(2).
int lex_syncfs(int fd);
// statfs(2) numbers of the file system `fd` lies on, in bytes and counts.
int lex_file_system_space(int fd, uint64_t *total, uint64_t *available, uint64_t *inodes, uint64_t *inodes_free, int64_t *magic);
// flock(2): hidden name clash between the function and the struct.
int lex_lock_exclusive(int fd, int wait);
// renameat2(2) with RENAME_NOREPLACE.
int lex_rename_new(int old_dirfd, const char *old_name, int new_dirfd, const char *new_name);
// The number of threads of this process, read from /proc/self/task.
int lex_thread_count(void);
