package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import java.nio.ByteBuffer;

/**
 * The bytes of one array of one layer.
 *
 * @param layer number of the layer
 * @param slot which of the layer's arrays it is
 * @param type element type, a number that whoever writes and reads understands
 * @param shape length of each dimension
 * @param bytes the elements in native order, from position to limit; null where they are not here, or were read
 *     elsewhere
 */
@Internal
public record Section(int layer, int slot, int type, int[] shape, ByteBuffer bytes) {

    /** The same array, with other bytes. */
    Section with(ByteBuffer others) {
        return new Section(layer, slot, type, shape, others);
    }
}
