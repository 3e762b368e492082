import CKernels
import COpenBLAS
import Support

/// The memory and kernels of one pass of a batch through a network, as the operators see it.
///
/// Operators work on a chunk of images; every place is an offset in floats.
@safe struct Pass {
    let kernels: UnsafePointer<fpnas_priv_kernels>
    let parameters: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    let arena: UnsafeMutablePointer<Float>
    let plan: ActivationPlan
    let inputs: [BoundInput]
    let reductions: [Reduction]
    let count: Int
    let chunks: Int
    /// Whether the pass is one of training, in which inputs are dropped.
    var trains = false
    var regularisation = Regularisation()
    var random = Philox(seed: 0, stream: .regularisation)
    var step: UInt64 = 0
    /// Factor of the gradients on their way into the accumulator.
    var factor: Float = 1

    /// The images of a chunk.
    func images(_ part: Part) -> Range<Int> { images(part.chunk) }

    func images(_ chunk: Int) -> Range<Int> {
        (chunk * count / chunks)..<((chunk + 1) * count / chunks)
    }

    var k: fpnas_priv_kernels { unsafe kernels.pointee }

    func at(_ offset: Int) -> UnsafeMutablePointer<Float> { unsafe arena + offset }
    func weight(_ offset: Int) -> UnsafeMutablePointer<Float> { unsafe parameters + offset }

    func scratch(_ part: Part) -> UnsafeMutablePointer<Float> {
        unsafe arena + plan.scratch + part.worker * plan.scratchStep
    }

    /// Scratch memory for the images of a chunk.
    func scratchRows(_ part: Part) -> UnsafeMutablePointer<Float> {
        unsafe scratch(part) + plan.scratchRows
    }

    func parts(_ part: Part) -> UnsafeMutablePointer<Float> {
        unsafe arena + plan.weightParts + part.chunk * plan.weightStep
    }

    func sums(_ chunk: Int) -> UnsafeMutablePointer<Float> {
        unsafe arena + plan.sumParts + chunk * plan.sumStep
    }
}

/// A chunk of the batch, and the thread that works on it.
struct Part {
    let chunk: Int
    let worker: Int
}

/// c ← a·b + beta · c on row-major matrices whose rows are `line` floats apart; a or b may
/// be taken transposed. Sizes are those of the product: c is m×n, the inner length is k.
///
/// This is the one place that calls BLAS, with shapes that depend on chunks alone; sizes are below
/// 2^31 by `ActivationPlan.Layout`.
func multiply(
    _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, line aLine: Int, leftTransposed aTransposed: Bool = false,
    _ b: UnsafePointer<Float>, line bLine: Int, rightTransposed bTransposed: Bool = false,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, line cLine: Int
) {
    unsafe cblas_sgemm(
        CblasRowMajor, aTransposed ? CblasTrans : CblasNoTrans,
        bTransposed ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a,
        Int32(aLine), b, Int32(bLine), beta, c, Int32(cLine))
}

extension Pass {
    /// c (+)= a·b for one group of a convolution; a may be taken transposed. Without groups our kernels
    /// are faster and have the same bits on every CPU; they want the columns to be whole vectors.
    func product(
        _ s: OperatorShape, _ m: Int, _ n: Int, _ k: Int,
        _ a: UnsafePointer<Float>, line aLine: Int, leftTransposed: Bool = false,
        _ b: UnsafePointer<Float>, line bLine: Int, adds: Bool = false,
        _ c: UnsafeMutablePointer<Float>, line cLine: Int
    ) {
        guard s.groups == 1 else {
            return unsafe multiply(
                m, n, k, a, line: aLine, leftTransposed: leftTransposed, b, line: bLine,
                beta: adds ? 1 : 0, c, line: cLine)
        }
        unsafe self.k.matrix_product(
            a, leftTransposed ? 1 : aLine, leftTransposed ? aLine : 1, m, k, b, bLine, n,
            adds ? 1 : 0, c, cLine)
    }
}
