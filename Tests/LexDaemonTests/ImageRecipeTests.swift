import LexIPC
import Testing
import Yams

@testable import LexDaemon

@Suite struct ImageRecipeTests {
    private static let whole = """
        name: debian/12
        suite: bookworm
        variant: minbase
        components: [main, non-free-firmware]
        packages: [systemd-sysv, g++, libc6]
        properties: {os: Debian, release: bookworm}
        omitted: [usr/share/doc, "var/log/*"]
        files:
          - {path: etc/default/locale, mode: 0600, content: "LANG=C.UTF-8\\n"}
          - {path: etc/resolv.conf, link: ../run/x}
        templates:
          - {name: hostname.tpl, path: /etc/hostname, when: [create, copy], content: "{{ container.name }}"}
        """

    @Test func readsARecipe() throws {
        let recipe = try ImageRecipe(yaml: Self.whole, source: "test")
        #expect(recipe.name == "debian/12")
        #expect(recipe.packages == ["systemd-sysv", "g++", "libc6"])
        #expect(
            recipe.files == [
                AddedEntry(path: "etc/default/locale", content: "LANG=C.UTF-8\n", mode: 0o600),
                AddedEntry(path: "etc/resolv.conf", content: nil, target: "../run/x"),
            ])
        #expect(recipe.templates.first?.when == ["create", "copy"])
        #expect(recipe.omitted == ["usr/share/doc", "var/log/*"])
    }

    @Test(arguments: [
        ("suite: bookworm", "suite: --simulate", "suite"), ("suite: bookworm", "suite: \"a b\"", "suite"),
        ("suite: bookworm", "", "has no \"suite\""), ("variant: minbase", "variant: custom", "variant"),
        ("[main, non-free-firmware]", "[\"main universe\"]", "components"),
        ("[main, non-free-firmware]", "[]", "components"), ("[main, non-free-firmware]", "main", "not a list"),
        ("g++", "./x.deb", "packages"), ("g++", "?essential", "packages"), ("g++", "systemd-", "packages"),
        ("g++", "-y", "packages"), ("g++", "\"a,b\"", "packages"), ("g++", "\"a=1\"", "packages"),
        ("g++", "\"bash\\nx\"", "packages"), ("etc/default/locale", "/etc/x", "path"),
        ("etc/default/locale", "etc/../x", "path"), ("etc/default/locale", "\"etc//x\"", "path"),
        ("0600", "0999", "mode"), ("0600", "\"7777777\"", "mode"), ("link: ../run/x", "link: ''", "link"),
        ("link: ../run/x", "link: x, content: y", "either"), ("link: ../run/x", "mode: 0644", "either"),
        ("hostname.tpl", "../x", "name"), ("hostname.tpl", "a/b", "name"), ("/etc/hostname", "etc/hostname", "path"),
        ("[create, copy]", "[always]", "when"), ("os: Debian", "OS: Debian", "properties"),
        ("os: Debian", "os: \"a\\nb\"", "printed"), ("suite: bookworm", "suite: bookworm\nhooks: [x]", "hooks"),
        ("mode: 0600,", "mode: 0600, owner: x,", "owner"), ("name: debian/12", "name: Debian", "name"),
        ("name: debian/12", "name: a/../b", "name"), ("name: debian/12", "name: debian/12\nname: x", "name"),
        ("name: debian/12", "name: [", "recipe"),
    ])
    func refuses(_ old: String, _ new: String, _ word: String) {
        let yaml = Self.whole.replacing(old, with: new)
        #expect(yaml != Self.whole)
        let error = #expect(throws: RecipeError.self) { try ImageRecipe(yaml: yaml, source: "recipe") }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
    }

    @Test func theRecipesInTheTreeAreGood() throws {
        let directory = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Recipes"
        let recipes = try ImageRecipe.all(in: directory)
        #expect(Set(recipes.keys) == ["debian/11", "debian/12", "debian/13"])
        for recipe in recipes.values {
            #expect(recipe.packages.contains("systemd-sysv"))
            #expect(recipe.templates.map(\.path) == ["/etc/hostname", "/etc/hosts"])
        }
    }

    @Test func metadataIsWhatWasMeant() throws {
        var recipe = try ImageRecipe(yaml: Self.whole, source: "test")
        recipe.properties["description"] = "a \"quoted\" \\ one: yes"
        let metadata = RecipeMetadata(recipe, architecture: "x86_64", created: 1_700_000_000)
        let node = try #require(try Yams.compose(yaml: metadata.yaml))
        #expect(node["architecture"]?.string == "x86_64")
        #expect(node["creation_date"]?.int == 1_700_000_000)
        #expect(node["properties"]?["serial"]?.string == "20231114_2213")
        #expect(node["properties"]?["description"]?.string == "a \"quoted\" \\ one: yes")
        #expect(node["properties"]?["os"]?.string == "Debian")
        #expect(node["templates"]?["/etc/hostname"]?["template"]?.string == "hostname.tpl")
        #expect(node["templates"]?["/etc/hostname"]?["when"]?.array(of: String.self) == ["create", "copy"])
    }

    @Test func compositionCarriesNothingOfTheBuilder() throws {
        let recipe = try ImageRecipe(yaml: Self.whole, source: "test")
        let composition = RecipeMetadata(recipe, architecture: "x86_64", created: 5).composition(recipe)
        for path in ["etc/hostname", "etc/ssh/ssh_host_*", "root/.ssh", "var/log/dpkg.log"] {
            #expect(composition.omitted.contains(path))
        }
        // The recipe's own resolv.conf takes the builder's place.
        #expect(!composition.omitted.contains("etc/resolv.conf"))
        #expect(composition.additions.contains { $0.path == "etc/machine-id" && $0.content == "" })
        #expect(composition.templates == [AddedEntry(path: "hostname.tpl", content: "{{ container.name }}")])
        #expect(composition.time == 5)
    }

    @Test(arguments: [
        ("I: downloading packages with apt...", "downloading packages with apt"),
        ("I: installing remaining packages inside the chroot...", "installing remaining packages inside the chroot"),
        ("I: done", nil), ("I: using /tmp/mmdebstrap.x as tempdir", nil), ("E: it failed", nil), ("", nil),
    ])
    func readsStages(_ line: String, _ stage: String?) { #expect(TemplateBuilder.stage(line) == stage) }

    @Test(arguments: ["http://mirror.example/debian", "https://10.0.0.1:3142/debian"])
    func takesMirrors(_ url: String) throws { #expect(try PackageMirror(url).url == url) }

    @Test(arguments: [
        "", "ftp://x", "http://", "http://a b", "http://a'b", "http://a#b", "http://$(x)", "file:///x", "http://a\nb",
    ])
    func refusesMirrors(_ url: String) { #expect(throws: RecipeError.self) { try PackageMirror(url) } }
}
