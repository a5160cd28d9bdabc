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
    static let snapshot = """
        # The snapshot. Lines that begin with # are left out.
        # Only "expires_at" can be changed: when the snapshot is deleted, the year 1 standing for never.

        """
    static let metadata = """
        # The metadata of the instance's image. Lines that begin with # are left out.
        # A template looks like this; it is made by lx config template create:
        #
        # templates:
        #   /etc/hostname:
        #     when:
        #     - create
        #     - copy
        #     create_only: false
        #     template: hostname.tpl
        #     properties: {}

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
    static let project = """
        # The project. Lines that begin with # are left out.
        # Changes of "name" and "used_by" do nothing; what a project has for itself changes only while it is empty.
        #
        # config:
        #   features.images: "true"
        #   features.profiles: "true"
        # description: What it is for

        """
    static let storagePool = """
        # The storage pool. Lines that begin with # are left out.
        # Only "config" and "description" can be changed, and where it lies not even there.

        """
    static let volume = """
        # The volume. Lines that begin with # are left out.
        # Only "config" and "description" can be changed; of a snapshot "description" and "expires_at".

        """
    static let image = """
        # The properties of the image. Lines that begin with # are left out.
        # They may look like this:
        #
        # auto_update: false
        # public: false
        # properties:
        #   os: Debian
        #   release: bookworm
        # profiles:
        # - default

        """
}
