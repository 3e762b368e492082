import CKernels
import SearchSpace
import Support

/// A network drawn so many times.
public struct Sample: Sendable {
    public var network: Network
    public var multiplicity: Int

    public init(_ network: Network, multiplicity: Int = 1) {
        self.network = network
        self.multiplicity = multiplicity
    }
}

/// How much of the forward passes of training was done once for several networks.
public struct BlockCounts: Hashable, Sendable {
    /// Blocks that were evaluated.
    public var evaluated = 0
    /// Σ multiplicity · blocks: K·L where all networks have L blocks.
    public var drawn = 0

    public init() {}
}

/// Where gradients of several networks wait for the part they share.
private struct OpenBranch {
    /// Operators in front of it.
    let cut: Int
    /// Arena offset of the memory.
    let place: Int
}

extension Supernet {
    /// Adds the gradients of some networks to the step; see the other `accumulate`.
    ///
    /// The networks are walked as a trie over their blocks, depth first: a block that several share
    /// with all in front of it runs forward once, and backward once with the sum of their gradients
    /// (as far as `ActivationPlan.branches` allow, and if it `sharesPrefixes`). Results are in the
    /// order of the samples. After an error the step has to be abandoned.
    public func accumulate(
        _ samples: [Sample], images: Buffer<Float>, first: Int = 0, labels: [Int32],
        likelihoodScale: Double = 1, loss: Loss = Loss()
    ) throws(FPNASError) -> [BatchResult] {
        try accumulate(
            samples, images, first, labels, likelihoodScale, loss, regularised: true
        ) { _, _ in }
    }

    /// The same with or without dropout and stochastic depth; `seen` is called behind every forward
    /// pass with the index of its sample.
    func accumulate(
        _ samples: [Sample], _ images: Buffer<Float>, _ first: Int, _ labels: [Int32],
        _ likelihoodScale: Double, _ loss: Loss, regularised: Bool, seen: (Pass, Int) -> Void
    ) throws(FPNASError) -> [BatchResult] {
        try check(loss, labels.count)
        guard var sum = step else {
            throw FPNASError(.state, "a training step has to begin before it takes gradients")
        }
        guard likelihoodScale.isFinite, likelihoodScale >= 0 else {
            throw .invalid("likelihood_scale must be >= 0, got \(likelihoodScale)")
        }
        var open: [OpenBranch] = []
        return try walk(
            samples.map(\.network), images, first, labels, .batch, trains: true,
            regularised: regularised
        ) { (pass, k, next, team) throws(FPNASError) in
            let result = try self.likelihood(pass, loss)
            seen(pass, k)
            let factors = try sum.push(
                likelihoodScale * result.logLikelihood, multiplicity: samples[k].multiplicity)
            if factors.keep != 1, sum.total > 0 {
                self.scaleGradient(by: factors.keep, team)
                for branch in open { self.scale(branch, by: factors.keep, pass, team) }
            }
            self.step = sum
            self.blockCounts.drawn += samples[k].multiplicity * self.blockCount(from: 0)
            if let b = self.bound.operators.last {
                unsafe pass.k.scale(
                    pass.at(b.gradient), Float(factors.add), pass.count * b.s.outLine)
            }
            self.backward(pass, downTo: next, &open, team)
            return result
        }
    }

    /// The likelihoods of some networks, in their order; what they share runs once.
    public func evaluate(
        _ networks: [Network], images: Buffer<Float>, first: Int = 0, labels: [Int32],
        weights: [Float]? = nil
    ) throws(FPNASError) -> [BatchResult] {
        let loss = Loss(weights: weights)
        try check(loss, labels.count)
        return try walk(networks, images, first, labels, .batch, trains: false) {
            (pass, _, _, _) throws(FPNASError) in try self.likelihood(pass, loss)
        }
    }

    /// Calls `body` behind the forward pass of each network, in the order of the trie, with the
    /// number of leading operators the next one shares.
    private func walk(
        _ networks: [Network], _ images: Buffer<Float>, _ first: Int, _ labels: [Int32],
        _ statistics: NormalisationStatistics, trains: Bool, regularised: Bool = true,
        _ body: (Pass, Int, Int, ThreadTeam) throws(FPNASError) -> BatchResult
    ) throws(FPNASError) -> [BatchResult] {
        failedNetwork = nil
        guard !networks.isEmpty else { return [] }
        let count = try checkBatch(images, first, labels, nil)
        var prepared: [PreparedNetwork] = []
        for network in networks { prepared.append(try prepare(network)) }
        let order = sharesPrefixes ? Supernet.trieOrder(prepared) : Array(prepared.indices)
        return try withTeam { (team) throws(FPNASError) in
            var results = [BatchResult?](repeating: nil, count: networks.count)
            var shared = 0
            for (place, k) in order.enumerated() {
                try bind(prepared[k])
                let next =
                    sharesPrefixes && place + 1 < order.count
                    ? sharedOperators(prepared[k], prepared[order[place + 1]]) : 0
                let pass = makePass(count, trains: trains && regularised)
                if shared == 0 { unsafe pass.takeImages(images.pointer + first * imageSize, team) }
                forward(
                    pass, from: shared, statistics == .running ? weights.statistics : nil, team)
                if trains { blockCounts.evaluated += blockCount(from: shared) }
                failedNetwork = k
                results[k] = try body(pass, k, next, team)
                failedNetwork = nil
                shared = next
            }
            return results.compactMap { $0 }
        }
    }

    /// Blocks of the bound network whose operators come from `first` on.
    private func blockCount(from first: Int) -> Int {
        var count = 0
        for i in first..<max(first, bound.operators.count)
        where i == first || bound.operators[i].block != bound.operators[i - 1].block { count += 1 }
        return count
    }

    // MARK: - The trie

    /// Depth first: networks that share more stand closer together; otherwise in given order.
    static func trieOrder(_ networks: [PreparedNetwork]) -> [Int] {
        var order: [Int] = []
        func walk(_ members: [Int], _ depth: Int) {
            guard members.count > 1 else { return order.append(contentsOf: members) }
            var groups: [[Int]] = []
            for k in members {
                let own = networks[k].operators(at: depth)
                let group =
                    own == nil
                    ? nil
                    : groups.firstIndex { networks[$0[0]].operators(at: depth) == own }
                if let group { groups[group].append(k) } else { groups.append([k]) }
            }
            for group in groups { walk(group, depth + 1) }
        }
        walk(Array(networks.indices), 0)
        return order
    }

    /// The leading operators two networks share, cut where a single result is passed on between
    /// blocks.
    private func sharedOperators(_ a: PreparedNetwork, _ b: PreparedNetwork) -> Int {
        let most = min(a.live.operators.count, b.live.operators.count) - 1
        var shared = 0
        while shared < most, a.operators(at: shared) == b.operators(at: shared) { shared += 1 }
        while shared > 0, !(a.live.cuts[shared] && b.live.cuts[shared]) { shared -= 1 }
        return shared
    }

    // MARK: - Backward with branches

    /// Runs the bound network backwards to where the next one branches off, and leaves the
    /// gradients there; parts that no later network shares are finished with the sum of all.
    private func backward(
        _ pass: Pass, downTo next: Int, _ open: inout [OpenBranch], _ team: ThreadTeam
    ) {
        var position = bound.operators.count
        var stop = next
        let top = open.last?.cut ?? 0
        if stop > top && open.count == plan.branches.count { stop = top }
        while true {
            let target = max(open.last?.cut ?? 0, stop)
            backward(pass, target..<position, team)
            position = target
            guard target > 0 else { return }
            if let branch = open.last, branch.cut == target {
                if target > stop {
                    join(branch, pass, team)
                    open.removeLast()
                } else {
                    leave(branch, pass, isFirst: false, team)
                    return
                }
            } else {
                let branch = OpenBranch(cut: target, place: plan.branches[open.count])
                leave(branch, pass, isFirst: true, team)
                open.append(branch)
                return
            }
        }
    }

    /// Calls `body` for every chunk with the place and number of the floats of its images' gradients
    /// at the branch.
    private func forEachChunk(
        _ branch: OpenBranch, _ pass: Pass, _ team: ThreadTeam, _ body: (Int, Int, Int) -> Void
    ) {
        let size = bound.operators[branch.cut - 1].s.outSize
        team.run(chunks: pass.chunks) { chunk in
            let images = pass.images(chunk)
            body(chunk, images.lowerBound * size, images.count * size)
        }
    }

    private func scale(
        _ branch: OpenBranch, by factor: Double, _ pass: Pass, _ team: ThreadTeam
    ) {
        forEachChunk(branch, pass, team) { _, start, count in
            unsafe pass.k.scale(pass.at(branch.place) + start, Float(factor), count)
        }
    }

    /// Adds the gradient at the branch to what waits there.
    private func leave(_ branch: OpenBranch, _ pass: Pass, isFirst: Bool, _ team: ThreadTeam) {
        let gradient = bound.operators[branch.cut - 1].gradient
        forEachChunk(branch, pass, team) { _, start, count in
            let target = unsafe pass.at(branch.place) + start
            if isFirst {
                unsafe target.update(from: pass.at(gradient) + start, count: count)
            } else {
                unsafe pass.k.add(pass.at(gradient) + start, count, target)
            }
        }
    }

    /// Adds what waits at the branch to the gradient of this network, and sums it anew for the
    /// normalisation.
    private func join(_ branch: OpenBranch, _ pass: Pass, _ team: ThreadTeam) {
        let place = branch.cut - 1
        let b = bound.operators[place]
        let sums = plan.wantedSums
        forEachChunk(branch, pass, team) { chunk, start, count in
            let gradient = unsafe pass.at(b.gradient) + start
            unsafe pass.k.add(pass.at(branch.place) + start, count, gradient)
            guard b.s.hasNorm else { return }
            let target = unsafe pass.sums(chunk) + sums
            unsafe target.update(repeating: 0, count: 2 * b.s.outLine)
            unsafe pass.k.norm_sums(
                gradient, pass.at(b.data) + start, pass.at(b.norm.row(.mean)),
                count / max(b.s.outLine, 1), b.s.outLine, target)
        }
        if b.s.hasNorm { perform([.gradient(place, sums: sums)], pass, team) }
    }
}

extension PreparedNetwork {
    /// An operator with the place of its block; nil behind the last.
    func operators(at depth: Int) -> PlacedOperator? {
        guard depth < live.operators.count else { return nil }
        let op = live.operators[depth]
        let block = blocks[op.block]
        return PlacedOperator(op: op, layer: block.layer, position: block.position)
    }
}

struct PlacedOperator: Equatable {
    let op: NetworkOperator
    let layer: Int
    let position: Int
}
