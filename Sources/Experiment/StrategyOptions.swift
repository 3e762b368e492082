import Search
import Support

/// Options of a run that only one of the searches' algorithms takes; see `SearchOptions`.
public struct StrategyOptions: Sendable, Equatable {
    // MARK: evolution
    public var populationSize = SearchOptions().populationSize
    public var tournamentSize = SearchOptions().tournamentSize

    // MARK: reinforce
    public var rewardExponent = SearchOptions().rewardExponent
    public var baselineDecay = SearchOptions().baselineDecay
    public var entropyWeight = SearchOptions().entropyWeight
    public var clipRange = SearchOptions().clipRange
    public var clipEpochs = SearchOptions().clipEpochs

    public init() {}

    func put(into options: inout SearchOptions) {
        options.populationSize = populationSize
        options.tournamentSize = tournamentSize
        options.rewardExponent = rewardExponent
        options.baselineDecay = baselineDecay
        options.entropyWeight = entropyWeight
        options.clipRange = clipRange
        options.clipEpochs = clipEpochs
    }

    func encode(into writer: inout ByteWriter) {
        for value in [populationSize, tournamentSize, clipEpochs] { writer.put(value) }
        writer.put([rewardExponent, baselineDecay, entropyWeight, clipRange])
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        populationSize = try reader.takeInt()
        tournamentSize = try reader.takeInt()
        clipEpochs = try reader.takeInt()
        let values = try reader.takeDoubles()
        guard values.count == 4 else { throw reader.damaged("the options of the algorithm") }
        rewardExponent = values[0]
        baselineDecay = values[1]
        entropyWeight = values[2]
        clipRange = values[3]
    }
}
