extension Instance {
    /// Why an instance is as it is (`GET /1.0/instances/NAME/explanation`); LXD has no such thing.
    public struct Explanation: Codable, Sendable {
        /// Every key of its configuration, by name.
        public var config: [String: Setting]
        /// Every device, by name.
        public var devices: [String: DeviceOrigin]
        /// Its state in a word.
        public var status: String
        /// Its last start; null when it has never been started.
        @Nullable public var lastStart: Moment?
        /// Its last end; null when there was none.
        @Nullable public var lastStop: Moment?
        /// The last start that failed, when none succeeded since.
        @Nullable public var lastFailure: Moment?
        /// What it runs with at this moment; null when it does not run.
        @Nullable public var run: Run?

        enum CodingKeys: String, CodingKey {
            case status, config, devices
            case lastStart = "last_start"
            case lastStop = "last_stop"
            case lastFailure = "last_failure"
            case run
        }

        /// Makes the value.
        public init(
            status: String, config: [String: Setting], devices: [String: DeviceOrigin], lastStart: Moment?,
            lastStop: Moment?, lastFailure: Moment?, run: Run?
        ) {
            self.status = status
            self.config = config
            self.devices = devices
            self.lastStart = lastStart
            self.lastStop = lastStop
            self.lastFailure = lastFailure
            self.run = run
        }
    }
}

extension Instance.Explanation {
    /// One key of the configuration.
    public struct Setting: Codable, Sendable, Equatable {
        /// The value that counts.
        public var value: String
        /// Who says so: `instance`, or `profile NAME`.
        public var source: String
        /// What others say that does not count, the last of them first.
        public var overridden: [Overridden]
        /// Whether the running instance was started with another value, and has this one only after a restart.
        public var pending: Bool

        /// Makes the value.
        public init(value: String, source: String, overridden: [Overridden] = [], pending: Bool = false) {
            self.value = value
            self.source = source
            self.overridden = overridden
            self.pending = pending
        }
    }

    /// A value that another one takes the place of.
    public struct Overridden: Codable, Sendable, Equatable {
        /// The value.
        public var value: String
        /// Who says so.
        public var source: String

        /// Makes the value.
        public init(value: String, source: String) {
            self.value = value
            self.source = source
        }
    }

    /// Where a device comes from.
    public struct DeviceOrigin: Codable, Sendable, Equatable {
        /// Its type.
        public var type: String
        /// `instance`, or `profile NAME`.
        public var source: String
        /// Its options, without the type.
        public var options: [String: String]
        /// Who else has a device of that name, which does not count.
        public var overridden: [String]
        /// Those of its options that the running instance has only after a restart.
        public var pending: [String]

        /// Makes the value.
        public init(
            type: String, source: String, options: [String: String] = [:], overridden: [String] = [],
            pending: [String] = []
        ) {
            self.type = type
            self.source = source
            self.options = options
            self.overridden = overridden
            self.pending = pending
        }
    }

    /// Something that happened.
    public struct Moment: Codable, Sendable, Equatable {
        /// When.
        public var at: Timestamp
        /// How it came about, in words.
        public var cause: String

        /// Makes the value.
        public init(at: Timestamp, cause: String) {
            self.at = at
            self.cause = cause
        }
    }

    /// What a running instance runs with, as the kernel has it.
    public struct Run: Codable, Sendable {
        /// The host's id of its init.
        public var pid: Int64
        /// Its users: each line the first inside, the first on the host, and how many; none for a privileged one.
        public var users: [String]
        /// Its groups.
        public var groups: [String]
        /// The limits in force.
        public var limits: [Limit]
        /// What is mounted inside, in the kernel's order.
        public var mounts: [Mount]
        /// Its addresses, with their prefixes, by interface.
        public var addresses: [String: [String]]

        /// Makes the value.
        public init(
            pid: Int64, users: [String], groups: [String], limits: [Limit], mounts: [Mount],
            addresses: [String: [String]]
        ) {
            self.pid = pid
            self.users = users
            self.groups = groups
            self.limits = limits
            self.mounts = mounts
            self.addresses = addresses
        }
    }

    /// One limit as the kernel keeps it.
    public struct Limit: Codable, Sendable, Equatable {
        /// The key that is behind it; of a device `devices.NAME.OPTION`.
        public var key: String
        /// Where it is kept: a file of a control group, or in words.
        public var file: String
        /// What the kernel says it is.
        public var value: String

        /// Makes the value.
        public init(key: String, file: String, value: String) {
            self.key = key
            self.file = file
            self.value = value
        }
    }

    /// One mount (proc_pid_mountinfo(5)).
    public struct Mount: Codable, Sendable, Equatable {
        /// Where it is, inside.
        public var path: String
        /// What is mounted: a device, or a word for what has none.
        public var source: String
        /// The part of it that is seen.
        public var root: String
        /// The kind of file system.
        public var type: String
        /// The options of the mount, then those of the file system.
        public var options: String

        /// Makes the value.
        public init(path: String, source: String, root: String, type: String, options: String) {
            self.path = path
            self.source = source
            self.root = root
            self.type = type
            self.options = options
        }
    }
}
