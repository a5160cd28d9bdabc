import LexAPI

/// What `lx storage volume info` says of a volume.
enum StorageVolumeReport {
    static func text(
        _ volume: StorageVolume, _ state: StorageVolume.State, _ snapshots: [StorageVolume.Snapshot]
    ) -> String {
        var text = "Name: \(volume.name)\n"
        if !volume.description.isEmpty { text += "Description: \(volume.description)\n" }
        text += "Type: \(volume.type)\nContent type: \(volume.contentType)\n"
        if let usage = state.usage {
            text += "Usage: \(Quantities.binarySize(Int64(clamping: usage.used)))\n"
            if usage.total > 0 { text += "Total: \(Quantities.binarySize(usage.total))\n" }
        }
        text += "Created: \(Quantities.local(volume.createdAt))\n"
        guard !snapshots.isEmpty else { return text }
        let table = Table(
            headers: ["NAME", "DESCRIPTION", "EXPIRES AT"],
            rows: snapshots.map { snapshot in
                [
                    snapshot.name.split(separator: "/").last.map(String.init) ?? snapshot.name, snapshot.description,
                    snapshot.expiresAt.map { Quantities.local($0) } ?? "",
                ]
            })
        return text + "\nSnapshots:\n" + table.framed()
    }
}
