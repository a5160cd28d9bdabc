import CNetlink
import Glibc
package import LexIPC

extension NetlinkSession {
    /// Limits what leaves by an interface to so many bytes for each second, or lifts the limit (tc-htb(8)).
    ///
    /// What is more waits in the queue and is dropped only when that is full. EOPNOTSUPP or ENOENT where the kernel has
    /// no htb.
    package func limitSending(_ name: String, bytesPerSecond: UInt64?) throws(SystemError) {
        guard let link = try link(named: name) else { throw SystemError("limit", name, code: ENODEV) }
        var header = tcmsg()
        header.tcm_ifindex = link.index
        header.tcm_parent = 0xffff_ffff
        // Anew each time: packets meet either the old limit, none for a moment, or the new one.
        do {
            try order(NetlinkRequest(RTM_DELQDISC, header: header), "remove the limit of", name)
        } catch  where [ENOENT, EINVAL].contains(error.code) {
            // There was none.
        }
        guard let rate = bytesPerSecond else { return }
        try addQueue(header, name)
        try addClass(link.index, rate: max(1, rate), name)
    }

    /// What leaves by an interface at most, in bytes for each second; nil without a limit of ours.
    package func sendingLimit(of name: String) throws(SystemError) -> UInt64? {
        guard let link = try link(named: name) else { return nil }
        var header = tcmsg()
        header.tcm_ifindex = link.index
        var found: UInt64?
        try ask(NetlinkRequest(RTM_GETTCLASS, header: header), "the limit of \(name)") { _, body in
            let attributes = body.from(MemoryLayout<tcmsg>.size)
            guard let options = attributes.attribute(Int(TCA_OPTIONS)) else { return }
            let wide = options.attribute(Int(TCA_HTB_RATE64))?.number(UInt64.self)
            // The rate stands behind eight bytes of others (`struct tc_ratespec`).
            let narrow = options.attribute(Int(TCA_HTB_PARMS))?.number(UInt32.self, at: 8).map(UInt64.init)
            found = wide ?? narrow ?? found
        }
        return found
    }

    /// The discipline `1:`, in which everything goes to the class `1:10`.
    private func addQueue(_ base: tcmsg, _ name: String) throws(SystemError) {
        var header = base
        header.tcm_handle = 0x1_0000
        var request = NetlinkRequest(RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL, header: header)
        request.put(TCA_KIND, "htb")
        request.nest(TCA_OPTIONS) { options in
            options.put(TCA_HTB_INIT, bytes: Self.bytes([3, 10, 0x10, 0, 0]))
        }
        try order(request, "limit", name)
    }

    private func addClass(_ interface: Int32, rate: UInt64, _ name: String) throws(SystemError) {
        var header = tcmsg()
        header.tcm_ifindex = interface
        header.tcm_parent = 0x1_0000
        header.tcm_handle = 0x1_0010
        // A tick of the kernel's is 64 ns. One packet of 64 KiB, as the guests' are, passes at once.
        let burst = max(65536 + 1514, rate / 100)
        let (time, overflow) = burst.multipliedReportingOverflow(by: 1_000_000_000)
        let ticks = UInt32(clamping: (overflow ? UInt64.max : time) / rate / 64)
        // cell_log, linklayer (Ethernet), overhead, cell_align, mpu, rate.
        let spec = Self.bytes([0x0100, 0, UInt32(clamping: rate)])
        let quantum = UInt32(clamping: min(max(rate / 10, 1600), 200_000))
        let parameters = spec + spec + Self.bytes([ticks, ticks, quantum, 0, 0])
        var request = NetlinkRequest(RTM_NEWTCLASS, flags: NLM_F_CREATE | NLM_F_EXCL, header: header)
        request.put(TCA_KIND, "htb")
        request.nest(TCA_OPTIONS) { options in
            options.put(TCA_HTB_PARMS, bytes: parameters)
            if rate > UInt64(UInt32.max) {
                options.put(TCA_HTB_RATE64, rate)
                options.put(TCA_HTB_CEIL64, rate)
            }
        }
        try order(request, "limit", name)
    }

    private static func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
    }
}
