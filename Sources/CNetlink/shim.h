// The kernel's own words for netlink: message types, attributes and headers. No library is linked.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/veth.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
