import ArgumentParser
import Experiment

/// The options of evolution and reinforce.
struct StrategyFlags: ParsableArguments {
    @Option(help: "Of evolution: networks in the population.")
    var populationSize = StrategyOptions().populationSize
    @Option(help: "Of evolution: members a parent is the fittest of.")
    var tournamentSize = StrategyOptions().tournamentSize
    @Option(help: "Of reinforce: the exponent of cost / TAR in the reward.")
    var rewardExponent = StrategyOptions().rewardExponent
    @Option(help: "Of reinforce: what the baseline keeps of itself.")
    var baselineDecay = StrategyOptions().baselineDecay
    @Option(help: "Of reinforce: factor on the entropy.")
    var entropyWeight = StrategyOptions().entropyWeight
    @Option(help: "Of reinforce: proximal clipping to 1 - e to 1 + e; 0 for none.")
    var clipRange = StrategyOptions().clipRange
    @Option(help: "Of reinforce: updates of an ask with clipping.")
    var clipEpochs = StrategyOptions().clipEpochs

    var options: StrategyOptions {
        var options = StrategyOptions()
        options.populationSize = populationSize
        options.tournamentSize = tournamentSize
        options.rewardExponent = rewardExponent
        options.baselineDecay = baselineDecay
        options.entropyWeight = entropyWeight
        options.clipRange = clipRange
        options.clipEpochs = clipEpochs
        return options
    }
}
