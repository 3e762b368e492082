import Support
import Testing

@Suite struct RankingTests {
    @Test func quantilesLieBetweenTheirNeighbours() {
        #expect(quantile([4, 1, 3, 2], 0) == 1 && quantile([4, 1, 3, 2], 1) == 4)
        #expect(quantile([4, 1, 3, 2], 0.5) == 2.5)
        #expect(quantile([10, 20], 0.25) == 12.5 && quantile([7], 0.3) == 7)
        #expect(quantile([], 0.5).isNaN && quantile([1], .nan).isNaN)
    }

    /// NumPy's corrcoef of the lists' mean ranks.
    @Test func rankCorrelationsAreNumPys() {
        #expect(rankCorrelation([1, 2, 3], [10, 20, 30]) == 1)
        #expect(rankCorrelation([1, 2, 3], [3, 2, -5]) == -1)
        let a = [3.0, 1, 4, 1, 5, 9, 2, 6]
        let b = [2.0, 7, 1, 8, 2, 8, 1, 8]
        #expect(abs(rankCorrelation(a, b) - 0.19885368120992464) < 1e-12)
        #expect(rankCorrelation([1, 1], [1, 2]).isNaN && rankCorrelation([1], [1]).isNaN)
        #expect(rankCorrelation([1, 2], [1]).isNaN)
    }
}
