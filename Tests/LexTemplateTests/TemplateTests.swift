import Testing

@testable import LexTemplate

/// What templates become, as LXD 5.0.2 renders them.
struct TemplateTests {
    private let values: [String: TemplateValue] = [
        "trigger": .text("start"), "path": .text("/etc/probe"),
        "instance": TemplateValue(["name": "t1", "type": "container"]),
        "config": TemplateValue(["user.a": "va", "user.devs": "x"]), "properties": TemplateValue(["answer": "42"]),
        "devices": .map(["root": TemplateValue(["type": "disk"]), "eth0": TemplateValue(["type": "nic"])]),
    ]
    private let functions: [String: Template.Function] = [
        "config_get": { arguments in
            if case .text("user.a")? = arguments.first { return .text("va") }
            return arguments.dropFirst().first ?? .none
        }
    ]

    private func made(_ source: String) throws -> String {
        try Template(source).render(values, functions: functions)
    }

    /// Every pair was taken from a file that a real LXD made.
    @Test(arguments: [
        ("trigger={{ trigger }} path={{ path }}", "trigger=start path=/etc/probe"),
        ("{{ instance.name }} {{ instance.type }}", "t1 container"),
        ("{{ properties.answer }}[{{ properties.nothing }}][{{ nonsense }}][{{ nonsense.a.b }}]", "42[][][]"),
        ("{{ config_get(\"user.a\", \"dflt\") }} {{ config_get(\"user.b\", \"dflt\") }}", "va dflt"),
        ("{{ config_get(\"user.c\", properties.answer) }}", "42"),
        ("{% if 1 == 0 and 1 == 0 or 1 == 1 %}t{% else %}f{% endif %}", "f"),
        ("{% if not 1 == 0 %}t{% else %}f{% endif %}", "t"), ("{% if not 0 == 1 %}t{% else %}f{% endif %}", "t"),
        ("{% if not \"x\" in \"abc\" %}t{% else %}f{% endif %}", "f"),
        ("{% if \"a\" in \"abc\" && 1 < 2 %}t{% else %}f{% endif %}", "t"),
        ("{% if \"b\" > \"a\" %}t{% else %}f{% endif %}{% if \"1\" == 1 %}t{% else %}f{% endif %}", "ff"),
        ("{% if \"2\" > 1 %}t{% else %}f{% endif %}", "t"),
        (
            "{{ true }} {{ 1.5 }} {{ 3 + 4 }} {{ 7 / 2 }} {{ 7 % 2 }} {{ 2 ^ 3 }} {{ -3 }}",
            "True 1.500000 7 3 1 8.000000 -3"
        ),
        ("{{ \"ab\"|upper }} {{ \"hello world\"|title }} {{ \"hello\"|capfirst }}", "AB Hello World Hello"),
        ("{{ \"hello\"|length }} {{ \"\"|default:\"d\" }}", "5 d"),
        ("{{ \"abc\"|truncatechars:2 }} {{ \"abcdefgh\"|truncatechars:5 }}", "ab ab..."),
        ("{{ \"a b c\"|truncatewords:2 }}", "a b ..."),
        ("{% for c in \"abc\" %}{{ forloop.Counter }}{{ c }}{% if forloop.Last %}!{% endif %}{% endfor %}", "1a2b3c!"),
        ("{% for k, v in properties %}{{ k }}={{ v }};{% endfor %}", "answer=42;"),
        ("{% for k, v in config sorted %}{{ k }}={{ v }};{% endfor %}", "user.a=va;user.devs=x;"),
        ("{% ifequal 1 1 %}eq{% endifequal %}", "eq"), ("{% set x = \"set\" %}{{ x }}", "set"),
        ("N:{# gone #}{% comment %}also {{ gone }}{% endcomment %}", "N:"),
        (
            "{{ \"a,b\"|split:\",\"|join:\"-\" }} {{ \"abc\"|first }}{{ \"abc\"|last }} {{ \"abc\"|cut:\"b\" }}",
            "a-b ac ac"
        ),
        ("{{ \"x\"|yesno:\"ja,nein\" }} {{ 5|add:2 }} {{ \"5\"|add:2 }} {{ \"a\"|add:\"b\" }}", "ja 7 52 ab"),
        ("{{ \"abc\"|slice:\"1:2\" }}<&\"'>{{ \"<&>\" }}", "b<&\"'><&>"),
        ("{% if config_get(\"user.z\", \"\") == \"\" %}empty{% elif 1 %}x{% endif %}", "empty"),
        ("{% firstof nonsense \"fb\" %}{% with a=1 %}{{ a }}{% endwith %}", "fb1"),
        (
            "{{ 1.5|floatformat:2 }} {{ \"ab\"|ljust:4 }}|{{ \"ab\"|rjust:4 }} {{ \"ab\"|center:6 }}|",
            "1.50 ab  |  ab   ab  |"
        ),
        ("{{ 10|divisibleby:5 }} {{ \"a b\"|wordcount }}", "True 2"),
        (
            "{{ trigger == \"create\" }} {{ \"a\" + \"b\" }} {{ \"1\" + 2 }} {{ 1 and 0 }} {{ 0 or \"x\" }}",
            "False 0 3 False True"
        ),
    ])
    func asLXD(_ source: String, _ expected: String) throws {
        #expect(try made(source) == expected)
    }

    @Test func whatImagesBringIsMade() throws {
        let network = """
            {% if config_get("user.network-config", "") == "" %}version: 1
            config:
              - type: physical
                name: {% if instance.type == "virtual-machine" %}enp5s0{% else %}eth0{% endif %}
            {% else %}{{ config_get("user.network-config", "") }}{% endif %}
            """
        #expect(try made(network) == "version: 1\nconfig:\n  - type: physical\n    name: eth0\n")
        #expect(try made("127.0.1.1 {{ instance.name }}\n{%- if 1 -%}\n x{% endif %}") == "127.0.1.1 t1x")
        #expect(
            try made("{% verbatim %}{{ x }}{% endverbatim %}{{ \"a  \"|trim }}{{ \"aXbX\"|replace:\"X,-\" }}")
                == "{{ x }}aa-b-")
        #expect(
            try made("{% for d, o in devices %}{{ d }}:{{ o.type }} {% empty %}none{% endfor %}")
                == "eth0:nic root:disk ")
        #expect(try made("{% for x in nonsense %}a{% empty %}none{% endfor %}{{ config[\"user.a\"] }}") == "noneva")
    }

    @Test(arguments: [
        ("{% include \"/etc/shadow\" %}", "include"), ("{% ssi \"/etc/shadow\" %}", "ssi"),
        ("{% import \"/etc/shadow\" x %}", "import"), ("{% extends \"/etc/shadow\" %}", "extends"),
        ("{% if 1 %}", "endif"), ("{{ 1", "no end"), ("{% for x of y %}{% endfor %}", "\"in\" is missing"),
        ("{{ x|nofilter }}", "no filter"), ("{% nosuch %}", "no tag"), ("{{ f(1) }}", "no function"),
        ("{{ config.f(1) }}", "only functions"), ("{{ 1 / 0 }}", "divided"),
        ("{{ 9223372036854775807 + 1 }}", "too large"), ("{{ 99999999999999999999 }}", "too large"),
        ("{{ config }}", "cannot be printed"), ("{{ \"a\"|center:99999999999 }}", "bytes of text"),
        ("\n\n{{ ) }}", "line 3"), ("{{ \"\\x\" }}", "backslash"), ("{% else %}", "no tag"), ("{{ }}", "missing"),
        ("{% for a in 9999999999 %}{% for b in 9999999999 %}x{% endfor %}{% endfor %}", "does more than"),
    ])
    func mistakesAreToldAndNothingElse(_ source: String, _ part: String) {
        do {
            let made = try made(source)
            Issue.record("\(source) became \(made.prefix(100))")
        } catch {
            #expect("\(error)".contains(part), "\(error)")
        }
    }

    /// What a filter is given comes from an instance's configuration: any number, and any type.
    @Test(arguments: TemplateFilter.allCases)
    func noFilterStumblesOverAnExtreme(_ filter: TemplateFilter) throws {
        let numbers: [TemplateValue] = [.int(.min), .int(-1), .int(0), .int(.max), .double(-1e300), .double(.nan)]
        let values = numbers + [.none, .bool(true), .text(""), .text("a:-9223372036854775808"), .list([]), .map([:])]
        var limits = Template.Limits()
        limits.steps = 100
        for value in values {
            for argument in values {
                do {
                    let source = "{% for x in v|\(filter.rawValue):a %}{% endfor %}{{ v|\(filter.rawValue):a }}"
                    _ = try Template(source, limits: limits).render(["v": value, "a": argument])
                } catch {
                    #expect(error.line == 1)
                }
            }
        }
        _ = try Template("{{ 1.5|floatformat:a }}").render(["a": .int(.min)])
    }

    @Test func noTemplateCostsMoreThanItMay() throws {
        let nested = String(repeating: "{% if 1 %}", count: 5000) + String(repeating: "{% endif %}", count: 5000)
        #expect(throws: TemplateError.self) { try made(nested) }
        #expect(throws: TemplateError.self) { try made("{{ " + String(repeating: "(", count: 100_000) + " }}") }
        #expect(throws: TemplateError.self) { try made("{{ 1" + String(repeating: "|add:1", count: 5000) + " }}") }
        #expect(throws: TemplateError.self) { try made("{{ 1" + String(repeating: "+1", count: 5000) + " }}") }
        #expect(throws: TemplateError.self) { try made("{{ " + String(repeating: "2^", count: 5000) + "1 }}") }
        #expect(throws: TemplateError.self) { try made("{{ a" + String(repeating: "[a", count: 5000) + " }}") }
        #expect(throws: TemplateError.self) { try made("{{ a" + String(repeating: " and a", count: 5000) + " }}") }
        // Twice as much text with every turn.
        let growing = "{% set x = \"aaaaaaaa\" %}" + String(repeating: "{% set x = x|add:x %}", count: 60) + "{{ x }}"
        #expect(throws: TemplateError.self) { try made(growing) }
        #expect(throws: TemplateError.self) { try made(String(repeating: "x", count: 2 << 20)) }
        let long = String(repeating: "0123456789", count: 100_000)
        let loop = "{% for i in 100 %}{{ long }}{% endfor %}"
        #expect(throws: TemplateError.self) { try Template(loop).render(["long": .text(long)]) }
        #expect(try Template("{{ long }}").render(["long": .text(long)]).utf8.count == 1_000_000)
    }
}
