import ArchitectureCost
import SearchSpace
import Support

/// One network of a space as a file that stands alone: the space, the encoding, and for people
/// every layer's choices and the costs.
public enum ArchitectureJSON {
    public static let format = "fpnas-architecture"
    public static let version = 1

    public static func encode(
        _ architecture: [Int32], of space: SearchSpace, pretty: Bool = true
    ) throws(FPNASError) -> [UInt8] {
        try space.check(architecture)
        return try JSONText.encode(
            ArchitectureDocument(architecture, space), pretty: pretty)
    }

    public static func load(
        _ path: String
    ) throws(FPNASError) -> (space: SearchSpace, architecture: [Int32]) {
        try decode(try Files.read(path, limit: JSONText.sizeLimit), name: path)
    }

    /// The space and the canonical encoding in it.
    public static func decode(
        _ bytes: [UInt8], name: String
    ) throws(FPNASError) -> (space: SearchSpace, architecture: [Int32]) {
        let document = try JSONText.decode(ArchitectureDocument.self, bytes, name: name)
        guard document.format == format, document.version == version else {
            throw FPNASError(
                .format,
                "'\(name)' must have format '\(format)' version \(version), got "
                    + "'\(document.format)' version \(document.version)")
        }
        let space = try document.space.space(name: name)
        var architecture = document.encoding
        do throws(FPNASError) {
            try space.check(architecture)
        } catch {
            throw FPNASError(.format, "'\(name)': \(error.message)")
        }
        space.canonicalise(&architecture)
        return (space, architecture)
    }
}

private struct ArchitectureDocument: Codable {
    let format: String
    let version: Int
    let encoding: [Int32]
    let space: SpaceDocument
    /// Layer name, then variable name to choice; written for people, not read back.
    let choices: [LayerChoices]?
    let macs: Int?
    let parameters: Int?

    struct LayerChoices: Codable {
        let layer: String
        let choices: [String: ChoiceDocument]
    }

    init(_ architecture: [Int32], _ space: SearchSpace) throws(FPNASError) {
        format = ArchitectureJSON.format
        version = ArchitectureJSON.version
        encoding = architecture
        self.space = SpaceDocument(space)
        let active = space.activity(architecture)
        choices = space.layers.indices.compactMap { index in
            let layer = space.layers[index]
            guard !layer.variables.isEmpty else { return nil }
            var values: [String: ChoiceDocument] = [:]
            for (offset, variable) in layer.variables.enumerated() {
                let v = space.layerStarts[index] + offset
                if active[v] {
                    values[variable.name] = ChoiceDocument(variable.choices[Int(architecture[v])])
                }
            }
            return LayerChoices(layer: layer.name, choices: values)
        }
        let cost = space.isNetwork ? try space.network(architecture).cost() : nil
        macs = cost?.macs
        parameters = cost?.parameters
    }
}
