import ArgumentParser
import Experiment

/// What only algorithms that run all networks at once have.
struct MixtureFlags: ParsableArguments {
    @Flag(help: "DARTS's unrolled gradient in place of the first order.") var secondOrder = false
    @Option(help: "Temperature of fbnetv2 at the start.")
    var initialTemperature = MixtureSettings().initialTemperature
    @Option(help: "Its factor for every epoch.")
    var temperatureDecay = MixtureSettings().temperatureDecay

    var settings: MixtureSettings {
        var settings = MixtureSettings()
        settings.isSecondOrder = secondOrder
        settings.initialTemperature = initialTemperature
        settings.temperatureDecay = temperatureDecay
        return settings
    }
}
