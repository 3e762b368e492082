import ArchitectureCost
import Glibc
import ImageData
import SearchSpace
import Support
import Testing

@testable import Experiment

/// Training with the sandwich rule and selecting behind the seam of the run.
@Suite struct BigNASTests {
    private func options(_ change: (inout RunOptions) -> Void = { _ in }) -> RunOptions {
        var options = RunOptions()
        options.algorithm = .bigNAS
        options.epochs = 4
        options.batchSize = 16
        options.imageSize = 8
        options.threads = 2
        options.seed = 5
        options.selection.coarseChildren = 6
        options.selection.mutations = 8
        options.statisticsBatches = 3
        change(&options)
        return options
    }

    private func run(_ change: (inout RunOptions) -> Void = { _ in }) throws -> SearchRun {
        try SearchRun(data: try data(), space: try barSpace(), options: options(change))
    }

    private func data() throws -> Dataset {
        Dataset(train: try bars(240, seed: 1), test: try bars(60, seed: 2))
    }

    private func advance(_ run: SearchRun, to step: Int = .max) throws {
        while !run.isDone && run.progress.step < step { try run.step() }
    }

    private func bytes(_ run: SearchRun) throws -> [UInt8] {
        var writer = ByteWriter()
        try run.method.encode(into: &writer)
        return writer.bytes
    }

    @Test func theRateFallsToAConstant() {
        let options = options { $0.weightRate = 2 }
        #expect(options.weightRate(step: 0, of: 1000) == 2)
        #expect(abs(options.weightRate(step: 325, of: 1000) - 2 * 0.05.squareRoot()) < 1e-12)
        for step in [650, 800, 999] {
            #expect(abs(options.weightRate(step: step, of: 1000) - 0.1) < 1e-12)
        }
        let warming = self.options { $0.training.rateWarmUp = 0.1 }
        #expect(warming.weightRate(step: 49, of: 1000) == 0.05)
        #expect(warming.weightRate(step: 100, of: 1000) == 0.1)
        #expect(abs(warming.weightRate(step: 999, of: 1000) - 0.005) < 1e-12)
    }

    @Test func childrenOfAllBudgetsAreGoodAsTheyAre() throws {
        let run = try run { $0.epochs = 16 }
        let training = run.trainingSteps
        #expect(training == 16 * 7 && run.progress.steps == training + 14)
        try advance(run, to: training)
        #expect(run.isSelecting && run.history.count == 16 && run.progress.epoch == 16)
        // The first candidate, until one is measured.
        #expect(try run.result().architecture == run.selection?.candidate())
        try advance(run)
        #expect(run.isDone && run.history.count == 16)
        let own = try run.result().architecture
        #expect(try run.costs.cost(of: own) <= run.budget)
        #expect(try own == run.selected(within: run.budget).architecture)
        let budgets = [run.costs.range.lowerBound, 6000, run.costs.range.upperBound]
        try run.select(budgets)
        #expect(!run.isDone && run.progress.step == training + 14)
        #expect(run.progress.steps == training + 14 + 3 * 14)
        try advance(run)
        var last = -Double.infinity
        for budget in budgets {
            let child = try run.selected(within: budget)
            #expect(child.cost <= budget && child.logLikelihood >= last && child.accuracy > 0.8)
            last = child.logLikelihood
            let test = try run.test(child.architecture)
            #expect(test.accuracy > 0.8 && abs(test.logLikelihood - last) < 0.3)
        }
        #expect(try run.result().architecture == own)
        #expect(run.progress.evaluations > 2 * training)
    }

    /// What is measured is the network with statistics of its own, whatever was measured before.
    @Test func measuringIsAFunctionOfTheNetwork() throws {
        let run = try run()
        try advance(run)
        let children = try #require(run.selection).children
        #expect(children.count > 6)
        for child in children.reversed() {
            let network = try run.space.network(child.architecture)
            let again = try run.meter.measure(network, run.method.supernet, on: .validation)
            #expect(again.logLikelihood == child.logLikelihood)
            #expect(again.accuracy == child.accuracy)
        }
        #expect(Set(children.map(\.logLikelihood)).count > 3)
    }

    @Test func threadsChangeNothing() throws {
        let runs = try [1, 3].map { threads in try run { $0.threads = threads } }
        for run in runs { try advance(run) }
        #expect(try bytes(runs[0]) == bytes(runs[1]))
        let other = try run { $0.seed = 6 }
        try advance(other)
        #expect(try bytes(runs[0]) != bytes(other))
    }

    /// While training, behind the last epoch, while selecting, when done, in a later selection.
    @Test(arguments: [3, 28, 33, 42, 57]) func resumingIsExact(step: Int) throws {
        let path = "/tmp/fpnas-bignas-\(step)-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        func later(_ run: SearchRun, to step: Int = .max) throws {
            if run.isDone && run.selection?.budgets.count == 1 { try run.select([6000, 9000]) }
            try advance(run, to: step)
        }
        let whole = try run()
        try advance(whole)
        try later(whole)
        let part = try run()
        try advance(part, to: step)
        try later(part, to: step)
        #expect(part.progress.step == step)
        try part.save(path)
        let resumed = try SearchRun(resuming: path, data: try data())
        #expect(try bytes(resumed) == bytes(part))
        #expect(resumed.progress.step == step && resumed.progress.steps == part.progress.steps)
        try advance(resumed)
        try later(resumed)
        #expect(try bytes(resumed) == bytes(whole))
        #expect(try resumed.result().architecture == whole.result().architecture)
    }

    @Test func budgetsHaveToBePossible() throws {
        let run = try run { $0.epochs = 1 }
        #expect(throws: FPNASError.self) { try run.select([9000]) }
        #expect(throws: FPNASError.self) { try run.selected(within: 9000) }
        try advance(run)
        let error = #expect(throws: FPNASError.self) { try run.select([9000, 10]) }
        #expect(error?.code == .infeasible && run.isDone)
        let search = try self.run { $0.algorithm = .search(.fpNAS) }
        #expect(throws: FPNASError.self) { try search.select([9000]) }
        #expect(search.selection == nil)
        // Hard budgets are kept to the last MAC.
        let hard = try self.run {
            $0.epochs = 1
            $0.budgetMode = .hard
            $0.costTarget = 6000
        }
        try advance(hard)
        #expect(hard.budget == 6000)
        #expect(try hard.costs.cost(of: hard.result().architecture) <= 6000)
    }

    @Test func aLossThatIsNoNumberNamesTheNetwork() throws {
        let run = try run()
        try advance(run, to: 2)
        let supernet = run.method.supernet
        let slot = try #require(supernet.slots.first { $0.name.contains("classifier") })
        let value = supernet.parameters[slot.offset]
        supernet.parameters[slot.offset] = .nan
        let error = #expect(throws: FPNASError.self) { try run.step() }
        #expect(error?.code == .state)
        #expect(error?.message.contains("step 2, architecture [") == true)
        // The step never was.
        supernet.parameters[slot.offset] = value
        try run.step()
        let other = try self.run()
        try advance(other, to: 3)
        #expect(try bytes(run) == bytes(other))
    }
}
