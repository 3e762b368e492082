import Glibc
import Support

/// Decodes every file of a data set, so that a damaged one is found before a run begins, and looks
/// for twins: two files of the same pixels. Twins of two classes are labelled wrongly at least
/// once; twins of one class may fall into the training and the test part. Either is refused.
enum ImageCheck {
    static func run(_ data: Dataset, threads: Int) throws(FPNASError) {
        var sets: [ImageSet] = []
        for set in [data.train, data.test] { if let set, set.isLazy { sets.append(set) } }
        let total = sets.reduce(0) { $0 + $1.count }
        let hashes = try Buffer<UInt64>(total, of: "the check of images")
        let order = try Buffer<UInt32>(total, of: "the check of images")
        let workers = ImageWorkers(threads: threads)
        func image(_ i: Int, _ scratch: ImageScratch) throws(FPNASError) -> ImageView {
            let (set, index) = place(i, sets)
            return try set.image(index, scratch)
        }
        let channels = data.train.channels
        try workers.forEach(total) { (i, worker) throws(FPNASError) in
            let view = try image(i, workers.scratches[worker])
            var hash = Fingerprint()
            hash.mix(UInt64(view.height))
            unsafe hash.mix(view.pixels, view.height * view.width * channels)
            hashes[i] = hash.value
            order[i] = UInt32(i)
        }
        var sorted = unsafe order.elements
        unsafe sorted.sort { (hashes[Int($0)], $0) < (hashes[Int($1)], $1) }
        let (a, b) = (ImageScratch(), ImageScratch())
        for k in 1..<max(total, 1) where hashes[Int(order[k])] == hashes[Int(order[k - 1])] {
            let (i, j) = (Int(order[k - 1]), Int(order[k]))
            let first = try image(i, a)
            let second = try image(j, b)
            // Equal hashes may yet be of different images.
            guard first.height == second.height, first.width == second.width,
                unsafe memcmp(
                    first.pixels, second.pixels, first.height * first.width * channels) == 0
            else { continue }
            let (x, y) = (place(i, sets), place(j, sets))
            let isSame = x.set.labels[x.index] == y.set.labels[y.index]
            throw FPNASError(
                .format,
                "\(x.set.name(of: x.index)) and \(y.set.name(of: y.index)) are the same image"
                    + (isSame ? "" : " in two classes"))
        }
    }

    private static func place(_ i: Int, _ sets: [ImageSet]) -> (set: ImageSet, index: Int) {
        i < sets[0].count ? (sets[0], i) : (sets[1], i - sets[0].count)
    }
}
