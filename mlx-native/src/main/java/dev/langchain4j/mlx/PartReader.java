package dev.langchain4j.mlx;

/** Makes a part of an array without the rest of it. */
@FunctionalInterface
public interface PartReader {

    /**
     * What lies at these indices: an array of the current scope.
     *
     * @param bounds for each dimension the first index of a range and the one behind its last, in turns and in order
     * @return null if the whole array costs less
     * @throws MlxException if a file cannot be read, or ends too early
     */
    MlxArray read(int[]... bounds);
}
