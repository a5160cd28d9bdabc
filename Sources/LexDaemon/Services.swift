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
    let projects: Projects
    let profiles: Profiles
    let pools: StoragePools
    let volumes: StorageVolumes
    let networks: Networks
    let images: Images
    let instances: Instances
    let warnings: Warnings
    let metrics: Metrics
    let config: ServerConfig
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
            runDirectory: paths.run, logDirectory: paths.logs, cgroupPrefix: paths.identity.tag, lxcfs: paths.lxcfs,
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
        config = ServerConfig(records: serverRecords, events: events)
        warnings = Warnings(records: Records(store), events: events, logger: logger)
        operations = Operations(events: events, logger: logger)
        // One of each: what is read once is kept in it.
        let contents = ProjectContents(
            instances: Records(store), images: Records(store), profiles: Records(store), networks: Records(store),
            volumes: Records(store), acls: Records(store))
        projects = Projects(records: Records(store), contents: contents, events: events)
        let references = References(
            projects: projects, instances: contents.instances, profiles: contents.profiles, images: contents.images,
            volumes: contents.volumes, isRunning: RunningInstances())
        profiles = Profiles(records: contents.profiles, projects: projects, references: references, events: events)
        pools = StoragePools(
            records: Records(store), references: references, events: events, warnings: warnings, directory: paths.pools,
            logger: logger, factories: parts.storageDrivers, mapping: MountMapping(programs: parts.programs))
        volumes = StorageVolumes(
            records: contents.volumes, projects: projects, pools: pools, references: references,
            operations: operations, events: events, logger: logger)
        networks = Networks(
            records: contents.networks, acls: contents.acls, projects: projects, references: references, events: events,
            identity: paths.identity, directory: paths.networks, warnings: warnings, logger: logger)
        images = Images(
            records: references.images, aliases: Records(store), projects: projects, instances: references.instances,
            profiles: profiles, pools: pools, metadata: MetadataStore(records: Records(store)), archiver: archiver,
            builder: builder, operations: operations, events: events, directory: paths.images, logger: logger)
        instances = Instances(
            records: references.instances, profiles: profiles, pools: pools, volumes: volumes, networks: networks,
            images: images, host: host, operations: operations, events: events, warnings: warnings, logger: logger)
        metrics = Metrics(
            instances: instances, pools: pools, operations: operations, warnings: warnings, memory: host.facts.memory)
    }

    /// Brings everything to where the store says it is, in the order of dependence; makes the first things at the first
    /// start.
    func start(isBare: Bool) async throws {
        await warnings.lookAtHost(instances.host, logger: logger)
        try await projects.start()
        try await pools.openAll()
        try await volumes.recover()
        try await instances.expectForwards()
        try await networks.startAll()
        try await images.recover()
        try await instances.recover()
        try await FirstStart(
            records: serverRecords, pools: pools, networks: networks, profiles: profiles, logger: logger
        )
        .run(isBare: isBare)
    }

    /// Opens the pools that could not be opened at the start, as soon as they can be.
    func openRestOfPools() async {
        await pools.openRest { pool in
            do {
                try await volumes.recover(in: pool)
                try await instances.recoverFiles(in: pool)
            } catch {
                logger.error(
                    "cannot bring a storage pool to order", metadata: ["pool": "\(pool)", "error": "\(error)"])
            }
            // Behind us: the pool is open for all by then.
            Task { await instances.autostart(in: pool) }
        }
    }

    /// Deletes images that nobody uses, until the task is cancelled.
    func expireImages() async {
        let config = config
        await images.run { _ in try await config.value(\.images.remoteCacheExpiry) ?? 10 }
    }

    /// Waits for the operations under way, as long as `core.shutdown_timeout` says, and then stops all instances.
    func shutDown() async {
        let minutes: Int64
        do {
            minutes = try await config.value(\.core.shutdownTimeout) ?? 5
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
        await instances.fileServers.endAll()
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
            config: config, metrics: metrics, pools: pools, facts: facts, certificate: certificate,
            lxcVersion: parts.lxcVersion, isReady: isReady, shutDown: shutDown
        ).mount(on: &router)
        WarningRoutes(warnings: warnings).mount(on: &router)
        OperationRoutes(operations: operations).mount(on: &router)
        EventRoutes(events: events).mount(on: &router)
        let instances = instances
        ProfileRoutes(profiles: profiles, instances: instances).mount(on: &router)
        StoragePoolRoutes(pools: pools).mount(on: &router)
        StorageVolumeRoutes(volumes: volumes).mount(on: &router)
        NetworkRoutes(networks: networks, members: { try await instances.members(ofNetwork: $0, project: $1) }).mount(
            on: &router)
        NetworkForwardRoutes(forwards: NetworkForwards(networks: networks, events: events)).mount(on: &router)
        NetworkACLRoutes(acls: NetworkACLs(networks: networks, events: events)).mount(on: &router)
        ImageRoutes(images: images).mount(on: &router)
        InstanceRoutes(instances: instances).mount(on: &router)
        ProjectRoutes(projects: projects, operations: operations).mount(on: &router)
        return router
    }
}
