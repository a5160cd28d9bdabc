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
// The same of what a descriptor (O_PATH will do) stands for.
int lex_clone_tree_of(int fd, int recursive);
// mount_setattr(2) on a detached mount, also below it with `recursive`: attributes to set and to clear, and unless
// `userns_fd` < 0 an id mapping.
int lex_change_mount(int mount_fd, int userns_fd, uint64_t set, uint64_t clear, int recursive);
// mount_setattr(2): how it propagates; one of lex_ms_private, lex_ms_slave, lex_ms_shared, lex_ms_unbindable.
/* Whether libseccomp knows a system call of that name, of any machine: 1, 0, or -1 when it cannot be asked. */
int lex_knows_syscall(const char *name);
int lex_set_propagation(int mount_fd, unsigned long propagation, int recursive);
extern const unsigned long lex_ms_private, lex_ms_shared, lex_ms_unbindable;
extern const uint64_t lex_mount_attr_noatime, lex_mount_attr_strictatime, lex_mount_attr_nodiratime, lex_mount_attr_atime_mask,
    lex_mount_attr_nosymfollow;
// A new mount of a file system that hangs nowhere yet (fsopen(2), fsconfig(2), fsmount(2)): `source` may be NULL; options
// are NAME or NAME=VALUE. `failed` is the option that was refused, -1 for none.
int lex_make_mount(const char *type, const char *source, const char *const *options, size_t count, int read_only, int *failed);
// Changes one option of a mounted file system, by the root of a mount of it (fspick(2)).
int lex_reconfigure(int mount_fd, const char *key, const char *value);
// umount2(2) with MNT_DETACH of what lies on the file that `fd` stands for; `proc_fds` is /proc/self/fd, opened before a
// change of the mount namespace.
int lex_umount_detach_file(int proc_fds, int fd);
// mknodat(2) with the number made from major and minor, whatever the umask; and the numbers of st_rdev.
int lex_make_node(int dirfd, const char *name, int is_block, unsigned int mode, unsigned int major, unsigned int minor);
void lex_device_number(uint64_t device, unsigned int *major, unsigned int *minor);
int lex_attach_tree(int mount_fd, int target_dirfd, const char *target);
int lex_attach_tree_to(int mount_fd, int target_fd);
// A read-only overlay of these directories, the topmost first, mounted nowhere: a descriptor of its root
// (fsopen(2), fsmount(2)). Nothing of it is left when the descriptor is closed.
int lex_overlay_view(const int *directories, size_t count);

// openat2(2) below `dirfd` with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: any symbolic link is ELOOP.
int lex_open_no_links(int dirfd, const char *path, int flags, unsigned int mode);
// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: `dirfd` is the root, also for symbolic links.
int lex_open_in_root(int dirfd, const char *path, int flags);
// The same for writing; a file that is not there is made.
int lex_create_in_root(int dirfd, const char *path, unsigned int mode);
extern const int lex_o_path;

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

// A socket that the kernel tells of its devices on (NETLINK_KOBJECT_UEVENT); neither it nor reading from it waits.
// `lex_receive_uevent` answers a datagram's size; 0 for one that does not come from the kernel.
int lex_uevent_socket(void);
ssize_t lex_receive_uevent(int socket, void *bytes, size_t count);
// inotify(7): a descriptor that does not wait; a watch for the first thing to be made, moved or removed in a directory.
int lex_watcher(void);
int lex_watch_directory(int watcher, const char *path);

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
// Gives up all of the permitted, effective and inheritable set; whoever has none may do so, too.
int lex_drop_capabilities(void);
// Whether a capability of this thread is in effect, which it stays permitted to.
int lex_set_effective_capability(int capability, int is_effective);
extern const int lex_cap_sys_resource;
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
// Refuses (ENOSYS) all calls but those of the machine's own width, for this process and its children.
int lex_deny_foreign_calls(void);

// Interception of calls (seccomp_unotify(2)). Groups of calls, and the calls in them.
enum {
    LEX_INTERCEPT_MKNOD = 1, LEX_INTERCEPT_SETXATTR = 2, LEX_INTERCEPT_SCHEDULER = 4, LEX_INTERCEPT_SYSINFO = 8,
    LEX_INTERCEPT_MOUNT = 16, LEX_INTERCEPT_BPF = 32,
};
enum {
    LEX_CALL_MKNOD = 0, LEX_CALL_MKNODAT, LEX_CALL_SETXATTR, LEX_CALL_LSETXATTR, LEX_CALL_FSETXATTR, LEX_CALL_SCHEDULER,
    LEX_CALL_SYSINFO, LEX_CALL_MOUNT, LEX_CALL_NEW_MOUNT, LEX_CALL_BPF,
};
// The flags of a mount(2) that makes a mount of a file system and does nothing else; `lex_mount_flags` takes off the
// mark that old programs put on them.
extern const uint32_t lex_plain_mount_flags;
uint32_t lex_mount_flags(uint32_t flags);
// Which of the calls a number is on an architecture; -1 for any other call.
int lex_call_kind(uint32_t architecture, int number);
int lex_call_is_narrow(uint32_t architecture);
uint32_t lex_own_architecture(void);
// Has these groups of calls of this process and its children told to the descriptor it returns: of mknod(2) only those of
// these character devices, of setxattr(2) only those of one byte, of mount(2) only those with plain flags, of bpf(2) only
// loading, attaching and detaching.
int lex_intercept(int calls, const uint32_t *devices, size_t count);
struct lex_call {
    uint64_t id;
    pid_t thread;
    uint32_t architecture;
    int number;
    uint64_t arguments[6];
};
int lex_receive_call(int listener, struct lex_call *call);
// 0 while the call waits for its answer: then its thread is still the one that made it.
int lex_call_is_pending(int listener, uint64_t id);
// `error` is an errno or 0; with `proceeds` the kernel makes the call as if nobody had looked.
int lex_answer_call(int listener, uint64_t id, int error, int proceeds);
// Gives the caller a descriptor and answers the call with its number (SECCOMP_ADDFD_FLAG_SEND).
int lex_answer_with_descriptor(int listener, uint64_t id, int fd);
// fork(2), but with one table of descriptors.
pid_t lex_fork_with_descriptors(void);
void *lex_shared_memory(size_t size);
// fchdir(2) and chroot(2).
int lex_root_at(int fd);
// Takes on ids, groups and capabilities for good, of the user namespace we are in.
int lex_become_caller(uid_t user, gid_t group, const gid_t *groups, size_t count, uint64_t capabilities);
// setfsuid(2), setfsgid(2), with these capabilities and no others.
int lex_own_files_as(uid_t user, gid_t group, uint64_t capabilities);
// openat2(2) with RESOLVE_NO_MAGICLINKS.
int lex_open_without_magic(const char *path, int flags);
// setxattr(2).
int lex_mark_attribute(const char *path, const char *name, const void *value, size_t size, int flags);
// faccessat2(2): whether names in the directory may be made, with the effective ids.
int lex_may_change_directory(int fd);
// NS_GET_USERNS (ioctl_ns(2)).
int lex_owner_of_namespace(int fd);
// NS_GET_PARENT (ioctl_ns(2)).
int lex_parent_of_namespace(int fd);
// Loads what a type of file system needs; -1 when there is none of that name.
int lex_probe_file_system(const char *type);
// A descriptor of a thread (PIDFD_THREAD, Linux 6.9); before that only one of a process's first. And a copy of a
// descriptor of whom it stands for (pidfd_getfd(2)).
int lex_pidfd_of_thread(pid_t thread);
int lex_descriptor_of(int pidfd, int fd);
// bpf(2) with programs for the devices of a group: `log` may be NULL.
int lex_load_device_program(const void *instructions, uint32_t count, const char *license, const char name[16],
    uint32_t flags, uint32_t log_level, char *log, uint32_t log_size);
int lex_attach_device_program(int group, int program, uint32_t flags, int replaced);
int lex_detach_device_program(int group, int program);
// Whether a directory is one of the unified tree of control groups.
int lex_is_unified_group(int fd);
int lex_set_scheduler(pid_t thread, int policy, int priority);
// sysinfo(2): uptime, three loads, then in bytes memory, free, shared, swap, free swap, and the number of processes.
int lex_system_information(uint64_t values[10]);
extern const int lex_cap_sys_admin, lex_cap_mknod, lex_cap_sys_nice, lex_cap_sys_chroot, lex_cap_sys_ptrace, lex_cap_setuid,
    lex_cap_setgid, lex_cap_setpcap, lex_cap_kill, lex_cap_dac_read_search, lex_cap_net_admin, lex_cap_bpf;

// fsetxattr(2), lgetxattr(2): not in Swift's Glibc module.
int lex_set_attribute(int fd, const char *name, const void *value, size_t size);
ssize_t lex_get_attribute(const char *path, const char *name, void *value, size_t size);
// recv(2) that neither waits nor accepts descriptors: for a peer that is not trusted.
ssize_t lex_receive_bytes(int socket, void *bytes, size_t count);
// A pipe neither of whose ends ever waits.
int lex_pipe_nonblocking(int ends[2]);

// glibc malloc: at most `count` arenas (each thread otherwise gets one of its own; resident memory grows).
void lex_malloc_arenas(int count);

// Quotas of projects (quotactl(2), ioctl_xfs_fsgetxattr(2)). The project that a file or directory counts for, and whether
// what is made in the directory will.
int lex_get_project(int fd, uint32_t *project, int *is_inherited);
int lex_set_project(int fd, uint32_t project, int is_inherited);
// Whether the file system of `fd` enforces limits of projects: 0, 1.
int lex_enforces_projects(int fd);
// The hard limit of a project in KiB, 0 for none, and what is used of it; and a new limit.
int lex_project_quota(int fd, uint32_t project, uint64_t *limit, uint64_t *bytes, uint64_t *files);
int lex_limit_project(int fd, uint32_t project, uint64_t kibibytes);

// syncfs(2).
int lex_syncfs(int fd);
// statfs(2) numbers of the file system `fd` lies on, in bytes and counts.
int lex_file_system_space(int fd, uint64_t *total, uint64_t *available, uint64_t *inodes, uint64_t *inodes_free, int64_t *magic);
// flock(2): hidden name clash between the function and the struct.
int lex_lock_exclusive(int fd, int wait);
// renameat2(2) with RENAME_NOREPLACE.
int lex_rename_new(int old_dirfd, const char *old_name, int new_dirfd, const char *new_name);
// renameat2(2) with RENAME_EXCHANGE.
int lex_exchange(int dirfd, const char *name, int other_dirfd, const char *other_name);

// Copies of files. FICLONE is a macro; copy_file_range(2), SEEK_DATA and SEEK_HOLE hide behind _GNU_SOURCE.
int lex_clone_file(int target, int source);
ssize_t lex_copy_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t size);
int64_t lex_next_data(int fd, int64_t offset);
int64_t lex_next_hole(int fd, int64_t offset);
// A file to read: no link is followed, no fifo waited for, and no time of access left.
int lex_open_to_read(int dirfd, const char *name);
// flistxattr(2), fgetxattr(2); llistxattr(2), lsetxattr(2).
ssize_t lex_list_attributes(int fd, char *names, size_t size);
ssize_t lex_read_attribute(int fd, const char *name, void *value, size_t size);
ssize_t lex_list_attributes_at(const char *path, char *names, size_t size);
int lex_set_attribute_at(const char *path, const char *name, const void *value, size_t size);

// The number of threads of this process, read from /proc/self/task.
int lex_thread_count(void);

// What SIOCETHTOOL (netdevice(7), ETHTOOL_GSET and ETHTOOL_GDRVINFO) says of an interface: ioctl(2) takes a variable
// argument. `has_settings` is 0 where the driver does not tell.
struct lex_port_settings {
    uint32_t supported;
    uint8_t port, transceiver, autonegotiation, has_settings;
    char firmware[32];
};
int lex_read_port_settings(const char *name, struct lex_port_settings *settings);

// Connections that are passed on (lexd-runtime's Jobs/Proxy.swift). Sockets are close-on-exec and never wait.
// `family` is 4, 6 or 1 (Unix); `address` has 4 or 16 bytes, or the path's, whose first byte is 0 for an abstract name.
struct lex_socket_address {
    unsigned char bytes[128];
    uint32_t length;
};
int lex_make_address(struct lex_socket_address *out, int family, const void *address, size_t length, uint16_t port);
// A socket: `family` as above, of packets when `packets` is not 0.
int lex_proxy_socket(int family, int packets);
// Bound and, for streams, listening. An IPv6 one at :: takes IPv4 as well.
int lex_proxy_listen(int socket, const struct lex_socket_address *address, int packets);
int lex_proxy_connect(int socket, const struct lex_socket_address *address);
int lex_proxy_accept(int socket);
// The error a connection attempt ended with; 0 for none.
int lex_socket_error(int socket);
ssize_t lex_receive_packet(int socket, void *bytes, size_t count, struct lex_socket_address *from);
ssize_t lex_send_packet(int socket, const void *bytes, size_t count, const struct lex_socket_address *to);
// Writes without a signal when the other side has closed.
ssize_t lex_send_quietly(int socket, const void *bytes, size_t count);
// Both ends of a TCP connection as text for the PROXY protocol: `TCP4 1.2.3.4 5.6.7.8 1234 80`; empty when it is not TCP.
void lex_describe_ends(int socket, char *text, size_t size);
// The wishes for a descriptor: 1 to read, 2 to write, 0 to take it out. `is_new` when it is not in yet.
int lex_epoll_wish(int epoll, int fd, uint64_t token, int wishes, int is_new);
// As lex_epoll_wait; each entry of `events` is 1 readable (or ended), 2 writable, 4 failed or hung up.
int lex_epoll_wait_events(int epoll, uint64_t *tokens, int *events, int capacity, int timeout_milliseconds);
// The calls that passing connections on needs, once everything is set up. Any other ends the process.
int lex_install_proxy_seccomp(void);
