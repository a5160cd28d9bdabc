import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexTemplate

extension Instances {
    /// What is to be written into an instance before it starts: what its metadata names for the event that is due, as
    /// `volatile.apply_template` says, and then for the start itself. Throws when a template has a mistake: an instance
    /// with half of its files does not start.
    func templatedFiles(
        of record: InstanceRecord, _ config: Config<InstanceKeys>, _ plan: InstancePlan
    ) async throws -> [PlacedText] {
        guard record.metadata != nil else { return [] }
        let own = try await metadata(of: record)
        let due = [record.config["volatile.apply_template"], "start"].compactMap(\.self)
        let templates = own.metadata.templates.sorted { $0.key < $1.key }
        guard templates.contains(where: { !Set($0.value.when).isDisjoint(with: due) }) else { return [] }
        let devices = try await expansion(of: record).devices
        return try await blocking {
            var files: [PlacedText] = []
            for event in due {
                for (path, template) in templates where template.when.contains(event) {
                    let values = TemplateValues(
                        event: event, path: path, template: template, record: record, config: config.values,
                        devices: devices, isPrivileged: plan.ids.isEmpty)
                    guard let source = own.templates[template.template] else {
                        throw Self.cannotMake(
                            path, record,
                            "its template \"\(template.template)\" is missing. Create it with lx config "
                                + "template create, or take it out of the metadata")
                    }
                    do {
                        let made = try Template(String(decoding: source, as: UTF8.self)).render(
                            values.all, functions: ["config_get": values.configGet])
                        files.append(PlacedText(path: path, content: made, onlyNew: template.createOnly))
                    } catch let error as TemplateError {
                        throw Self.cannotMake(
                            path, record,
                            "template \"\(template.template)\", \(error). Mend it with lx config template "
                                + "edit")
                    }
                }
            }
            return files
        }
    }

    private static func cannotMake(_ path: String, _ record: InstanceRecord, _ why: String) -> APIError {
        .badRequest("cannot start instance \"\(record.name)\": \(path) cannot be made: \(why)")
    }
}

/// What a template of an instance sees, by LXD's names.
private struct TemplateValues {
    let event: String
    let path: String
    let template: Instance.Metadata.Template
    let record: InstanceRecord
    let config: [String: String]
    let devices: [String: [String: String]]
    let isPrivileged: Bool

    var all: [String: TemplateValue] {
        let instance = TemplateValue([
            "name": record.name, "type": "container", "architecture": record.architecture,
            "ephemeral": String(record.ephemeral), "privileged": String(isPrivileged),
        ])
        return [
            "trigger": .text(event), "path": .text(path), "instance": instance, "container": instance,
            "config": TemplateValue(config), "devices": .map(devices.mapValues { TemplateValue($0) }),
            "properties": TemplateValue(template.properties),
        ]
    }

    /// `config_get("KEY", DEFAULT)`
    var configGet: Template.Function {
        let config = config
        return { arguments in
            let key = if case .text(let key)? = arguments.first { key } else { "" }
            guard let value = config[key] else { return arguments.dropFirst().first ?? .none }
            var bytes = value.utf8[...]
            while let last = bytes.last, last == 10 || last == 13 { bytes.removeLast() }
            return .text(String(Substring(bytes)))
        }
    }
}
