import CFPNAS
import Experiment
import Search
import SearchSpace
import Support

@_cdecl("fpnas_run_select") @implementation
public func fpnas_run_select(
    _ run: OpaquePointer?, _ mostMACs: UnsafePointer<Int64>?, _ count: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(run, SearchRun.self) { (run) throws(FPNASError) in
            guard (1...CoarseToFine.maximumBudgets).contains(count) else {
                throw .invalid(
                    "count must be in [1, \(CoarseToFine.maximumBudgets)], got "
                        + "\(UInt(bitPattern: count))")
            }
            let budgets = try unsafe input(mostMACs, count, "most_macs").map { Int($0) }
            for budget in budgets where budget < 1 {
                throw .invalid("most_macs must be at least 1, got \(budget)")
            }
            try run.select(budgets)
        }
    }
}

@_cdecl("fpnas_run_selected") @implementation
public func fpnas_run_selected(
    _ run: OpaquePointer?, _ mostMACs: Int64, _ architecture: UnsafeMutablePointer<Int32>?,
    _ capacity: Int, _ child: UnsafeMutablePointer<fpnas_child>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(run, SearchRun.self) { (run) throws(FPNASError) in
            let best = try run.selected(within: Int(mostMACs))
            let measured = run.selection?.children.count { $0.cost <= mostMACs } ?? 0
            try unsafe requireRoom(best.architecture.count, architecture, capacity, nil)
            let size = UInt32(MemoryLayout<fpnas_child>.size)
            try unsafe fillStruct(
                child,
                from: fpnas_child(
                    struct_size: size, reserved: 0, macs: Int64(best.cost),
                    log_likelihood: best.logLikelihood, accuracy: best.accuracy,
                    measured: Int64(measured)),
                minimum: Int(size), "fpnas_child")
            try unsafe put(best.architecture, architecture, capacity, nil)
        }
    }
}

@_cdecl("fpnas_run_test") @implementation
public func fpnas_run_test(
    _ run: OpaquePointer?, _ architecture: UnsafePointer<Int32>?,
    _ accuracy: UnsafeMutablePointer<Double>?, _ logLikelihood: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(accuracy, logLikelihood)
    return boundary { () throws(FPNASError) in
        try unsafe withHandle(run, SearchRun.self) { (run) throws(FPNASError) in
            let accuracy = try unsafe output(accuracy, "accuracy")
            let logLikelihood = try unsafe output(logLikelihood, "log_likelihood")
            let result = try run.test(try unsafe CABI.architecture(architecture, of: run.space))
            unsafe accuracy.pointee = result.accuracy
            unsafe logLikelihood.pointee = result.logLikelihood
        }
    }
}
