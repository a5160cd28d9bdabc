// Quotas of projects: quotactl(2), ioctl_xfs_fsgetxattr(2), and the file systems ext4 and xfs in the kernel's documentation.
#define _GNU_SOURCE
#include "CLexLinux.h"

#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// <sys/quota.h> and the headers of the kernel cannot be had together.
#ifndef QCMD
#define QCMD(command, type) (((unsigned int)(command) << 8) | ((type) & 0xff))
#endif
// The number is the kernel's for ever; the headers of the oldest system we build on may not have it.
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static int quota(int fd, int command, uint32_t project, void *data) {
    return (int)syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, data);
}

int lex_get_project(int fd, uint32_t *project, int *is_inherited) {
    struct fsxattr attributes;
    if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
    *project = attributes.fsx_projid;
    *is_inherited = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0;
    return 0;
}

int lex_set_project(int fd, uint32_t project, int is_inherited) {
    struct fsxattr attributes;
    if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
    uint32_t flags = attributes.fsx_xflags & ~(uint32_t)FS_XFLAG_PROJINHERIT;
    if (is_inherited) flags |= FS_XFLAG_PROJINHERIT;
    if (attributes.fsx_projid == project && attributes.fsx_xflags == flags) return 0;
    attributes.fsx_projid = project;
    attributes.fsx_xflags = flags;
    return ioctl(fd, FS_IOC_FSSETXATTR, &attributes);
}

int lex_enforces_projects(int fd) {
    struct fs_quota_stat state;
    memset(&state, 0, sizeof state);
    if (quota(fd, Q_XGETQSTAT, 0, &state) != 0) return -1;
    return (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

int lex_project_quota(int fd, uint32_t project, uint64_t *limit, uint64_t *bytes, uint64_t *files) {
    struct if_dqblk found;
    memset(&found, 0, sizeof found);
    *limit = *bytes = *files = 0;
    if (quota(fd, Q_GETQUOTA, project, &found) != 0) {
        // xfs knows nothing of one that was never used.
        return errno == ENOENT ? 0 : -1;
    }
    *limit = found.dqb_bhardlimit;
    *bytes = found.dqb_curspace;
    *files = found.dqb_curinodes;
    return 0;
}

int lex_limit_project(int fd, uint32_t project, uint64_t kibibytes) {
    struct if_dqblk wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.dqb_bhardlimit = kibibytes;
    wanted.dqb_valid = QIF_BLIMITS;
    return quota(fd, Q_SETQUOTA, project, &wanted);
}
