/// The API extensions the server announces: exactly those that work.
///
/// The first list are LXD's names (`doc/api-extensions.md` of LXD 5.0.2), which gate what stock clients dare to do.
/// `storage_and_profile_operations` and `storage_and_network_operations` are never among them: they would turn
/// answers asynchronous under LXD 5.0 clients.
public enum APIExtensions {
    /// In the order LXD got them, ours last.
    public static let all: [String] = [
        "container_host_shutdown_timeout",
        "container_last_used_at",
        "etag",
        "patch",
        "container_cpu_time",
        "network",
        "profile_usedby",
        "container_exec_recording",
        "container_exec_signal_handling",
        "container_image_properties",
        "storage",
        "image_create_aliases",
        "entity_description",
        "storage_volatile_initial_source",
        "network_leases",
        "operation_description",
        "event_lifecycle",
        "network_state",
        "container_full",
        "network_leases_location",
        "kernel_features",
        "id_map_current",
        "event_location",
        "lxc_features",
        "container_exec_user_group_cwd",
        "instances",
        "image_types",
        "api_filtering",
        "instance_nic_network",
        "firewall_driver",
        "api_os",
        "network_state_bond_bridge",
        "usedby_consistency",
        "network_state_vlan",
        "server_supported_storage_drivers",
        "event_lifecycle_requestor_address",
        "network_counters_errors_dropped",
        "instance_get_full",
        "event_project",
        // Ours.
        "lexd_image_template",
    ]
}
