/// What stands above the YAML that a person edits.
enum EditorText {
    static let server = """
        # The configuration of the server. Lines that begin with # are left out.
        # Save an empty map ({}) under "config" to take all keys away.

        """
    static let instance = """
        # The configuration of the instance. Lines that begin with # are left out.
        # What stands below "description" is only shown; changes of it do nothing. A device looks like this:
        #
        # devices:
        #   shared:
        #     type: disk
        #     source: /srv/shared
        #     path: /srv

        """
    static let profile = """
        # The profile. Lines that begin with # are left out.
        # Changes of "name" and "used_by" do nothing. A profile may look like this:
        #
        # config:
        #   limits.memory: 1GiB
        # devices:
        #   eth0:
        #     type: nic
        #     network: lexdbr0

        """
}
