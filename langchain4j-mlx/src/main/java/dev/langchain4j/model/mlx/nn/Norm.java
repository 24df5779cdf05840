package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;

/** What brings vectors to a common size, over the last dimension. */
public interface Norm {

    /** Applies the norm; the shape stays. */
    MlxArray apply(MlxArray x);
}
