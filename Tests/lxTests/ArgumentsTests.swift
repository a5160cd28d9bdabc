import ArgumentParser
import Testing

@testable import lx

@Suite struct ArgumentsTests {
    @Test(arguments: [
        (["--project", "p", "-q", "list", "web"], ["list", "--project", "p", "-q", "web"]),
        (["config", "--debug", "device", "ls", "web"], ["config", "device", "ls", "--debug", "web"]),
        (["list", "-f=csv", "-c=ns4"], ["list", "-f", "csv", "-c", "ns4"]),
        (["list", "--format=csv"], ["list", "--format=csv"]),
        (["list", "--version"], ["list", "--version"]),
        (["--version", "list"], ["--version"]),
        (["nonsense", "-x=1"], ["nonsense", "-x", "1"]),
        (["config", "set", "--", "-x=1"], ["config", "set", "--", "-x=1"]),
        ([], []),
    ]) func optionsMayStandAnywhere(_ words: [String], _ normalised: [String]) {
        #expect(Arguments.normalised(words) == normalised)
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
        "list -v --debug", "--force-local list", "remote get-default",
    ]) func stockCommandLinesAreUnderstood(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        _ = try LX.parseAsRoot(Arguments.normalised(words))
    }

    @Test(arguments: [
        "foo", "list --foo", "config foo", "launch", "start", "exec web", "exec", "list -f xml", "stop", "delete",
        "exec -t -T web ls", "image build", "profile add web", "query -X",
    ]) func mistakesEndWithOne(_ line: String) async {
        #expect(await Main.run(line.split(separator: " ").map(String.init)) == 1)
    }
}
