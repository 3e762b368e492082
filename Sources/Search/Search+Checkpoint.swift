import ArchitectureDistribution
import SearchSpace
import Support

/// The exact state of a search as bytes, without the space. `Formats` adds the space, a version
/// and a checksum.
extension Search {
    /// All that is needed to go on bit-exactly: options, budgets, logits, Adam, counters, open asks.
    public func encode(into writer: inout ByteWriter) {
        options.encode(into: &writer)
        budgets.encode(into: &writer)
        writer.put(distribution.form.rawValue)
        unsafe writer.put(UnsafeBufferPointer(distribution.logits.elements))
        adam.encode(into: &writer)
        writer.put(progress.steps)
        writer.put(progress.asks)
        writer.put(progress.samplesDrawn)
        writer.put(progress.evaluations)
        writer.put(progress.sampleCount)
        writer.put([
            progress.initialEntropy, progress.effectiveSamples, progress.likelihoodScale,
            progress.meanLogLikelihood, progress.gradientNorm, progress.bestLogLikelihood,
        ])
        writer.put(bestArchitecture)
        strategy.encode(into: &writer)
        writer.put(open.count)
        for ask in open {
            writer.put(ask.number)
            writer.put(ask.sampleCount)
            unsafe writer.put(
                UnsafeBufferPointer(
                    start: ask.samples.pointer, count: ask.sampleCount * space.variableCount))
            for network in 0..<ask.networkCount {
                writer.put(ask.logLikelihoods[network])
                writer.put(ask.costs[network])
            }
            strategy.encode(ask, into: &writer)
        }
    }

    /// Restores what `encode` wrote for the same space.
    public convenience init(
        space: SearchSpace, from reader: inout ByteReader
    ) throws(FPNASError) {
        let options = try SearchOptions(from: &reader)
        try self.init(space: space, options: options)
        budgets = try SearchBudgets(distribution, from: &reader)
        guard let form = DistributionForm(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown form of the distribution")
        }
        if form != distribution.form {
            distribution = try ArchitectureDistribution(space: space, form: form)
            adam = try Adam(distribution.logitCount)
            budgets = try budgets.handedOver(to: distribution)
        }
        let logits = try Buffer<Double>(distribution.logitCount, of: "logits")
        try unsafe reader.fill(logits.elements)
        try unsafe distribution.setLogits(UnsafeBufferPointer(logits.elements))
        budgets.update()
        try adam.restore(from: &reader)
        let counters = 0...(Int.max >> 1)
        progress.steps = try reader.takeInt(counters)
        progress.asks = try reader.take(UInt64.self)
        guard progress.asks < 1 << 62 else { throw reader.damaged("the number of asks") }
        progress.samplesDrawn = try reader.takeInt(counters)
        progress.evaluations = try reader.takeInt(counters)
        progress.sampleCount = try reader.takeInt(0...SearchOptions.sampleLimit)
        let values = try reader.takeDoubles()
        guard values.count == 6 else { throw reader.damaged("the progress") }
        progress.initialEntropy = values[0]
        progress.effectiveSamples = values[1]
        progress.likelihoodScale = values[2]
        progress.meanLogLikelihood = values[3]
        progress.gradientNorm = values[4]
        progress.bestLogLikelihood = values[5]
        bestArchitecture = try reader.takeInt32s()
        if !bestArchitecture.isEmpty { try space.check(bestArchitecture) }
        try strategy.restore(from: &reader, of: self)
        for _ in 0..<(try reader.takeInt(0...Search.maximumOpenAsks)) {
            let ask = try readAsk(from: &reader)
            guard open.last.map({ $0.number < ask.number }) ?? true else {
                throw reader.damaged("ask \(ask.number) is out of order")
            }
            open.append(ask)
        }
        progress.openAsks = open.count
        refreshProgress()
    }

    private func readAsk(from reader: inout ByteReader) throws(FPNASError) -> Ask {
        let number = try reader.take(UInt64.self)
        let count = try reader.takeInt(1...SearchOptions.sampleLimit)
        guard number < progress.asks else { throw reader.damaged("ask \(number) was never made") }
        let size = try checkedProduct(count, space.variableCount, of: "samples")
        // Before memory is taken for what cannot be there.
        guard size <= reader.remaining / 4 else { throw reader.damaged("it ends early") }
        let ask = try memory(samples: count)
        let samples = unsafe UnsafeMutableBufferPointer(start: ask.samples.pointer, count: size)
        try unsafe reader.fill(samples)
        for k in 0..<count {
            let row = unsafe UnsafeBufferPointer(
                start: ask.samples.pointer + k * space.variableCount, count: space.variableCount)
            try unsafe space.check(row)
        }
        fill(ask, number: number, sampleCount: count)
        for network in 0..<ask.networkCount {
            let logLikelihood = try reader.takeDouble()
            let cost = try reader.takeDouble()
            guard logLikelihood != .infinity, cost.isNaN || (0...1e18).contains(cost) else {
                throw reader.damaged("a told value of ask \(number)")
            }
            if !logLikelihood.isNaN { ask.put(network, logLikelihood, cost: cost) }
        }
        try strategy.restore(ask, from: &reader)
        guard ask.missingCount > 0 else { throw reader.damaged("ask \(number) misses nothing") }
        return ask
    }
}

extension SearchOptions {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.put(algorithm.rawValue)
        writer.put(baseline.rawValue)
        writer.put(seed)
        for value in [
            sampleCount, minimumSamples, maximumSamples, jointStep, warmUpSteps, maximumSteps,
        ] { writer.put(value) }
        writer.put([
            samplesPerNat, likelihoodScale, effectiveSampleShare, learningRate, adamBeta1,
            adamBeta2, adamEpsilon, costWeight, costTarget, stopEntropy,
        ])
        writer.put(stopsOnCollapse)
        writer.put(budgetObjective.rawValue)
        writer.put(populationSize)
        writer.put(tournamentSize)
        writer.put(clipEpochs)
        writer.put(reward.rawValue)
        writer.put([rewardExponent, baselineDecay, entropyWeight, clipRange])
    }

    fileprivate init(from reader: inout ByteReader) throws(FPNASError) {
        self.init()
        guard let algorithm = Algorithm(rawValue: try reader.take(Int32.self)),
            let baseline = Baseline(rawValue: try reader.take(Int32.self))
        else { throw reader.damaged("unknown algorithm or baseline") }
        self.algorithm = algorithm
        self.baseline = baseline
        seed = try reader.take(UInt64.self)
        sampleCount = try reader.takeInt()
        minimumSamples = try reader.takeInt()
        maximumSamples = try reader.takeInt()
        jointStep = try reader.takeInt()
        warmUpSteps = try reader.takeInt()
        maximumSteps = try reader.takeInt()
        let values = try reader.takeDoubles()
        guard values.count == 10 else { throw reader.damaged("the options") }
        samplesPerNat = values[0]
        likelihoodScale = values[1]
        effectiveSampleShare = values[2]
        learningRate = values[3]
        adamBeta1 = values[4]
        adamBeta2 = values[5]
        adamEpsilon = values[6]
        costWeight = values[7]
        costTarget = values[8]
        stopEntropy = values[9]
        stopsOnCollapse = try reader.takeBool()
        guard let objective = BudgetObjective(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown objective")
        }
        budgetObjective = objective
        populationSize = try reader.takeInt()
        tournamentSize = try reader.takeInt()
        clipEpochs = try reader.takeInt()
        guard let reward = Reward(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown reward")
        }
        self.reward = reward
        let more = try reader.takeDoubles()
        guard more.count == 4 else { throw reader.damaged("the options") }
        rewardExponent = more[0]
        baselineDecay = more[1]
        entropyWeight = more[2]
        clipRange = more[3]
        try check()
    }
}
