import Support

// Images of several sizes in one network: FBNetV2's resolution masking. What a layer gives out lies
// on the grid of the largest images, smaller ones with zeros between their pixels; every block
// takes its own pixels out, runs on those alone, and puts them back:
//
//     y = Σ_r g_r · intersperse_r(b(subsample_r(x)))
//
// A kernel then sees neighbours as it does in a network of that size, and pixels of different sizes
// lie where they belong. [Wan et al. 2020]

/// Channels, and how far apart pixels lie on the grid of the largest images.
struct MixedWidth: Hashable, Comparable {
    var spacing: Int
    var channels: Int

    static func < (a: MixedWidth, b: MixedWidth) -> Bool {
        (a.spacing, a.channels) < (b.spacing, b.channels)
    }
}

/// One input of a mixture.
struct MixedTerm {
    let source: Int
    let channels: Int
    let spacing: Int
    let members: [(member: Int, width: Int)]
}

extension MixedGroups {
    /// The rows and columns of the largest images that groups give out, and the spacing of each
    /// group's on them; the finest spacing by which all were divided, 0 where all are one pixel.
    static func grid(
        of groups: [MixedGroups]
    ) throws(FPNASError) -> (
        shape: ImageShape, spacings: (relative: [Int], finest: Int?)
    ) {
        let sizes = groups.map { $0.size ?? ImageShape(height: 1, width: 1, channels: 1) }
        if sizes.allSatisfy({ $0.height == 1 && $0.width == 1 }), let one = sizes.first {
            return (one, (sizes.map { _ in 1 }, 0))
        }
        let spacings = groups.map { $0.spacing * $0.factor }
        let finest = spacings.min() ?? 1
        guard let largest = spacings.firstIndex(of: finest) else {
            return (ImageShape(height: 1, width: 1, channels: 1), ([], nil))
        }
        let grid = sizes[largest]
        for (i, group) in groups.enumerated() {
            let own = grid.spaced(spacings[i] / finest)
            guard spacings[i] % finest == 0, sizes[i].height == own.height,
                sizes[i].width == own.width
            else { throw group.unequal(grid, sizes[i]) }
        }
        return (grid, (spacings.map { $0 / finest }, finest))
    }
}

extension MixedNetwork {
    /// What comes in at one size alone.
    mutating func subsampled(
        _ state: MixedState, by spacing: Int, _ layer: Int, _ position: Int
    ) -> MixedState {
        guard spacing > 1 else { return state }
        let shape = state.shape.spaced(spacing)
        blocks.append(NetworkBlock(.pool, layer: layer, position: position, inputs: [], shape))
        operators.append(
            NetworkOperator(
                subsampling: state.shape, by: spacing, from: state.source, block: blocks.count - 1))
        return MixedState(source: operators.count - 1, shape: shape, widths: state.widths)
    }

    /// Averages images of several sizes, each over its own pixels, in front of the classifier, which
    /// is linear and so is run once.
    mutating func pool(_ state: inout MixedState, _ layer: Int, _ layerIndex: Int) {
        let spacings = Set(state.widths.map(\.spacing)).sorted()
        guard spacings.count > 1 else { return }
        var terms: [MixedTerm] = []
        for spacing in spacings {
            let own = subsampled(state, by: spacing, layerIndex, 0)
            blocks.append(
                NetworkBlock(.pool, layer: layerIndex, position: 0, inputs: [], own.shape))
            operators.append(
                NetworkOperator(
                    pooling: own.shape, from: own.source, role: .pool, block: blocks.count - 1))
            terms.append(
                MixedTerm(
                    source: operators.count - 1, channels: state.shape.channels, spacing: 1,
                    members: state.widths.indices.filter { state.widths[$0].spacing == spacing }
                        .map { ($0, state.shape.channels) }))
        }
        let shape = ImageShape(height: 1, width: 1, channels: state.shape.channels)
        let first = rows.count
        for term in terms {
            addRow(layer, term.members, channels: term.channels, isShare: false)
        }
        operators.append(
            NetworkOperator(
                mixing: terms.map { ($0.source, $0.channels) }, to: shape, block: blocks.count - 1,
                row: first))
        for i in state.widths.indices { state.widths[i].spacing = 1 }
        state = MixedState(source: operators.count - 1, shape: shape, widths: state.widths)
    }
}
