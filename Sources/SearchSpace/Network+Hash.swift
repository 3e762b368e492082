import Support

extension SearchSpace {
    /// A number that is equal for architectures whose networks compute the same, and of different
    /// ones differs but by a chance of 2^-64; the same on every machine.
    ///
    /// That of the network's structure; of NAS-Bench-201 that of the benchmark's own notation,
    /// which tells more cells apart (6,466) than algebra does (4,930).
    public func networkHash(_ architecture: [Int32]) throws(FPNASError) -> UInt64 {
        guard case .nasBench201 = cells else { return try network(architecture).structuralHash }
        try check(architecture)
        var mixer = Mixer()
        for byte in CellNetwork.nasBench201Notation(architecture).utf8 { mixer.add(Int(byte)) }
        return mixer.value
    }
}

extension CellNetwork {
    /// The cell as NAS-Bench-201 writes it to find equal ones: a node is the sorted sum of its
    /// terms, "#" where a term is zero. Nested sums are spliced in as they are written, and zero
    /// terms stay, so that some cells which compute the same are written differently.
    static func nasBench201Notation(_ edges: [Int32]) -> String {
        var nodes = ["0"]
        var edge = 0
        for target in 1...3 {
            var terms: [String] = []
            for source in 0..<target {
                let operation = Int(edges[edge])
                edge += 1
                if operation == 0 || nodes[source] == "#" {
                    terms.append("#")
                } else if operation == 1 {
                    terms.append(nodes[source])
                } else {
                    terms.append("(\(nodes[source]))@\(nasBench201Operations[operation])")
                }
            }
            nodes.append(terms.sorted().joined(separator: "+"))
        }
        return nodes[3]
    }
}

extension Network {
    /// A number that is equal for networks which compute the same, whatever layers they come from.
    ///
    /// Blocks that do nothing leave no trace; sums have neither order nor nesting, and no zero
    /// terms; what is computed from zeros alone counts as zero, normalised or not. Weights, and
    /// which layer has them, play no part. Leading channels of leading channels are those that are
    /// left of the first. O(number of blocks).
    public var structuralHash: UInt64 {
        var values: [UInt64?] = []
        var chains: [LeadingChain?] = []
        for op in operators {
            var chain: LeadingChain?
            if case .leading(let stride) = op.kind, let source = op.inputs.first {
                chain =
                    source >= 0
                    ? chains[source] : LeadingChain(Mixer.image, op.inShape.channels)
                if chain == nil, let value = values[source] {
                    chain = LeadingChain(value, op.inShape.channels)
                }
                chain?.add(stride, op.outShape.channels)
                values.append(chain?.hash(op.outShape))
            } else {
                values.append(op.hash(op.inputs.map { $0 < 0 ? Mixer.image : values[$0] }))
            }
            chains.append(chain)
        }
        var mixer = Mixer()
        mixer.add(input.height, input.width, input.channels, classes)
        mixer.add(values.last.flatMap { $0 } ?? 0)
        return mixer.value
    }
}

/// One leading-channels operator behind another: what they leave of what the first one takes.
private struct LeadingChain {
    static let number = 12

    let source: UInt64
    let width: Int
    private var kept: Int
    private var stride = 1

    init(_ source: UInt64, _ width: Int) {
        self.source = source
        self.width = width
        kept = width
    }

    mutating func add(_ stride: Int, _ channels: Int) {
        kept = min(kept, channels)
        // A stride beyond the image meets its first pixel alone.
        let (product, overflow) = self.stride.multipliedReportingOverflow(by: stride)
        self.stride = overflow ? .max : product
    }

    func hash(_ shape: ImageShape) -> UInt64 {
        if stride == 1 && kept == width && shape.channels == width { return source }
        var mixer = Mixer()
        mixer.add(LeadingChain.number, stride, kept, shape.height, shape.width, shape.channels)
        mixer.add(source)
        return mixer.value
    }
}

extension NetworkOperator {
    /// Of the operator's result, nil for zero. Hashes are added up as their terms are, so that a
    /// sum has no order and no nesting.
    fileprivate func hash(_ inputs: [UInt64?]) -> UInt64? {
        let terms = inputs.compactMap { $0 }
        if terms.isEmpty && kind != .linear { return nil }
        let sum = terms.reduce(0, &+)
        if kind == .sum, !hasNormalisation, activation == .none { return sum }
        var mixer = Mixer()
        switch kind {
        case .zero, .sum: mixer.add(1)
        case .concatenation: mixer.add(2)
        case .convolution(let kernel, let stride, let padding, let dilation, let groups):
            mixer.add(3, kernel, stride, padding, dilation, groups)
        case .linear: mixer.add(4)
        case .pool(let pool, let kernel, let stride, let padding):
            mixer.add(pool == .average ? 5 : 6, kernel, stride, padding)
        case .globalPool: mixer.add(7)
        case .squeezeExcite(let width, let gate):
            mixer.add(gate == .sigmoid ? 8 : 9, width)
        case .splitAttention(let width): mixer.add(10, width)
        case .mixture: mixer.add(11)
        case .leading: mixer.add(LeadingChain.number)
        }
        mixer.add(outShape.height, outShape.width, outShape.channels)
        mixer.add(
            inputActivation.number, hasBias ? 1 : 0, hasNormalisation ? 1 : 0, activation.number)
        if kind == .concatenation {
            // The places of its parts matter.
            for part in inputs { mixer.add(part ?? 0) }
        } else {
            mixer.add(sum)
        }
        return mixer.value
    }
}

extension Activation {
    fileprivate var number: Int {
        switch self {
        case .none: return 0
        case .relu: return 1
        case .relu6: return 2
        case .swish: return 3
        case .hswish: return 4
        }
    }
}

/// A chain of splitmix64's finaliser.
private struct Mixer {
    static let image: UInt64 = 0x696D_6167_6500_0001

    private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func add(_ word: UInt64) {
        var z = (value ^ word) &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        value = z ^ (z >> 31)
    }

    mutating func add(_ words: Int...) {
        for word in words { add(UInt64(bitPattern: Int64(word))) }
    }
}
