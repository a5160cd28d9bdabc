extension Instance {
    /// A command to run in an instance (`POST /1.0/instances/NAME/exec`).
    public struct Exec: Codable, Sendable {
        /// The program and its arguments.
        @Lenient public var command: [String]
        /// Whether input and output go over websockets.
        @Lenient public var waitForWebsocket: Bool
        /// Whether it runs on a terminal.
        @Lenient public var interactive: Bool
        /// Variables for it, above the instance's own.
        @Lenient public var environment: [String: String]
        /// Columns of the terminal.
        @Lenient public var width: Int
        /// Rows of the terminal.
        @Lenient public var height: Int
        /// Whether its output is kept in log files.
        @Lenient public var recordOutput: Bool
        /// The user id inside.
        @Lenient public var user: Int64
        /// The group id inside.
        @Lenient public var group: Int64
        /// The directory it begins in; empty for the user's own.
        @Lenient public var cwd: String

        enum CodingKeys: String, CodingKey {
            case command
            case waitForWebsocket = "wait-for-websocket"
            case interactive, environment, width, height
            case recordOutput = "record-output"
            case user, group, cwd
        }

        /// Makes the value; everything but the command may be left out.
        public init(
            command: [String], waitForWebsocket: Bool = false, interactive: Bool = false,
            environment: [String: String] = [:], width: Int = 0, height: Int = 0, recordOutput: Bool = false,
            user: Int64 = 0, group: Int64 = 0, cwd: String = ""
        ) {
            self.command = command
            self.waitForWebsocket = waitForWebsocket
            self.interactive = interactive
            self.environment = environment
            self.width = width
            self.height = height
            self.recordOutput = recordOutput
            self.user = user
            self.group = group
            self.cwd = cwd
        }
    }

    /// A message on the control websocket of an exec, as JSON text.
    public struct ExecControl: Codable, Sendable {
        /// `window-resize` or `signal`.
        @Lenient public var command: String
        /// For a resize: `width` and `height`, as text.
        @Lenient public var args: [String: String]
        /// For a signal: its number.
        @Lenient public var signal: Int

        enum CodingKeys: String, CodingKey { case command, args, signal }

        /// A new size of the terminal.
        public static func resize(width: Int, height: Int) -> ExecControl {
            ExecControl(command: "window-resize", args: ["width": String(width), "height": String(height)], signal: 0)
        }
        /// The size, of a resize; nil without two numbers.
        public var size: (columns: Int, rows: Int)? {
            guard let columns = args["width"].flatMap({ Int($0) }), let rows = args["height"].flatMap({ Int($0) })
            else {
                return nil
            }
            return (columns, rows)
        }
        /// A signal for the command.
        public static func signal(_ number: Int) -> ExecControl {
            ExecControl(command: "signal", args: [:], signal: number)
        }
    }
}
