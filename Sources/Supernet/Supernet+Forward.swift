import CKernels
import SearchSpace
import Support

extension Supernet {
    /// Checks the batch, runs the network forward on it and then `body`, with BLAS on one thread
    /// and a team that lives as long.
    func run(
        _ network: Network, _ images: Buffer<Float>, _ first: Int, _ labels: [Int32]?,
        _ statistics: NormalisationStatistics, count given: Int? = nil, trains: Bool = false,
        _ body: (Pass, ThreadTeam) throws(FPNASError) -> BatchResult
    ) throws(FPNASError) -> BatchResult {
        try run(
            try prepare(network), images, first, labels, statistics, count: given, trains: trains,
            body)
    }

    /// The same with a network that is ready; `bound` is called when its places are known.
    func run(
        _ network: PreparedNetwork, _ images: Buffer<Float>, _ first: Int, _ labels: [Int32]?,
        _ statistics: NormalisationStatistics, count given: Int? = nil, trains: Bool = false,
        bound: () -> Void = {},
        _ body: (Pass, ThreadTeam) throws(FPNASError) -> BatchResult
    ) throws(FPNASError) -> BatchResult {
        let count = try checkBatch(images, first, labels, given)
        try bind(network)
        bound()
        let pass = makePass(count, trains: trains)
        return try withTeam { (team) throws(FPNASError) in
            unsafe pass.takeImages(images.pointer + first * imageSize, team)
            forward(pass, from: 0, statistics == .running ? weights.statistics : nil, team)
            return try body(pass, team)
        }
    }

    /// Calls `body` with a team, and with BLAS on one thread.
    func withTeam<T>(
        _ body: (ThreadTeam) throws(FPNASError) -> T
    ) throws(FPNASError) -> T {
        try crew.work { (team) throws(FPNASError) in
            try withSingleThreadedBLAS { () throws(FPNASError) in try body(team) }
        }
    }

    func makePass(_ count: Int, trains: Bool = false, chunked: Bool = true) -> Pass {
        unsafe Pass(
            kernels: kernels, parameters: weights.parameters.pointer,
            gradient: weights.gradient.pointer, arena: arena.pointer, plan: plan,
            inputs: bound.inputs, reductions: bound.reductions, count: count,
            chunks: chunked ? min(count, plan.chunks) : count, trains: trains,
            regularisation: regularisation, random: random, step: UInt64(steps))
    }

    var imageSize: Int { input.height * input.width * input.channels }

    func checkBatch(
        _ images: Buffer<Float>, _ first: Int, _ given: [Int32]?, _ givenCount: Int?
    ) throws(FPNASError) -> Int {
        let count = given?.count ?? givenCount ?? 0
        guard (1...capacity).contains(count) else {
            throw .invalid("a batch must have 1 to \(capacity) images, got \(count)")
        }
        guard first >= 0, first <= images.count / imageSize - count else {
            throw .invalid(
                "images \(first) to \(first + count) are not among the \(images.count / imageSize) "
                    + "given")
        }
        guard let given else { return count }
        for (i, label) in given.enumerated() {
            guard label >= 0, label < classes else {
                throw .invalid("a label must be in 0..<\(classes), got \(label)")
            }
            labels[i] = label
        }
        return count
    }

    // MARK: - Forward

    /// Runs the bound network from an operator on up to its logits. The profile counts what is made
    /// ready for an operator to the one in front.
    func forward(
        _ pass: Pass, from first: Int, _ statistics: Buffer<Float>?, _ team: ThreadTeam
    ) {
        guard first < bound.operators.count else { return }
        perform([.weights(first, backward: false)], pass, team)
        for place in bound.operators.indices[first...] {
            let b = bound.operators[place]
            let start = profile == nil ? 0 : Process.seconds
            defer { profile?.add(b.s, forward: true, images: pass.count, since: start) }
            let measures = b.s.hasNorm && statistics == nil
            team.run(chunks: pass.chunks) { chunk, worker in
                let part = Part(chunk: chunk, worker: worker)
                if b.isFused {
                    pass.fusedForward(b, measures: measures, part)
                } else {
                    pass.forward(b, part)
                    if measures { pass.sumMoments(b, part) }
                }
            }
            var interludes: [Interlude] = []
            if b.s.hasNorm {
                interludes.append(statistics == nil ? .moments(place) : .statistics(place))
            }
            if place + 1 < bound.operators.count {
                interludes.append(.weights(place + 1, backward: false))
            }
            perform(interludes, pass, team, statistics: statistics)
        }
    }
}

extension Pass {
    /// Copies the batch's images to aligned pixels.
    func takeImages(_ source: UnsafePointer<Float>, _ team: ThreadTeam) {
        let channels = plan.imageChannels
        let pixels = plan.imagePixels
        let line = laneAligned(channels)
        let from = unsafe source
        team.run(chunks: chunks) { chunk in
            let range = images(chunk)
            unsafe fpnas_priv_copy_matrix(
                from + range.lowerBound * pixels * channels, channels, range.count * pixels,
                channels,
                at(plan.images) + range.lowerBound * pixels * line, line)
        }
    }

    fileprivate func forward(_ b: BoundOperator, _ part: Part) {
        switch b.s.code {
        case .pointwise: pointwise(b, part)
        case .patches: patchConvolution(b, part)
        case .depthwise: depthwise(b, part)
        case .pool: pool(b, part)
        case .globalPool: globalPool(b, part)
        case .squeezeExcite, .splitAttention: attention(b, part)
        case .sum: sum(b, part)
        case .leading: leading(b, part)
        case .concatenation: concatenate(b, part)
        case .zero: clear(b, part)
        case .mixture: mix(b, part)
        }
    }
}
