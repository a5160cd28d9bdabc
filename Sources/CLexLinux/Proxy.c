#define _GNU_SOURCE
#include "CLexLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

int lex_make_address(struct lex_socket_address *out, int family, const void *address, size_t length, uint16_t port) {
    memset(out, 0, sizeof *out);
    if (family == 4 && length == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out->bytes;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, address, 4);
        out->length = sizeof *in;
        return 0;
    }
    if (family == 6 && length == 16) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)out->bytes;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(port);
        memcpy(&in->sin6_addr, address, 16);
        out->length = sizeof *in;
        return 0;
    }
    struct sockaddr_un *un = (struct sockaddr_un *)out->bytes;
    if (family == 1 && length > 0 && length < sizeof un->sun_path) {
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, address, length);
        // An abstract name is as long as it is said to be; a path ends with a NUL.
        out->length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + length + (un->sun_path[0] ? 1 : 0));
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int lex_proxy_socket(int family, int packets) {
    int domain = family == 1 ? AF_UNIX : family == 4 ? AF_INET : AF_INET6;
    return socket(domain, (packets ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void hurry(int fd) {
    int yes = 1;
    // Fails for what is not TCP, which is fine.
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
}

int lex_proxy_listen(int fd, const struct lex_socket_address *address, int packets) {
    int yes = 1, no = 0;
    const struct sockaddr *name = (const struct sockaddr *)address->bytes;
    if (name->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)name;
        int any = IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr);
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &no : &yes, sizeof no) != 0) return -1;
    }
    if (!packets && name->sa_family != AF_UNIX &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
        return -1;
    if (bind(fd, name, address->length) != 0) return -1;
    return packets ? 0 : listen(fd, 4096);
}

int lex_proxy_connect(int fd, const struct lex_socket_address *address) {
    hurry(fd);
    return connect(fd, (const struct sockaddr *)address->bytes, address->length);
}

int lex_proxy_accept(int fd) {
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) hurry(client);
    return client;
}

int lex_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
}

ssize_t lex_receive_packet(int fd, void *bytes, size_t count, struct lex_socket_address *from) {
    memset(from, 0, sizeof *from);
    socklen_t length = sizeof from->bytes;
    ssize_t got = recvfrom(fd, bytes, count, MSG_DONTWAIT, (struct sockaddr *)from->bytes, &length);
    from->length = length;
    return got;
}

ssize_t lex_send_packet(int fd, const void *bytes, size_t count, const struct lex_socket_address *to) {
    return sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to->bytes, to->length);
}

ssize_t lex_send_quietly(int fd, const void *bytes, size_t count) {
    return send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int end(const struct sockaddr_storage *storage, char *text, size_t size, unsigned *port) {
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
        *port = ntohs(in->sin_port);
        return inet_ntop(AF_INET, &in->sin_addr, text, (socklen_t)size) ? 4 : 0;
    }
    if (storage->ss_family != AF_INET6) return 0;
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)storage;
    *port = ntohs(in->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr))
        return inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, (socklen_t)size) ? 4 : 0;
    return inet_ntop(AF_INET6, &in->sin6_addr, text, (socklen_t)size) ? 6 : 0;
}

void lex_describe_ends(int fd, char *text, size_t size) {
    struct sockaddr_storage theirs, ours;
    socklen_t length = sizeof theirs;
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    unsigned from_port = 0, to_port = 0;
    text[0] = 0;
    if (getpeername(fd, (struct sockaddr *)&theirs, &length) != 0) return;
    length = sizeof ours;
    if (getsockname(fd, (struct sockaddr *)&ours, &length) != 0) return;
    int family = end(&theirs, from, sizeof from, &from_port);
    if (family == 0 || end(&ours, to, sizeof to, &to_port) != family) return;
    snprintf(text, size, "TCP%d %s %s %u %u", family, from, to, from_port, to_port);
}

int lex_epoll_wish(int epoll, int fd, uint64_t token, int wishes, int is_new) {
    if (wishes == 0) return is_new ? 0 : epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    struct epoll_event event = {
        .events = (wishes & 1 ? EPOLLIN : 0) | (wishes & 2 ? EPOLLOUT : 0), .data.u64 = token};
    return epoll_ctl(epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

int lex_epoll_wait_events(int epoll, uint64_t *tokens, int *events, int capacity, int timeout) {
    struct epoll_event found[64];
    if (capacity > 64) capacity = 64;
    int n = epoll_wait(epoll, found, capacity, timeout);
    for (int i = 0; i < n; i++) {
        tokens[i] = found[i].data.u64;
        events[i] = (found[i].events & EPOLLIN ? 1 : 0) | (found[i].events & EPOLLOUT ? 2 : 0) |
                    (found[i].events & (EPOLLERR | EPOLLHUP) ? 4 : 0);
    }
    return n;
}
