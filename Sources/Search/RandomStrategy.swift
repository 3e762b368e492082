/// Random search: the distribution never moves. The honest baseline. [Li & Talwalkar 2019]
final class RandomStrategy: Strategy {
    private let options: SearchOptions

    init(_ options: SearchOptions) { self.options = options }

    func sampleCount(entropy: Double) -> Int { options.sampleCount }

    func tell(_ ask: Ask, _ told: Told, to search: Search) {}
}
