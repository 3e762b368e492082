/// Networks made to measure what one block takes.
extension Network {
    /// The blocks in a row, and behind them two classes at next to no cost: one pixel becomes one
    /// channel, whatever the shape. Without blocks, just that on images of a shape.
    public static func probe(_ blocks: [NetworkBlock], input: ImageShape) -> Network {
        var placed: [NetworkBlock] = []
        var shape = input
        for block in blocks {
            placed.append(block.placed(at: placed.count))
            shape = block.outShape
        }
        placed.append(NetworkBlock.onePixel(of: shape).placed(at: placed.count))
        placed.append(
            NetworkBlock.classifier(ImageShape(height: 1, width: 1, channels: 1), classes: 2)
                .placed(at: placed.count))
        return Network(input: input, classes: 2, blocks: placed)
    }

    /// A classifier alone: everything is averaged, then a fully connected layer with bias.
    public static func classifierProbe(_ shape: ImageShape, classes: Int) -> Network {
        Network(
            input: shape, classes: classes,
            blocks: [NetworkBlock.classifier(shape, classes: classes).placed(at: 0)])
    }
}

extension NetworkBlock {
    /// A 1×1 convolution of the first pixel alone, to one channel.
    public static func onePixel(of shape: ImageShape) -> NetworkBlock {
        var block = NetworkBlock(.projection, layer: 0, position: 0, inputs: [-1], shape)
        block.stride = max(shape.height, shape.width)
        block.outHeight = 1
        block.outWidth = 1
        block.outChannels = 1
        return block.placeless
    }

    fileprivate static func classifier(_ shape: ImageShape, classes: Int) -> NetworkBlock {
        var block = NetworkBlock(.classifier, layer: 0, position: 0, inputs: [-1], shape)
        block.outHeight = 1
        block.outWidth = 1
        block.outChannels = classes
        block.activation = .none
        block.hasNormalisation = false
        block.hasBias = true
        return block
    }

    /// The same as a layer of its own behind the block before it.
    fileprivate func placed(at index: Int) -> NetworkBlock {
        var block = NetworkBlock(
            kind, layer: index, position: 0, inputs: inputs.map { _ in index - 1 }, inShape)
        block.outHeight = outHeight
        block.outWidth = outWidth
        block.outChannels = outChannels
        block.hiddenChannels = hiddenChannels
        block.hasExpansion = hasExpansion
        block.kernel = kernel
        block.stride = stride
        block.padding = padding
        block.dilation = dilation
        block.activation = activation
        block.radix = radix
        block.squeezeChannels = squeezeChannels
        block.gate = gate
        block.groups = groups
        block.pointwiseGroups = pointwiseGroups
        block.hasNormalisation = hasNormalisation
        block.hasBias = hasBias
        block.poolKind = poolKind
        block.shortcut = shortcut
        return block
    }
}
