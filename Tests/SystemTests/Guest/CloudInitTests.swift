import Glibc
import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// Debian's cloud-init in a guest, which finds everything through `/dev/lxd/sock`.
    @Suite struct CloudInit {
        @Test func configuresUserKeyAndNetwork() async throws {
            let image = try await DebianImage.cloudTarball()
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importImage(file: image, alias: "cloud")
                try await daemon.checkCloudInit()
            }
        }
    }
}

private let userData = """
    #cloud-config
    users:
    - name: guest
      shell: /bin/sh
      ssh_authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuestGuestGuestGuestGuestGuestGuestGuestGues guest@test
    write_files:
    - path: /etc/made-by-cloud-init
      content: "of {{ ds.meta_data.local_hostname }}"
    manage_etc_hosts: true

    """

private let networkConfig = """
    version: 2
    ethernets:
      eth0:
        addresses: [192.0.2.77/24]

    """

extension DaemonFixture {
    fileprivate func checkCloudInit() async throws {
        try await launch(
            "cloudy", image: "cloud",
            config: [
                "cloud-init.user-data": userData,
                "cloud-init.vendor-data": "#cloud-config\nruncmd: [touch /run/vendor]\n",
                "cloud-init.network-config": networkConfig,
            ])
        try await eventually("cloud-init is done", within: .seconds(120)) {
            try await exec("cloudy", "test", "-e", "/run/cloud-init/result.json").status == 0
        }
        #expect(try await shell("cloudy", "cat /run/cloud-init/result.json").contains("DataSourceLXD"))
        #expect(try await shell("cloudy", "hostname") == "cloudy")
        #expect(
            try await shell("cloudy", "cat ~guest/.ssh/authorized_keys; stat -c %U ~guest/.ssh").contains(
                "guest@test\nguest"))
        #expect(try await shell("cloudy", "cat /etc/made-by-cloud-init") == "of {{ ds.meta_data.local_hostname }}")
        #expect(
            try await shell("cloudy", "test -e /run/vendor; ip -4 -o address show dev eth0").contains("192.0.2.77/24"))
        let id = try await instance("cloudy").config["volatile.cloud-init.instance-id"] ?? ""
        #expect(try await shell("cloudy", "cat /var/lib/cloud/data/instance-id") == id)
    }
}
