import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexNetwork
import LexStorage
import LexStore
import Logging
import NIOCore

/// The services of a daemon, each made from those before it.
struct Services: Sendable {
    let operations: Operations
    let profiles: Profiles
    let pools: StoragePools
    let networks: Networks
    let images: Images
    let instances: Instances
    private let serverRecords: Records<ServerRecord>
    private let events: Events
    private let parts: DaemonParts
    private let logger: Logger

    init(_ parts: DaemonParts, facts: HostFacts, events: Events, logger: Logger) async throws {
        let paths = parts.paths
        let ids = try await blocking {
            let range = SubordinateIDs.ofRoot()
            return try IDRanges(directory: paths.ids, owner: paths.directory, base: range.base, count: range.count)
        }
        let host = InstanceHost(
            runtime: HelperRuntime(programs: parts.programs),
            consoles: Consoles(programs: parts.programs, socketPath: paths.consoleSocket), ids: ids,
            cgroups: try CgroupLayout.detect(), facts: facts,
            runDirectory: paths.run, logDirectory: paths.logs, cgroupPrefix: paths.identity.tag,
            patience: parts.programs.patience)
        self.init(
            parts, host: host, archiver: ConfinedArchiver(parts.programs, paths: paths, firstID: ids.archiveBase),
            builder: Templates(
                directory: parts.recipes,
                settings: ConfinementSettings(
                    programs: parts.programs, mountPoint: paths.confinement, firstID: ids.archiveBase),
                mirror: parts.mirror), events: events, logger: logger)
    }

    /// - Parameters:
    ///   - host: What instances run on.
    ///   - archiver: What unpacks images.
    ///   - builder: What builds images from recipes.
    init(
        _ parts: DaemonParts, host: InstanceHost, archiver: any ImageArchiver, builder: any ImageBuilding,
        events: Events, logger: Logger
    ) {
        self.parts = parts
        self.events = events
        self.logger = logger
        let paths = parts.paths
        let store = parts.store
        serverRecords = Records(store)
        operations = Operations(events: events, logger: logger)
        let references = References(instances: Records(store), profiles: Records(store), images: Records(store))
        profiles = Profiles(records: references.profiles, references: references, events: events)
        pools = StoragePools(
            records: Records(store), references: references, events: events, directory: paths.pools, logger: logger,
            factories: parts.storageDrivers)
        networks = Networks(
            records: Records(store), references: references, events: events, identity: paths.identity,
            directory: paths.networks, logger: logger)
        images = Images(
            records: references.images, aliases: Records(store), instances: references.instances, profiles: profiles,
            pools: pools, archiver: archiver, builder: builder, operations: operations, events: events,
            directory: paths.images, logger: logger)
        instances = Instances(
            records: references.instances, profiles: profiles, pools: pools, networks: networks, images: images,
            host: host, operations: operations, events: events, logger: logger)
    }

    /// Brings everything to where the store says it is, in the order of dependence; makes the first things at the first
    /// start.
    func start(isBare: Bool) async throws {
        HostLimits.raise(logger)
        try await pools.openAll()
        try await networks.startAll()
        try await images.recover()
        try await instances.recover()
        try await FirstStart(
            records: serverRecords, pools: pools, networks: networks, profiles: profiles, logger: logger
        )
        .run(isBare: isBare)
    }

    /// Waits for the operations under way, as long as `core.shutdown_timeout` says, and then stops all instances.
    func shutDown() async {
        let minutes: Int64
        do {
            let config = Config<ServerKeys>(try await serverRecords.find("config")?.value.config ?? [:])
            minutes = try config[\.shutdownTimeout] ?? 5
        } catch {
            logger.error("cannot read core.shutdown_timeout", metadata: ["error": "\(error)"])
            minutes = 5
        }
        if await !operations.idle(atMost: .minutes(minutes)) {
            logger.warning("shutting down in the middle of operations", metadata: ["minutes": "\(minutes)"])
        }
        await instances.stopAll()
    }

    /// Ends in order: nobody is served any more. What has to go on - instances, dnsmasq, consoles - does.
    func end(_ paths: DaemonPaths) async {
        events.finish()
        await instances.host.runtime.end()
        await parts.store.close()
        if instances.runningCount == 0 {
            await instances.host.consoles.end()
            let host = instances.host
            do { try await blocking { try host.removeTraces() } } catch {
                logger.warning("cannot remove what is true until the next boot", metadata: ["error": "\(error)"])
            }
        }
        unlink(paths.socket)
    }

    /// All endpoints.
    func router(
        facts: HostFacts, certificate: ServerCertificate, isReady: Gate,
        shutDown: @escaping @Sendable () async -> Void
    ) -> Router {
        var router = Router()
        ServerRoutes(
            records: serverRecords, pools: pools, facts: facts, certificate: certificate, lxcVersion: parts.lxcVersion,
            events: events, isReady: isReady, shutDown: shutDown
        ).mount(on: &router)
        OperationRoutes(operations: operations).mount(on: &router)
        EventRoutes(events: events).mount(on: &router)
        let instances = instances
        ProfileRoutes(profiles: profiles, changed: { try await instances.profileChanged($0) }).mount(on: &router)
        StoragePoolRoutes(pools: pools).mount(on: &router)
        NetworkRoutes(networks: networks, members: { try await instances.members(ofNetwork: $0) }).mount(on: &router)
        ImageRoutes(images: images).mount(on: &router)
        InstanceRoutes(instances: instances).mount(on: &router)
        ProjectRoutes(usedBy: { try await usedByDefaultProject() }).mount(on: &router)
        return router
    }

    private func usedByDefaultProject() async throws -> [String] {
        try await images.records.list().map { "/1.0/images/\($0.name)" }
            + instances.records.list().map { "/1.0/instances/\($0.value.name)" }
            + networks.records.list().map { "/1.0/networks/\($0.name)" }
            + profiles.records.list().map { "/1.0/profiles/\($0.name)" }
    }
}
