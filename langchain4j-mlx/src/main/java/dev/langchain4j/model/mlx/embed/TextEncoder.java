package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.mlx.MlxArray;
import java.util.List;

/** Token ids in, a vector for each token out. Called on the thread that loaded the weights, with a scope open. */
interface TextEncoder {

    /** Length of a token's vector. */
    int dimension();

    /** Most tokens of a text that the encoder was made for. */
    int tokensMax();

    /** Number of token ids that there are. */
    int vocabularySize();

    /** Whether several texts may be computed at once. */
    boolean takesSeveral();

    /**
     * Vectors of tokens.
     *
     * @param groups ids of texts of one length each, [texts, length]
     * @return for each group [texts, length, dimension]
     */
    List<MlxArray> encode(List<MlxArray> groups);
}
