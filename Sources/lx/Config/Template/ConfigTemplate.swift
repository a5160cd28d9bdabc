import ArgumentParser
import LexAPI
import LexClient

/// `lx config template`
struct ConfigTemplate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template", abstract: "Look after the templates that files of instances are made from.",
        subcommands: [
            ConfigTemplateCreate.self, ConfigTemplateDelete.self, ConfigTemplateEdit.self, ConfigTemplateList.self,
            ConfigTemplateShow.self,
        ])
}

/// `lx config template list`
struct ConfigTemplateList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the templates of an instance.", aliases: ["ls"])

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            let names = try await client.templates(of: name)
            try format.print(Table(headers: ["FILENAME"], sorting: names.map { [$0] }), values: names)
        }
    }
}

/// `lx config template show`
struct ConfigTemplateShow: Command {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a template of an instance.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The template.")
    var template: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try StandardOutput.write(try await client.template(template, of: name))
        }
    }
}

/// `lx config template create`
struct ConfigTemplateCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Give an instance a new template, an empty one.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The template.")
    var template: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await client.putTemplate(template, "", of: name)
        }
    }
}

/// `lx config template edit`
struct ConfigTemplateEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a template of an instance in an editor.",
        discussion: "When standard input is not a terminal, the new template is read from there.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The template.")
    var template: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            // First, also where it is not shown: one that is not there is to be created, not edited.
            let present = try await client.template(template, of: name)
            try await Editor.edit(present) { try await client.putTemplate(template, $0, of: name) }
        }
    }
}

/// `lx config template delete`
struct ConfigTemplateDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a template of an instance.", aliases: ["rm"])

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The template.")
    var template: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await client.call(
                API.instances.deleteTemplate, path: ["name": name], query: ["path": template])
        }
    }
}
