import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// Regularised evolution: the best of a random sample of the population has one choice changed,
/// and the oldest network leaves. [Real et al. 2019, algorithm 1]
///
/// The first `population_size` draws are random. A child differs from its parent in one variable
/// that exists; variables that come into existence by that are random. With hard budgets only
/// children that keep them are considered, each variable that has one being equally likely; a
/// parent without such a child gives way to a random draw. Random draws are the distribution's, or
/// under hard budgets q's. The population grows in the order in which asks are completed.
final class EvolutionStrategy: Strategy {
    private let options: SearchOptions
    private let random: Philox
    private let width: Int
    /// A ring of `population_size` canonical rows of V choices and their fitness.
    private let rows: Buffer<Int32>
    private let fitness: Buffer<Double>
    /// Where the oldest lies, and how many there are.
    private var oldest = 0
    private(set) var count = 0
    /// Random draws so far, up to `population_size`.
    private var randomDraws = 0

    // Scratch: the order in which variables are tried, which exist, a child.
    private let order: Buffer<Int32>
    private let exists: Buffer<Bool>
    private let child: Buffer<Int32>

    init(_ options: SearchOptions, variableCount: Int) throws(FPNASError) {
        self.options = options
        random = Philox(seed: options.seed, stream: .evolution)
        width = variableCount
        let size = try checkedProduct(options.populationSize, variableCount, of: "population")
        rows = try Buffer(size, of: "population")
        fitness = try Buffer(options.populationSize, of: "population")
        order = try Buffer(variableCount, of: "population")
        exists = try Buffer(variableCount, of: "population")
        child = try Buffer(variableCount, of: "population")
    }

    func sampleCount(entropy: Double) -> Int { options.sampleCount }

    // MARK: - Ask

    func ask(_ ask: Ask, count: Int, of search: Search) throws(FPNASError) {
        // They are the first population, and give children what comes into existence.
        try search.draw(count, into: ask)
        for k in 0..<count {
            if search.progress.steps < options.warmUpSteps { continue }
            if randomDraws < options.populationSize || self.count == 0 {
                randomDraws = min(randomDraws + 1, options.populationSize)
                continue
            }
            let parent = tournament(ask.number, k)
            unsafe mutate(parent, ask.samples.pointer + k * width, ask.number, k, search)
        }
    }

    /// The place of the fittest of `tournament_size` members, drawn with replacement; the first of
    /// equals.
    private func tournament(_ step: UInt64, _ sample: Int) -> Int {
        var best = -1
        for i in 0..<options.tournamentSize {
            let rival = random.integer(below: count, step: step, sample: sample, index: i)
            if best < 0 || fitness[rival] > fitness[best] { best = rival }
        }
        return best
    }

    /// Replaces a random draw by a child of the member, if it has one.
    private func mutate(
        _ member: Int, _ draw: UnsafeMutablePointer<Int32>, _ step: UInt64, _ sample: Int,
        _ search: Search
    ) {
        let space = search.space
        let parent = unsafe rows.pointer + member * width
        unsafe findExisting(parent, space)
        for v in 0..<width { order[v] = Int32(truncatingIfNeeded: v) }
        // Variables in a random order: the first that can change is a random one of those.
        let first = options.tournamentSize
        for i in 0..<width {
            let j =
                i
                + random.integer(
                    below: width - i, step: step, sample: sample, index: first + 2 * i)
            let v = Int(order[j])
            order[j] = order[i]
            let choices = space.choiceCounts[v]
            guard exists[v], choices > 1 else { continue }
            let pick = { (bound: Int) in
                self.random.integer(
                    below: bound, step: step, sample: sample, index: first + 2 * i + 1)
            }
            let kept = unsafe choicesThatKeep(v, parent, draw, search)
            guard kept > 0 else { continue }
            var rest = pick(kept)
            for c in 0..<choices {
                guard unsafe make(v, c, parent, draw, search) else { continue }
                if rest == 0 {
                    unsafe draw.update(from: child.pointer, count: width)
                    return
                }
                rest -= 1
            }
        }
    }

    /// How many other choices of a variable make a child that keeps the hard budgets.
    private func choicesThatKeep(
        _ v: Int, _ parent: UnsafePointer<Int32>, _ draw: UnsafePointer<Int32>, _ search: Search
    ) -> Int {
        let choices = search.space.choiceCounts[v]
        guard search.budgets.conditioned != nil else { return choices - 1 }
        var kept = 0
        for c in 0..<choices where unsafe make(v, c, parent, draw, search) { kept += 1 }
        return kept
    }

    /// Writes the child to `child`; false where it is the parent or breaks a hard budget.
    private func make(
        _ variable: Int, _ choice: Int, _ parent: UnsafePointer<Int32>,
        _ draw: UnsafePointer<Int32>, _ search: Search
    ) -> Bool {
        guard unsafe Int(parent[variable]) != choice else { return false }
        for v in 0..<width { unsafe child[v] = exists[v] ? parent[v] : draw[v] }
        child[variable] = Int32(truncatingIfNeeded: choice)
        unsafe search.space.canonicalise(child.elements)
        return unsafe search.keepsBudgets(child.pointer)
    }

    private func findExisting(_ row: UnsafePointer<Int32>, _ space: SearchSpace) {
        for v in 0..<width {
            let decider = space.parents[v]
            exists[v] =
                unsafe decider < 0
                || (exists[decider] && space.existence[v][Int(row[decider])])
        }
    }

    // MARK: - Tell

    /// Every draw of the ask joins: fitness is ℓ − β·C, over all soft budgets.
    func tell(_ ask: Ask, _ told: Told, to search: Search) {
        var next = 0
        for network in 0..<ask.networkCount where ask.isTold(network) {
            let value =
                told.values[next] - options.costWeight * told.excesses[next]
                - search.hinges(of: network, in: ask)
            next += 1
            for _ in 0..<ask.counts[network] {
                let place = (oldest + count) % options.populationSize
                unsafe (rows.pointer + place * width).update(
                    from: ask.rows.pointer + network * width, count: width)
                fitness[place] = value
                if count < options.populationSize {
                    count += 1
                } else {
                    oldest = (oldest + 1) % options.populationSize
                }
            }
        }
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) {
        writer.put(randomDraws)
        writer.put(oldest)
        writer.put(count)
        unsafe writer.put(rows.first(count * width))
        unsafe writer.put(fitness.first(count))
    }

    func restore(from reader: inout ByteReader, of search: Search) throws(FPNASError) {
        randomDraws = try reader.takeInt(0...options.populationSize)
        oldest = try reader.takeInt(0...(options.populationSize - 1))
        count = try reader.takeInt(0...options.populationSize)
        // A ring that is not full starts at 0.
        guard oldest == 0 || count == options.populationSize else {
            throw reader.damaged("the population starts at \(oldest)")
        }
        try unsafe reader.fill(
            UnsafeMutableBufferPointer(start: rows.pointer, count: count * width))
        try unsafe reader.fill(UnsafeMutableBufferPointer(start: fitness.pointer, count: count))
        for i in 0..<count {
            let row = unsafe UnsafeBufferPointer(start: rows.pointer + i * width, count: width)
            try unsafe search.space.check(row)
            guard fitness[i] < .infinity else { throw reader.damaged("a fitness is \(fitness[i])") }
        }
    }
}
