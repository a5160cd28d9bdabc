import ArgumentParser
import Testing

@testable import lx

@Suite struct ArgumentsTests {
    @Test(arguments: [
        (["--project", "p", "-q", "list", "web"], ["list", "--project", "p", "-q", "web"]),
        (["config", "--debug", "device", "ls", "web"], ["config", "device", "ls", "--debug", "web"]),
        (["list", "-f=csv", "-c=ns4"], ["list", "--format=csv", "--columns=ns4"]),
        (["list", "--format=csv"], ["list", "--format=csv"]),
        (["list", "--version"], ["list", "--version"]),
        (["--version", "list"], ["--version"]),
        (["--all", "list"], ["list"]), (["start", "--all"], ["start", "--all"]),
        (["--generate-completion-script", "bash"], ["--generate-completion-script", "bash"]),
        (["help", "list"], ["help", "list"]),
        (["config", "set", "--", "-x=1"], ["config", "set", "--", "-x=1"]),
        ([], []),
    ]) func optionsMayStandAnywhere(_ words: [String], _ normalised: [String]) throws {
        #expect(try Arguments.normalised(words) == normalised)
    }

    @Test(arguments: [
        (["web", "ls", "-l"], ["web", "--", "ls", "-l"]),
        (["web", "--", "ls", "-l"], ["web", "--", "ls", "-l"]),
        (["web", "-t", "--env", "A=b", "--", "sh"], ["-t", "--env", "A=b", "web", "--", "sh"]),
        (["--user", "1000", "web", "-n", "sh", "--", "-c"], ["--user", "1000", "-n", "web", "--", "sh", "--", "-c"]),
        (["-T", "--", "web", "sh"], ["-T", "--", "web", "sh"]),
        (["web"], ["web"]),
    ]) func whatFollowsTheInstanceIsTheCommand(_ words: [String], _ normalised: [String]) {
        #expect(Arguments.execWords(words) == normalised)
    }

    @Test func execTakesItsWordsApart() throws {
        let words = ["--project", "p", "exec", "web", "--env", "A=b", "--mode=non-interactive", "--", "ls", "--", "-l"]
        let exec = try #require(try LX.parseAsRoot(Arguments.normalised(words)) as? Exec)
        #expect(exec.instance == "web")
        #expect(exec.command == ["ls", "--", "-l"])
        #expect(exec.env == ["A=b"])
        #expect(exec.mode == .nonInteractive)
        #expect(exec.global.project == "p")
    }

    /// Lines as people and scripts write them for the stock client.
    @Test(arguments: [
        "launch debian web",
        "launch debian web -c limits.cpu=2 -c user.a=b -d root,size=1GB -p a -p b -n br0 -s pool -t c1-m1 -e",
        "launch --no-profiles template:debian/12 local:web", "init debian", "create debian web", "init --empty web",
        "start a b", "start --all", "stop -f a", "stop a --force --timeout -1", "stop --timeout=30 a b",
        "restart --all -f",
        "pause a", "delete -f a b", "rm -fi a", "list", "ls -fcsv -cns4", "list local: web type=container --fast",
        "list -c n,user.foo:FOO --format yaml --all-projects", "info", "info web", "info web --show-log",
        "exec web -- ls", "exec web ls", "exec -t web --cwd /tmp --user 0 --group 0 -- ls", "exec -T -n web ls",
        "config get web user.x", "config get -e web user.x", "config get core.x", "config set web a=b c=d",
        "config set web a b", "config unset web a", "config show", "config show web -e", "config edit web",
        "config device add web eth1 nic network=br0", "config device override web root size=1GB",
        "config device rm web a b", "config device set web eth0 mtu 1400", "config device ls web",
        "profile ls", "profile assign web a,b", "profile apply web default", "profile device list p",
        "profile set p a=b", "profile rm p", "network list -f json", "network create br0 ipv4.address=auto -t bridge",
        "network list-leases br0", "network info br0", "network rm br0", "storage create p dir source=/x",
        "storage info p --bytes", "storage show p --resources", "image import a.tar b.tar local: --alias x os=Debian",
        "image export a b", "image ls os=Debian -c lf", "image alias mv a b",
        "image build debian/12 --alias a --alias b",
        "operation cancel id", "operation ls", "monitor --type lifecycle --type=logging --pretty --loglevel info",
        "monitor -f json", "query -X PUT -d {} --wait /1.0", "query --raw /1.0", "version", "remote list", "-q list",
        "list -v --debug", "--force-local list", "remote get-default", "list -qfcsv -cns4", "launch debian web -tc2-m4",
        "launch debian -ec limits.cpu=2 web", "launch -eclimits.cpu=2 debian web", "start --all=true", "stop -f=true a",
        "stop a --force=false b", "list web --format csv -c n status=running", "list --format=csv --format=json",
        "exec -nT web ls", "exec -tn --env=A=b web -- ls", "exec --mode=interactive -n=false web ls -l -- --x",
        "stop -f -f a", "alias ls -fcsv", "alias add a b", "alias mv a b", "alias rm a", "delete -- -x",
        "copy a b --mode push --allow-inconsistent", "copy a b --target m", "move a --target m",
        "move a b --mode=relay",
        "launch debian web --target m", "init debian --target=m", "info --target m", "config get core.x --target m",
        "config edit --target m", "network create br0 --target m", "network show br0 --target m",
        "storage create p dir --target m", "storage info p --target m", "storage volume copy p/v q/v --target m",
        "storage volume move p/v q/v --destination-target m --mode pull", "storage volume list p v type=custom",
        "image export a --vm", "image info a --vm", "image show --vm a", "remote switch local",
        "remote set-default local",
        "config set web -- user.x=-1", "config device set web eth0 -- mtu -1",
    ]) func stockCommandLinesAreUnderstood(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        _ = try Main.parsed(words)
    }

    @Test(arguments: [
        ("lst", "unknown command \"lst\" for \"lx\"\n\nDid you mean this?\n\tlist\n"),
        ("config foo", "unknown command \"foo\" for \"lx config\""),
        ("config device zzzzzz a b", "unknown command \"zzzzzz\" for \"lx config device\""),
        ("list --foo", "unknown flag: --foo"), ("list -ez", "unknown shorthand flag: 'e' in -ez"),
        ("stop -fz a", "unknown shorthand flag: 'z' in -z"),
        ("list -f", "flag needs an argument: 'f' in -f"), ("list --format", "flag needs an argument: --format"),
        ("start --all=x", "invalid argument \"x\" for \"--all\" flag"),
        ("stop -f=x a", "invalid argument \"x\" for \"-f, --force\" flag"),
        ("-z list", "unknown shorthand flag: 'z' in -z"),
    ]) func mistakesAreNamed(_ line: String, _ said: String) throws {
        let error = try #require(throws: Misuse.self) { try Main.parsed(line.split(separator: " ").map(String.init)) }
        #expect(error.description.hasPrefix(said))
        #expect(error.description.contains("\nSee 'lx"))
        #expect(error.description.hasSuffix(" --help' for more information."))
    }

    @Test func theLastOfARepeatedOptionCounts() throws {
        let words = ["stop", "--timeout=3", "-f", "--timeout", "-1", "a", "--force=false", "b"]
        let stop = try #require(try Main.parsed(words) as? Stop)
        #expect(stop.timeout == -1)
        #expect(!stop.force)
        #expect(stop.names == ["a", "b"])
        let launch = try #require(try Main.parsed(["launch", "-eca=b", "x", "-c", "d=e=f", "-tc2-m4"]) as? Launch)
        #expect(launch.options.config == ["a=b", "d=e=f"])
        #expect(launch.options.ephemeral)
        #expect(launch.options.type == "c2-m4")
    }

    /// Its kind may stand in the same word and nowhere else: the next word is a name.
    @Test(arguments: ["--console a", "a --console", "--console=console a", "--console -q a", "-q --console a"])
    func aConsoleNeverTakesTheNextWord(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let start = try #require(try Main.parsed(["start"] + words) as? Start)
        #expect(start.console == "console" && start.names == ["a"])
        let stop = try #require(try Main.parsed(["stop", "-f"] + words) as? Stop)
        #expect(stop.console == "console" && stop.names == ["a"])
        // In the slower way, which joined letters need.
        let restart = try #require(try Main.parsed(["restart", "-f=true"] + words) as? Restart)
        #expect(restart.console == "console" && restart.names == ["a"])
        for words in [["busybox"] + words, words + ["busybox"]] {
            let launch = try #require(try Main.parsed(["launch"] + words) as? Launch)
            #expect(launch.console == "console")
            #expect(Set([launch.options.image, launch.options.name]) == ["a", "busybox"])
        }
        let other = try #require(try Main.parsed(["start", "--console=vga", "a"]) as? Start)
        #expect(other.console == "vga" && other.names == ["a"])
    }

    @Test func theHelpShowsThatTheKindOfConsoleMayBeMissing() {
        for words in [["start"], ["stop"], ["restart"], ["launch"]] {
            let help = #expect(throws: WholeHelp.self) { try Main.parsed(words + ["--help", "--sub-commands"]) }
            #expect(help?.text.contains("  --console[=<type>]") == true)
        }
    }

    @Test func theHelpOfAllCommandsBelow() {
        for words in [["alias", "--sub-commands"], ["alias", "--help", "--sub-commands"]] {
            let help = #expect(throws: WholeHelp.self) { try Main.parsed(words) }
            #expect(help?.text.contains("lx alias rename") == true)
        }
    }

    @Test(arguments: [
        "foo", "list --foo", "config foo", "launch", "start", "exec web", "exec", "list -f xml", "stop", "delete",
        "exec -t -T web ls", "image build", "profile add web", "query -X",
    ]) func mistakesEndWithOne(_ line: String) async {
        #expect(await Main.run(line.split(separator: " ").map(String.init)) == 1)
    }
}
