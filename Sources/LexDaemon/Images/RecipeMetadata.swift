import Glibc
import LexIPC

/// The `metadata.yaml` of an image made from a recipe.
struct RecipeMetadata {
    /// Its text. Every value is in double quotes, as YAML and JSON both have them: a serial like `20260101_0000` would
    /// else be read as a number.
    let yaml: String
    private let created: Int

    init(_ recipe: ImageRecipe, architecture: String, created: Int) {
        var properties = recipe.properties
        properties["architecture"] = architecture
        properties["serial"] = Self.serial(created)
        if properties["name"] == nil {
            properties["name"] = "\(recipe.name.replacing("/", with: "-"))-\(architecture)-\(Self.serial(created))"
        }
        var text = "architecture: \(quoted(architecture))\ncreation_date: \(created)\nproperties:\n"
        for (key, value) in properties.sorted(by: { $0.key < $1.key }) { text += "  \(key): \(quoted(value))\n" }
        if !recipe.templates.isEmpty { text += "templates:\n" }
        for template in recipe.templates.sorted(by: { $0.path < $1.path }) {
            text += "  \(quoted(template.path)):\n    when: [\(template.when.joined(separator: ", "))]\n"
            text += "    create_only: false\n    template: \(quoted(template.name))\n    properties: {}\n"
        }
        yaml = text
        self.created = created
    }

    /// What to make of the root file system.
    func composition(_ recipe: ImageRecipe) -> ImageComposition {
        let own = Set(recipe.files.map(\.path))
        return ImageComposition(
            metadata: yaml, omitted: Self.traces.filter { !own.contains($0) } + recipe.omitted,
            additions: recipe.files + Self.identity.filter { !own.contains($0.path) },
            templates: recipe.templates.map { AddedEntry(path: $0.name, content: $0.content) }, time: Int64(created))
    }

    /// What tells of the machine an image was made on, or would be the same in all its instances.
    private static let traces = [
        "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/ssh/ssh_host_*", "etc/apt/apt.conf", "etc/apt/auth.conf",
        "root/.ssh", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/apt/lists/lock",
        "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/triggers/Lock", "var/lib/dpkg/status-old",
        "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old", "var/cache/apt/archives/lock",
        "var/cache/apt/pkgcache.bin", "var/cache/apt/srcpkgcache.bin", "var/cache/debconf/config.dat-old",
        "var/cache/debconf/templates.dat-old", "var/cache/ldconfig/aux-cache", "var/log/alternatives.log",
        "var/log/bootstrap.log", "var/log/dpkg.log", "var/log/apt/*", "etc/passwd-", "etc/group-", "etc/shadow-",
        "etc/gshadow-", "etc/subuid-", "etc/subgid-", "etc/.pwd.lock",
    ]

    /// An empty machine id is made new at every first boot (machine-id(5)); without the file systemd would take it for
    /// a first boot of the kind that asks questions and resets what is enabled.
    private static let identity = [
        AddedEntry(path: "etc/machine-id", content: "", mode: 0o444),
        AddedEntry(path: "var/lib/dbus/machine-id", content: nil, target: "/etc/machine-id"),
    ]

    /// The minute an image was made, as `20261123_0805`.
    private static func serial(_ time: Int) -> String {
        var time = time_t(time)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(Int(parts.tm_year) + 1900)\(padded(parts.tm_mon + 1))\(padded(parts.tm_mday))_"
            + padded(parts.tm_hour) + padded(parts.tm_min)
    }
}

/// A text as YAML's double quotes have it.
private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\":
            result += "\\"
            result.unicodeScalars.append(scalar)
        case "\u{0}"..<" ", "\u{7f}": result += " "
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
