import SearchSpace
import Support

/// The JSON form of a space.
///
///     {"format": "fpnas-space", "version": 1, "name": "tiny",
///      "input": {"height": 8, "width": 8, "channels": 1}, "classes": 10,
///      "layers": [
///        {"name": "a", "operation": "mbconv", "stride": 2, "kernel": [0, 3], "channels": 16},
///        {"name": "classifier", "operation": "classifier"}]}
///
/// In a layer with an operation an array is searched and a single value fixed; `kernel.2` is of the
/// second block alone, and `per_block` lists attributes that every block chooses for itself. `op`
/// lists whole blocks of which one is chosen. A cell network has `cells` in place of `layers`:
///
///     "cells": {"network": "nas-bench-201", "channels": 16, "cells": 5}
///
/// A layer of an abstract space lists its `variables`:
///
///     {"name": "a", "variables": [{"name": "op", "choices": ["skip", "conv"]},
///       {"name": "k", "choices": [3, 5], "when": {"variable": "op", "in": ["conv"]}}]}
public enum SpaceJSON {
    public static let format = "fpnas-space"
    public static let version = 1
    /// Bytes; longer text is refused before it is parsed.
    public static let sizeLimit = JSONText.sizeLimit

    /// Reads a space; `name` is the file that messages speak of.
    public static func decode(_ bytes: [UInt8], name: String) throws(FPNASError) -> SearchSpace {
        try JSONText.decode(SpaceDocument.self, bytes, name: name).space(name: name)
    }

    /// Reads a space from a file.
    public static func load(_ path: String) throws(FPNASError) -> SearchSpace {
        try decode(try Files.read(path, limit: JSONText.sizeLimit), name: path)
    }

    /// Refuses a space whose layers JSON cannot say: conditions of an operation's variables that
    /// are not its own.
    public static func encode(
        _ space: SearchSpace, pretty: Bool = true
    ) throws(FPNASError) -> [UInt8] {
        for layer in space.layers where layer.block != nil {
            guard try LayerDraft(of: layer).layer() == layer else {
                throw .invalid(
                    "layer '\(layer.name)' has conditions or an order that JSON cannot say")
            }
        }
        return try JSONText.encode(SpaceDocument(space), pretty: pretty)
    }
}

struct SpaceDocument: Codable {
    struct Input: Codable {
        let height: Int
        let width: Int
        let channels: Int
    }

    struct Cells: Codable {
        let network: String
        let channels: Int
        let cells: Int
    }

    let format: String
    let version: Int
    let name: String
    let input: Input?
    let classes: Int?
    let cells: Cells?
    let layers: [LayerDocument]?

    init(_ space: SearchSpace) {
        format = SpaceJSON.format
        version = SpaceJSON.version
        name = space.name
        input = space.input.map {
            Input(height: $0.height, width: $0.width, channels: $0.channels)
        }
        classes = space.input == nil ? nil : space.classes
        cells = space.cells.map {
            Cells(network: $0.name, channels: $0.channels, cells: $0.cells)
        }
        layers = space.cells == nil ? space.layers.map(LayerDocument.init) : nil
    }

    func space(name file: String) throws(FPNASError) -> SearchSpace {
        guard format == SpaceJSON.format, version == SpaceJSON.version else {
            throw FPNASError(
                .format,
                "'\(file)' must have format '\(SpaceJSON.format)' version \(SpaceJSON.version), "
                    + "got '\(format)' version \(version)")
        }
        do {
            return try built()
        } catch {
            throw FPNASError(.format, "'\(file)': \(error.message)")
        }
    }

    private func built() throws(FPNASError) -> SearchSpace {
        let shape = input.map {
            ImageShape(height: $0.height, width: $0.width, channels: $0.channels)
        }
        if let cells {
            guard layers == nil else { throw .invalid("it has both cells and layers") }
            guard let shape else { throw .invalid("a cell network needs an input") }
            let network = try CellNetwork.named(
                cells.network, channels: cells.channels, cells: cells.cells)
            return try SearchSpace(name: name, cells: network, input: shape, classes: classes ?? 0)
        }
        guard let layers else { throw .invalid("at the top: 'layers' is missing") }
        var built: [Layer] = []
        for layer in layers { built.append(try layer.layer()) }
        return try SearchSpace(name: name, layers: built, input: shape, classes: classes ?? 0)
    }
}
